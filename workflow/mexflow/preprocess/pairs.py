"""Pairs of frames between which a paper wants the flow: by name, or from a table.

A named pair is a function of a clip (a row of the index) and of the frame numbers of its video; a new one is one line
in :data:`PAIRS`. Whatever else a paper wants stands in a table with the columns `video`, `first_frame` and
`second_frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mexflow.errors import UserError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

Pairs = list[tuple[int, int]]

PAIRS: dict[str, Callable[[Mapping[str, Any], Sequence[int]], Pairs]] = {
    "onset-apex": lambda clip, frames: [(clip["onset"], clip["apex"])],
    "onset-apex+1": lambda clip, frames: [(clip["onset"], clip["apex"] + 1)],
    "onset-offset": lambda clip, frames: [(clip["onset"], clip["offset"])],
    "consecutive": lambda clip, frames: list(zip(frames[:-1], frames[1:], strict=True)),
}
"""Name of a pair to the frame numbers (first, second) of a clip, one or more."""

STEPS = ("consecutive",)
"""Pairs that are a single step: their frames' numbers follow each other, or there is no flow."""

_NAMED = 5  # videos that a message names

_NEEDED = ("video", "first_frame", "second_frame")


def rows_of_table(table: pa.Table, path: object) -> list[dict[str, Any]]:
    """The pairs that a table asks for.

    Args:
        table: with the columns `video` (text), `first_frame` and `second_frame` (whole numbers), and where it says
            them `clip` and `pair` (a name for the kind of pair; ``table`` if it has none).
        path: the table's file, for messages.

    Returns:
        Dicts with `video`, `clip` (None if the table has none), `pair`, `first_frame` and `second_frame`.

    Raises:
        UserError: for a column that is missing, or a value of the wrong kind.
    """
    if absent := [name for name in _NEEDED if name not in table.column_names]:
        raise UserError(f"{path}: no column {', '.join(absent)}; a table of pairs has {', '.join(_NEEDED)}")
    rows = []
    for number, row in enumerate(table.to_pylist(), start=1):
        frames = (row["first_frame"], row["second_frame"])
        if not isinstance(row["video"], str) or not all(type(frame) is int for frame in frames):
            raise UserError(
                f"{path}: row {number} has video {row['video']!r} and frames {frames}; a text and whole numbers are "
                "expected (quote numbers that are names)"
            )
        rows.append(
            {"clip": None, "pair": "table", **{k: v for k, v in row.items() if k in (*_NEEDED, "clip", "pair")}}
        )
    return rows


def assert_somewhere(rows: Sequence[Mapping[str, Any]], known: Collection[str], path: object, index: object) -> None:
    """Refuse a table of pairs that names videos that are nowhere; those of other subjects may be in it.

    Args:
        rows: see :func:`rows_of_table`.
        known: the videos of the dataset.
        path, index: the files of the table and of the dataset's index, for messages.

    Raises:
        UserError: it lists the videos, each with the nearest name there is.
    """
    nowhere = sorted({row["video"] for row in rows} - set(known))
    if nowhere:
        names = [f"{name!r}{nearest(name, known)}" for name in nowhere[:_NAMED]]
        more = f" and {len(nowhere) - _NAMED} more" if len(nowhere) > _NAMED else ""
        raise UserError(
            f"{path}: {len(nowhere)} {'video is' if len(nowhere) == 1 else 'videos are'} nowhere in {index}: "
            f"{', '.join(names)}{more}; mend the column video, or give --videos if they hold no annotated expression"
        )
