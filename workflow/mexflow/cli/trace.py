"""``mexflow trace``: where a number, or an artifact, came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    what: Annotated[
        str, typer.Argument(help="A cell, e.g. belaiche2020/T4/Vy/3CL/accuracy, or the path of an artifact.")
    ],
    depth: Annotated[int | None, typer.Option(min=0, help="Jobs to go back; else to the raw data.")] = None,
    only_raw: Annotated[bool, typer.Option(help="Only the raw frames behind it, with their sha256.")] = False,
    commands: Annotated[
        bool, typer.Option(help="Each job's command with its recipe, code, versions and times; long lines.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Where a number, or an artifact, came from; offline, from the records."""
    import json
    import sys

    from mexflow.audit import short_tree, trace
    from mexflow.audit.graph import load

    graph = load(records)
    cell = None if what in graph.artifacts else trace.find_cell(graph, what)
    behind = [what] if cell is None else trace.rests_on(graph, cell)
    if only_raw:
        frames = list(trace.raw_files(graph, behind))
        if json_:
            print(json.dumps(frames, indent=2))
        else:
            sys.stdout.writelines(f"{row['sha256']}  {row['file']}\n" for row in frames)
        return
    seen: set[str] = set()
    if cell is None:
        node = trace.tree(graph, what, seen, depth)
        if json_:
            print(json.dumps(trace.as_json(node), indent=2))
        else:
            print("\n".join(trace.as_lines(node) if commands else short_tree.tree_lines([node])))
        return
    if not json_:  # first the folds, which the number was computed from
        behind.sort(key=lambda path: "/folds/" not in path)
    table = trace.tree(graph, cell.table, depth=0)
    nodes = [trace.tree(graph, path, seen, depth) for path in behind] if depth != 0 else []
    rows = {name: trace.rows(graph, cell, name) for name in trace.ROWS}
    if json_:
        report = {"cell": cell.row, "experiments": cell.experiments, "decisions": cell.decisions, **rows}
        report |= {"table": trace.as_json(table), "inputs": [trace.as_json(node) for node in nodes]}
        print(json.dumps(report, indent=2))
        return
    print("\n".join(short_tree.cell_lines(cell, [(name, row) for name, some in rows.items() for row in some])))
    if commands:
        print("\n".join(line for node in [table, *nodes] for line in trace.as_lines(node, 1)))
    else:
        print("\n".join(short_tree.tree_lines([table, *nodes])))


app = command(main)
