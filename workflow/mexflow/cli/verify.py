"""``mexflow verify``: whether any byte has changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command

_LOCK = Path(__file__).resolve().parents[3] / "envs" / "requirements.lock"


def main(
    what: Annotated[str | None, typer.Argument(help="A cell or the path of an artifact, with all behind it.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that the records name.")] = False,
    raw: Annotated[bool, typer.Option(help="Hash the raw frames, too.")] = False,
    recompute_cell: Annotated[bool, typer.Option(help="Make the cell's table anew, and compare the cell.")] = False,
    verbose: Annotated[bool, typer.Option(help="Show what passed, too.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Files hashed at a time; else one a core.")] = None,
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Whether any byte has changed, of an artifact or a cell and all behind it; offline, from the records.

    The exit status is 0 only if everything passes.
    """
    from collections import Counter

    from mexflow.audit import reproduce, trace
    from mexflow.audit.graph import load
    from mexflow.audit.verify import Finding, ended, verify
    from mexflow.errors import UserError
    from mexflow.progress import progress

    if (what is None) != all_:
        raise UserError("verify: give a cell, the path of an artifact, or --all")
    graph = load(records)
    cell = None if what is None or what in graph.artifacts else trace.find_cell(graph, what)
    if recompute_cell and cell is None:
        raise UserError("--recompute-cell needs a cell, e.g. belaiche2020/T4/Vy/3CL/accuracy")
    if what is None:
        paths = set(graph.artifacts)
    else:
        starts = (
            [what] if cell is None else [*graph.records[graph.maker[cell.table]].outputs, *trace.rests_on(graph, cell)]
        )
        bases = starts if cell is None else trace.rests_on(graph, cell)
        paths = {*starts, *(path for start in bases for path in graph.ancestors(start))}
    before, findings = ended(records.parent)
    counted: Counter[bool] = Counter()

    def show(finding: Finding) -> None:
        counted[finding.wrong is None] += 1
        if verbose or finding.wrong:
            print(finding)

    for finding in findings:
        show(finding)
    with progress("verify", len(paths)) as advance:
        for finding in verify(graph, paths, _LOCK, before, raw, threads or os.cpu_count() or 1, lambda: advance(1)):
            show(finding)
    if recompute_cell and cell is not None:
        show(Finding("cell", cell.row["cell"], reproduce.cell(graph, cell)))
    root = f"; run root {before['root']}" if before else "; no run root: there is no run.json to go by"
    print(f"{counted[True]} passed, {counted[False]} failed{root}")
    if counted[False]:
        raise SystemExit(1)


app = command(main)
