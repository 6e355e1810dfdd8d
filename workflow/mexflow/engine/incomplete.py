"""The tables of a run that failed: made of the folds there are, with the reason why others are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mexflow.engine.status import Status, last_lines

SHOWN = 3
"""So many failures are named where a fold is missing for want of what others were to make."""


def make(run: Status, arguments: Sequence[str]) -> str | None:
    """Make a paper's tables of what there is.

    Args:
        run: the run that failed.
        arguments: those of ``mexflow tables``, as if every fold were there, its record's path too.

    Returns:
        A line that says what was made, or why nothing could be; None if the run did not owe these tables.
    """
    paper = Path(_values(arguments, "--paper")[0]).stem
    rule = f"tables_{paper}"
    done = any(job.rule == rule and job.state == "done" for job in run.jobs.values())
    if rule not in run.counts or done:
        return None
    reasons = dict(_reasons(run, arguments, paper))
    if not reasons:
        return None
    lacking = [path for text in _values(arguments, "--index") if not Path(path := text.partition("=")[2]).is_file()]
    if lacking:
        return f"{paper}: no tables, for {lacking[0]} is missing: {_upstream(run)}"
    # Without the record of the whole tables, the next run knows that it owes them; those without have one of their own.
    record = Path(_values(arguments, "--record")[0])
    record.unlink(missing_ok=True)
    own = record.parent.with_name("incomplete") / record.name
    kept = [word for pair in _pairs(arguments) if _is_kept(pair) for word in pair]
    told = [word for fold, reason in sorted(reasons.items()) for word in ("--reason", f"{fold}={reason}")]
    result = subprocess.run(
        [sys.executable, "-m", "mexflow", "tables", *kept, *told, "--record", str(own)],
        env={**os.environ, "MEXFLOW_RULE": rule},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        return f"{paper}: no tables: {(result.stderr.strip() or 'no message').splitlines()[-1]}"
    noun = "fold is" if len(reasons) == 1 else "folds are"
    return f"{paper}: tables without what is missing: {len(reasons)} {noun} not there; the notes say why"


def _reasons(run: Status, arguments: Sequence[str], paper: str) -> Iterator[tuple[str, str]]:
    """Each missing fold, ``EXPERIMENT/FOLD``, and why."""
    root = Path(_values(arguments, "--folds")[0]) / paper
    upstream = _upstream(run)
    for text in _values(arguments, "--expect"):
        experiment, _, folds = text.partition("=")
        for fold in folds.split(","):
            folder = root / experiment / fold
            if not any((folder / name).is_file() for name in ("predictions.parquet", "scores.parquet")):
                own = [job for job in run.failed if any(Path(path).parent == folder for path in job.outputs)]
                yield f"{experiment}/{fold}", _why(own[0].log) if own else upstream


def _upstream(run: Status) -> str:
    """What failed, where that was not the fold's own training."""
    failed = [f"{job.rule} failed: {_why(job.log)}" for job in run.failed]
    more = [f"and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else []
    return "; ".join([*failed[:SHOWN], *more]) or "the run ended before it was made"


def _why(log: str) -> str:
    """What a job that failed said last."""
    lines = last_lines(log)
    return lines[-1].removeprefix("mexflow: error: ") if lines else "killed without a word"


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The options with their values, an option without one alone."""
    i = 0
    while i < len(arguments):
        alone = i + 1 == len(arguments) or arguments[i + 1].startswith("--")
        yield tuple(arguments[i : i + 1 + (not alone)])
        i += 1 + (not alone)


def _is_kept(pair: tuple[str, ...]) -> bool:
    return pair[0] != "--record" and (pair[0] != "--array-table" or Path(pair[1]).is_file())


def _values(arguments: Sequence[str], option: str) -> list[str]:
    return [pair[1] for pair in _pairs(arguments) if pair[0] == option]
