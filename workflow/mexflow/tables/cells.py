"""Table cells: one published number beside one measured number, with all that qualifies it.

The tidy table has one row a cell and exactly the columns of `SCHEMA`. A cell's name is
``<paper>/<table>/<row>/<column>/<metric>`` (a slash inside a part becomes ``-``) and is unique. `published` is null
where the paper prints no number (a printed text goes to the note); `measured` is null where there is no number,
and then the note says why: it begins with ``INCOMPLETE found/expected`` where folds are missing. `note` is a list
of remarks joined by ``; ``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mexflow.evaluation.uncertainty import Interval
from mexflow.tables.measurement import Measurement

QUOTED = "quoted by the paper, not computed here"

SCHEMA = pa.schema(
    [
        ("cell", pa.string()),
        ("table", pa.string()),
        ("row", pa.string()),
        ("column", pa.string()),
        ("metric", pa.string()),
        ("published", pa.float64()),
        ("measured", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("n", pa.int64()),
        ("data", pa.string()),
        ("budget", pa.string()),
        ("reading", pa.string()),
        ("note", pa.string()),
    ]
)
"""Accuracies and shares are in per cent, similarities in [-1, 1]; `ci_low`, `ci_high` bound the 95 % interval."""

OF_SEEDS = (pa.field("seeds", pa.int64()), pa.field("seed_sd", pa.float64()))
"""The columns behind `n` of a table with numbers that are means over several seeds: how many, and the standard
deviation over them in the number's own unit."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    `notes` are the remarks of the column `note`. `experiments` are those it was measured of (none: not ours); `extra`
    tells that the paper has no such number, and ours is shown beside. `seeds` and `seed_sd` are those of
    :class:`mexflow.tables.measurement.Measurement`.
    """

    paper: str
    table: str
    row: str
    column: str
    metric: str
    published: float | None = None
    measured: float | None = None
    interval: Interval | None = None
    n: int | None = None
    notes: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    extra: bool = False
    seeds: int | None = None
    seed_sd: float | None = None

    @property
    def name(self) -> str:
        parts = (self.paper, self.table, self.row, self.column, self.metric)
        return "/".join(part.replace("/", "-") for part in parts)

    @property
    def incomplete(self) -> str:
        """``INCOMPLETE 7/10`` where folds are missing, else empty."""
        return self.notes[0] if self.notes and self.notes[0].startswith("INCOMPLETE") else ""


def require_unique(cells: Sequence[Cell]) -> None:
    """Check that no two cells share a name.

    Raises:
        ValueError: naming one that does.
    """
    seen: set[str] = set()
    for cell in cells:
        if cell.name in seen:
            raise ValueError(f"two cells are called {cell.name}")
        seen.add(cell.name)


def cell_from(
    paper: str, table: str, row: str, column: str, measurement: Measurement, experiments: Iterable[str],
    published: float | None = None,
) -> Cell:  # fmt: skip
    """A cell of what was measured of some experiments; its remarks lose their semicolons, which separate remarks."""
    notes = tuple(" ".join(note.replace(";", ",").split()) for note in measurement.notes if note)
    value = None if measurement.value is None else float(measurement.value)
    return Cell(
        paper,
        table,
        row,
        column,
        measurement.metric,
        published,
        value,
        measurement.interval,
        measurement.n,
        notes,
        tuple(dict.fromkeys(experiments)),
        seeds=measurement.seeds,
        seed_sd=measurement.seed_sd,
    )


def to_table(cells: Sequence[Cell], data: str, budget: str, reading: str | None = "decided") -> pa.Table:
    """The tidy table of cells, with the columns of `SCHEMA`, and of `OF_SEEDS` where there are such numbers.

    `reading` is None where no paper was read.
    """
    rows = [
        {
            "cell": cell.name,
            "table": cell.table,
            "row": cell.row,
            "column": cell.column,
            "metric": cell.metric,
            "published": cell.published,
            "measured": cell.measured,
            "ci_low": cell.interval[0] if cell.interval else None,
            "ci_high": cell.interval[1] if cell.interval else None,
            "n": cell.n,
            "seeds": cell.seeds,
            "seed_sd": cell.seed_sd,
            "data": data,
            "budget": budget,
            "reading": reading,
            "note": "; ".join(cell.notes),
        }
        for cell in cells
    ]
    schema = SCHEMA
    if any(cell.seeds for cell in cells):
        for place, field in enumerate(OF_SEEDS, start=SCHEMA.names.index("n") + 1):
            schema = schema.insert(place, field)
    return pa.Table.from_pylist(rows, schema=schema)


def to_csv(table: pa.Table) -> bytes:
    """A table as CSV: UTF-8, a header, nulls empty, floats with as many digits as give the same float again."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow([_csv_text(value) for value in row.values()])
    return text.getvalue().encode()


def _csv_text(value: object) -> str:
    if value is None:
        return ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
