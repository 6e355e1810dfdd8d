"""Where a number, or an artifact, came from: the jobs behind it, back to the raw frames.

A cell rests on its table, on the folds of the experiments it was measured of (the table's record says which), and on
all that these were made from; it does not rest on the folds of the table's other experiments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mexflow.artifacts import Inputs
from mexflow.audit.graph import Graph, Record
from mexflow.errors import UserError, nearest

_SHOWN = ("device", "threads", "seed", "size", "dataset", "subject")
_FOLD = ("seed", "training_subjects", "validation_subjects", "test_subjects", "normalisation")
_OF_FRAMES = "faces"


@dataclass(frozen=True)
class Node:
    """An artifact, the job that made it (None: no job did), and what that read, each artifact in full only once."""

    path: str
    sha256: str
    size: int
    record: Record | None
    fold: dict[str, Any] = field(default_factory=dict)
    inputs: list[Node] = field(default_factory=list)
    again: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its row there, the table's path, and the experiments that it was measured of."""

    row: dict[str, Any]
    table: str
    experiments: list[str]

    @property
    def paper(self) -> str:
        return self.row["cell"].partition("/")[0]


def find_cell(graph: Graph, name: str) -> Cell:
    """The cell of that name.

    Raises:
        UserError: if no table of the run has one, naming the nearest, or the table cannot be read.
    """
    known: set[str] = set()
    for record in graph.records.values():
        for path in record.outputs:
            if not path.endswith(".parquet") or record.stage not in ("tables", "scores", "quality", "timing"):
                continue
            rows = Inputs().table(path).to_pylist()
            for row in rows:
                if row["cell"] == name:
                    return Cell(row, path, record.said.get("cells", {}).get(name, []))
            known.update(row["cell"] for row in rows)
    raise UserError(
        f"no table of this run has a cell {name!r}{nearest(name, known)}; see the column `cell` of its tables"
    )


def rests_on(graph: Graph, cell: Cell) -> list[str]:
    """The inputs of the cell's table that the cell rests on, sorted.

    Of the folds, those of its experiments; of the rest all: the index, the paper's file, the tables that say what was
    left out on the way.
    """
    inputs = graph.parents(cell.table)
    if not cell.experiments:
        return [path for path in inputs if "/folds/" not in path]
    folders = [f"/folds/{cell.paper}/{experiment}/" for experiment in cell.experiments]
    return [path for path in inputs if "/folds/" not in path or any(folder in path for folder in folders)]


def tree(graph: Graph, path: str, seen: set[str] | None = None, depth: int | None = None) -> Node:
    """An artifact and everything behind it, `depth` jobs back (None: all).

    Raises:
        UserError: if no record names it.
    """
    seen = set() if seen is None else seen
    if path not in graph.maker and path not in graph.readers:
        raise UserError(f"{path}: no record names it{nearest(path, graph.artifacts)}")
    record = graph.records[graph.maker[path]] if path in graph.maker else None
    said = record.outputs[path] if record else graph.records[graph.readers[path][0]].inputs[path]
    if path in seen:
        return Node(path, said["sha256"], said["size"], record, again=True)
    seen.add(path)
    fold = record.said.get("folds", {}).get(Path(path).parent.name, {}) if record else {}
    parents = graph.parents(path) if depth is None or depth > 0 else []
    inputs = [tree(graph, parent, seen, None if depth is None else depth - 1) for parent in parents]
    return Node(path, said["sha256"], said["size"], record, fold, inputs)


def raw_files(graph: Graph, paths: list[str]) -> Iterator[dict[str, Any]]:
    """The raw frames behind artifacts: `file`, `sha256` and `size`, as they were when they were decoded."""
    seen: set[str] = set()
    for path in paths:
        for one in graph.ancestors(path):
            job = graph.records.get(graph.maker.get(one, ""))
            if job is None or job.stage != _OF_FRAMES or not one.endswith(".parquet") or one in seen:
                continue
            seen.add(one)
            root = Path(job.said["raw"]["root"])
            for row in Inputs().table(one, ["file", "sha256", "size"]).to_pylist():
                yield {**row, "file": (root / row["file"]).as_posix()}


def predictions(graph: Graph, cell: Cell) -> list[dict[str, Any]]:
    """The rows that a cell's number was computed from: each test clip with its fold, label and probabilities."""
    rows = []
    for path in rests_on(graph, cell):
        if path.endswith("/predictions.parquet"):
            rows += Inputs().table(path).to_pylist()
    return rows


def as_lines(node: Node, indent: int = 0) -> Iterator[str]:
    """The tree as text, two spaces a step."""
    space = "  " * indent
    yield f"{space}{node.path}  {node.sha256[:12]}  {node.size:,} bytes{'  (see above)' if node.again else ''}"
    if node.again or node.record is None:
        return
    said = node.record.said
    facts = [f"{name} {said[name]}" for name in _SHOWN if said.get(name) is not None]
    started, ended = (said["observed"][name] for name in ("started", "ended"))
    yield f"{space}  made by {node.record.job}, {', '.join([*facts, f'{started} to {ended}'])}"
    yield f"{space}  code {said['code']['digest'][:12]}, lock {(said['lock_digest'] or 'none')[:12]}, {_versions(said)}"
    yield f"{space}  $ {said['command']}"
    for name in _FOLD:
        if name in node.fold:
            yield f"{space}  {name.replace('_', ' ')}: {_listed(node.fold[name])}"
    for one in node.inputs:
        yield from as_lines(one, indent + 1)


def as_json(node: Node) -> dict[str, Any]:
    """The tree for machines: an artifact that was met before has ``again: true`` and nothing behind it."""
    found: dict[str, Any] = {"path": node.path, "sha256": node.sha256, "size": node.size}
    if node.again:
        return {**found, "again": True}
    if node.record is not None:
        said = node.record.said
        names = ("job", "rule", "command", "code", "lock_digest", "versions", "observed", *_SHOWN)
        found["made_by"] = {name: said[name] for name in names if name in said}
        found["made_by"]["code"] = {name: value for name, value in said["code"].items() if name != "modules"}
        if node.fold:
            found["fold"] = node.fold
    return {**found, "inputs": [as_json(one) for one in node.inputs]}


def _versions(said: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in said["versions"].items())


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
