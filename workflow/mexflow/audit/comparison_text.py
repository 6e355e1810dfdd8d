"""Two compared runs as text: lines for a terminal, and a page of Markdown.

Cells with the same changes behind them stand together, those that lie outside an interval first.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from mexflow.audit.changes import CODE, COMMIT, MADE, Change
from mexflow.audit.compare import (
    INSIDE,
    INTERVAL,
    NUMBER,
    ONLY_A,
    ONLY_B,
    OUTSIDE,
    PUBLISHED,
    REMARKS,
    Comparison,
    Difference,
    Number,
    Run,
)
from mexflow.audit.short_tree import shortened
from mexflow.papers.metrics import METRICS
from mexflow.tables.markdown import escape, pipe_table

FEW = 12
"""So many cells of a group are shown where not all are asked for."""
_WIDTH = 100
_TOLD = 8
_LONGEST = 90
_NAMES = 44
_ROOMS = (
    "models", "training", "preprocess", "embedded", "datasets", "evaluation", "tables", "papers", "audit", "store",
)  # fmt: skip
"""What code is of, in the order in which changed modules are told: what changes numbers before what serves it."""
_NOTHING = "—"


def lines(found: Comparison, few: int | None = FEW) -> Iterator[str]:
    """The comparison for a terminal of 100 columns; of each group the first `few` cells (None: all)."""
    for name, run in (("A", found.a), ("B", found.b)):
        yield from _wrapped(_run(name, run), "", "   ")
    yield ""
    yield from _wrapped(summary(found), "", "")
    for number, (changes, cells) in enumerate(found.by_changes().items(), start=1):
        yield ""
        yield f"{number}. {counted(cells)}"
        for text in reasons(changes):
            yield from _wrapped(text, "   ", "     ")
        shown = sorted(cells, key=order)[:few]
        yield ""
        yield from _columns(shown)
        if len(shown) < len(cells):
            yield f"   … and {len(cells) - len(shown)} more; --all shows them"
    for what, name in ((ONLY_A, "A"), (ONLY_B, "B")):
        if alone := [one.cell for one in found.differences if one.what == what]:
            yield ""
            yield f"Only in {name}: {len(alone)} {'cell' if len(alone) == 1 else 'cells'}"
            yield from (f"   {cell}" for cell in alone[:few])
            if few is not None and len(alone) > few:
                yield f"   … and {len(alone) - few} more; --all shows them"


def markdown(found: Comparison) -> str:
    """The comparison as a page: every cell that differs."""
    parts = ["# Two runs compared", "\n".join(f"- {escape(_run(name, run))}" for name, run in
                                              (("A", found.a), ("B", found.b))), summary(found)]  # fmt: skip
    for number, (changes, cells) in enumerate(found.by_changes().items(), start=1):
        parts += [f"## {number}. {counted(cells)}", "\n".join(f"- {escape(text)}" for text in reasons(changes))]
        table = [
            [
                escape(text)
                for text in (cell, a, interval_text(one.a, one.metric), b, interval_text(one.b, one.metric), *rest)
            ]
            for one in sorted(cells, key=order)
            for cell, a, b, *rest in [_row(one)]
        ]
        cell, a, b, *rest = _HEADS
        parts.append(pipe_table([cell, a, "95 %", b, "95 %", *rest], table, 1, 1))
    for what, name in ((ONLY_A, "A"), (ONLY_B, "B")):
        if alone := [one.cell for one in found.differences if one.what == what]:
            parts += [f"## Only in {name}", "\n".join(f"- {escape(cell)}" for cell in alone)]
    return "\n\n".join(parts) + "\n"


_HEADS = ("cell", "A", "B", "B − A", "against the intervals")


def _run(name: str, run: Run) -> str:
    commits = ", ".join(commit[:8] for commit in run.commits)
    ended = run.ended[:16].replace("T", " ")
    return (
        f"{name}: {run.folder}: {run.jobs} jobs on {', '.join(run.hosts)}, ended {ended}, commit {commits}, "
        f"root {run.root[:12]}; data {' and '.join(run.data)}, budget {' and '.join(run.budgets)}"
    )


def summary(found: Comparison) -> str:
    """How many cells are the same, and in what the others differ."""
    both = [one for one in found.differences if one.what not in (ONLY_A, ONLY_B)]
    if not found.differences:
        return f"No difference: all {found.alike:,} cells say the same in both."
    counts = {what: sum(one.what == what for one in found.differences)
              for what in (NUMBER, INTERVAL, PUBLISHED, REMARKS, ONLY_A, ONLY_B)}  # fmt: skip
    words = {NUMBER: "in the number", INTERVAL: "in interval or n alone", PUBLISHED: "in what is published alone",
             REMARKS: "in remarks alone", ONLY_A: "only in A", ONLY_B: "only in B"}  # fmt: skip
    outside = sum(OUTSIDE in (one.in_a, one.in_b) for one in both if one.what == NUMBER)
    told = "; ".join(f"{counts[what]:,} {words[what]}" for what in words if counts[what])
    return (
        f"{found.alike + len(both):,} cells in both: {found.alike:,} say the same, {len(both):,} differ. {told}. "
        f"{outside:,} {'number lies' if outside == 1 else 'numbers lie'} outside the interval of the other run."
    )


def counted(cells: Sequence[Difference]) -> str:
    """How many cells there are, and how many of them lie outside an interval."""
    outside = sum(OUTSIDE in (one.in_a, one.in_b) for one in cells if one.what == NUMBER)
    plural = "cell" if len(cells) == 1 else "cells"
    return f"{len(cells):,} {plural} ({outside:,} outside an interval)" if outside else f"{len(cells):,} {plural}"


def reasons(changes: Sequence[Change]) -> list[str]:
    """The changes as sentences, those of a kind and a command together."""
    if not changes:
        return ["no change found in the records: remarks or print alone"]
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.kind, change.where), []).append(change)
    texts = []
    alike: dict[tuple[str, str], list[str]] = {}
    for (kind, where), own in groups.items():
        alike.setdefault((kind, _told(kind, own)), []).append(where)
    for (kind, told), where in alike.items():
        texts.append(f"{kind}, {', '.join(where)}: {told}")
    return texts


def _told(kind: str, changes: Sequence[Change]) -> str:
    if kind == CODE:
        names = [change.what.removeprefix("mexflow.") for change in changes if change.what != COMMIT]
        names.sort(key=lambda name: (_ROOMS.index(room) if (room := name.partition(".")[0]) in _ROOMS else 99, name))
        commits = "".join(f"commit {change.a} → {change.b}: " for change in changes if change.what == COMMIT)
        return f"{commits}{_some(names, 'modules')}"
    # What changed in the same way is told together, and of paths in one folder the folder once.
    alike: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        alike.setdefault((change.a, change.b), []).append(change.what)
    texts = []
    for (a, b), names in alike.items():
        folders = {name.rpartition("/")[0] for name in names}
        if len(names) > 1 and len(folders) == 1 and "" not in folders:
            last = _some([name.rpartition("/")[2] for name in names], "of these")
            said = f"{folders.pop()}/: {last}"
        else:
            said = _some(names, "of these")
        if MADE in (a, b):
            texts.append(f"only in {'A' if a == MADE else 'B'}: {said}")
        else:
            texts.append(f"{said}: {_side(a)} → {_side(b)}" if a or b else said)
    return "; ".join(texts)


def _some(texts: Sequence[str], what: str) -> str:
    """The first of some texts, and how many more there are."""
    more = len(texts) - _TOLD
    return ", ".join(texts[:_TOLD]) + (f", and {more} more {what}" if more > 0 else "")


def _side(text: str) -> str:
    """What a setting is in one run, cut where it is long."""
    return shortened(text or _NOTHING, _LONGEST)


def order(one: Difference) -> tuple[int, float, str]:
    """For sorting: first what lies outside an interval, then other numbers, the largest differences first."""
    outside = OUTSIDE in (one.in_a, one.in_b) and one.what == NUMBER
    return 0 if outside else 1 if one.what == NUMBER else 2, -abs(one.difference or 0), one.cell


def _row(one: Difference) -> list[str]:
    return [
        one.cell,
        number_text(one.a, one.metric),
        number_text(one.b, one.metric),
        difference_text(one),
        verdict(one),
    ]


def difference_text(one: Difference) -> str:
    """The second number less the first, with its sign."""
    return _NOTHING if one.difference is None else f"{one.difference:+{_form(one.metric)}}"


def verdict(one: Difference) -> str:
    """Where the numbers lie in each other's interval; what else differs, where that is all."""
    if one.what == INTERVAL:
        return "same; interval or n differ"
    if one.what == PUBLISHED:
        return "same; published differs"
    if one.what == REMARKS:
        return "same; remarks differ"
    if one.difference is None:
        return "no number in one of them"
    if one.in_a == one.in_b:
        return {INSIDE: "inside both", OUTSIDE: "outside both"}.get(one.in_a, "no interval")
    said = {INSIDE: "inside {}'s", OUTSIDE: "outside {}'s"}
    texts = [said[where].format(name) for where, name in ((one.in_a, "A"), (one.in_b, "B")) if where in said]
    if len(texts) == 1:
        texts.append(f"{'B' if one.in_b not in said else 'A'} has none")
    return ", ".join(texts)


