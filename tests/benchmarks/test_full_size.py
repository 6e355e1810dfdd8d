"""A run at full size: the real datasets' counts, all papers, the printed epochs and all folds.

Snakemake itself builds the DAG of it, which is timed. How long the run takes on 32 cores is simulated, event by event:
the DAG's jobs, each as long as :mod:`full_size_costs` says. Of those that are ready, Snakemake starts the ones with the
highest priorities; which of equal ones its solver takes is drawn at random here. What Snakemake itself adds is measured
in a run of no-ops.
"""

from __future__ import annotations

import heapq
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

import project
from full_size_costs import Work
from mexflow.plan.workflow import Workflow
from project import ROOT, WORKFLOW

CONFIG = {"budget": "paper", "embedded": {"size": "full"}}
CORES = 32
MOST_RATIO = 1.1
ROUNDS = 10
NO_OP_SECONDS, MOST_ADDED = 300, 0.01
MOST_SECONDS, MOST_MEBIBYTES = 60.0, 1000.0
"""Of the DAG: processor time until Snakemake starts the first job, and what it then has held."""


def simulate(jobs: list[dict[str, Any]], seconds: list[float], cores: int, seed: int) -> float:
    """The makespan of jobs in seconds."""
    rng = random.Random(seed)
    waits = [len(job["needs"]) for job in jobs]
    after: list[list[int]] = [[] for _ in jobs]
    for number, job in enumerate(jobs):
        for other in job["needs"]:
            after[other].append(number)
    ready = sorted((-job["priority"], rng.random(), number) for number, job in enumerate(jobs) if not job["needs"])
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        large = []  # jobs of more cores than are free
        while ready and cores:
            one = heapq.heappop(ready)
            if jobs[one[2]]["threads"] > cores:
                large.append(one)
            else:
                heapq.heappush(running, (now + seconds[one[2]], one[2]))
                cores -= jobs[one[2]]["threads"]
        for one in large:
            heapq.heappush(ready, one)
        now, ended = heapq.heappop(running)
        cores += jobs[ended]["threads"]
        for number in after[ended]:
            waits[number] -= 1
            if not waits[number]:
                heapq.heappush(ready, (-jobs[number]["priority"], rng.random(), number))
    return now


def ratio(jobs: list[dict[str, Any]], seconds: list[float], seed: int = 0) -> float:
    """The makespan over the ideal one, which is all work over the cores."""
    return simulate(jobs, seconds, CORES, seed) / (sum(seconds) / CORES)


def snakemake(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """What Snakemake makes of a run at full size, see `full_size_dag`."""
    (folder / "config.json").write_text(json.dumps(CONFIG))
    program, profile = ROOT / "tests" / "full_size_dag.py", WORKFLOW / "profiles" / "default"
    options = ("--snakefile", ROOT / "Snakefile", "--directory", folder, "--configfile", folder / "config.json")
    done = project.run(
        sys.executable, program, folder / "listing.json", *arguments, *options, "--cores", str(CORES),
        "--quiet", "all", "--profile", profile,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "listing.json").read_text())


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return snakemake(tmp_path_factory.mktemp("full"), "--dry-run")


@pytest.fixture(scope="module")
def seconds(listed: dict[str, Any]) -> list[float]:
    """What each job takes."""
    work = Work(Workflow(CONFIG, WORKFLOW))
    return [work.seconds(job["record"], job["folds"]) if job["record"] else 0.0 for job in listed["jobs"]]


@pytest.mark.benchmark
def test_dag_is_built_in_time_and_memory(listed: dict[str, Any]) -> None:
    (parsed, built), peak = listed["seconds"], listed["peak"] / 2**20
    jobs = len(listed["jobs"])
    print(f"\n{jobs} jobs; Snakefile read after {parsed:.0f} s, first job after {built:.0f} s, {peak:.0f} MiB")
    assert listed["processor"] < MOST_SECONDS and peak < MOST_MEBIBYTES


@pytest.mark.benchmark
def test_makespan_is_near_the_ideal(listed: dict[str, Any], seconds: list[float]) -> None:
    """As long as is expected, and each job longer or shorter at random, by a third."""
    jobs, rng = listed["jobs"], random.Random(0)
    expected = [ratio(jobs, seconds, seed) for seed in range(ROUNDS)]
    other = [ratio(jobs, [one * rng.lognormvariate(0, 0.3) for one in seconds], seed) for seed in range(ROUNDS)]
    days, longest = sum(seconds) / 86400, max(seconds) / 3600
    print(f"\n{days:.0f} days of work, {days / CORES:.1f} on {CORES} cores, the longest job {longest:.1f} h")
    print(f"makespan over ideal: at most {max(expected):.3f}, of jobs unlike expected {max(other):.3f}")
    assert max(expected + other) <= MOST_RATIO


@pytest.mark.benchmark
def test_what_snakemake_adds(listed: dict[str, Any], seconds: list[float], tmp_path: Path) -> None:
    """Snakemake runs all jobs as no-ops, so short that the ideal is `NO_OP_SECONDS`.

    What it takes beyond that is its own time, which does not depend on the jobs' length, and what the order of jobs
    costs; the share of it in a run at full size is therefore less.
    """
    ideal = sum(seconds) / CORES
    lengths = [one * NO_OP_SECONDS / ideal for one in seconds]
    named = {job["record"]: one for job, one in zip(listed["jobs"], lengths, strict=True)}
    (tmp_path / "no_ops.json").write_text(json.dumps(named))
    snakemake(tmp_path, tmp_path / "no_ops.json")
    ran = json.loads((tmp_path / "no_ops.ran.json").read_text())
    added, own = ran["makespan"] - NO_OP_SECONDS, 1e3 * ran["processor"] / len(seconds)
    print(f"\n{len(seconds)} no-ops on {CORES} cores: {ran['makespan']:.0f} s, ideally {NO_OP_SECONDS} s")
    print(f"{own:.0f} ms of Snakemake's processor time a job, {ran['peak'] / 2**20:.0f} MiB")
    print(f"added to a run at full size: {added:.0f} s, {added / ideal:.2%}")
    assert added < MOST_ADDED * ideal
