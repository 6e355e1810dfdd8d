"""``mexflow card``: the card of a network for use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import PaperFile, Record, command


def main(
    paper: PaperFile,
    experiment: Annotated[str, typer.Option(help="Its experiment.")],
    results: Annotated[Path, typer.Option(help="Folder of the results: index, model and tables are read.")],
    training: Annotated[Path, typer.Option(help="Record of its training.")],
    recipe: Annotated[str, typer.Option(help="What the card depends on: JSON, or a file that holds it.")],
    output: Annotated[Path, typer.Option(help="Card to write (JSON).")],
    record: Record = None,
) -> None:
    """What a network for use is, what it was trained on, and how well it does on people it has not seen."""
    from mexflow.analysis import card
    from mexflow.errors import choose
    from mexflow.papers import paper as papers
    from mexflow.papers.reporting_recipe import CardRecipe
    from mexflow.store.artifacts import hash_file
    from mexflow.store.records import Job

    parsed = CardRecipe.read(recipe)
    with Job(record, __name__, threads=1, recipe=parsed.model_dump(mode="json")) as job:
        spec = papers.parse(job.inputs.bytes(paper), paper, parsed.reading)
        choose("experiment", experiment, spec.experiments)
        made = card.make(spec, experiment, parsed, results, training, job.inputs)
        job.observe(records={training.as_posix(): hash_file(training).sha256})
        job.outputs.json(output, made.model_dump(mode="json"))
        job.finish()
    print("\n".join(made.limits))


app = command(main)
