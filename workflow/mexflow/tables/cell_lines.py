"""How cells stand in a table of Markdown: what is published, measured and its interval, each on a line of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mexflow.papers.metrics import METRICS
from mexflow.tables.cells import Cell
from mexflow.tables.markdown import NOTHING, escape
from mexflow.tables.measurement import NOT_RUN
from mexflow.tables.notes import Notes, Place
from mexflow.tables.source import Source

PUBLISHED, MEASURED, INTERVAL, OUTCOMES = "published", "measured", "95 %", "TP, FP, FN"
_OUTCOME = re.compile(r"TP (\d+), FP (\d+), FN (\d+)")


def form_of(metric: str) -> str:
    """How numbers of a metric are written, a format specification; differences have a sign."""
    if metric.endswith("_difference"):
        return f"+{METRICS[metric.removesuffix('_difference')].form}"
    return METRICS[metric].form


def of_data(cell: Cell) -> bool:
    """Whether a cell's number depends on data; a count of a network does not."""
    return cell.metric not in METRICS or METRICS[cell.metric].of_data


def was_run(cell: Cell) -> bool:
    """Whether a cell is one of ours that the budget runs."""
    return bool(cell.experiments) and NOT_RUN not in cell.notes


def place_of(cell: Cell) -> Place:
    """Where a cell stands in its table."""
    return cell.row, cell.column, cell.metric


def measured_text(cell: Cell, mark: str, form: str | None = None) -> str:
    """Our number, with the mark that follows what must not be compared; or why there is none.

    Args:
        cell: the cell.
        mark: that of its source.
        form: how the number is written, a format specification, if not as its metric is.
    """
    if cell.incomplete:
        return f"**{cell.incomplete}**"
    if cell.measured is None:
        return NOT_RUN if NOT_RUN in cell.notes else NOTHING
    return f"{cell.measured:{form or form_of(cell.metric)}}{mark if of_data(cell) else ''}"


def interval_text(cell: Cell, form: str | None = None) -> str:
    """``71.45–97.00``, or ``-0.05 to 0.33``; empty where there is no interval, and for what needs none."""
    if cell.interval is None or cell.measured is None or not of_data(cell):
        return ""
    form = form or form_of(cell.metric)
    low, high = (f"{end:{form}}" for end in cell.interval)
    return f"{low} to {high}" if low[0] in "+-" or high[0] in "+-" else f"{low}–{high}"


def spread_text(cell: Cell, form: str | None = None) -> str:
    """``±1.20``, over seeds; empty where there was one."""
    if cell.seed_sd is None or cell.measured is None:
        return ""
    return f"±{cell.seed_sd:{(form or form_of(cell.metric)).removeprefix('+')}}"


def outcome(cell: Cell) -> str:
    """``5, 4, 6`` where a remark tells a number's true and false positives and false negatives; else empty."""
    found = filter(None, map(_OUTCOME.fullmatch, cell.notes))
    return next((", ".join(match.groups()) for match in found), "")


def remarks_on(cell: Cell) -> list[str]:
    """The remarks on a cell that its own lines do not say."""
    return [note for note in cell.notes if note != cell.incomplete and not _OUTCOME.fullmatch(note)]


def stacked(
    names: Sequence[str], cells: Sequence[Cell], source: Source, notes: Notes, published: Sequence[str] = (),
    form: str | None = None,
) -> list[list[str]]:  # fmt: skip
    """The lines of a table's row: published, measured and what belongs to it, those that say anything.

    Args:
        names: the texts before the numbers; they stand on the first line.
        cells: those of the row.
        source: what they were made from.
        notes: those of the table; numbers stand at what they are about.
        published: what is printed, a text a cell; empty where nothing is.
        form: how numbers are written, a format specification, if not as their metrics are.
    """
    marks = [notes.at(place_of(cell)) for cell in cells]
    numbers = [measured_text(cell, source.mark, form) for cell in cells]
    intervals = [interval_text(cell, form) for cell in cells]
    lines: list[tuple[str, list[str]]] = []
    if any(text != NOTHING for text in published):
        lines.append((PUBLISHED, list(published)))
    if any(cell.experiments for cell in cells) or any(text != NOTHING for text in numbers) or not lines:
        texts = [f"{text}{mark}" for text, mark in zip(numbers, marks, strict=True)]
        lines.append((MEASURED, texts))
    else:
        lines[-1] = (PUBLISHED, [f"{text}{mark}" for text, mark in zip(published, marks, strict=True)])
    if any(intervals):
        lines.append((INTERVAL, intervals))
    if any(outcomes := [outcome(cell) for cell in cells]):
        lines.append((OUTCOMES, outcomes))
    for seeds in dict.fromkeys(cell.seeds for cell in cells if cell.seed_sd is not None):
        spreads = [spread_text(cell, form) if cell.seeds == seeds else "" for cell in cells]
        lines.append((f"over {seeds} seeds", spreads))
    before = [[notes.row(names[0]), *map(escape, names[1:])], *([""] * len(names) for _ in lines[1:])]
    return [[*texts, label, *shown] for texts, (label, shown) in zip(before, lines, strict=True)]


def beside(cell: Cell | None, source: Source, notes: Notes, of: Place | None = None) -> list[str]:
    """A number and its interval, for two columns side by side; `of` is its place where it is not the cell's own."""
    if cell is None:
        return [NOTHING, ""]
    spread = f" {spread_text(cell)}" if spread_text(cell) else ""
    return [f"{measured_text(cell, source.mark)}{spread}{notes.at(of or place_of(cell))}", interval_text(cell)]


def legend(source: Source) -> list[str]:
    """The line under a table whose numbers must not be compared, if they must not."""
    return [f"> **{source.mark} {escape(source.warning())}**"] if source.warning() else []


def counts(cells: Sequence[Cell], unit: str) -> str:
    """`` n = 60 test clips.`` or `` n = 1 to 340 pairs.``; empty where nothing was counted."""
    found = [cell.n for cell in cells if cell.n]
    if not found:
        return ""
    span = f"{min(found)}" if min(found) == max(found) else f"{min(found)} to {max(found)}"
    return f" n = {span} {unit}."
