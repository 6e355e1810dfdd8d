"""Where a number, or an artifact, came from: the jobs behind it, back to the raw frames.

A cell rests on its table, on the folds of the experiments it was measured of (the table's record says which), and on
all that these were made from; it does not rest on the folds of the table's other experiments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mexflow.audit.graph import Graph, Record
from mexflow.errors import UserError, nearest
from mexflow.evaluation.folds import ALL
from mexflow.papers import repeats
from mexflow.papers.metrics import METRICS
from mexflow.store.artifacts import Inputs

_SHOWN = ("device", "threads", "seed", "size", "dataset", "subject")
FOLD_FACTS = ("seed", "training_subjects", "validation_subjects", "test_subjects", "normalisation")
OF_CELLS = ("tables", "incomplete", "scores", "quality", "timing", "learning")
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
    """A cell of a table: its row there, the table's path, and the experiments that it was measured of.

    `decisions` are those of the paper's file that the number rests on, as they were when the table was made.
    """

    row: dict[str, Any]
    table: str
    experiments: list[str]
    decisions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def paper(self) -> str:
        return self.row["cell"].partition("/")[0]


def find_cell(graph: Graph, name: str) -> Cell:
    """The cell of that name.

    Raises:
        UserError: if no table of the run has one, naming the nearest, or the table cannot be read.
    """
    names: set[str] = set()
    for record in graph.records.values():
        for path in record.outputs:
            if not path.endswith(".parquet") or record.stage not in OF_CELLS:
                continue
            rows = Inputs().table(path).to_pylist()
            for row in rows:
                if row["cell"] == name:
                    experiments = record.contents.get("cells", {}).get(name, [])
                    return Cell(row, path, experiments, decisions_behind(record, row, experiments))
            names.update(row["cell"] for row in rows)
    raise UserError(
        f"no table of this run has a cell {name!r}{nearest(name, names)}; see the column `cell` of its tables"
    )


def decisions_behind(record: Record, row: dict[str, Any], experiments: list[str]) -> list[dict[str, Any]]:
    """The decisions that a cell of these experiments rests on; of what a network is alone, those on networks."""
    metric, paper = row["metric"], row["cell"].partition("/")[0]
    counted = metric in METRICS and not METRICS[metric].of_data
    return [
        {name: value for name, value in decision.items() if name not in ("experiments", "of_networks", "of_paper")}
        for decision in record.contents.get("decisions", [])
        if set(experiments) & set(decision["experiments"]) and (decision["of_networks"] or not counted)
        # A table of several papers says whose each decision is.
        if decision.get("of_paper", paper) == paper
    ]


def decision_lines(cell: Cell) -> Iterator[str]:
    """The decisions that a cell rests on as text, each with what the paper says of it and where."""
    for decision in cell.decisions:
        others = f"; or {', '.join(map(json.dumps, decision['alternatives']))}" if decision["alternatives"] else ""
        value = json.dumps(decision["value"])
        yield f"{decision['setting']}: {value}{others} ({decision['paper']}: {decision['place']})"


def rests_on(graph: Graph, cell: Cell) -> list[str]:
    """The inputs of the cell's table that the cell rests on, sorted.

    Of the folds, those of its experiments; of the rest all: the index, the paper's file, the tables that say what was
    left out on the way.
    """
    # A table of several papers says what was read for each of them.
    read = graph.records[graph.maker[cell.table]].contents.get("read", {}).get(cell.paper)
    inputs = [path for path in graph.parents(cell.table) if read is None or path in read]
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
    recorded = record.outputs[path] if record else graph.records[graph.readers[path][0]].inputs[path]
    if path in seen:
        return Node(path, recorded["sha256"], recorded["size"], record, again=True)
    seen.add(path)
    fold = record.contents.get("folds", {}).get(_fold_of(path), {}) if record else {}
    parents = graph.parents(path) if depth is None or depth > 0 else []
    inputs = [tree(graph, parent, seen, None if depth is None else depth - 1) for parent in parents]
    return Node(path, recorded["sha256"], recorded["size"], record, fold, inputs)


def _fold_of(path: str) -> str:
    """The fold whose folder an artifact lies in; a network for use is of all subjects."""
    return ALL if path.startswith("results/models/") else Path(path).parent.name


def raw_files(graph: Graph, paths: list[str]) -> Iterator[dict[str, Any]]:
    """The raw frames behind artifacts: `file`, `sha256` and `size`, as they were when they were decoded."""
    seen: set[str] = set()
    for path in paths:
        for artifact in graph.ancestors(path):
            job = graph.records.get(graph.maker.get(artifact, ""))
            if job is None or job.stage != _OF_FRAMES or not artifact.endswith(".parquet") or artifact in seen:
                continue
            seen.add(artifact)
            root = Path(job.contents["raw"]["root"])
            for row in Inputs().table(artifact, ["file", "sha256", "size"]).to_pylist():
                yield {**row, "file": (root / row["file"]).as_posix()}


ROWS = ("predictions", "thresholds", "intervals")
"""The tables of a fold whose rows a cell is computed from.

