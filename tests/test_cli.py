"""The command line: its commands, their help, what they import, and how mistakes end."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
import typer

from mexflow import __version__
from mexflow.__main__ import main
from mexflow.cli.options import pairs, scalar
from mexflow.commands import COMMANDS
from mexflow.errors import UserError
from project import PACKAGE, WORKFLOW, loaded_after, mexflow

HEAVY = [
    "numpy", "pandas", "pyarrow", "torch", "cv2", "simplejpeg", "dlib", "openpyxl", "sklearn", "scipy", "skimage",
    "matplotlib",
]  # fmt: skip


def test_help_names_every_command(capsys):
    assert main([]) == main(["--help"]) == main(["-h"]) == 0
    lines = capsys.readouterr().out.splitlines()
    width = 2 + max(map(len, COMMANDS))
    for command in COMMANDS.values():
        assert lines.count(f"  {command.name:<{width}}{command.help}") == 3


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mexflow {__version__}\n"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_of_a_command(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"Usage: python -m mexflow {name} [OPTIONS]" in text
    module = importlib.import_module(COMMANDS[name].module)
    for option in typer.main.get_command(module.app).params:
        assert {option.opts[0], option.metavar} & set(re.findall(r"[\w-]+", text))


def test_every_module_of_a_command_is_listed():
    assert {path.stem for path in (PACKAGE / "cli").glob("[a-z]*.py")} - {"options"} == set(COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_explained(name):
    module = importlib.import_module(COMMANDS[name].module)
    assert module.__doc__.startswith(f"``mexflow {name}``: ")
    assert inspect.getdoc(module.main)


def test_help_imports_no_command():
    code = "from mexflow.__main__ import main\nmain(['--help'])"
    assert loaded_after(code, [*HEAVY, "typer", "click", "pydantic", "yaml", "mexflow.cli"]) == []


def test_commands_import_what_they_need_when_they_run():
    """Importing every command's module costs none of the heavy libraries."""
    code = "import importlib\nfrom mexflow.commands import COMMANDS\n"
    code += "for command in COMMANDS.values(): importlib.import_module(command.module)"
    assert loaded_after(code, HEAVY) == []


def test_the_snakefile_imports_nothing_heavy():
    code = f"""
from pathlib import Path
import mexflow.embedded, mexflow.errors
from mexflow.store.records import git_variable
from mexflow.plan.flags import flags, settings
from mexflow.plan.workflow import Workflow
git_variable()
plan = Workflow({{}}, Path({str(WORKFLOW)!r}))
assert plan.batches and plan.dataset_targets()
for index in plan.sources.indexes:
    plan.sources.raw_files(index), plan.sources.roots(index)
    plan.sources.version(index), plan.sources.index_code(index)
for dataset, subject in plan.sources.renderings:
    plan.sources.rendered(dataset, subject), plan.code("embed", *mexflow.embedded.modules(dataset))
for dataset in plan.sources.in_use:
    plan.sheets.subjects(dataset), plan.sources.subjects(dataset), plan.sources.faces_flags(dataset)
for paper in plan.papers:
    plan.targets(paper), plan.predictions(paper), plan.features(paper), plan.reporting.recipe(paper), plan.data(paper)
    plan.reporting.code(paper), plan.reporting.recipe(paper).text(), plan.spotted(paper)
    if plan.papers[paper].timing:
        plan.reporting.timing_code(paper), plan.reporting.timed_model(paper), plan.reporting.timed_faces(paper)
    for experiment in plan.experiments(paper):
        plan.recipe(paper, experiment), plan.training_code(paper, experiment)
for command in ("faces", "flow", "figures"):
    plan.code(command)
"""
    assert loaded_after(code, [*HEAVY, "typer", "rich", "kornia"]) == []


def test_unknown_command_ends_in_one_line(capsys):
    assert main(["trane"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("mexflow: error: unknown command 'trane' (did you mean 'train'?); one of: ")
    assert said.count("\n") == 1


def test_users_mistake_ends_in_one_line(tmp_path):
    result = mexflow("listing", "--dataset", "sam", "--root", tmp_path, "--output", tmp_path / "x.json")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("mexflow: error: unknown dataset 'sam' (did you mean 'samm'?)")
    assert result.stderr.count("\n") == 1 and not (tmp_path / "x.json").exists()


def test_missing_option_is_named():
    result = mexflow("listing", "--dataset", "samm")
    assert result.returncode == 2 and "Missing option '--root'" in result.stderr
    assert "Traceback" not in result.stderr


def test_name_value_pairs():
    assert pairs("--option", ["alpha=1.0", "path=a=b"]) == {"alpha": "1.0", "path": "a=b"}
    for wrong in ("alpha", "=1", "alpha="):
        with pytest.raises(UserError, match=rf"^--option '{wrong}': NAME=VALUE is expected$"):
            pairs("--option", [wrong])
    with pytest.raises(UserError, match="--option alpha: given twice"):
        pairs("--option", ["alpha=1", "alpha=2"])


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-2", -2), ("1.0", 1.0), ("1e-08", 1e-8), ("true", True), ("false", False), ("last", "last")],
)
def test_values_of_settings(text, value):
    found = scalar(text)
    assert found == value and type(found) is type(value)


def test_settings_survive_the_command_line():
    """What the workflow writes as a flag, the command reads back."""
    from mexflow.plan.flags import settings

    values = {"a": 1, "b": 1.0, "c": 1e-8, "d": True, "e": False, "f": "last", "g": 0.30000000000000004}
    found = {name: scalar(text) for name, text in pairs("--option", settings(values)).items()}
    assert found == values and list(map(type, found.values())) == list(map(type, values.values()))
