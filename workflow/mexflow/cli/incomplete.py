"""``mexflow incomplete``: after a run that failed, the tables that it could not make, with what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command, pairs


def main(
    log: Annotated[Path, typer.Option(help="Snakemake's log, which names what failed.")],
    tables: Annotated[list[str], typer.Option(help="The arguments of `mexflow tables`, one a paper; repeatable.")] = [],  # noqa: B006
    unlisted: Annotated[list[str], typer.Option(help="A paper on data that cannot be listed, PAPER=REASON.")] = [],  # noqa: B006
) -> None:
    """Tables of the papers whose folds a failed run lacks: ``INCOMPLETE n/N``, with the reasons in their notes."""
    import shlex

    from mexflow.engine import incomplete, status
    from mexflow.store.artifacts import Inputs

    run = status.parse(Inputs().bytes(log).decode(errors="replace").splitlines())
    for text in tables:
        said = incomplete.make(run, shlex.split(text))
        if said:
            print(said)
    if "unlisted" in run.counts:
        for paper, reason in pairs("--unlisted", unlisted).items():
            print(f"{paper}: no tables: {reason}")


app = command(main)