Of each test clip its fold, label and probabilities; of spotting each threshold with whom it was chosen on, and each
true and predicted interval of a test video.
"""


def rows(graph: Graph, cell: Cell, name: str) -> list[dict[str, Any]]:
    """The rows that a cell's number was computed from, of one of the tables in `ROWS`; none where it has no such table.

    Those of a further training from another seed have its number as `repeat`.

    Raises:
        UserError: if a table cannot be read.
    """
    cell_rows = []
    for path in rests_on(graph, cell):
        if path.endswith(f"/{name}.parquet"):
            repeat = repeats.number_of(Path(path).parts[-3])
            again = {"repeat": repeat} if repeat > 1 else {}
            cell_rows += [{**row, **again} for row in Inputs().table(path).to_pylist()]
    return cell_rows


def as_text(name: str, row: dict[str, Any]) -> str:
    """Such a row as a line."""
    if "repeat" in row:
        number = row["repeat"]
        return f"repeat {number}: {as_text(name, {key: row[key] for key in row if key != 'repeat'})}"
    if name == "predictions":
        right = "" if row["label"] == row["predicted"] else f", not {row['label']}"
        of = f"{row['subject']} {row['clip']}"
        return f"{row['fold']} {of}: {row['predicted']} {max(row['probabilities']):.3f}{right}"
    if name == "thresholds":
        chosen = f"on {row['frames']} frames of {listed(row['subjects'])}"
        return f"{row['fold']} {row['variant']} {row['type']}: threshold {row['threshold']:.4f}, chosen {chosen}"
    matched = ", matched" if row["matched"] else ""
    of = f"{row['fold']} {row['video']} {row['variant']} {row['type']}"
    return f"{of}: {row['source']} {row['first']} to {row['last']}{matched}"


def as_lines(node: Node, indent: int = 0) -> Iterator[str]:
    """The tree with all that the records say: commands, code, versions and times; two spaces a step."""
    space = "  " * indent
    yield f"{space}{node.path}  {node.sha256[:12]}  {node.size:,} bytes{'  (see above)' if node.again else ''}"
    if node.again or node.record is None:
        return
    contents = node.record.contents
    facts = [f"{name} {contents[name]}" for name in _SHOWN if contents.get(name) is not None]
    started, ended = (contents["observed"][name] for name in ("started", "ended"))
    yield f"{space}  made by {node.record.job}, {', '.join([*facts, f'{started} to {ended}'])}"
    yield (
        f"{space}  code {contents['code']['digest'][:12]}, lock {(contents['lock_digest'] or 'none')[:12]}, "
        f"{_versions(contents)}"
    )
    yield f"{space}  $ {contents['command']}"
    if "raw" in contents:
        raw = contents["raw"]
        yield f"{space}  raw frames: {raw['files']:,} of {raw['root']}, {raw['bytes']:,} bytes, {raw['sha256'][:12]}"
    if node.record.stage == "index":
        yield f"{space}  release: {release(node)}"
    for name in FOLD_FACTS:
        if name in node.fold:
            yield f"{space}  {name.replace('_', ' ')}: {listed(node.fold[name])}"
    for parent in node.inputs:
        yield from as_lines(parent, indent + 1)


def as_json(node: Node) -> dict[str, Any]:
    """The tree for machines: an artifact that was met before has ``again: true`` and nothing behind it."""
    entry: dict[str, Any] = {"path": node.path, "sha256": node.sha256, "size": node.size}
    if node.again:
        return {**entry, "again": True}
    if node.record is not None:
        contents = node.record.contents
        names = ("job", "rule", "command", "code", "lock_digest", "versions", "observed", "raw", *_SHOWN)
        entry["made_by"] = {name: contents[name] for name in names if name in contents}
        entry["made_by"]["code"] = {name: value for name, value in contents["code"].items() if name != "modules"}
        if node.fold:
            entry["fold"] = node.fold
    return {**entry, "inputs": [as_json(parent) for parent in node.inputs]}


def release(node: Node) -> str:
    """Which release of its datasets an index was read from: its annotation files, or that they were rendered."""
    rendered = any(parent.record is not None and parent.record.stage == "embed" for parent in node.inputs)
    files = ", ".join(sorted(Path(path).name for path in node.record.inputs)) if node.record else ""
    return (files or "file names alone") + (" (rendered, synthetic)" if rendered else "")


def _versions(contents: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in contents["versions"].items())


def listed(value: Any) -> str:
    """A list as text, or what is no list as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
