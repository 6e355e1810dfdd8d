"""Code digests: an edit reaches exactly the commands that import what was edited."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import types
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from mexflow import registries
from mexflow.commands import COMMANDS, code_digest
from mexflow.store import digest
from project import PACKAGE, WORKFLOW, run

_SCRIPT = """
import json
from mexflow.commands import COMMANDS, code_digest
print(json.dumps({**{name: code_digest(name) for name in COMMANDS},
    **{f"train {name}": code_digest("train", f"mexflow.models.{name}") for name in ("shallow_cnn", "reduced_resnet")},
    "train videos": code_digest("train", "mexflow.training.spotting.fold"),
    "train difference": code_digest("train", "mexflow.training.difference"),
    **{f"index {name}": code_digest("index", f"mexflow.datasets.{name}") for name in ("casme2", "samm")}}))
"""


TRAINED = {"train", "train shallow_cnn", "train reduced_resnet", "train videos", "train difference"}


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the package that a test may edit."""
    return Path(
        shutil.copytree(PACKAGE, tmp_path / "workflow" / "mexflow", ignore=shutil.ignore_patterns("__pycache__"))
    )


def digests(package: Path) -> dict[str, str]:
    """The digests of every command, in a process of its own."""
    result = run(sys.executable, "-c", _SCRIPT, package=package.parent)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def changed(package: Path, module: str) -> set[str]:
    """The commands whose digest an edit of `module` changes."""
    before = digests(package)
    path = package / f"{module}.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    after = digests(package)
    return {name for name in before if before[name] != after[name]}


def test_copies_have_the_same_digests(copy):
    assert digests(copy) == digests(PACKAGE)


@pytest.mark.parametrize(
    ("module", "reached"),
    [
        ("preprocess/faces", {"faces"}),
        ("preprocess/flow", {"flow", "residual", "quality", "timing", "motion", "train difference"}),
        ("preprocess/lcn", {"lcn", "lcnfigure", "train videos"}),
        ("preprocess/lbp_top", {"lbp_top", "train difference"}),
        ("models/shallow_cnn", {"train shallow_cnn"}),
        ("models/reduced_resnet", {"train reduced_resnet"}),
        ("datasets/samm", {"index samm"}),
        ("tables/paper_page", {"compare", "learning", "tables"}),
        ("tables/markdown", {"compare", "coverage", "learning", "page", "quality", "tables", "timing"}),
        ("cli/embed", {"embed"}),
        ("training/loop", {"timing", *TRAINED}),
    ],
)
def test_an_edit_reaches_just_the_commands_that_import_it(copy, module, reached):
    assert changed(copy, module) == reached


def test_an_edit_of_what_all_use_reaches_all(copy):
    assert changed(copy, "store/artifacts") == set(digests(copy))


def test_the_rules_of_the_workflow_see_the_same(copy):
    """The dispatcher and the list of commands take no part: a new command reruns nothing."""
    assert changed(copy, "__main__") == set()
    assert changed(copy, "commands") <= {"listing", "crate"}, "these enumerate or describe jobs, and are none"
    assert changed(copy, "plan/workflow") == set()


def test_touching_changes_nothing(copy):
    before = digests(copy)
    for path in copy.rglob("*.py"):
        os.utime(path, (1, 1))
    assert digests(copy) == before


_PARSING = """
import ast, json
parse, parsed = ast.parse, []
ast.parse = lambda code, path: parsed.append(path) or parse(code, path)
from mexflow.commands import code_digest
print(json.dumps([code_digest("lcn"), parsed]))
"""


def parsing(package: Path, **environment: str) -> tuple[str, list[str]]:
    """The digest of a command, and the files that were parsed for it, in a process of its own."""
    result = run(sys.executable, "-c", _PARSING, package=package.parent, **environment)
    assert result.returncode == 0, result.stderr
    value, parsed = json.loads(result.stdout)
    return value, sorted(parsed)


