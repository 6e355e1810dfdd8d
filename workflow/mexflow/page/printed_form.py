"""Cells as the page shows them: a paper's tables in its own form, and all other cells of its tables beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mexflow.papers.metrics import METRICS, Metric
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Row, Table
from mexflow.tables.cells import QUOTED
from mexflow.tables.source import Source

INCOMPLETE = "INCOMPLETE"
_OTHER_FORM = ".3g"

Rows = Mapping[tuple[str, str, str, str], Mapping[str, Any]]
"""Rows of the table of cells, by table, row, column and metric."""


@dataclass(frozen=True)
class Shown:
    """A cell as it is shown: its name, and as text both numbers, the ends of the interval, or why there is none.

    `notes` are the numbers of its remarks in :class:`Remarks`; `mark` follows a number that must not be compared.
    """

    name: str
    published: str = ""
    measured: str = ""
    low: str = ""
    high: str = ""
    missing: str = ""
    mark: str = ""
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Line:
    """A line of a grid: what stands at its head, and its cells, None where there is none."""

    heads: list[str]
    cells: list[Shown | None]


@dataclass(frozen=True)
class Grid:
    """Cells as a table, with what is said of all of them."""

    name: str
    title: str
    heads: list[str]
    columns: list[str]
    lines: list[Line]
    note: str = ""
    extras: list[Grid] = field(default_factory=list)

    @property
    def cells(self) -> list[Shown]:
        own = [cell for line in self.lines for cell in line.cells if cell is not None]
        return own + [cell for grid in self.extras for cell in grid.cells]

    @property
    def common(self) -> tuple[int, ...]:
        """The remarks that all of its own measured cells share: said once, below it."""
        of_cells = [cell.notes for line in self.lines for cell in line.cells if cell and cell.measured]
        if len(of_cells) < 2:
            return ()
        return tuple(note for note in of_cells[0] if all(note in notes for notes in of_cells))


class Remarks:
    """The remarks on cells, each once, numbered from 0 in the order of their first cell."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def numbers(self, note: str) -> tuple[int, ...]:
        """The numbers of the remarks in a cell's `note`."""
        texts = [text for text in note.split("; ") if text]
        return tuple(self._numbers.setdefault(text, len(self._numbers)) for text in texts)

    @property
    def texts(self) -> list[str]:
        return list(self._numbers)


def by_place(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str, str], Mapping[str, Any]]:
    """Rows of the table of cells by their table, row, column and metric."""
    return {(row["table"], row["row"], row["column"], row["metric"]): row for row in rows}


def of_paper(paper: Paper, rows: Rows, source: Source, remarks: Remarks) -> list[Grid]:
    """The paper's own tables, in its order and form; what is measured beside them follows each.

    A cell that the table of cells does not have, as where the paper's file was changed since, is left empty.
    """
    grids = []
    for name, table in paper.tables.items():
        used = set()
        several = len({row.metric for row in table.rows}) > 1
        lines = []
        for row in table.rows:
            heads = [row.name] + ([label(row.metric)] if several else [])
            cells: list[Shown | None] = []
            for number, column in enumerate(table.columns):
                place = (name, row.name, column.name, column.metric or row.metric)
                used.add(place)
                printed = row.published[number] if row.published else None
                found = rows.get(place)
                cells.append(found and shown(found, source, remarks, printed, _instead(row, number)))
            lines.append(Line(heads, cells))
        heads = [table.row_header] + (["metric"] if several else [])
        more = {place: row for place, row in rows.items() if place[0] == name and place not in used}
        extras = [
            pivot(name, _label_of_extra(table, metric), by_place(of_metric), source, remarks)
            for metric, of_metric in _grouped(more.values(), "metric").items()
        ]
        grids.append(Grid(name, table.title, heads, table.names, lines, table.note or "", extras))
    return grids


def pivot(
    name: str, title: str, rows: Rows, source: Source, remarks: Remarks, note: str = "", row_header: str = ""
) -> Grid:
    """Cells in the order of their rows: a line a row and metric, a column a column."""
    columns = list(dict.fromkeys(place[2] for place in rows))
    metrics = {place[3] for place in rows}
    several = len(metrics) > 1
    lines = []
    for row, metric in dict.fromkeys((place[1], place[3]) for place in rows):
        found = [next((rows[p] for p in rows if p[1:] == (row, column, metric)), None) for column in columns]
        cells = [one and shown(one, source, remarks) for one in found]
        lines.append(Line([row] + ([label(metric)] if several else []), cells))
    return Grid(name, title, [row_header] + (["metric"] if several else []), columns, lines, note)


def shown(
    row: Mapping[str, Any], source: Source, remarks: Remarks, printed: float | str | None = None, instead: str = ""
) -> Shown:
    """A row of the table of cells as it is shown.

    Args:
        row: the row.
        source: what its number was made from.
        remarks: takes its remarks.
        printed: what the paper prints there, if a text.
        instead: what stands there if nothing was measured and folds are not what is missing.
    """
    form = form_of(row["metric"])
    of_the_data = of_data(row["metric"])
    published = printed if isinstance(printed, str) else _written(row["published"], form)
    numbers = remarks.numbers(row["note"] or "")
    if row["measured"] is None:
        first = (row["note"] or "").partition("; ")[0]
        missing = first if first.startswith(INCOMPLETE) else instead
        return Shown(row["cell"], published, missing=missing, notes=numbers)
    ends = [_written(row[end], form) if of_the_data else "" for end in ("ci_low", "ci_high")]
    mark = source.mark if of_the_data else ""
    return Shown(row["cell"], published, _written(row["measured"], form), *ends, mark=mark, notes=numbers)


def label(metric: str) -> str:
    """What tables call a metric."""
    found = declared(metric)
    return found.label if found else metric.replace("_", " ")


def declared(metric: str) -> Metric | None:
    """A metric, or of a difference the one it is of; None where it is none of the papers' metrics."""
    name = metric.removesuffix("_difference")
    return METRICS.declared(name) if name in METRICS else None


def form_of(metric: str) -> str:
    """How numbers of a metric are written, a format specification; differences have a sign."""
    found = declared(metric)
    form = found.form if found else _OTHER_FORM
    return f"+{form}" if metric.endswith("_difference") else form


def of_data(metric: str) -> bool:
    """Whether a metric's numbers depend on the data, and not on the network alone."""
    found = declared(metric)
    return found is None or found.of_data


def _written(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _instead(row: Row, number: int) -> str:
    if row.experiments and row.experiments[number]:
        return ""
    return row.pending or ""


def _label_of_extra(table: Table, metric: str) -> str:
    for row in table.rows:
        for column in table.columns:
            found = declared(column.metric or row.metric)
            if found and metric in found.extras:
                return found.extras[metric]
    return label(metric)


def _grouped(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def quoted(cells: Sequence[Mapping[str, Any]]) -> int:
    """How many cells are the paper's quotations of others, which nothing here is measured for."""
    return sum(QUOTED in (row["note"] or "").split("; ") for row in cells)
