"""``mexflow tables``: a paper's tables, published beside measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import PaperFile, Record, command

if TYPE_CHECKING:
    from mexflow.papers.paper import Paper
    from mexflow.papers.reporting_recipe import ReportingRecipe
    from mexflow.store.artifacts import Inputs, Outputs
    from mexflow.tables.cells import Cell


def main(
    paper: PaperFile,
    results: Annotated[Path, typer.Option(help="Folder of the results: index/, folds/ and the arrays' folders.")],
    recipe: Annotated[str, typer.Option(help="What the tables depend on: JSON, or a file that holds it.")],
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    only: Annotated[str | None, typer.Option(help="Only the scores of this experiment.")] = None,
    record: Record = None,
) -> None:
    """A paper's tables, published beside measured."""
    from mexflow.papers import paper as papers
    from mexflow.papers import repeats, reporting_recipe
    from mexflow.papers.experiment_scores import scores_of
    from mexflow.store.records import Job
    from mexflow.tables import decided

    parsed = reporting_recipe.ReportingRecipe.read(recipe)
    shown = papers.parse(paper.read_bytes(), paper, parsed.reading)
    shown = shown if only is None else scores_of(shown, only)
    picked = reporting_recipe.picks(shown, parsed, only)
    facts = {"seed": parsed.seed, "threads": 1, "recipe": parsed.model_dump(mode="json")}
    with Job(record, __name__, *picked, **facts) as job:
        summary, cells = run(paper, results, parsed, output, job.inputs, job.outputs, only)
        measured = {repeats.first_of(name) for experiments in cells.values() for name in experiments}
        # What each number was measured of, and which decisions that rests on: an auditor follows it to the folds.
        job.state(cells=cells, decisions=decided.recorded(shown, sorted(measured), parsed.budget))
        job.finish()
    print(summary)


def run(
    paper_path: Path,
    results: Path,
    recipe: ReportingRecipe,
    prefix: Path,
    inputs: Inputs,
    outputs: Outputs,
    only: str | None = None,
) -> tuple[str, dict[str, list[str]]]:
    """Write ``<prefix>.parquet``, ``<prefix>.csv`` and ``<prefix>.md``; the caller commits `outputs`.

    Args:
        paper_path: the paper's YAML file.
        results: the folder that holds ``index/``, ``folds/<paper>/<experiment>/<fold>/`` and the arrays' folders.
        recipe: what the tables depend on.
        prefix: path of the outputs without their endings, e.g. ``results/tables/belaiche2020``.
        only: an experiment; instead of the paper's tables, one of its scores is made.

    Returns:
        A summary of a few short lines, and the experiments that each cell was measured of, by its name.

    Raises:
        UserError: if an input cannot be read or does not fit the paper, or the recipe has no folds of `only`.
    """
    from mexflow.errors import choose
    from mexflow.papers import paper as papers
    from mexflow.papers.experiment_scores import scores_of
    from mexflow.tables import cells, claims, paper_page
    from mexflow.tables.controls import controls
    from mexflow.tables.evidence import gather
    from mexflow.tables.paper_cells import paper_cells
    from mexflow.tables.shifted_controls import shifted_controls

    paper = papers.parse(inputs.bytes(paper_path), paper_path, recipe.reading)
    if only is not None:
        paper = scores_of(paper, only)
        choose("experiment of the recipe", only, recipe.expected)
    evidence = gather(paper, results, recipe, inputs, None if only is None else [paper.data_name(only)])
    own_cells = paper_cells(evidence)
    judged = controls(evidence) if recipe.null_controls else None
    shifted = shifted_controls(evidence) if recipe.null_controls else []
    checked = claims.check(evidence)
    whole = own_cells + [cell for part in [*(judged or ()), *shifted, *checked] for cell in part.cells]
    cells.require_unique(whole)
    table = cells.to_table(whole, recipe.data, recipe.budget, recipe.reading)
    outputs.table(prefix.with_name(f"{prefix.name}.parquet"), table)
    outputs.bytes(prefix.with_name(f"{prefix.name}.csv"), cells.to_csv(table))
    page = paper_page.markdown(paper, own_cells, judged, evidence.source, checked, shifted)
    outputs.text(prefix.with_name(f"{prefix.name}.md"), page)
    summary = _summary(paper, whole, judged or (), checked, shifted)
    return summary, {cell.name: list(cell.experiments) for cell in whole if cell.experiments}


def _summary(paper: Paper, cells: Sequence[Cell], judged: Sequence, checked: Sequence, shifted: Sequence) -> str:
    measured = sum(cell.measured is not None for cell in cells)
    incomplete = sum(bool(cell.incomplete) for cell in cells)
    lines = [f"{paper.paper}: {len(cells)} cells, {measured} measured, {incomplete} incomplete"]
    lines += [
        f"{control.metric} of {control.experiment}: {control.verdict}; of its null control: {control.null_verdict}"
        for control in judged
    ]
    lines += [f"claim {check.claim.claim!r}: {check.verdict}" for check in checked]
    lines += [f"{control.experiment}: {control.verdict}" for control in shifted]
    return "\n".join(lines)


app = command(main)