def test_what_a_module_means_is_kept_until_it_is_edited(copy):
    kept = {"PYTHONDONTWRITEBYTECODE": ""}
    first, parsed = parsing(copy, **kept)
    assert len(parsed) > 10
    assert parsing(copy, **kept) == (first, [])
    path = copy / "preprocess" / "lcn.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    second, parsed = parsing(copy, **kept)
    assert (second != first, parsed) == (True, [str(path)])
    (meaning,) = path.parent.glob("__pycache__/lcn.*.meaning")
    for damaged in (b"", b"{}", meaning.read_bytes()[:-1], b"[1]"):
        meaning.write_bytes(damaged)
        assert parsing(copy, **kept) == (second, [str(path)])


def test_nothing_is_kept_where_python_keeps_nothing(copy):
    first, parsed = parsing(copy, PYTHONDONTWRITEBYTECODE="1")
    assert parsing(copy, PYTHONDONTWRITEBYTECODE="1") == (first, parsed)
    assert not list(copy.rglob("*.meaning"))


def test_same_edit_back_and_forth(copy, monkeypatch):
    """In one process too: sources are read again when a file has changed."""
    monkeypatch.setattr(digest, "_ROOT", copy)
    path = copy / "preprocess" / "flow.py"
    original, first = path.read_text(), code_digest("flow")
    path.write_text(original + "\nEDITED = True\n")
    assert code_digest("flow") != first
    path.write_text(original)
    assert code_digest("flow") == first


def test_moved_code_changes_the_digest(copy):
    """Names count, not just the sources put together."""
    before = digests(copy)["flow"]
    for path in (copy / "cli" / "flow.py", *(copy / "preprocess").glob("*.py")):
        path.write_text(path.read_text().replace("mexflow.preprocess.pairs", "mexflow.preprocess.couples"))
    (copy / "preprocess" / "pairs.py").rename(copy / "preprocess" / "couples.py")
    assert digests(copy)["flow"] != before


class AtRunTime(ModuleFinder):
    """What can be imported when the modules run: not what stands below ``if TYPE_CHECKING:``."""

    def load_module(self, fqname, fp, pathname, file_info):
        if fp is not None:
            fp = io.StringIO(re.sub(r"^if TYPE_CHECKING:\n(?: .*\n|\n)+", "", fp.read().decode(), flags=re.MULTILINE))
        return super().load_module(fqname, fp, pathname, file_info)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_closure_is_what_the_standard_library_finds(name):
    """`modulefinder` reads the byte code, and finds imports inside functions as well."""
    finder = AtRunTime(path=[str(WORKFLOW)])
    finder.import_hook(COMMANDS[name].module)
    found = {module for module in finder.modules if module.split(".")[0] == "mexflow"}
    # With every entry of every registry: the byte code does not say which ones a job picks.
    sources = {module: digest._load(module, str(digest.path_of(module))) for module in found}
    every = (
        f"{module}:{entry}"
        for module, source in sources.items()
        for entries in source.entries.values()
        for entry in entries
    )
    assert set(digest.closure([COMMANDS[name].module, *every])) == found


def small_package(folder: Path, **sources: str) -> Path:
    """A package of these modules; ``a__b`` stands for ``a/b``."""
    root = folder / "mexflow"
    for name, source in sources.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in (path.parent, *path.parent.parents):
            if parent.is_relative_to(root) and not (parent / "__init__.py").exists():
                (parent / "__init__.py").touch()
        path.write_text(source)
    return root


def test_every_form_of_import_is_found(tmp_path, monkeypatch):
    root = small_package(
        tmp_path,
        a__start="import mexflow.b.whole\nfrom mexflow.b import part\ndef f():\n    from . import near\n"
        "    from ..c.far import thing\n    import os, json\nclass K:\n    from mexflow import top\n",
        a__near="", a__unused="", b__whole="import mexflow.d", b__part="", b__unused="", c__far="thing = 1", top="",
        d="", elsewhere="",
    )  # fmt: skip
    monkeypatch.setattr(digest, "_ROOT", root)
    found = {name.removeprefix("mexflow") for name in digest.closure(["mexflow.a.start"])}
    assert found == {"", ".a", ".a.start", ".a.near", ".b", ".b.whole", ".b.part", ".c", ".c.far", ".top", ".d"}


