"""What lies behind an artifact, or a cell, as a tree of short lines for a terminal.

A line is an artifact: its path, the start of its sha256, the command that made it and how long that took. Below it
stands what its job read; what was shown before is only counted. The commands themselves are in
:func:`mexflow.audit.trace.as_lines`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mexflow.audit.graph import Record
from mexflow.audit.trace import FOLD_FACTS, Cell, Node, as_text, decision_lines, listed, release

WIDTH = 100
"""Columns of the terminal that lines are made for."""
_DIGEST, _COMMAND, _DURATION = 8, 10, 8
_PATH = WIDTH - _DIGEST - _COMMAND - _DURATION - 6
_BRANCH, _LAST, _RUNS, _EMPTY = "├─ ", "└─ ", "│  ", "   "


def tree_lines(nodes: Sequence[Node]) -> Iterator[str]:
    """The trees of some artifacts; each job's inputs stand below the first of its artifacts alone."""
    shown: set[str] = set()
    for node in nodes:
        if not node.again:
            yield _line("", node)
            yield from _below(node, "", shown)
    if repeated := sum(node.again for node in nodes):
        yield _repeated(repeated)


def _below(node: Node, before: str, shown: set[str]) -> Iterator[str]:
    record = node.record
    if record is None or node.again:
        return
    fold = f"{record.job} {Path(node.path).parent}" if node.fold else record.job
    children = [] if record.job in shown else [child for child in node.inputs if not child.again]
    repeated = 0 if record.job in shown else len(node.inputs) - len(children)
    if fold not in shown:
        for fact in _facts(node, record):
            yield from _wrapped(fact, f"{before}{_RUNS if children or repeated else _EMPTY}")
    shown |= {record.job, fold}
    for place, child in enumerate(children):
        last = place == len(children) - 1 and not repeated
        yield _line(f"{before}{_LAST if last else _BRANCH}", child)
        yield from _below(child, f"{before}{_EMPTY if last else _RUNS}", shown)
    if repeated:
        yield f"{before}{_LAST}{_repeated(repeated)}"


def _repeated(count: int) -> str:
    return f"… {count} that {'is' if count == 1 else 'are'} shown above"


def _line(before: str, node: Node) -> str:
    path = shortened(f"{before}{node.path}", _PATH, len(before))
    if node.record is None:
        return f"{path:<{_PATH}}  {node.sha256[:_DIGEST]}  {'not made here':<{_COMMAND}}"
    took = duration(node.record)
    return f"{path:<{_PATH}}  {node.sha256[:_DIGEST]}  {node.record.stage:<{_COMMAND}}  {took:>{_DURATION}}"


def shortened(text: str, width: int, kept: int = 0) -> str:
    """A text of at most so many columns, with an ellipsis where its middle was; its first `kept` characters stay."""
    if len(text) <= width:
        return text
    end = 2 * (width - kept) // 3
    return f"{text[: width - end - 1]}…{text[-end:]}"


def duration(record: Record) -> str:
    """How long a job took: ``0.2 s``, ``12 s``, ``3:05 min``, ``2:10 h``."""
    started, ended = (datetime.fromisoformat(record.contents["observed"][name]) for name in ("started", "ended"))
    seconds = (ended - started).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def _facts(node: Node, record: Record) -> Iterator[str]:
    """What is told of a job below its artifact."""
    if "raw" in record.contents:
        raw = record.contents["raw"]
        yield f"raw frames: {raw['files']:,} of {raw['root']}, {_bytes(raw['bytes'])}, {raw['sha256'][:_DIGEST]}"
    if record.stage == "index":
        yield f"release: {release(node)}"
    for name in FOLD_FACTS:
        if name in node.fold:
            yield f"{name.replace('_', ' ')}: {listed(node.fold[name]) or 'none'}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count:,} bytes"


def _wrapped(text: str, before: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=before, subsequent_indent=f"{before}  ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def cell_lines(cell: Cell, rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """What a cell says, what it rests on, and the rows that its number was computed from, at most `WIDTH` wide.

    Args:
        cell: of a table.
        rows: of the folds behind it, each with the name of its table.
    """
    row = cell.row
    yield row["cell"]
    facts = [f"{name} {_number(row[name])}" for name in ("published", "measured") if row.get(name) is not None]
    if row.get("ci_low") is not None:
        facts.append(f"95 % {_number(row['ci_low'])} to {_number(row['ci_high'])}")
    facts += [f"n {row['n']}"] if row.get("n") is not None else []
    if row.get("seeds"):
        spread = "" if row.get("seed_sd") is None else f", ± {_number(row['seed_sd'])} over them"
        facts.append(f"{row['seeds']} seeds{spread}")
    yield from _wrapped(", ".join(facts) or "no number", "  ")
    yield f"  {' · '.join(f'{name} {row[name]}' for name in ('data', 'budget', 'reading') if row.get(name))}"
    if row.get("note"):
        yield from _wrapped(f"note: {row['note']}", "  ")
    if cell.experiments:
        yield from _wrapped(f"measured of: {', '.join(cell.experiments)}", "  ")
    for line in decision_lines(cell):
        yield from _wrapped(f"decided: {line}", "  ")
    for name, one in rows:
        yield from _wrapped(as_text(name, one), "    ")


def _number(value: float) -> str:
    return f"{value:,.6g}"
