"""Where the project is, and how tests start its programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / "workflow"
PACKAGE = WORKFLOW / "mexflow"


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


def loaded_after(code: str, modules: list[str]) -> list[str]:
    """Which of `modules` a fresh process has imported after running `code`."""
    script = f"import sys\n{code}\nprint(*[name for name in {modules!r} if name in sys.modules], sep=',')"
    result = run(sys.executable, "-c", script)
    assert result.returncode == 0, result.stderr
    return [name for name in result.stdout.splitlines()[-1].split(",") if name]
