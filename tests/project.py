"""Where the project is, and how tests start its programs."""

from __future__ import annotations

import copy
import io
import os
import re
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / "workflow"
PACKAGE = WORKFLOW / "mexflow"


@cache
def _read(path: Path) -> Any:
    return from_yaml(path.read_bytes())


def paper_values(name: str) -> dict[str, Any]:
    """What the file of one of the project's papers says, to be changed at will."""
    return copy.deepcopy(_read(WORKFLOW / "papers" / f"{name}.yaml"))


def from_yaml(text: str | bytes) -> Any:
    """What YAML says; by libyaml where it is, which takes a tenth of the time."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def squeezed(text: str) -> str:
    """Markdown whose tables do not stand in line: one space between a text and what is beside it."""
    return re.sub(r" {2,}", " ", text)


def to_yaml(values: Any) -> str:
    """YAML that says so, in the same order."""
    return yaml.dump(values, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)


def run(
    *command: str | Path, cwd: Path = ROOT, package: Path = WORKFLOW, **environment: str
) -> subprocess.CompletedProcess:
    """Run a program of the environment the tests run in, with `package` on PYTHONPATH."""
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("MEXFLOW_", "SNAKEMAKE_", "PYTEST_"))
    }
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    variables["PYTHONPATH"] = str(package)
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=variables | environment, capture_output=True, text=True
    )


def mexflow(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess:
    """Run ``python -m mexflow``."""
    return run(sys.executable, "-m", "mexflow", *arguments, cwd=cwd, **environment)


def called(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """The same in this process, which has loaded what other tests need: where that it is a process is not the point.

    That a command needs no more modules than it says is shown where it has a process of its own.
    """
    from mexflow import registries
    from mexflow.__main__ import main
    from mexflow.store import digest

    words = [str(argument) for argument in arguments]
    output, errors = io.StringIO(), io.StringIO()
    registries.PICKED.clear()
    with (
        redirect_stdout(output), redirect_stderr(errors), chdir(cwd), mock.patch.object(sys, "argv", ["-m", *words]),
        mock.patch.object(digest, "unaccounted", lambda modules: []),
    ):  # fmt: skip
        try:
            status = main(words)
        except SystemExit as ended:
            status = ended.code or 0
    return subprocess.CompletedProcess(words, status, output.getvalue(), errors.getvalue())


def loaded_after(code: str, modules: list[str]) -> list[str]:
    """Which of `modules` a fresh process has imported after running `code`."""
    script = f"import sys\n{code}\nprint(*[name for name in {modules!r} if name in sys.modules], sep=',')"
    result = run(sys.executable, "-c", script)
    assert result.returncode == 0, result.stderr
    return [name for name in result.stdout.splitlines()[-1].split(",") if name]
