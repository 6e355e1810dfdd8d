"""``mexflow incomplete``: after a run that failed, the tables that it could not make, with what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command, pairs


def main(
    log: Annotated[Path, typer.Option(help="Snakemake's log, which names what failed.")],
    results: Annotated[Path, typer.Option(help="Folder of the results.")],
    paper: Annotated[
        list[str], typer.Option(help="A paper's file, and the recipe of its tables, FILE=JSON; repeatable.")
    ] = [],  # noqa: B006
    page: Annotated[str, typer.Option(help="The recipe of the results page; none if there is to be none.")] = "",
    papers: Annotated[Path, typer.Option(help="Folder of the papers' files.")] = Path("workflow/papers"),
    unlisted: Annotated[list[str], typer.Option(help="A paper on data that cannot be listed, PAPER=REASON.")] = [],  # noqa: B006
) -> None:
    """Tables of the papers whose folds a failed run lacks: ``INCOMPLETE n/N``, the reasons in their notes; the page."""
    from mexflow.engine import incomplete, status
    from mexflow.papers.reporting_recipe import ReportingRecipe

    run = status.of_log(log)
    for path, recipe in pairs("--paper", paper).items():
        outcome = incomplete.make(run, Path(path), ReportingRecipe.read(recipe), results)
        if outcome:
            print(outcome)
    if "unlisted" in run.counts:
        for name, reason in pairs("--unlisted", unlisted).items():
            print(f"{name}: no tables: {reason}")
    # The last one, for it shows these tables.
    if page and (outcome := incomplete.page(run, log, papers, page, results)):
        print(outcome)


app = command(main)
