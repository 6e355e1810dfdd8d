"""Two runs compared: which cells of their tables differ, by how much, and which change stands behind it.

From two folders of results, or the crates of two runs: of both, the records and the tables' CSV are enough. Offline.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mexflow.audit import changes, root, trace
from mexflow.audit.changes import KINDS, Change
from mexflow.audit.graph import Graph, load
from mexflow.errors import UserError
from mexflow.papers import repeats
from mexflow.store.artifacts import Inputs

_COLUMNS = ("published", "measured", "ci_low", "ci_high", "n", "note", "data", "budget")
NUMBER, INTERVAL, PUBLISHED, REMARKS, ONLY_A, ONLY_B = "number", "interval", "published", "remarks", "only a", "only b"
INSIDE, OUTSIDE, NO_INTERVAL = "inside", "outside", "no interval"


@dataclass(frozen=True)
class Number:
    """What one run says in a cell: the columns of its table of these names, null where it says nothing."""

    published: float | None
    measured: float | None
    ci_low: float | None
    ci_high: float | None
    n: int | None
    note: str
    data: str
    budget: str

    def holds(self, value: float | None) -> str:
        """Whether its interval holds a value: `INSIDE`, `OUTSIDE`, or `NO_INTERVAL` where it has none."""
        if value is None or self.ci_low is None or self.ci_high is None:
            return NO_INTERVAL
        return INSIDE if self.ci_low <= value <= self.ci_high else OUTSIDE


@dataclass(frozen=True)
class Difference:
    """A cell that is not the same in both runs.

    Attributes:
        cell: its name.
        metric: of its number.
        what: `NUMBER` (or there is none in one of them), `INTERVAL` (or how many it is of), `PUBLISHED`, `REMARKS` (the
            first of these that differs), or `ONLY_A` and `ONLY_B` for a cell that the other run has not.
        a: what the first run says; None if it has no such cell.
        b: the same of the second.
        changes: what stands behind it, by kind and command; empty where only one run has the cell.
    """

    cell: str
    metric: str
    what: str
    a: Number | None
    b: Number | None
    changes: tuple[Change, ...] = ()

    @property
    def difference(self) -> float | None:
        """The second number less the first, in the metric's unit; None where one of them is none."""
        if self.a is None or self.b is None or self.a.measured is None or self.b.measured is None:
            return None
        return self.b.measured - self.a.measured

    @property
    def in_a(self) -> str:
        """Whether the second number lies in the first one's interval."""
        return NO_INTERVAL if self.a is None or self.b is None else self.a.holds(self.b.measured)

    @property
    def in_b(self) -> str:
        """Whether the first number lies in the second one's interval."""
        return NO_INTERVAL if self.a is None or self.b is None else self.b.holds(self.a.measured)


