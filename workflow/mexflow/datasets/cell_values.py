"""The meaning of spreadsheet cells.

Spreadsheet tools turn text into numbers and back, and annotators leave blanks of every width, so each kind of
value is read from whatever the cell holds.
"""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from typing import Any

from mexflow.datasets.columns import OBJECTIVE_NUMERALS

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
# Not left to float(): it takes '006_1_2' for 612, and 'nan' and 'inf' for numbers.
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
_SUBJECT = re.compile(r"[^\W\d_]*[ _]*(\d+)(?:\.0*)?")
_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*\.?"
_DATE = re.compile(
    rf"\d{{1,2}}[-/. ]+{_MONTH}(?:[-/ ]\d{{2,4}})?|{_MONTH}[-/ ]\d{{1,4}}|\d{{4}}-\d\d?-\d\d?(?:[ T].*)?"
    r"|\d{1,2}[/.]\d{1,2}[/.](?:\d{2,4})?|\d{1,2}月\d{1,2}日",
    re.IGNORECASE,
)
# Larger whole numbers have no exact float and are no frame numbers.
_LARGEST = 2**53


def text(cell: Any) -> str:
    """The text of a cell in one line, no blanks around it; whole numbers without ``.0``; empty for an empty cell."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    # NFKC makes full-width blanks, digits and letters plain.
    return " ".join(unicodedata.normalize("NFKC", str(cell)).translate(_INVISIBLE).split())


def number(cell: Any) -> float | None:
    """The number in a cell, be it a number or a text; None if there is none."""
    if isinstance(cell, bool):
        return None
    if not isinstance(cell, (int, float)):
        words = text(cell)
        if not _NUMBER.fullmatch(words):
            return None
        cell = float(words)
    return cell if math.isfinite(cell) and abs(cell) < _LARGEST else None


def is_grouped(cell: Any) -> bool:
    """Whether a text is a number with dots between its thousands (``1.030``), or one with three decimals: who knows."""
    words = text(cell)
    return isinstance(cell, str) and bool(re.fullmatch(r"\d{1,3}(?:\.\d{3})+", words)) and not words.endswith(".000")


def is_unset(cell: Any) -> bool:
    """Whether a cell holds one of the owners' marks for no number: nothing, ``/``, a backslash, ``-``.

    Whatever else is no number (``5O``, ``1,030``, ``#REF!``, a formula that was saved without its value) is a mistake.
    """
    return text(cell) in ("", "/", "\\", "-", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}")


def is_date(cell: Any) -> bool:
    """Whether a spreadsheet program made a date of a cell: by its type, or a text such as ``7-Apr``, ``2014-04-07``."""
    return isinstance(cell, datetime.date | datetime.time) or bool(_DATE.fullmatch(text(cell)))


def column_key(cell: Any) -> str:
    """A column's or sheet's name without case, blanks and punctuation, for comparison."""
    return re.sub(r"[\W_]+", "", text(cell).casefold())


def subject(cell: Any, form: str) -> str:
    """A subject's number in a form such as ``sub{:02d}``, whatever letters stand before it; other text as it is."""
    words = text(cell)
    match = _SUBJECT.fullmatch(words)
    return form.format(int(match[1])) if match else words


def file_name(cell: Any) -> str:
    """The last part of a path, whichever way its slashes lean."""
    return re.split(r"[\\/]", text(cell).rstrip("\\/"))[-1].strip()


def padded(name: str) -> str:
    """SAMM's name of a clip or video, such as ``6_1_2``, with its subject padded (``006_1_2``); other text as it is."""
    subject, separator, rest = name.partition("_")
    return f"{subject.zfill(3)}_{rest}" if separator and subject.isdecimal() else name


def action_units(cell: Any) -> str | None:
    """Action units as annotated (``4+7``, ``L12``, ``?``); a single number without ``.0``; None if empty or NULL."""
    value = number(cell)
    if value is not None and value == int(value):
        return str(int(value))
    words = text(cell)
    return None if words.casefold() in ("", "null") else words


def expression_type(cell: Any) -> str | None:
    """``micro`` or ``macro``, from texts such as ``Micro - 1/2`` and ``macro-expression``; None for anything else."""
    match = re.match(r"(micro|macro)(?:expression|[^a-z]|$)", text(cell).casefold())
    return match[1] if match else None


def emotion(cell: Any) -> str | None:
    """An emotion in lower case; None if empty."""
    return text(cell).casefold() or None


def objective_class(cell: Any) -> int | None:
    """An objective class, 1 to 7, from a number or a Roman numeral; None for anything else."""
    value = number(cell)
    if value is not None:
        return int(value) if value in range(1, 8) else None
    words = text(cell).upper()
    return OBJECTIVE_NUMERALS.index(words) + 1 if words in OBJECTIVE_NUMERALS else None
