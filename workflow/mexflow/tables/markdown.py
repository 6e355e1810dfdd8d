"""Markdown of every page of tables: escaped text, and tables of pipes."""

from __future__ import annotations

import re

NOTHING = "—"
_SPECIAL = re.compile(r"[\\*|<>]|(?<![^\W_])_|_(?![^\W_])")
_WIDEST = 50
"""How wide a column is made so that what is below it stands in line; longer texts stand out."""


def escape(text: str) -> str:
    """Text that Markdown shows literally, on one line, inside a table or out of it; backticks keep their meaning."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(text.split()))


def pipe_table(heads: list[str], lines: list[list[str]], left: int, last: int = 0) -> str:
    """A table whose first `left` and last `last` columns hold text, the others numbers.

    Columns stand in line, so that the file reads as it is too.
    """
    numbers = range(left, len(heads) - last)
    columns = zip(heads, *lines, strict=True)
    widths = [max((len(text) for text in texts if len(text) <= _WIDEST), default=0) for texts in columns]
    rule = [
        f"{'-' * max(2, width - 1)}:" if column in numbers else "-" * max(3, width)
        for column, width in enumerate(widths)
    ]
    padded = [
        [text.rjust(width) if column in numbers else text.ljust(width)
         for column, (text, width) in enumerate(zip(texts, map(len, rule), strict=True))]
        for texts in [heads, *lines]
    ]  # fmt: skip
    return "\n".join(f"| {' | '.join(texts)} |" for texts in [padded[0], rule, *padded[1:]])