def test_an_import_for_types_alone_is_none(tmp_path, monkeypatch):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mexflow.far import Thing\n"
    root = small_package(tmp_path, a=source, b=source + "else:\n    Thing = None\n", far="class Thing: ...")
    monkeypatch.setattr(digest, "_ROOT", root)
    assert digest.closure(["mexflow.a"]) == ["mexflow", "mexflow.a"]
    assert digest.closure(["mexflow.b"]) == ["mexflow", "mexflow.b", "mexflow.far"]


def test_circular_imports(tmp_path, monkeypatch):
    root = small_package(tmp_path, x="import mexflow.y", y="import mexflow.x")
    monkeypatch.setattr(digest, "_ROOT", root)
    assert digest.closure(["mexflow.x"]) == ["mexflow", "mexflow.x", "mexflow.y"]


def test_unknown_module():
    with pytest.raises(ValueError, match=r"no module mexflow\.models\.transformer"):
        code_digest("train", "mexflow.models.transformer")


def test_modules_that_no_declaration_covers_are_named(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "mexflow"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("mexflow", "mexflow.__main__", "mexflow.commands", "mexflow.cli", "mexflow.cli.flow"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert digest.unaccounted(["mexflow.cli.flow"]) == []
    monkeypatch.setitem(sys.modules, "mexflow.models.shallow_cnn", types.ModuleType("stray"))
    assert digest.unaccounted(["mexflow.cli.flow"]) == ["mexflow.models.shallow_cnn"]
    assert digest.unaccounted(["mexflow.cli.flow", "mexflow.models.shallow_cnn"]) == []


# What a module means


SOURCE = """
from dataclasses import dataclass

LIMIT = 3
NAMES = ("first", "second")


@dataclass
class Range:
    low: float = 0.0

    def holds(self, value: float) -> bool:
        assert value == value
        return self.low <= value < LIMIT
"""


def meaning(folder: Path, monkeypatch: pytest.MonkeyPatch, *sources: str) -> list[str]:
    """The digests of these sources of one module."""
    result = []
    for number, source in enumerate(sources):
        root = small_package(folder / str(number), a=source)
        monkeypatch.setattr(digest, "_ROOT", root)
        result.append(digest.code_digest(["mexflow.a"]))
    return result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 3  # of all"),
        ("LIMIT = 3", "# Of all:\n\n\nLIMIT = 0x3"),
        ("LIMIT = 3", 'LIMIT = 3\n"""Of all."""'),
        ("LIMIT = 3", "(LIMIT) = (3)"),
        ("class Range:", 'class Range:\n    """A range."""\n'),
        ("    low: float = 0.0", '    low: float = 0.0\n    """From where on."""'),
        ("        assert value", '        """Whether it is in it."""\n        assert value'),
        ('("first", "second")', "(\n    'first',\n    'sec' 'ond',\n)"),
        ("self.low <= value < LIMIT", "(\n    self.low\n    <= value  # from there\n    < LIMIT)"),
        ("\n    def holds", '\n\n\n    def holds'),
        ("\nfrom dataclasses", '\n"""A module."""\n\nfrom dataclasses'),
        ("    ", "  "),
    ],
)  # fmt: skip
def test_comments_docstrings_and_layout_mean_nothing(old, new, tmp_path, monkeypatch):
    assert old in SOURCE
    before, after = meaning(tmp_path, monkeypatch, SOURCE, SOURCE.replace(old, new))
    assert before == after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = '3'"),
        ("LIMIT = 3", "LIMIT = -3"),
        ("low: float = 0.0", "low: float = 0.5"),
        ("low: float", "low: int"),
        ("value: float", "value: int"),
        ("assert value == value", "assert value"),
        ("        assert value == value\n", ""),
        ("value < LIMIT", "value <= LIMIT"),
        ("@dataclass\n", ""),
        ('("first", "second")', '["first", "second"]'),
        ('("first", "second")', '("first, second",)'),
        ("holds", "has"),
        ("from dataclasses", "import sys\nfrom dataclasses"),
        ("self.low <= value", "value >= self.low"),
    ],
)
def test_whatever_else_is_changed_is_another_meaning(old, new, tmp_path, monkeypatch):
    assert old in SOURCE
    before, after = meaning(tmp_path, monkeypatch, SOURCE, SOURCE.replace(old, new))
    assert before != after


