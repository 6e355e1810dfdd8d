"""A table of expressions that somebody has found: onset, apex and offset of each."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs


def listed(path: Path) -> list[tuple[int, int, int]]:
    """Onset, apex and offset of each row of a csv table; without a column ``offset``, or in an empty cell, the apex.

    Raises:
        UserError: if it cannot be read, a column is missing or a value is no whole number.
    """
    try:
        text = Inputs().bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text in UTF-8; a csv table with the columns onset, apex is expected") from None
    reader = csv.DictReader(io.StringIO(text))
    if absent := [name for name in ("onset", "apex") if name not in (reader.fieldnames or ())]:
        raise UserError(f"{path}: no column {' and '.join(absent)}; a csv table has onset, apex [, offset]")
    clips = []
    for number, row in enumerate(reader, start=2):
        try:
            onset, apex = int(row["onset"]), int(row["apex"])
            clips.append((onset, apex, int(row.get("offset") or apex)))
        except (TypeError, ValueError):
            raise UserError(f"{path}: line {number}: whole numbers of frames are expected") from None
    if not clips:
        raise UserError(f"{path}: no row; a csv table has onset, apex [, offset]")
    return clips
