"""A run at full size: the real datasets' counts, five papers, the printed epochs and all folds.

Snakemake itself builds the DAG of it, which is timed. How long the run takes on 32 cores is simulated: the DAG's jobs,
with Snakemake's priorities, each as long as `full_size_costs` says. Each job that becomes ready, or each core that does,
makes Snakemake choose the ready jobs with the highest priorities; which of equal ones its solver takes is drawn at random.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

import project
from full_size_costs import Work
from mexflow.workflow import Workflow
from project import ROOT, WORKFLOW

CONFIG = {"budget": "paper", "embedded": {"size": "full"}}
CORES = 32
MOST_RATIO = 1.1
MOST_SECONDS, MOST_MEBIBYTES = 120.0, 1000.0
"""Of the DAG: until Snakemake starts the first job, and then held by it."""


def simulate(jobs: list[dict[str, Any]], seconds: list[float], cores: int, seed: int) -> float:
    """The makespan of jobs in seconds."""
    rng = random.Random(seed)
    waits = [len(job["needs"]) for job in jobs]
    after: list[list[int]] = [[] for _ in jobs]
    for number, job in enumerate(jobs):
        for other in job["needs"]:
            after[other].append(number)
    ready = [(-job["priority"], rng.random(), number) for number, job in enumerate(jobs) if not job["needs"]]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and cores:
            number = heapq.heappop(ready)[2]
            heapq.heappush(running, (now + seconds[number], number))
            cores -= 1
        now, ended = heapq.heappop(running)
        cores += 1
        for number in after[ended]:
            waits[number] -= 1
            if not waits[number]:
                heapq.heappush(ready, (-jobs[number]["priority"], rng.random(), number))
    return now


def ratio(jobs: list[dict[str, Any]], seconds: list[float], seed: int = 0) -> float:
    """The makespan over the ideal one, which is all work over the cores."""
    return simulate(jobs, seconds, CORES, seed) / (sum(seconds) / CORES)


def listing(folder: Path, *more: str) -> dict[str, Any]:
    """What Snakemake makes of a run at full size, see `full_size_dag`."""
    (folder / "config.json").write_text(json.dumps(CONFIG))
    program = Path(__file__).with_name("full_size_dag.py")
    options = ("--snakefile", ROOT / "Snakefile", "--directory", folder, "--configfile", folder / "config.json")
    done = project.run(
        sys.executable, program, folder / "listing.json", *more, *options, "--cores", str(CORES), "--quiet", "all",
        SNAKEMAKE_PROFILE=str(WORKFLOW / "profiles" / "default"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "listing.json").read_text())
