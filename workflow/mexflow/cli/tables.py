"""``mexflow tables``: a paper's tables, published beside measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import (
    Budget,
    Data,
    Expect,
    Folds,
    Indexes,
    PaperFile,
    Record,
    Seed,
    TotalFolds,
    command,
    counts,
    expected,
    pairs,
)

if TYPE_CHECKING:
    from mexflow.papers import Paper
    from mexflow.store.artifacts import Inputs, Outputs
    from mexflow.tables.cells import Cell


def main(
    paper: PaperFile,
    folds: Folds,
    index: Indexes,
    expect: Expect,
    total_folds: TotalFolds,
    budget: Budget,
    data: Data,
    seed: Seed,
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    array_table: Annotated[list[Path], typer.Option(help="A table beside an array that was read; repeatable.")] = [],  # noqa: B006
    only: Annotated[str | None, typer.Option(help="Only the scores of this experiment.")] = None,
    null_controls: Annotated[bool, typer.Option(help="Judge the null controls.")] = True,
    reason: Annotated[list[str], typer.Option(help="Why a fold is missing, EXPERIMENT/FOLD=TEXT; repeatable.")] = [],  # noqa: B006
    record: Record = None,
) -> None:
    """A paper's tables, published beside measured."""
    from mexflow import papers
    from mexflow.evaluation.folds import PROTOCOLS
    from mexflow.store.records import Job

    told = papers.parse(paper.read_bytes(), paper)
    picked = [*(f"mexflow.models.{model}" for model in told.models), *map(PROTOCOLS.identity, told.protocols)]
    with Job(record, __name__, *picked, seed=seed, threads=1) as job:
        said, cells = run(
            paper_path=paper,
            folds_root=folds,
            indexes={name: Path(path) for name, path in pairs("--index", index).items()},
            array_tables=array_table,
            folds=expected(expect),
            total_folds=counts("--total-folds", total_folds),
            budget=budget,
            data=data,
            seed=seed,
            null_controls=null_controls,
            prefix=output,
            only=only,
            reasons=pairs("--reason", reason),
            inputs=job.inputs,
            outputs=job.outputs,
        )
        # What each number was measured of: an auditor follows it from here to the folds.
        job.state(cells=cells)
        job.finish()
    print(said)


def run(
    *,
    paper_path: Path,
    folds_root: Path,
    indexes: Mapping[str, Path],
    array_tables: Sequence[Path],
    folds: Mapping[str, Sequence[str]],
    total_folds: Mapping[str, int],
    budget: str,
    data: str,
    seed: int,
    null_controls: bool,
    prefix: Path,
    inputs: Inputs,
    outputs: Outputs,
    only: str | None = None,
    reasons: Mapping[str, str] | None = None,
) -> tuple[str, dict[str, list[str]]]:
    """Write ``<prefix>.parquet``, ``<prefix>.csv`` and ``<prefix>.md``; the caller commits `outputs`.

    Args:
        paper_path: the paper's YAML file.
        folds_root: the folder that holds ``<paper>/<experiment>/<fold>/predictions.parquet``.
        indexes: the index of each of the paper's data, by name.
        array_tables: the tables beside the arrays that were read, for the clips excluded on the way.
        folds: the folds expected of each experiment; one whose file is missing makes its numbers INCOMPLETE.
        total_folds: folds of the whole protocol, by the name of the data.
        budget: ``demo`` or ``paper``.
        data: ``embedded``, or a text naming the licensed copies.
        seed: base seed of bootstraps and of the choice of samples.
        null_controls: whether null controls were run and are to be judged.
        prefix: path of the outputs without their endings, e.g. ``results/tables/belaiche2020``.
        reasons: why folds are missing, by ``EXPERIMENT/FOLD``; told in the notes.
        only: an experiment; instead of the paper's tables, one of its scores is made.

    Returns:
        A summary of a few short lines, and the experiments that each cell was measured of, by its name.

    Raises:
        UserError: if an input cannot be read or does not fit the paper.
    """
    from mexflow import papers
    from mexflow.tables import cells, claims, render
    from mexflow.tables import spotting_cells as spotting
    from mexflow.tables.controls import controls
    from mexflow.tables.evidence import Evidence, exclusions
    from mexflow.tables.source import Source

    paper = papers.parse(inputs.bytes(paper_path), paper_path)
    if only is not None:
        paper = papers.scores_of(paper, only)
    source = Source(data, budget)
    beside = [inputs.table(path) for path in sorted(array_tables)]
    rows = {name: inputs.table(path).to_pylist() for name, path in indexes.items()}
    excluded = {name: exclusions(rows[name], own.label, beside, paper.test_pairs) for name, own in paper.data.items()}
    evidence = Evidence(paper, folds_root, folds, total_folds, source, seed, inputs, excluded, rows, reasons)
    found = cells.paper_cells(evidence)
    judged = controls(evidence) if null_controls else None
    shifted = spotting.controls(evidence) if null_controls else []
    checked = claims.check(evidence)
    whole = found + [cell for one in [*(judged or ()), *shifted, *checked] for cell in one.cells]
    cells.require_unique(whole)
    table = cells.to_table(whole, data, budget)
    outputs.table(prefix.with_name(f"{prefix.name}.parquet"), table)
    outputs.bytes(prefix.with_name(f"{prefix.name}.csv"), cells.to_csv(table))
    outputs.text(prefix.with_name(f"{prefix.name}.md"), render.markdown(paper, found, judged, source, checked, shifted))
    said = _summary(paper, whole, judged or (), checked, shifted)
    return said, {cell.name: list(cell.experiments) for cell in whole if cell.experiments}


def _summary(paper: Paper, found: Sequence[Cell], judged: Sequence, checked: Sequence, shifted: Sequence) -> str:
    measured = sum(cell.measured is not None for cell in found)
    incomplete = sum(bool(cell.incomplete) for cell in found)
    lines = [f"{paper.paper}: {len(found)} cells, {measured} measured, {incomplete} incomplete"]
    lines += [
        f"null control of {control.experiment}: {control.null_verdict}; {control.experiment}: {control.verdict}"
        for control in judged
    ]
    lines += [f"claim {one.claim.claim!r}: {one.verdict}" for one in checked]
    lines += [f"{one.experiment}: {one.verdict}" for one in shifted]
    return "\n".join(lines)


app = command(main)
