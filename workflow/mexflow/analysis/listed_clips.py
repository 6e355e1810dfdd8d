"""A table of expressions that somebody has found: onset, apex and offset of each."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs

_WHOLE = re.compile(r"[0-9]{1,18}")


def listed(path: Path) -> list[tuple[int, int, int]]:
    """Onset, apex and offset of each row of a csv table; without a column ``offset``, or in an empty cell, the apex.

    Raises:
        UserError: if it cannot be read, a column is missing or a value is no whole number.
    """
    data = Inputs().bytes(path)
    try:
        lines = data.decode("utf-8-sig").splitlines()
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text in UTF-8; a csv table with the columns onset, apex is expected") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a readable csv table ({error})") from None
    names = rows[0] if rows else []
    if absent := [name for name in ("onset", "apex") if names.count(name) != 1]:
        hint = "; its columns are separated by semicolons, give commas" if ";" in "".join(names) else ""
        raise UserError(f"{path}: not one column {' and '.join(absent)}; a csv table has onset, apex [, offset]{hint}")
    places = {name: names.index(name) for name in ("onset", "apex", "offset") if name in names}
    clips = []
    for number, row in enumerate(rows[1:], start=2):
        cells = {name: row[place] if place < len(row) else "" for name, place in places.items()}
        if not any(row):
            continue
        cells["offset"] = cells.get("offset") or cells["apex"]
        if not all(_WHOLE.fullmatch(cell) for cell in cells.values()):
            raise UserError(f"{path}: line {number}: whole numbers of frames are expected")
        clips.append((int(cells["onset"]), int(cells["apex"]), int(cells["offset"])))
    if not clips:
        raise UserError(f"{path}: no row; a csv table has onset, apex [, offset]")
    return clips
