"""``mexflow incomplete``: after a run that failed, the tables that it could not make, with what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    log: Annotated[Path, typer.Option(help="Snakemake's log, which names what failed.")],
    tables: Annotated[list[str], typer.Option(help="The arguments of `mexflow tables`, one text a paper; repeatable.")],
) -> None:
    """Tables of the papers whose folds a failed run lacks: ``INCOMPLETE n/N``, with the reasons in their notes."""
    import shlex

    from mexflow.artifacts import Inputs
    from mexflow.reporting import incomplete, status

    run = status.parse(Inputs().bytes(log).decode(errors="replace").splitlines())
    for text in tables:
        said = incomplete.make(run, shlex.split(text))
        if said:
            print(said)


app = command(main)
