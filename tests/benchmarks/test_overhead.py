"""What the default main job costs beside its jobs' own work, on two cores; the whole run is made for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from mexflow.commands import COMMANDS
from mexflow.store.digest import closure
from project import ROOT

CORES = 2
pytestmark = pytest.mark.benchmark


def test_the_run_takes_at_most_a_fourth_longer_than_its_jobs_work(tmp_path: Path) -> None:
    for name in ("Snakefile", "config.yaml", "envs", "workflow"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MEXFLOW_", "PYTEST_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "workflow"),
        "SNAKEMAKE_PROFILE": str(tmp_path / "workflow" / "profiles" / "default"),
    }
    with (tmp_path / "said.txt").open("wb") as output:
        started = time.monotonic()
        command = ["snakemake", "--cores", str(CORES)]
        run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=output)
        own = _watched(psutil.Process(run.pid))
        _, status, used = os.wait4(run.pid, 0)
        seconds = time.monotonic() - started
    assert status == 0, (tmp_path / "said.txt").read_text()[-3000:]
    jobs = used.ru_utime + used.ru_stime - own
    walls = [_benchmark(path) for path in (tmp_path / "results" / "benchmarks").rglob("*.tsv")]
    called = Counter(path.relative_to(tmp_path / "results" / "benchmarks").parts[0] for path in
                     (tmp_path / "results" / "benchmarks").rglob("*.tsv"))  # fmt: skip
    imports = sum(number * _import_seconds(name.removesuffix(".tsv")) for name, number in called.items())
    ratio = seconds / (jobs / CORES)
    idle = CORES * seconds - sum(walls)
    print(
        f"\n{len(walls)} jobs, {seconds:.0f} s; jobs' processor time {jobs:.0f} s; ratio {ratio:.3f}"
        f"\nSnakemake's own processor time {own:.0f} s"
        f"\ncores without a job {idle:.0f} s of {CORES * seconds:.0f} s"
        f"\njobs waiting for a core, the disk or each other {sum(walls) - jobs:.0f} s"
        f"\nof the jobs' processor time {imports:.0f} s go to imports"
    )
    assert ratio <= 1.25


def _watched(process: psutil.Process) -> float:
    """Processor time of a process itself until it ends, seconds."""
    spent = 0.0
    try:
        while process.status() != psutil.STATUS_ZOMBIE:
            times = process.cpu_times()
            spent = times.user + times.system
            time.sleep(1)
    except psutil.Error:
        pass
    return spent


def _benchmark(path: Path) -> float:
    """Seconds that a job took, by its benchmark."""
    heading, values = (line.split("\t") for line in path.read_text().splitlines()[:2])
    return float(dict(zip(heading, values, strict=True))["s"])


def _import_seconds(stage: str) -> float:
    """Processor time of starting a command and of importing all that it can import of the package, seconds."""
    name = {"residual_flow": "residual"}.get(stage, stage)
    modules = closure([COMMANDS[name].module])
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)"
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "workflow")})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