@dataclass(frozen=True)
class Run:
    """One of two runs.

    Attributes:
        folder: as it was named.
        root: its run root, of the records as they are.
        jobs: how many there are.
        ended: when its last job ended, ISO 8601.
        commits: the git commits that its jobs ran from.
        hosts: the machines that they ran on.
        data: what its tables say that their numbers are of: ``embedded``, or the licensed copies.
        budgets: the same of how much was trained.
    """

    folder: str
    root: str
    jobs: int
    ended: str
    commits: tuple[str, ...]
    hosts: tuple[str, ...]
    data: tuple[str, ...]
    budgets: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common, and what not.

    Attributes:
        a: the first run.
        b: the second run.
        alike: how many cells say the same in both.
        differences: the others, sorted by name.
        rows: every cell's row of its table, by name in the order of the tables: of the second run, or of the first
            where the second has none.
        papers: the papers' files as the second run read them, or the first one; what neither has any more is not there.
    """

    a: Run
    b: Run
    alike: int
    differences: tuple[Difference, ...]
    rows: Mapping[str, Mapping[str, Any]]
    papers: Mapping[str, bytes]

    def by_changes(self) -> dict[tuple[Change, ...], list[Difference]]:
        """The cells that both runs have, by what stands behind them; first those with the most cells."""
        groups: dict[tuple[Change, ...], list[Difference]] = {}
        for one in self.differences:
            if one.what not in (ONLY_A, ONLY_B):
                groups.setdefault(one.changes, []).append(one)
        return dict(sorted(groups.items(), key=lambda group: -len(group[1])))

    def as_json(self) -> dict[str, Any]:
        """All of it for machines: plain values alone."""
        cells = [
            {**asdict(one), "difference": one.difference, "in_a": one.in_a, "in_b": one.in_b}
            for one in self.differences
        ]
        return {"a": asdict(self.a), "b": asdict(self.b), "alike": self.alike, "differences": cells}


def compare(first: Path, second: Path) -> Comparison:
    """The comparison of two runs.

    Args:
        first: a folder of results (or the one that holds it), or a crate.
        second: the same of the other run.

    Raises:
        UserError: if one of them is none of these, or a record or a table of it cannot be read.
    """
    a, b = _Results(first), _Results(second)
    of_papers = changes.of_papers((a.graph, a.base), (b.graph, b.base))
    known: dict[tuple[Any, ...], frozenset[Change]] = {}
    differences: list[Difference] = []
    alike = 0
    for name in sorted({*a.cells, *b.cells}):
        one, other = a.cells.get(name), b.cells.get(name)
        if one is None or other is None:
            what, there = (ONLY_B, other) if one is None else (ONLY_A, one)
            numbers = [None if cell is None else _number(cell.row) for cell in (one, other)]
            differences.append(Difference(name, there.row["metric"], what, *numbers))
            continue
        numbers = [_number(cell.row) for cell in (one, other)]
        what = _differs(*numbers)
        if what is None:
            alike += 1
            continue
        found = {*_behind(a, b, one, other, known), *of_papers.get(other.paper, ())}
        experiments, table = {*one.experiments, *other.experiments}, other.row["table"]
        own = {change for change in found if changes.relevant(change, experiments, table, other.row["budget"])}
        if len({repeats.first_of(experiment) for experiment in experiments}) == 1:  # then no need to say of which
            own = {replace(change, where=change.where.partition(" ")[0]) for change in own}
        ordered = sorted(own, key=lambda change: (KINDS.index(change.kind), change))
        differences.append(Difference(name, other.row["metric"], what, *numbers, tuple(ordered)))
    rows = {name: cell.row for run in (a, b) for name, cell in run.cells.items()}
    return Comparison(a.described, b.described, alike, tuple(differences), rows, {**a.papers, **b.papers})


def _behind(
    a: _Results, b: _Results, one: trace.Cell, other: trace.Cell, known: dict[tuple[Any, ...], frozenset[Change]]
) -> frozenset[Change]:
    """The changes behind a cell; those of all cells of a table and its experiments are found once."""
    key = (one.table, other.table, one.paper, tuple(one.experiments), tuple(other.experiments))
    if key not in known:
        # A table rests on all its folds, a cell on its own: of the table's job only what is its own.
        made_by = (run.graph.records[run.graph.maker[cell.table]] for run, cell in ((a, one), (b, other)))
        own = changes.between(*made_by, a.graph, b.graph)
        of_a, of_b = (trace.rests_on(run.graph, cell) for run, cell in ((a, one), (b, other)))
        known[key] = changes.behind(a.graph, b.graph, of_a, of_b) | {
            change for change in own if change.kind != changes.UNEXPLAINED
        }
    return known[key]


def _differs(a: Number, b: Number) -> str | None:
    """The first thing that two numbers differ in."""
    if a.measured != b.measured:
        return NUMBER
    if (a.ci_low, a.ci_high, a.n) != (b.ci_low, b.ci_high, b.n):
        return INTERVAL
    if a.published != b.published:
        return PUBLISHED
    return REMARKS if a.note != b.note else None


def _number(row: dict[str, Any]) -> Number:
    return Number(*(row[name] for name in _COLUMNS))


class _Results:
    """A run as it lies in a folder: its graph, and the cells of its tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise UserError(f"{folder}: no folder; name a folder of results, or a crate")
        self.base = folder.parent if (folder / "records").is_dir() else folder
        records = folder / "records" if (folder / "records").is_dir() else folder / "results" / "records"
        if not records.is_dir():
            raise UserError(f"{folder}: no records/ in it; name the folder `results` of a run, or a crate of one")
        self.graph: Graph = load(records)

    @cached_property
    def described(self) -> Run:
        contents = [record.contents for record in self.graph.records.values()]
        return Run(
            self.folder.as_posix(),
            root.merkle(list(root.leaves(self.graph).values())),
            len(contents),
            max(one["observed"]["ended"] for one in contents),
            tuple(sorted({one["code"].get("git_commit") or "none" for one in contents})),
            tuple(sorted({one["observed"]["host"] for one in contents})),
            *(
                tuple(sorted({cell.row[name] for cell in self.cells.values()} - {"none"}))
                for name in ("data", "budget")
            ),
        )

    @cached_property
    def cells(self) -> dict[str, trace.Cell]:
        """The cells of all tables of the run, by their names."""
        return {cell.row["cell"]: cell for cell in self._read()}

    @property
    def papers(self) -> dict[str, bytes]:
        """The papers' files as the run read them, by the paper's name, where they are still there."""
        paths = sorted(path for path in self.graph.readers if path.startswith(changes.PAPERS))
        found = {Path(path).stem: changes.paper_text(self.graph, self.base, path) for path in paths}
        return {name: data for name, data in found.items() if data is not None}

    def _read(self) -> Iterator[trace.Cell]:
        for record in self.graph.records.values():
            for path in record.outputs:
                # A job whose artifact another one made again has no part in it.
                if record.stage in trace.OF_CELLS and path.endswith(".csv") and self.graph.maker[path] == record.job:
                    file = changes.file_of(self.base, path)
                    try:
                        rows = list(map(_parsed, csv.DictReader(io.StringIO(Inputs().bytes(file).decode()))))
                    except (KeyError, TypeError, ValueError, csv.Error):
                        raise UserError(f"{file}: no table of cells; make it again with `snakemake {path}`") from None
                    of = record.contents.get("cells", {})
                    yield from (trace.Cell(row, path, of.get(row["cell"], [])) for row in rows)


def _parsed(row: dict[str, str]) -> dict[str, Any]:
    """A row of a table's CSV with its numbers.

    Raises:
        KeyError, TypeError, ValueError: if it is none.
    """
    if row["cell"].count("/") != 4:
        raise ValueError("no name of a cell")
    numbers = {name: float(row[name]) if row[name] else None for name in ("published", "measured", "ci_low", "ci_high")}
    texts = {name: row[name] for name in ("table", "metric", "data", "budget", "note")}
    return {**row, **texts, **numbers, "n": int(row["n"]) if row["n"] else None}
