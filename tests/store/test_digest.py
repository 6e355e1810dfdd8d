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


OWN_VIDEOS = {"analyse", "spot", "recognise", "export"}
"""Commands beside the workflow, which do what several of its stages do: no job of it is run again for them."""


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
    assert changed(copy, module) - OWN_VIDEOS == reached


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
