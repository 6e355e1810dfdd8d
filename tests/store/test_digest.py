"""Code digests: an edit reaches exactly the commands that import what was edited."""

from __future__ import annotations

import json
import os
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
    **{f"index {name}": code_digest("index", f"mexflow.datasets.{name}") for name in ("casme2", "samm")}}))
"""


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
    path.write_text(path.read_text() + "\n# edited\n")
    after = digests(package)
    return {name for name in before if before[name] != after[name]}


def test_copies_have_the_same_digests(copy):
    assert digests(copy) == digests(PACKAGE)


@pytest.mark.parametrize(
    ("module", "reached"),
    [
        ("preprocess/faces", {"faces"}),
        ("preprocess/flow", {"flow", "residual", "quality", "timing", "motion", "difference"}),
        ("preprocess/lcn", {"lcn", "lcnfigure", "spot", "figures"}),
        ("preprocess/lbp_top", {"lbp_top", "difference"}),
        ("models/shallow_cnn", {"train shallow_cnn"}),
        ("models/reduced_resnet", {"train reduced_resnet"}),
        ("datasets/samm", {"index samm"}),
        ("tables/render", {"tables", "quality"}),
        ("cli/embed", {"embed"}),
        ("training/loop", {"train", "train shallow_cnn", "train reduced_resnet", "timing", "spot", "spot_recognise"}),
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


def test_same_edit_back_and_forth(copy, monkeypatch):
    """In one process too: sources are read again when a file has changed."""
    monkeypatch.setattr(digest, "_ROOT", copy)
    path = copy / "preprocess" / "flow.py"
    original, first = path.read_text(), code_digest("flow")
    path.write_text(original + "\n# edited\n")
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


@pytest.mark.parametrize("name", list(COMMANDS))
def test_closure_is_what_the_standard_library_finds(name):
    """`modulefinder` reads the byte code, and finds imports inside functions as well."""
    finder = ModuleFinder(path=[str(WORKFLOW)])
    finder.import_hook(COMMANDS[name].module)
    found = {module for module in finder.modules if module.split(".")[0] == "mexflow"}
    assert set(digest.closure([COMMANDS[name].module])) == found


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