def _form(metric: str) -> str:
    metric = metric.removesuffix("_difference")
    return METRICS[metric].form if metric in METRICS else ".4g"


def number_text(number: Number | None, metric: str) -> str:
    """A run's number as tables of its metric write it; what stands there where there is none."""
    if number is None or number.measured is None:
        incomplete = number is not None and number.note.startswith("INCOMPLETE")
        return number.note.partition(";")[0] if incomplete else _NOTHING
    return format(number.measured, _form(metric))


def interval_text(number: Number | None, metric: str) -> str:
    """The interval of a run's number; empty where it has none."""
    if number is None or number.ci_low is None or number.ci_high is None:
        return ""
    return f"{number.ci_low:{_form(metric)}} to {number.ci_high:{_form(metric)}}"


def _columns(cells: Sequence[Difference]) -> Iterator[str]:
    """Cells in lines, those of a table and metric together: where, both numbers, difference, where they lie."""
    blocks: dict[str, list[list[str]]] = {}
    for one in cells:
        paper, table, row, column, metric = one.cell.split("/")
        name = shortened(f"{row}/{column}", _NAMES)
        blocks.setdefault(f"{paper}/{table}/…/{metric}", []).append([name, *_row(one)[1:]])
    every = [list(_HEADS), *(row for block in blocks.values() for row in block)]
    widths = [max(len(row[place]) for row in every) for place in range(len(_HEADS) - 1)]
    yield _aligned(["", *_HEADS[1:]], widths)
    for head, block in blocks.items():
        yield f"   {head}"
        yield from (_aligned(row, widths) for row in block)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    numbers = [text.rjust(width) for text, width in zip(row[1:4], widths[1:], strict=True)]
    return f"     {row[0].ljust(widths[0])}  {'  '.join(numbers)}  {row[4]}"


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False, break_long_words=False
    )
