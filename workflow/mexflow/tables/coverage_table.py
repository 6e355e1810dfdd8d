"""The table of coverage: how often each method's intervals hold the true value, with how few subjects."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from mexflow.evaluation.coverage import Coverage
from mexflow.evaluation.uncertainty import LEVEL, METHODS
from mexflow.papers.interval_methods import DEFAULT, LABELS
from mexflow.tables.markdown import NOTHING, escape, pipe_table

SCHEMA = pa.schema(
    [
        ("population", pa.string()),
        ("number", pa.string()),
        ("true", pa.float64()),
        ("subjects", pa.int64()),
        ("method", pa.string()),
        ("studies", pa.int64()),
        ("intervals", pa.int64()),
        ("coverage", pa.float64()),
        ("width", pa.float64()),
        ("shown", pa.bool_()),
    ]
)
"""One row a population, number, count of subjects and method.

`intervals` of the studies had one. `coverage` is the share of these that hold the true value, `width` their median
width, in the number's own unit; both are null where there is none. `shown` says whether tables show an interval by this
method of so many subjects.
"""


def coverage_table(rows: Sequence[Coverage]) -> pa.Table:
    """The tidy table, with the columns of `SCHEMA`."""
    return pa.Table.from_pylist(
        [
            {
                "population": row.population,
                "number": row.number,
                "true": row.true,
                "subjects": row.subjects,
                "method": row.method,
                "studies": row.studies,
                "intervals": row.given,
                "coverage": row.share if row.given else None,
                "width": row.width if row.given else None,
                "shown": row.subjects >= METHODS.declared(row.method).least,
            }
            for row in rows
        ],
        schema=SCHEMA,
    )


def coverage_markdown(rows: Sequence[Coverage]) -> str:
    """The page: for each number and count of subjects, each method's mean and least coverage over the populations."""
    methods = list(dict.fromkeys(row.method for row in rows))
    numbers = list(dict.fromkeys(row.number for row in rows))
    places = sorted({(numbers.index(row.number), row.subjects) for row in rows})
    lines = []
    for place, subjects in places:
        number = numbers[place]
        cells = [[row for row in rows if (row.number, row.subjects, row.method) == (number, subjects, method)]
                 for method in methods]  # fmt: skip
        texts = [text for text in zip(*map(_texts, cells), strict=True) if any(text)]
        for place_of_line, (label, text) in enumerate(zip(_LINES, texts, strict=False)):
            lines.append([*(("", "") if place_of_line else (escape(number), str(subjects))), label, *text])
    studies = max(row.studies for row in rows)
    errors = 100 * (LEVEL * (1 - LEVEL) / studies) ** 0.5
    least = ", ".join(f"{LABELS[name]}: {METHODS.declared(name).least}" for name in methods)
    true: dict[str, list[str]] = {}
    for row in rows:
        true.setdefault(row.population, []).append(f"{row.number} {row.true:.3f}")
    return "\n\n".join(
        [
            "# Coverage of the intervals over subjects",
            f"How often an interval that says {100 * LEVEL:g} % holds the true value, in simulated studies of few "
            f"subjects: {studies} studies of each population and count of subjects. Nothing here is measured on faces.",
            pipe_table(["number", "subjects", "", *(escape(LABELS[name]) for name in methods)], lines, 3),
            f"{_LINES[0].capitalize()} in %, the mean over the populations and the least of them; median width. The "
            f"error of one population's coverage is about {errors:.1f} points. Studies whose subjects are all alike "
            f"have no interval and do not count. The default is `{DEFAULT}` ({LABELS[DEFAULT]}).",
            f"With fewer subjects than these, tables show no interval: {least}.",
            "The populations, and their true values:",
            "\n".join(f"- {escape(name)}: {', '.join(dict.fromkeys(values))}" for name, values in true.items()),
        ]
    ) + "\n"  # fmt: skip


_LINES = ("coverage", "least", "width")


def _texts(cells: Sequence[Coverage]) -> tuple[str, str, str]:
    """Coverage, the least of the populations, and width; only one line where no study had an interval."""
    shares = [100 * cell.share for cell in cells if cell.given]
    if not shares:
        return NOTHING, "", ""
    widths = [cell.width for cell in cells if cell.given]
    return f"{sum(shares) / len(shares):.1f}", f"{min(shares):.1f}", f"{sum(widths) / len(widths):.2f}"
