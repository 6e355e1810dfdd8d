"""Which jobs come first, what they ask of a cluster, and how often Snakemake looks for the next one.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

from mexflow.engine import wrapped

PREPROCESSING = 4
"""Priority of what training waits for: of all work at full size not a hundredth, so that it may well come first."""

SUBJECTS = "subjects"
"""The group of the jobs that preprocess a subject."""


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


def look_only_when_a_job_ends(workflow: Any) -> None:
    """Keep a run on this machine from looking through all waiting jobs ever more often.

    Snakemake looks again one time limit after each look, and after each job that ended. Jobs of this machine need no
    limit of how many are started in a second.

    Args:
        workflow: Snakemake's workflow, its scheduler made.
    """
    with wrapped.guard("pace"):
        if workflow.local_exec and wrapped.fits("pace"):
            workflow.scheduler.job_rate_limiter = None


def subject_group(workflow: Any, count: int) -> Callable[[object], str] | None:
    """The `group` of the rules that preprocess a subject: so many subjects share a cluster job, all their stages.

    None where each stage of a subject is a job of its own. The command line may say another number
    (``--group-components subjects=N``).
    """

    def group(wildcards: object) -> str:
        # Asked when the DAG is built; before that, Snakemake has not yet set what the command line says.
        with wrapped.guard("groups"):
            settings = workflow.group_settings
            settings.group_components = {SUBJECTS: count, **settings.group_components}
        return SUBJECTS

    return group if count > 1 else None
