"""The table of CAS(ME)²: a sheet without a header, and two sheets that hold the naming.

Everything is found by what its cells look like, so that blank columns, lead text and other sheets do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.datasets.base import ReadBytes
from mexflow.datasets.cell_values import column_key, expression_type, file_name, number, text
from mexflow.datasets.spreadsheet import Table, read_sheets, records
from mexflow.errors import UserError

CLIP = r"([a-z]+\s*\d+)_(\d+)"
"""An annotation's name, such as ``anger1_2``: its video and its number there."""

_SHEET = "CASFEcode_final"
_SUBJECT = re.compile(r"s\s*(\d+)", re.IGNORECASE)
_VIDEO = re.compile(r"[a-z]{2,}\s*\d+", re.IGNORECASE)
_CODE = re.compile(r"\d{3,4}")

# The owners' naming, for copies of the table that come without its sheets.
_FOLDERS = (15, 16, *range(19, 28), *range(29, 39), 40)
_SUBJECTS = {order: f"s{folder}" for order, folder in enumerate(_FOLDERS, start=1)}
_CODES = {
    "disgust1": "0101",
    "disgust2": "0102",
    "anger1": "0401",
    "anger2": "0402",
    "happy1": "0502",
    "happy2": "0503",
    "happy3": "0505",
    "happy4": "0507",
    "happy5": "0508",
}


@dataclass(frozen=True)
class Naming:
    """The folder of each subject's number (1: ``s15``) and the code of each video's name (``disgust1``: ``0101``)."""

    subjects: dict[int, str]
    codes: dict[str, str]


def read(path: Path, read_bytes: ReadBytes, release: str, notes: list[str]) -> tuple[Table, Naming]:
    """Read the annotations and the naming.

    The records' cells are ``subject``, ``filename``, ``onset``, ``apex``, ``offset``, ``action_units`` (absent if
    no row has any), ``emotion`` and ``type``. A naming sheet that is missing is noted, and the owners' is used.

    Raises:
        UserError: if the file is not a readable spreadsheet, or no sheet looks like the annotations.
    """
    sheets = read_sheets(path, read_bytes, release)
    for name, rows in sorted(sheets, key=lambda sheet: column_key(sheet[0]) != column_key(_SHEET)):
        if places := _places(rows):
            others = sorted(sheets, key=lambda sheet: not column_key(sheet[0]).startswith("naming"))
            others = [row for other, lines in others if other != name for row in lines]
            return Table(path, name, [], records(rows, places)), _naming(path, others, notes)
    raise UserError(
        f"{path}: no sheet ({', '.join(name for name, _ in sheets)}) has rows of subject, clip (anger1_2), onset, "
        f"apex, offset, action units, emotion and type (macro-expression); the owners' release has {release}"
    )


def video_key(name: str) -> str:
    """A video's name, such as ``disgust1``, without case and blanks."""
    return re.sub(r"\s", "", name.casefold())


def _places(rows: Sequence[Sequence[Any]]) -> dict[str, int] | None:
    """The columns of the annotations by field, None if no row looks like one."""
    clip = re.compile(CLIP, re.IGNORECASE)
    ends = [
        (row, _first(row, lambda cell: clip.fullmatch(file_name(cell))), _first(row, expression_type)) for row in rows
    ]
    ends = [(row, start, end) for row, start, end in ends if start is not None and end is not None]
    if not ends:
        return None
    _, start, end = ends[0]
    filled = [place for place in range(end) if any(place < len(row) and text(row[place]) for row, _, _ in ends)]
    before, between = ([p for p in filled if p < start], [p for p in filled if p > start])
    if not before or len(between) < 4:
        return None
    # Between the clip and the type lie onset, apex, offset, action units if any row has some, and emotion.
    fields = ("onset", "apex", "offset", "action_units")
    places = dict(zip(fields, between[:-1], strict=False))
    return {"subject": before[-1], "filename": start, **places, "emotion": between[-1], "type": end}


def _first(row: Sequence[Any], matches: Any) -> int | None:
    return next((place for place, cell in enumerate(row) if matches(cell)), None)


def _naming(path: Path, rows: list[Sequence[Any]], notes: list[str]) -> Naming:
    subjects: dict[int, str] = {}
    codes: dict[str, str] = {}
    for row in rows:
        words = [text(cell) for cell in row]
        for place, cell in enumerate(words):
            if match := _SUBJECT.fullmatch(cell):
                # The subject's number stands to the right of its folder; to the left in some copies.
                beside = [*words[place + 1 : place + 2], *words[max(place - 1, 0) : place]]
                value = next((number(word) for word in beside if number(word) is not None), None)
                if value is not None:
                    subjects.setdefault(int(value), f"s{int(match[1]):02d}")
            elif _VIDEO.fullmatch(cell) and (code := next(filter(_CODE.fullmatch, words), None)):
                codes.setdefault(video_key(cell), code.zfill(4))
    for rules, rule, what in (
        (subjects, "naming rule1", "numbers of the subjects"),
        (codes, "naming rule2", "codes of the videos"),
    ):
        if not rules:
            notes.append(f"{path.name} has no sheet {rule}: the {what} are those of the owners' release")
    return Naming(subjects or _SUBJECTS, codes or _CODES)
