"""The annotations among the rows of a table: which they are, which are one twice, and what is strange about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from mexflow.datasets.cell_values import expression_type, file_name, is_date, number, text
from mexflow.datasets.spreadsheet import Record, Table
from mexflow.errors import UserError

_LARGEST_ACTION_UNIT = 99
_NAMES = ("subject", "filename")


def annotations(table: Table, clip_name: str, notes: list[str]) -> list[Record]:
    """The records of a table that are annotations; every other is noted, none is dropped silently.

    An annotation has the fields ``subject`` and ``filename``, and either a file name that matches `clip_name` or a
    number for the onset or the offset.

    Raises:
        UserError: if a record has frame numbers but no subject or file name, or if there is no annotation at all.
    """
    matches = re.compile(clip_name, re.IGNORECASE).fullmatch
    kept = []
    for record in table.records:
        named = bool(text(record.cells["subject"]) and text(record.cells["filename"]))
        frames = [number(record.cells[name]) is not None for name in ("onset", "offset")]
        if named and (any(frames) or matches(file_name(record.cells["filename"]))):
            kept.append(record)
        elif all(frames):
            raise UserError(
                f"{table.path}: row {record.number} of sheet {table.sheet!r} has frame numbers but no subject or no "
                f"file name; fill them in as in the owners' release"
            )
        else:
            notes.append(f"{table.where(record)} is no annotation and is ignored: {record.words[:80]!r}")
    if not kept:
        raise UserError(f"{table.path}: sheet {table.sheet!r} has no annotation below its header; copy the file again")
    return kept


def keyed(
    table: Table,
    records: list[Record],
    key: Callable[[Record], tuple[str, ...]],
    notes: list[str],
) -> dict[tuple[str, ...], Record]:
    """The records by their key: subject, file name and, where a dataset has types, the type.

    Records that are alike in all cells are one; a note says so.

    Raises:
        UserError: if two of one key differ, naming both rows.
    """
    by_key: dict[tuple[str, ...], Record] = {}
    for record in records:
        pair = key(record)
        if pair not in by_key:
            by_key[pair] = record
        elif _alike(by_key[pair], record):
            notes.append(f"{table.where(record)} is row {by_key[pair].number} once more, and counts once")
        else:
            kind = "".join(f", type {part}" for part in pair[2:])
            raise UserError(
                f"{table.path}: rows {by_key[pair].number} and {record.number} of sheet {table.sheet!r} are both "
                f"subject {pair[0]}, clip {text(record.cells['filename'])}{kind}, and differ; keep one of them"
            )
    return by_key


def typed(
    table: Table, records: list[Record], key: Callable[[Record], tuple[str, str]], notes: list[str]
) -> dict[tuple[str, ...], Record]:
    """The records by subject, file name and type (``micro`` or ``macro``, by their field ``type``); see `keyed`.

    One file name may stand for two expressions of other types.

    Raises:
        UserError: if a record is of neither type, naming its row; and as `keyed`.
    """
    for record in records:
        if expression_type(record.cells["type"]) is None:
            raise UserError(
                f"{table.path}: row {record.number} of sheet {table.sheet!r} is of the type "
                f"{text(record.cells['type'])!r}, neither micro nor macro; fill it in as in the owners' release"
            )
    return keyed(table, records, lambda record: (*key(record), str(expression_type(record.cells["type"]))), notes)


def _alike(first: Record, second: Record) -> bool:
    # Subject and file name are alike by the key, however they are padded.
    return all(text(first.cells[name]) == text(second.cells[name]) for name in first.cells if name not in _NAMES)


def told_apart(rows: list[dict[str, Any]]) -> None:
    """Make the clips of rows unique: of two of one name, which differ in type, the second has its type added."""
    taken = {(row["subject"], row["clip"].casefold()) for row in rows}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        name = row["clip"]
        if (row["subject"], name.casefold()) in seen:
            row["repairs"].append(
                f"clip_renamed: the table has two expressions called {name}, of other types; this is the "
                f"{row['type']} one"
            )
            while (row["subject"], row["clip"].casefold()) in taken:
                row["clip"] += f"-{row['type']}"
            taken.add((row["subject"], row["clip"].casefold()))
        seen.add((row["subject"], name.casefold()))


def strange_action_units(table: Table, records: Iterable[Record]) -> list[str]:
    """Notes on action units that a spreadsheet turned into a date, or into the number that it keeps a date as."""
    notes = []
    for record in records:
        cell = record.cells.get("action_units")
        if is_date(cell) or (number(cell) or 0) > _LARGEST_ACTION_UNIT:
            what = "a date" if is_date(cell) else "no action unit, perhaps a date"
            notes.append(
                f"{table.where(record)}: the action units are {what}, {text(cell)!r}: a spreadsheet program made it of "
                f"a text such as '4+7' or '4-7'"
            )
    return notes
