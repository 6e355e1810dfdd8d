"""``mexflow learning``: whether the papers' proposed methods learn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mexflow.cli.options import Record, command

if TYPE_CHECKING:
    from mexflow.papers.reporting_recipe import LearningRecipe
    from mexflow.store.artifacts import Inputs, Outputs


def main(
    papers: Annotated[Path, typer.Option(help="Folder of the papers' files.")],
    results: Annotated[Path, typer.Option(help="Folder of the results: index/, folds/ and the arrays' folders.")],
    recipe: Annotated[str, typer.Option(help="What the tables depend on: JSON, or a file that holds it.")],
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    record: Record = None,
) -> None:
    """Whether the papers' proposed methods learn, on held-out subjects, beside chance and their null controls."""
    from mexflow.papers import paper as readers
    from mexflow.papers.reporting_recipe import LearningRecipe, learning_picks
    from mexflow.store.records import Job

    parsed = LearningRecipe.read(recipe)
    picked = {
        name
        for paper, own in parsed.papers.items()
        for name in learning_picks(readers.load(papers, paper, own.reading), own)
    }
    seeds = {own.seed for own in parsed.papers.values()}
    facts = {"seed": min(seeds), "threads": 1, "recipe": parsed.model_dump(mode="json")}
    with Job(record, __name__, *sorted(picked), **facts) as job:
        summary, facts = run(papers, results, parsed, output, job.inputs, job.outputs)
        job.state(**facts)
        job.finish()
    print(summary)


def run(
    folder: Path, results: Path, recipe: LearningRecipe, prefix: Path, inputs: Inputs, outputs: Outputs
) -> tuple[str, dict[str, Any]]:
    """Write ``<prefix>.parquet``, ``<prefix>.csv`` and ``<prefix>.md``; the caller commits `outputs`.

    Args:
        folder: of the papers' files.
        results: the folder that holds ``index/``, ``folds/<paper>/<experiment>/<fold>/`` and the arrays' folders.
        recipe: what the tables depend on.
        prefix: path of the outputs without their endings.

    Returns:
        A summary, a line a score, and for the record: the experiments that each cell was measured of, by its name; the
        decisions that they rest on, each with its paper; and what was read for each paper.

    Raises:
        UserError: if an input cannot be read or does not fit its paper.
    """
    import pyarrow as pa

    from mexflow.papers import paper as readers
    from mexflow.tables import cells, decided
    from mexflow.tables.evidence import gather
    from mexflow.tables.learning import learned, page

    found, tables, lines, decisions = [], [], [], []
    measured: dict[str, list[str]] = {}
    read: dict[str, list[str]] = {}
    inputs.noted()
    for name, own in recipe.papers.items():
        path = folder / f"{name}.yaml"
        paper = readers.parse(inputs.bytes(path), path, own.reading)
        evidence = gather(paper, results, own, inputs, [paper.data_name(one) for one in own.expected])
        scores = learned(evidence)
        found.append((evidence, scores))
        whole = [cell for score in scores for cell in score.cells]
        cells.require_unique(whole)
        tables.append(cells.to_table(whole, own.data, own.budget, own.reading))
        measured |= {cell.name: list(cell.experiments) for cell in whole}
        rest = decided.recorded(paper, sorted(own.expected), own.budget)
        decisions += [{**decision, "of_paper": name} for decision in rest]
        read[name] = inputs.noted()
        lines += [f"{name}, {score.row}, {score.metric}: {score.verdict}" for score in scores]
    table = pa.concat_tables(tables)
    outputs.table(prefix.with_name(f"{prefix.name}.parquet"), table)
    outputs.bytes(prefix.with_name(f"{prefix.name}.csv"), cells.to_csv(table))
    outputs.text(prefix.with_name(f"{prefix.name}.md"), page(found, recipe.left_out))
    lines += [f"{name}: left out: {reason}" for name, reason in recipe.left_out.items()]
    return "\n".join(lines), {"cells": measured, "decisions": decisions, "read": read}


app = command(main)
