"""What the Snakefile calls when it is read, and at the start and the end of a run.

Imports nothing heavy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from mexflow.engine import invocation, orphans, progress_lines, scheduling, slurm, wrapped
from mexflow.errors import told
from mexflow.store.records import hand_down_git_state

_TOLERANCE = 5.0
"""Clocks of the machines of a cluster may differ by so many seconds."""


def before_settings(workflow: Any, project: Path) -> None:
    """Before Snakemake reads ``config.yaml``: look at it, and at the files laid over it."""
    told(invocation.check_settings, project, workflow.overwrite_configfiles)


def before_rules(package: Path) -> str:
    """Before the rules are read: what the shell of every job does first; `package` is the folder of the package."""
    hand_down_git_state()
    return scheduling.prefix(package)


def after_rules(workflow: Any, unlisted: Any) -> None:
    """When all rules are known: which stage each belongs to, and what is done before Snakemake builds its DAG.

    Args:
        workflow: Snakemake's workflow.
        unlisted: the datasets that cannot be listed (`mexflow.plan.unlisted.Unlisted`).
    """
    progress_lines.register(workflow.rules)
    if workflow.is_main_process:
        settle_times(Path("results"))
        _attend(unlisted.refuse)
        unlisted.warn()


def at_start(workflow: Any) -> None:
    """When the jobs are about to start."""
    scheduling.look_only_when_a_job_ends(workflow)
    slurm.run_without_srun()


def at_end() -> None:
    """When no job runs any more."""
    progress_lines.end()


def _attend(refuse: Callable[[Collection[str]], None]) -> None:
    """Have Snakemake look at what is asked for, wait for what still runs, keep what ended unseen, and close the run.

    Where another Snakemake works in this folder, or was killed and is not unlocked yet, nothing is touched.

    Args:
        refuse: given the targets of the command line; where it raises a UserError, Snakemake ends with its line.
    """

    def around_init(init: Callable[..., Any]) -> Callable[..., Any]:
        async def attended(dag: Any, *arguments: Any, **named: Any) -> None:
            run, works = dag.workflow, False
            with wrapped.guard("start"):
                told(refuse, run.dag_settings.targets)
                if run.executor_plugin is not None and not run.dryrun:
                    on_slurm = run.executor_plugin.name == "slurm"
                    if on_slurm:
                        told(slurm.require)
                    works = not orphans.locked()
                    if works:
                        await orphans.wait(on_slurm)
            await init(dag, *arguments, **named)
            # With nothing to do Snakemake just stops, though the last jobs ended unseen, or it was killed at its very
            # end.
            with wrapped.guard("start"):
                if works and not any(dag.needrun_jobs()) and orphans.unclosed() and not run.execution_settings.no_hooks:
                    run._onsuccess(run.logger_manager.get_logfile())

        return attended

    def around_check(check: Callable[..., Any]) -> Callable[..., Any]:
        async def kept(dag: Any) -> None:
            with wrapped.guard("unseen"):
                if not dag.ignore_incomplete and not orphans.locked():
                    await orphans.keep(dag)
            await check(dag)

        return kept

    wrapped.replace("start", around_init)
    wrapped.replace("unseen", around_check)


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