def test_modules_are_known_by_their_bytes_too(tmp_path, monkeypatch):
    """A record says which very bytes ran; a digest does not."""
    hashes = []
    for number, source in enumerate((SOURCE, f"# A module.\n{SOURCE}")):
        monkeypatch.setattr(digest, "_ROOT", small_package(tmp_path / str(number), a=source))
        hashes.append(digest.module_digest("mexflow.a"))
        assert digest.changed({"mexflow.a": hashes[0]}) == ["mexflow.a"][:number]
    assert hashes[0] != hashes[1]


def test_what_a_record_says_of_its_code(tmp_path, monkeypatch):
    """Whether it means the same now: not for a comment, for what is gone, or another meaning."""
    monkeypatch.setattr(digest, "_ROOT", root := small_package(tmp_path, a="LIMIT = 3", b=""))
    code = {"chosen": ["mexflow.a"], "digest": digest.code_digest(["mexflow.a"])}
    (root / "a.py").write_text("LIMIT = 3  # of all")
    assert digest.means_the_same(code)
    (root / "a.py").write_text("LIMIT = 4")
    assert not digest.means_the_same(code)
    (root / "a.py").unlink()
    assert not digest.means_the_same(code)


# Registries


METHODS = """
from mexflow.registries import Registry
from mexflow.shared import half

METHODS: Registry = Registry("method", __name__)
STEPS = Registry("step", __name__)


@METHODS.entry("fast")
def fast(value):
    from mexflow.speed import quick

    return quick(_both(value))


_FACTOR = 20


def _both(value):
    return _inner(value)


def _inner(value):
    return _FACTOR * value


def _used(value):
    return 30 * value


@METHODS.entry("exact")
@METHODS.entry("best")
def exact(value):
    return half(value)


@METHODS.entry("both")
class Both:
    first = exact


STEPS.add("one", lambda value: 1)
STEPS.add("two", lambda value: 2)


def step(value):
    return _used(3)
"""
MODULES = {
    "methods": METHODS,
    "registries": "",
    "shared": "half = 1",
    "speed": "quick = 1",
    "user": "import mexflow.methods",
}


@pytest.fixture
def methods(tmp_path, monkeypatch) -> Path:
    """A package with registries: the file of the module that makes them."""
    root = small_package(tmp_path, **MODULES)
    monkeypatch.setattr(digest, "_ROOT", root)
    return root / "methods.py"


CHOICES = ("", "fast", "exact", "best", "both", "one", "two")


def by_choice() -> dict[str, str]:
    """The digest of what uses the registries, for each entry it may choose."""
    return {
        name: digest.code_digest(["mexflow.user", *([f"mexflow.methods:{name}"] if name else [])]) for name in CHOICES
    }


@pytest.mark.parametrize(
    ("old", "new", "reached"),
    [
        ("quick(_both", "quick(2 * _both", {"fast"}),
        ("half(value)", "half(2 * value)", {"exact", "best", "both"}),
        ("value: 1", "value: 10", {"one"}),
        ('"two", lambda value: 2', '"two", lambda value: 20', {"two"}),
        ("first = exact", "first = None", {"both"}),
        ("return _used(3)", "return _used(4)", set(CHOICES)),
        ("30 * value", "31 * value", set(CHOICES)),
        ("_FACTOR = 20", "_FACTOR = 21", {"fast"}),
        ('"step"', '"stage"', set(CHOICES)),
        ("\n\ndef step", '\nSTEPS.add("three", lambda value: 3)\n\n\ndef step', set()),
        ("STEPS.add", '@METHODS.entry("new")\ndef new(value):\n    return 4\n\n\nSTEPS.add', set()),
        ('@METHODS.entry("exact")', '@METHODS.entry("exact")\n@METHODS.entry("other")', set()),
        ("def fast", "# Quick.\ndef fast", set()),
        ("    from mexflow.speed", '    """Quick."""\n    from mexflow.speed', set()),
    ],
)
def test_an_entry_counts_for_those_that_choose_it(methods, old, new, reached):
    before, source = by_choice(), methods.read_text()
    assert old in source
    methods.write_text(source.replace(old, new, 1))
    after = by_choice()
    assert {name for name in CHOICES if before[name] != after[name]} == reached


