"""The tables of a run that failed: made of the folds there are, with the reason why others are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mexflow.engine.status import Status, last_lines
from mexflow.papers import paper as papers
from mexflow.papers.reporting_recipe import ReportingRecipe

SHOWN = 3
"""So many failures are named where a fold is missing for want of what others were to make."""


def make(run: Status, paper_path: Path, recipe: ReportingRecipe, results: Path) -> str | None:
    """Make a paper's tables of what there is.

    Args:
        run: the run that failed.
        paper_path: the paper's file.
        recipe: of its tables, as if every fold were there.
        results: the folder of the results, where the tables and their record go too.

    Returns:
        A line that says what was made, or why nothing could be; None if the run did not owe these tables.
    """
    paper = papers.parse(paper_path.read_bytes(), paper_path, recipe.reading)
    name = paper.paper
    rule = f"tables_{name}"
    done = any(job.rule == rule and job.state == "done" for job in run.jobs.values())
    if rule not in run.counts or done:
        return None
    missing = dict(sorted(_missing(run, recipe, results / "folds" / name)))
    if not missing:
        return None
    indexes = [results / "index" / f"{data.index}.parquet" for data in paper.data.values()]
    if lacking := [path for path in indexes if not path.is_file()]:
        return f"{name}: no tables, for {lacking[0]} is missing: {_upstream(run)}"
    # Without the record of the whole tables, the next run knows that it owes them; those without have one of their own.
    records = results / "records"
    (records / "tables" / f"{name}.json").unlink(missing_ok=True)
    options = {
        "--paper": paper_path,
        "--results": results,
        "--recipe": recipe.model_copy(update={"missing": missing}).text(),
        "--output": results / "tables" / name,
        "--record": records / "incomplete" / f"{name}.json",
    }
    result = subprocess.run(
        [sys.executable, "-m", "mexflow", "tables", *(str(word) for option in options.items() for word in option)],
        env={**os.environ, "MEXFLOW_RULE": rule},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        return f"{name}: no tables: {(result.stderr.strip() or 'no message').splitlines()[-1]}"
    noun = "fold is" if len(missing) == 1 else "folds are"
    return f"{name}: tables without what is missing: {len(missing)} {noun} not there; the notes say why"


def page(run: Status, log: Path, papers: Path, recipe: str, results: Path) -> str | None:
    """Make the results page of what there is.

    Args:
        run: the run that failed.
        log: Snakemake's log of it.
        papers: the folder of the papers' files.
        recipe: of the page, as if all were there.
        results: the folder of the results, where the page goes too.

    Returns:
        A line that says what was made, or why nothing could be; None if the run did not owe a page.
    """
    if "page" not in run.counts or any(job.rule == "page" and job.state == "done" for job in run.jobs.values()):
        return None
    output = results / "index.html"
    options = {"--papers": papers, "--results": results, "--recipe": recipe, "--log": log, "--output": output}
    result = subprocess.run(
        [sys.executable, "-m", "mexflow", "page", "--so-far", *(str(word) for one in options.items() for word in one)],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        return f"{output}: no page: {(result.stderr.strip() or 'no message').splitlines()[-1]}"
    # Without the record of the whole page, the next run knows that it owes it.
    (results / "records" / "page.json").unlink(missing_ok=True)
    return f"{output}: what there is, and what is not there, and why"


def failures(run: Status) -> list[str]:
    """What failed, a line a job: its rule, what it said last, and where its log lies."""
    return [f"{job.rule}: {_why(job.log)}" + (f" ({job.log})" if job.log else "") for job in run.failed]


def _missing(run: Status, recipe: ReportingRecipe, folder: Path) -> Iterator[tuple[str, str]]:
    """Each missing fold, ``EXPERIMENT/FOLD``, and why.

    Args:
        folder: that of the paper's folds.
    """
    upstream = _upstream(run)
    for experiment, folds in recipe.expected.items():
        for fold in folds:
            place = folder / experiment / fold
            if not any((place / name).is_file() for name in ("predictions.parquet", "scores.parquet")):
                training = [job for job in run.failed if any(Path(path).parent == place for path in job.outputs)]
                yield f"{experiment}/{fold}", _why(training[0].log) if training else upstream


def _upstream(run: Status) -> str:
    """What failed, where that was not the fold's own training."""
    failed = [f"{job.rule} failed: {_why(job.log)}" for job in run.failed]
    more = [f"and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else []
    return "; ".join([*failed[:SHOWN], *more]) or "the run ended before it was made"


def _why(log: str) -> str:
    """What a job that failed said last."""
    lines = last_lines(log)
    return lines[-1].removeprefix("mexflow: error: ") if lines else "killed without a word"
