"""The table of preprocessing against the renderer's truth: cells, and Markdown with what they mean.

Its cells are named ``preprocessing/<table>/<row>/<column>/<metric>``. All data are synthetic, since only there the
truth is known; nothing is published to compare with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mexflow.evaluation.quality import (
    ESTIMATED,
    KINDS,
    LEAST_MOTION,
    METRICS,
    MOTIONS,
    STATES,
    ZERO,
    Quality,
)
from mexflow.evaluation.tally import Estimate
from mexflow.papers.interval_methods import DEFAULT, LABELS, IntervalMethod
from mexflow.tables.cell_lines import INTERVAL, place_of, stacked
from mexflow.tables.cells import Cell, require_unique, to_table
from mexflow.tables.markdown import NOTHING, escape, pipe_table
from mexflow.tables.notes import Notes, number
from mexflow.tables.source import Source

NAME = "preprocessing"
BUDGET = "none"
_ABSENT = "nothing to measure"
_SOURCE = Source("embedded", BUDGET)


@dataclass(frozen=True)
class _Metric:
    """How a metric is shown: heading of its grid, decimals, and the factor from what was measured."""

    heading: str
    decimals: int
    factor: float = 1.0


_TABLES = {
    "alignment": "Alignment",
    "motion": "Residual motion after alignment",
    "flow": "Optical flow between onset and apex",
}

_ABOUT = {
    "alignment": "Landmark jitter: root mean square change, from a frame to the next, of the landmarks' error against "
    "the truth (nose and eye corners, each coordinate). Eye error: mean distance of a frame's eye centres from where "
    "the true landmarks would put them, about the subject's mean; that mean is the eye offset, which comes of another "
    "definition of the same landmarks and moves nothing. Shares are of all frames.",
    "motion": "At rest: pairs of frames between which there is neither expression nor blink, only the head's drift, as "
    "far apart as onset and apex of a micro-expression. The ratio of the two should be far under 1. The part of the "
    "head's motion that alignment leaves is seen by a network as if the face had moved.",
    "flow": f"Against the true flow between the aligned faces, in the hull of the landmarks, mean over pixels, then "
    f"over expressions. The column “{ZERO}” is the error of predicting none. A direction is compared where the true "
    f"motion is longer than {LEAST_MOTION} px; a random one errs by 90°. The space-time angle is that between "
    "(Vx, Vy, 1) and its truth.",
}

_SHOWN = {
    "pixels": _Metric("Pixels of the 112 × 112 face", 3),
    "share": _Metric("How faces were found, % of all frames", 2, 100),
    "mean": _Metric("Mean length of the true motion, px of the 112 × 112 face", 3),
    "p95": _Metric("95th percentile over the face of the true motion's length, px", 3),
    "unaligned": _Metric("Mean length if the first frame's transform were used for both (no alignment), px", 3),
    "true_landmarks": _Metric("Mean length if the true landmarks were aligned, px", 3),
    "estimated": _Metric(f"Mean length of the flow estimated by {ESTIMATED}, px", 3),
    "end_point_error": _Metric("End-point error, px of the size named", 3),
    "direction_error": _Metric("Direction error, degrees", 1),
    "space_time_angle": _Metric("Space-time angular error (Barron et al.), degrees", 1),
}

_LENGTHS = {"jitter": "landmark jitter", "eye_error": "eye error", "eye_offset": "eye offset"}
_KINDS = {"still": "at rest", "micro": "micro, onset to apex", "ratio": "ratio"}
assert set(KINDS) < set(_KINDS) and {*MOTIONS, *METRICS} < set(_SHOWN)


def quality_cells(measured: Sequence[Quality]) -> list[Cell]:
    """The cells of the three tables: ``alignment``, ``motion`` and ``flow``."""
    cells = [
        *(cell for quality in measured for cell in _alignment(quality)),
        *(cell for quality in measured for cell in _motion(quality)),
        *(cell for quality in measured for cell in _flow(quality)),
    ]
    require_unique(cells)
    return cells


def quality_table(cells: Sequence[Cell]) -> pa.Table:
    """The tidy table, with the columns of :data:`mexflow.tables.cells.SCHEMA`."""
    return to_table(cells, _SOURCE.data, _SOURCE.budget, None)


def _cell(table: str, row: str, column: str, metric: str, estimate: Estimate, *notes: str) -> Cell:
    factor = _SHOWN[metric].factor
    ends = estimate.spread.interval
    interval = ends and (factor * ends[0], factor * ends[1])
    value = None if estimate.value is None else factor * estimate.value
    absent = (_ABSENT,) if value is None else ()
    reason = [f"{column}: {note}" for note in estimate.spread.notes]
    return Cell(NAME, table, row, column, metric, None, value, interval, estimate.n, (*absent, *notes, *reason))


def _alignment(quality: Quality) -> Iterator[Cell]:
    for key, column in _LENGTHS.items():
        yield _cell("alignment", quality.dataset, column, "pixels", quality.alignment[key])
    for state in STATES:
        yield _cell("alignment", quality.dataset, state, "share", quality.alignment[state])


def _motion(quality: Quality) -> Iterator[Cell]:
    if quality.distances:
        least, most = min(quality.distances), max(quality.distances)
        apart = f"frames at rest {least} to {most} apart, onset to apex {quality.typical}"
    else:
        apart = "no stretch without expression is long enough"
    for (kind, way), estimate in quality.motion.items():
        yield _cell("motion", quality.dataset, _KINDS[kind], way, estimate, *([] if kind == "micro" else [apart]))


def _flow(quality: Quality) -> Iterator[Cell]:
    for (size, method, metric), estimate in quality.flow.items():
        if (method, metric) != (ZERO, "direction_error"):  # no motion has no direction
            yield _cell("flow", f"{quality.dataset} at {size} px", method, metric, estimate)


def quality_markdown(cells: Sequence[Cell], intervals: IntervalMethod = DEFAULT) -> str:
    """The page: a warning that the data are synthetic, and each table, a grid a metric.

    Args:
        intervals: the method of the intervals.
    """
    warning = "All numbers come from synthetic embedded data, where the renderer knows the truth."
    parts = [
        "# Preprocessing against the truth",
        f"> [!WARNING]\n> {warning} They carry the mark {_SOURCE.mark}.",
        f"*{INTERVAL}* is the interval of what was measured ({LABELS[intervals]}). Raised numbers lead to the notes "
        "below a table.",
    ]
    for table, title in _TABLES.items():
        shown = [cell for cell in cells if cell.table == table]
        notes = number({place_of(cell): _remarks(cell) for cell in shown}, [], by_column=True)
        parts += [f"## {title}", escape(_ABOUT[table])]
        for metric in dict.fromkeys(cell.metric for cell in shown):
            parts += _grid([cell for cell in shown if cell.metric == metric], metric, notes)
        parts += _counts(shown)
        parts.append(f"> **{_SOURCE.mark} {warning}**")
        parts += notes.below()
    return "\n\n".join(parts) + "\n"


def _grid(cells: Sequence[Cell], metric: str, notes: Notes) -> list[str]:
    shown = _SHOWN[metric]
    columns = list(dict.fromkeys(cell.column for cell in cells))
    places = {(cell.row, cell.column): cell for cell in cells}
    lines = []
    for row in dict.fromkeys(cell.row for cell in cells):
        own = [places.get((row, column), Cell(NAME, cells[0].table, row, column, metric)) for column in columns]
        lines += stacked([row], own, _SOURCE, notes, form=f".{shown.decimals}f")
    heads = ["dataset", "", *map(notes.column, columns)]
    return [f"**{escape(shown.heading)}**", pipe_table(heads, lines, 2)]


def _counts(cells: Sequence[Cell]) -> list[str]:
    """How many each number is of; where those of a place's metrics are of different ones, all of them."""
    columns = list(dict.fromkeys(cell.column for cell in cells))
    counts: dict[tuple[str, str], dict[str, None]] = {}
    for cell in cells:
        counts.setdefault((cell.row, cell.column), {})[str(cell.n)] = None
    lines = [
        [escape(row), *(", ".join(counts.get((row, column), {NOTHING: None})) for column in columns)]
        for row in dict.fromkeys(cell.row for cell in cells)
    ]
    return ["**How many (n)**", pipe_table(["dataset", *map(escape, columns)], lines, 1)]


def _remarks(cell: Cell) -> list[str]:
    """The remarks on a cell, without the name of its column, where it stands."""
    return [note.removeprefix(f"{cell.column}: ") for note in cell.notes if note != _ABSENT]