def test_entries_are_digested_apart(methods):
    assert len(set(by_choice().values())) == len(CHOICES)


def test_an_entry_brings_what_it_imports(methods):
    without = {"mexflow", "mexflow.user", "mexflow.methods", "mexflow.registries", "mexflow.shared"}
    assert set(digest.closure(["mexflow.user"])) == without
    assert set(digest.closure(["mexflow.user", "mexflow.methods:exact"])) == without
    assert set(digest.closure(["mexflow.user", "mexflow.methods:fast"])) == without | {"mexflow.speed"}
    assert set(digest.closure(["mexflow.methods:fast"])) == without - {"mexflow.user"} | {"mexflow.speed"}


def test_an_entry_that_is_imported_by_its_own_name_is_held(methods):
    user = methods.with_name("user.py")
    user.write_text("from mexflow.methods import fast")
    assert "mexflow.speed" in digest.closure(["mexflow.user"])
    before = digest.code_digest(["mexflow.user"])
    methods.write_text(methods.read_text().replace("quick(_both", "quick(2 * _both"))
    assert digest.code_digest(["mexflow.user"]) != before


def test_an_entry_that_its_module_calls_by_its_own_name_is_held(methods):
    methods.write_text(methods.read_text().replace("return _used(3)", "return fast(3)"))
    assert "mexflow.speed" in digest.closure(["mexflow.user"])


def test_entries_of_a_module(methods):
    assert digest.entries("mexflow.methods", "METHODS") == ["fast", "best", "exact", "both"]
    assert digest.entries("mexflow.methods", "STEPS") == ["one", "two"]
    assert digest.entries("mexflow.shared", "METHODS") == []
    with pytest.raises(ValueError, match=r"no module mexflow\.method"):
        digest.entries("mexflow.method", "METHODS")


@pytest.mark.parametrize("name", ["mexflow.methods:slow", "mexflow.shared:half"])
def test_unknown_entry(methods, name):
    with pytest.raises(ValueError, match=f"no entry '{name.partition(':')[2]}' in {name.partition(':')[0]}"):
        digest.code_digest([name])


def test_entries_that_no_declaration_covers_are_named(methods, monkeypatch):
    monkeypatch.setattr(registries, "PICKED", {"mexflow.methods:both", "mexflow.methods:one"})
    assert digest.unpicked(["mexflow.user"]) == ["mexflow.methods:both", "mexflow.methods:one"]
    assert digest.unpicked(["mexflow.user", "mexflow.methods:both"]) == ["mexflow.methods:one"]
    assert digest.unpicked(["mexflow.user", "mexflow.methods:both", "mexflow.methods:one"]) == []


def test_what_the_registries_of_the_package_hold_is_found_without_them():
    """Every entry that a module of the package makes as it is imported is one that its source tells."""
    script = """
import importlib, json, sys
from mexflow.registries import Registry
from mexflow.store import digest
print(json.dumps({
    f"{module}.{name}": [list(thing), digest.entries(module, name)]
    for module in sys.argv[1:]
    for name, thing in vars(importlib.import_module(module)).items()
    if isinstance(thing, Registry) and thing.module == module
}))
"""
    makers = [
        f"mexflow.{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}".removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
        if "= Registry(" in path.read_text() and path.name != "registries.py"
    ]
    result = run(sys.executable, "-c", script, *makers)
    assert result.returncode == 0, result.stderr
    known = json.loads(result.stdout)
    assert {name.rpartition(".")[0] for name in known} == set(makers)
    for made, told in known.values():
        assert made == told and made
