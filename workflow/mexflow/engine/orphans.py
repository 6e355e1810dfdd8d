"""What a Snakemake that was killed left: jobs that still run are waited for, and what ended without it is kept.

Snakemake marks a job's outputs as incomplete once it has started the job, and notes how they were made when it sees the
job end. If it is killed in between, the job may well end, but the outputs keep their marks and would be made again; or,
on a cluster, they lose them there and have no note, so that other settings would never be seen to ask for others. Our
own record of the job, which is the last thing that it writes, says whether it ended and what it made how.

Imports nothing heavy.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from mexflow.engine.slurm import queued
from mexflow.errors import UserError
from mexflow.store import digest
from mexflow.store.artifacts import hash_path

_LOCKS = Path(".snakemake/locks")
_RECORDS = "results/records/"
_CLOSED = Path("results/run.json")
_COMMAND = ["python", "-m", "mexflow"]
_FREE = "--checkpoint-seconds"
"""The option that may be another the next time; Snakemake does not go by it either."""
_PAUSE = 2.0
"""Seconds between two looks at what still runs."""


def locked() -> bool:
    """Whether another Snakemake works in this folder, or was killed and is not unlocked yet."""
    return any(_LOCKS.glob("*"))


def unclosed() -> bool:
    """Whether there are records that the file with the root of the last run cannot know of."""
    closed = _CLOSED.stat().st_mtime if _CLOSED.exists() else 0.0
    return any(path.stat().st_mtime > closed for path in Path(_RECORDS).rglob("*.json"))


# What still runs


async def wait(slurm: bool) -> None:
    """Wait until no job of this folder runs any more, neither in SLURM, where it is used, nor on this machine.

    Raises:
        WorkflowError: if it is interrupted.
    """
    if slurm:
        await _wait("in the queue of SLURM", "scancel --name=", ",", lambda: queued(Path()))
    await _wait("on this machine", "kill ", " ", _here)


async def _wait(where: str, ending: str, separator: str, left: Callable[[], list[str]]) -> None:
    """Wait until nothing is left; say what for, and again when it is less. `ending` and names end it.

    Raises:
        WorkflowError: if it is interrupted.
    """
    from snakemake.exceptions import WorkflowError

    shown = 0
    while jobs := left():
        if len(jobs) != shown:
            shown = len(jobs)
            command = f"{ending}{separator.join(sorted(set(jobs)))}"
            what = f"{_jobs(shown)} of a Snakemake that was killed, still {where}"
            print(f"waiting for {what} ({command} ends what is not wanted)", flush=True)
        try:
            await asyncio.sleep(_PAUSE)
        except asyncio.CancelledError:
            raise WorkflowError(f"interrupted while it waited for jobs still {where}; they run on") from None


def _here() -> list[str]:
    """Numbers of the processes of this user that run a job of this folder; none where there is no ``/proc``."""
    numbers = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_job = words[1:3] == _COMMAND[1:] and "--record" in words and process.stat().st_uid == os.getuid()
            if is_job and (process / "cwd").samefile(Path()):
                numbers.append(process.name)
        except OSError:  # it ended just now, or is not ours
            continue
    return numbers


# What ended unseen


async def keep(dag: Any) -> None:
    """Note the jobs that ended unseen as Snakemake would have, and have others that have no such note made again."""
    from snakemake.settings.types import RerunTrigger

    persistence, kept, others = dag.workflow.persistence, 0, 0
    dag.update_jobids()  # a job's command cannot be told without its number
    for job in dag.jobs:
        record = next((file for file in job.output if str(file).startswith(_RECORDS)), None)
        if record is None or not os.path.exists(record):
            continue
        marked = bool(await persistence.incomplete(job))
        if not marked and _noted(persistence.metadata(record), record):
            continue
        # In a thread of its own: Snakemake does not evaluate a job's resources where it builds the DAG.
        if await asyncio.to_thread(_is_of, Path(record), job):
            # Where nothing can be written, for whoever only looks, Snakemake goes by what it finds.
            with contextlib.suppress(OSError):
                await persistence.finished(job)
                kept += 1
        elif not marked and RerunTrigger.PARAMS in dag.workflow.rerun_triggers:
            dag.forcefiles.add(record)
            others += 1
    if kept:
        print(f"{_jobs(kept)} ended unseen: what {'it' if kept == 1 else 'they'} made is kept", flush=True)
    if others:
        again = "it is" if others == 1 else "they are"
        print(f"{_jobs(others)} ended unseen, with other settings, code or inputs: {again} done again", flush=True)


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _noted(note: Any, record: str) -> bool:
    """Whether Snakemake saw the job end that wrote this record, and not an earlier one."""
    return note is not None and note.endtime is not None and note.endtime >= os.stat(record).st_mtime


def _is_of(path: Path, job: Any) -> bool:
    """Whether a record is of just this job: same command, code and inputs, and all that it made is there."""
    try:
        record = json.loads(path.read_bytes())
        started = datetime.fromisoformat(record["observed"]["started"]).timestamp()
        return (
            digest.means_the_same(record["code"])
            and all(_complete(Path(name), recorded["size"]) for name, recorded in record["outputs"].items())
            and all(_untouched(str(file), record["inputs"], started) for file in job.input)
            and _command(record["command"]) == _command(job.shellcmd)
        )
    except (OSError, UserError, ValueError, KeyError, TypeError):
        return False


def _command(shell: str) -> list[str]:
    """The command of a job: without what the shell sets before, where it writes to, and what changes no result."""
    words = shlex.split(shell)
    start = next((at for at in range(len(words)) if words[at : at + len(_COMMAND)] == _COMMAND), len(words))
    words = words[start : words.index(">") if ">" in words else len(words)]
    if _FREE in words:
        del words[words.index(_FREE) : words.index(_FREE) + 2]
    return words


def _untouched(path: str, known: dict[str, dict[str, Any]], started: float) -> bool:
    """Whether an input is what the job read: no younger than its start, or the same bytes, or not read at all."""
    if os.stat(path).st_mtime <= started:
        return True
    if path in known:
        return hash_path(Path(path)).sha256 == known[path]["sha256"]
    return not os.path.isdir(path)  # raw frames are no inputs by themselves


def _complete(path: Path, size: int) -> bool:
    """Whether an output is there in its full size; whoever reads it compares its bytes."""
    return path.is_dir() or path.stat().st_size == size
