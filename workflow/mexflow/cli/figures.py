"""``mexflow figures``: a paper's figures, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import PaperFile, Record, command

if TYPE_CHECKING:
    from mexflow.papers.figure_recipe import FigureRecipe
    from mexflow.store.artifacts import Inputs, Outputs


def main(
    paper: PaperFile,
    results: Annotated[Path, typer.Option(help="Folder of the results, which the recipe's paths are below.")],
    recipe: Annotated[str, typer.Option(help="What the figures are drawn from: JSON, or a file that holds it.")],
    output: Annotated[Path, typer.Option(help="Folder to write the figures into.")],
    record: Record = None,
) -> None:
    """A paper's figures, as PNG and SVG."""
    from mexflow.papers.figure_recipe import FigureRecipe
    from mexflow.store.records import Job

    parsed_recipe = FigureRecipe.read(recipe)
    facts = {"recipe": parsed_recipe.model_dump(mode="json", exclude_defaults=True), "seed": parsed_recipe.seed}
    with Job(record, __name__, *parsed_recipe.picks(), threads=1, **facts) as job:
        summary = run(paper, results, parsed_recipe, output, job.inputs, job.outputs)
        job.finish()
    print(summary)


def run(paper_path: Path, results: Path, recipe: FigureRecipe, output: Path, inputs: Inputs, outputs: Outputs) -> str:
    """Write ``<output>/<figure>.png`` and ``.svg`` for each figure of the paper; the caller commits `outputs`.

    Args:
        paper_path: the paper's YAML file.
        results: the folder that the recipe's paths are below, with ``folds/<paper>/<experiment>/<fold>/``.
        recipe: what the figures are drawn from.
        output: the folder of the figures, e.g. ``results/figures/belaiche2020``.
        inputs: reads the files.
        outputs: writes the figures.

    Returns:
        One line a figure.

    Raises:
        UserError: if an input cannot be read or does not fit the paper.
    """
    from importlib import import_module

    from mexflow import figures
    from mexflow.errors import UserError
    from mexflow.figures import drawing
    from mexflow.figures.material import Material
    from mexflow.papers import paper as papers
    from mexflow.store.paths import Results
    from mexflow.tables.evidence import Evidence
    from mexflow.tables.exclusions import of_experiments
    from mexflow.tables.source import Source

    paper = papers.parse(inputs.bytes(paper_path), paper_path, recipe.reading)
    source = Source(recipe.data, recipe.budget, recipe.reading, recipe.intervals)
    folds = results / "folds"
    kinds = {name: figure.kind for name, figure in paper.figures.items()}
    if kinds != {name: shown.kind for name, shown in recipe.figures.items()}:
        raise UserError(f"{paper_path}: has other figures than --recipe; take the recipe from a run of this file")
    evidence = Evidence(paper, folds, recipe.folds, recipe.total_folds, source, recipe.seed, inputs)
    material = Material("", evidence, recipe, Results(results), inputs)
    evidence.rows = {data: material.rows(data) for data in recipe.indexes}
    evidence.exclusions = of_experiments(paper, recipe.folds, Results(results), evidence.rows, inputs)
    lines = []
    for name, figure in paper.figures.items():
        with drawing.style(f"{paper.paper}/{name}"):
            drawn = import_module(figures.module(figure.kind)).draw(figure, material.of(name))
            title = f"{name}. {figure.title}"
            for ending, content in drawing.rendered(drawn.figure, title, drawn.foot).items():
                outputs.bytes(output / f"{name}{ending}", content)
        lines.append(f"{paper.paper} {name}: {drawn.summary}")
    return "\n".join(lines)


app = command(main)
