"""Annotation tables in xlsx files, found by the names of their columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.datasets import xlsx
from mexflow.datasets.cell_values import column_key, text
from mexflow.errors import UserError, nearest

# Lead text above the header takes 14 rows at most in the releases; a wide margin, so that a sheet of a million
# formatted but empty rows is not searched to its end.
_HEADER_SEARCH = 200


@dataclass(frozen=True)
class Column:
    """A column that is looked for: its name in the owners' release and other names it is met under."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = True


@dataclass(frozen=True)
class Record:
    """One row below the header: its number in the sheet (from 1), its cells by field, and all its text."""

    number: int
    cells: dict[str, Any]
    words: str


@dataclass(frozen=True)
class Table:
    """The rows of a sheet below its header; rows without any text are left out."""

    path: Path
    sheet: str
    headings: list[str]
    records: list[Record]

    def where(self, record: Record) -> str:
        """The place of a record, for messages."""
        return f"{self.path.name} row {record.number}"

    def has(self, *names: str) -> bool:
        """Whether the header has a column of one of these names."""
        return bool({column_key(name) for name in names} & {column_key(heading) for heading in self.headings})


def read_table(
    path: Path,
    columns: Mapping[str, Column],
    read_bytes: Callable[[Path], bytes],
    release: str,
    sheet: str | None = None,
) -> Table:
    """Read the first sheet that has a row with all required column names.

    Names are compared without case, blanks and punctuation. The header may be in any of the first 200 rows, its
    columns in any order, among others.

    Args:
        path: the xlsx file.
        columns: what to read, by the field's name in `Record.cells`.
        read_bytes: gives the file's content.
        release: what the owners' release contains, for messages.
        sheet: the sheet to prefer.

    Raises:
        UserError: if the file is not a readable spreadsheet or lacks a column (naming file, sheet and column).
    """
    sheets = read_sheets(path, read_bytes, release)
    preferred = [entry for entry in sheets if sheet and column_key(entry[0]) == column_key(sheet)]
    best: tuple[int, str, Sequence[Any]] = (0, "", ())
    for group in (preferred, [entry for entry in sheets if entry not in preferred]):
        for name, rows in group:
            for index, row in enumerate(rows[:_HEADER_SEARCH]):
                places = _places(row, columns)
                if not _absent(columns, places):
                    return Table(path, name, _headings(row), records(rows, places, index + 1))
                if len(places) > best[0]:
                    best = (len(places), name, row)
        # A preferred sheet with a broken header is told, not passed over for another sheet.
        if 2 * best[0] >= len(columns):
            break
    raise UserError(_no_header(path, columns, best, [name for name, _ in sheets], release))


def read_sheets(path: Path, read_bytes: Callable[[Path], bytes], release: str) -> list[tuple[str, list[Sequence[Any]]]]:
    """The name and the rows of cells of every sheet of an xlsx file; cells as `xlsx.sheets` gives them.

    Raises:
        UserError: if the file is not a readable spreadsheet, saying what it is, what to do, and what the owners'
            `release` contains.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions and the disk") from None
    try:
        return xlsx.sheets(data)
    except xlsx.Unreadable as error:
        remedy = error.remedy or f"copy it again from the owners' release: {release}"
        raise UserError(f"{path}: {error.what}; {remedy}") from None


def unreadable_formats(folder: Path, pattern: str) -> str:
    """Words for the tables of a folder that are there, but not as xlsx files; empty where there are none.

    Args:
        folder: where the table is looked for.
        pattern: of the names of xlsx files, a regular expression with the ending ``\\.xlsx``.
    """
    endings = "|".join(map(re.escape, xlsx.FORMATS))
    other = re.compile(pattern.replace(r"\.xlsx", f"(?:{endings})"), re.IGNORECASE)
    try:
        tables = sorted(path for path in folder.iterdir() if other.fullmatch(path.name))
    except OSError:
        tables = []
    if not tables:
        return ""
    named = " and ".join(f"{path.name}, {xlsx.FORMATS[path.suffix.lower()]}" for path in tables)
    return f"there is {named}: {xlsx.SAVE}"


def records(rows: Sequence[Sequence[Any]], places: Mapping[str, int], first: int = 0) -> list[Record]:
    """The rows with any text, from index `first` on; `places` are the columns of the cells, from 0, by field."""
    filled = []
    for index, row in enumerate(rows[first:], start=first + 1):
        words = " ".join(_headings(row))
        if words:
            cells = {field: row[place] if place < len(row) else None for field, place in places.items()}
            filled.append(Record(index, cells, words))
    return filled


def _headings(row: Iterable[Any]) -> list[str]:
    return [words for cell in row if (words := " ".join(text(cell).split()))]


def _places(row: Sequence[Any], columns: Mapping[str, Column]) -> dict[str, int]:
    keys: dict[str, int] = {}
    for index, cell in enumerate(row):
        if isinstance(cell, str):
            keys.setdefault(column_key(cell), index)
    places = {}
    for field, column in columns.items():
        for name in (column.name, *column.aliases):
            if column_key(name) in keys:
                places[field] = keys[column_key(name)]
                break
    return places


def _absent(columns: Mapping[str, Column], places: Mapping[str, int]) -> list[str]:
    return [column.name for field, column in columns.items() if column.required and field not in places]


def _no_header(
    path: Path, columns: Mapping[str, Column], best: tuple[int, str, Sequence[Any]], sheets: list[str], release: str
) -> str:
    count, sheet, row = best
    wanted = [column.name for column in columns.values() if column.required]
    if count < 2:
        return (
            f"{path}: no row with the columns {', '.join(wanted)} in its sheets ({', '.join(sheets)}); "
            f"the owners' release has {release}"
        )
    places = _places(row, columns)
    free = [heading for heading in _headings(row) if column_key(heading) not in _keys(columns)]
    absent = ", ".join(repr(name) + nearest(name, free) for name in _absent(columns, places))
    return (
        f"{path}: sheet {sheet!r} lacks the column {absent}; columns found: {', '.join(_headings(row))}; "
        f"the owners' release has {release}"
    )


def _keys(columns: Mapping[str, Column]) -> set[str]:
    return {column_key(name) for column in columns.values() for name in (column.name, *column.aliases)}
