"""Markdown of every page of tables: escaped text, and tables of pipes."""

from __future__ import annotations

import re

NOTHING = "—"
_SPECIAL = re.compile(r"[\\*|<>]|(?<![^\W_])_|_(?![^\W_])")


def escape(text: str) -> str:
    """Text that Markdown shows literally, on one line, inside a table or out of it; backticks keep their meaning."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(text.split()))


def pipe_table(heads: list[str], lines: list[list[str]], left: int, last: int = 0) -> str:
    """A table whose first `left` and last `last` columns hold text, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(heads) - left - last) + ["---"] * last
    return "\n".join(f"| {' | '.join(texts)} |" for texts in [heads, rule, *lines])
