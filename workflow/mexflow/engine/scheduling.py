"""Which jobs come first, what they ask of a cluster, and what is mended in Snakemake's scheduling.

Imports nothing heavy.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from shlex import quote
from typing import Any

from mexflow.errors import UserError, told

PREPROCESSING = 4
"""Priority of what training waits for: of all work at full size not a hundredth, so that it may well come first."""

TRAINING = {"sequences": 3, "frames": 2, "residual": 1}
"""Priorities of training by the experiment's input: long jobs first, or the last one leaves the other cores idle."""

SUBJECTS = "subjects"
"""The group of the jobs that preprocess a subject."""

_PATIENCE = 3
"""SLURM is asked for jobs that ended at least once in so many times the interval that the profile sets."""

_TOLERANCE = 5.0
"""Clocks of the machines of a cluster may differ by so many seconds."""


def growing(first: int) -> Callable[[object, int], int]:
    """An amount of memory or time that grows with every attempt: what was too little is not tried again."""
    return lambda wildcards, attempt: first * attempt


def attempt(wildcards: object, attempt: int) -> int:
    """Which attempt at a job this is; handed on to its record."""
    return attempt


def prefix(folder: Path) -> str:
    """What the shell of every job does first; `folder` is the one that holds the package."""
    # Freed memory stays with the process: mapping and clearing large arrays anew in every step doubles the time of
    # training.
    kept = "MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=67108864"
    return f"set -euo pipefail; export PYTHONPATH={quote(str(folder))}; export {kept}; "


def mend(workflow: Any) -> None:
    """Keep local runs from spending a quarter of a processor on waiting, and SLURM's jobs from being late or forgotten.

    Args:
        workflow: Snakemake's workflow, its scheduler made.
    """
    if workflow.local_exec:
        # Snakemake looks through all waiting jobs again one time limit after each look, and after each job that ended:
        # ever more often. Jobs of this machine need no limit of how many are started in a second.
        workflow.scheduler.job_rate_limiter = None
    # Where not all jobs of a rule that are ready fit into the limits of a run (--jobs, --resources), the executor
    # keeps those that do back for a larger array; Snakemake never offers them again, and the run waits for ever.
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin is not None:
        plugin.pending_jobs_for_rule = lambda dag, rule: 0
        # While no job ends it asks SLURM ever more seldom, at last every three minutes: so long each stage would wait.
        asked = plugin.Executor.next_seconds_between_status_checks
        most = _PATIENCE * (getattr(workflow.executor_settings, "init_seconds_before_status_checks", None) or 40)
        plugin.Executor.next_seconds_between_status_checks = property(
            lambda executor: min(asked.fget(executor), most), asked.fset
        )
        # A job's Snakemake would start another one with srun, which takes seconds and memory beside it. No rule needs
        # srun, which is for programs of several tasks: the first one may run the job.
        plugin.Executor.additional_general_args = lambda executor: "--executor local --cores all"


def check_first(refuse: Callable[[Collection[str]], None]) -> None:
    """Have Snakemake look at what is asked for, and for SLURM where that is to run jobs, before it builds its DAG.

    Args:
        refuse: told the targets of the command line; where it raises a UserError, Snakemake ends with its line.
    """
    from snakemake.dag import DAG

    start = DAG.init

    async def init(dag: Any, *arguments: Any, **named: Any) -> None:
        run = dag.workflow
        told(refuse, run.dag_settings.targets)
        if run.executor_plugin is not None and run.executor_plugin.name == "slurm" and not run.dryrun:
            told(_require_slurm)
        await start(dag, *arguments, **named)

    DAG.init = init


def _require_slurm() -> None:
    """Make sure that jobs can be submitted and seen to end, and say by what.

    Raises:
        UserError: if they cannot: Snakemake fails at the first one, or waits for ever.
    """
    here = "run this on a login node of the cluster, or leave out the profile to run the jobs on this machine"
    if shutil.which("sbatch") is None:
        raise UserError(f"sbatch is not on this machine, so nothing can be submitted to SLURM; {here}")
    if shutil.which("sacct") is None:
        if shutil.which("squeue") is None:
            raise UserError(f"neither sacct nor squeue is on this machine, so no job would be seen to end; {here}")
        print("mexflow: sacct is not on this machine: squeue is asked which jobs ended", file=sys.stderr, flush=True)


def become_array_task() -> None:
    """In an element of a SLURM array, become the Snakemake of that element's own job, at once.

    The commands of all elements come as an option of the first one's. The plugin's own way is to run the right one of
    them below the first one's Snakemake, which holds the first one's outputs against it: an element that ends long
    before the first would be taken for failed, and what the first one has written be removed.
    """
    option = "--slurm-jobstep-array-execs="
    element, first = os.environ.get("SLURM_ARRAY_TASK_ID"), os.environ.get("SLURM_ARRAY_TASK_MIN")
    commands = [word.removeprefix(option) for word in sys.argv if word.startswith(option)]
    if commands and element != first:
        from snakemake_executor_plugin_slurm_jobstep import _decompress_array_task_call

        sys.stdout.flush()
        sys.stderr.flush()
        os.execvp("bash", ["bash", "-c", _decompress_array_task_call(commands[0], int(element))])


def settle_times(results: Path) -> None:
    """Set the times of results that are from the future to now: the clock was set back since they were made.

    Snakemake takes what is made from them for outdated, and refuses it.
    """
    now = time.time()
    # Every job writes a record, so where none is from the future nothing is.
    if not any(path.stat().st_mtime > now + _TOLERANCE for path in (results / "records").rglob("*.json")):
        return
    late = [path for path in results.rglob("*") if path.lstat().st_mtime > now + _TOLERANCE]
    for path in late:
        os.utime(path, (now, now), follow_symlinks=False)
    print(f"{len(late)} results are from the future (was the clock set back?): their times are set to now", flush=True)


def subject_group(workflow: Any, count: int) -> Callable[[object], str] | None:
    """The `group` of the rules that preprocess a subject: so many subjects share a cluster job, all their stages.

    None where each stage of a subject is a job of its own. The command line may say another number
    (``--group-components subjects=N``).
    """

    def group(wildcards: object) -> str:
        # Asked when the DAG is built; before that, Snakemake has not yet set what the command line says.
        settings = workflow.group_settings
        settings.group_components = {SUBJECTS: count, **settings.group_components}
        return SUBJECTS

    return group if count > 1 else None
