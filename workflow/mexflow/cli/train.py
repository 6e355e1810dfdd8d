"""``mexflow train``: train and test some folds of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command, pairs


def main(
    recipe: Annotated[str, typer.Option(help="The recipe: JSON, or a file that holds it.")],
    fold: Annotated[list[str], typer.Option(help="A fold to train and test, repeatable; all: all subjects, for use.")],
    results: Annotated[
        Path, typer.Option(help="Folder of the results: index and arrays are read, folds and models written.")
    ],
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    weights: Annotated[
        list[str], typer.Option(help="File of the weights that the recipe names, NAME=FILE; repeatable.")
    ] = [],  # noqa: B006
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Least time between two checkpoints.")] = 30.0,
    record: Record = None,
) -> None:
    """Train and test some folds of an experiment, as its recipe says."""
    from mexflow.papers import recipe as recipes
    from mexflow.training.job import train

    train(
        recipes.read(recipe),
        results,
        fold,
        threads=threads,
        device=device,
        checkpoint_seconds=checkpoint_seconds,
        record=record,
        weights={name: Path(file) for name, file in pairs("--weights", weights).items()},
    )


app = command(main)
