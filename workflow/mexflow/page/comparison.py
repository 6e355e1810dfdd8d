"""The page of two compared runs: the papers' tables with both numbers in each cell, and what stands behind each change.

One file, as the results page is, with the same style.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mexflow.audit import comparison_text
from mexflow.audit.changes import KINDS, PAPERS, Change
from mexflow.audit.compare import (
    INSIDE,
    NUMBER,
    ONLY_A,
    ONLY_B,
    OUTSIDE,
    Comparison,
    Difference,
    Number,
)
from mexflow.errors import UserError
from mexflow.page import looks, printed_form
from mexflow.page.chains import Names
from mexflow.page.printed_form import Grid, Line, Remarks, Rows
from mexflow.papers import paper as paper_files
from mexflow.papers.paper import Paper
from mexflow.tables import claims, controls, learning_table, shifted_controls
from mexflow.tables.source import Source

SAME, OTHER, BETWEEN, UNKNOWN, BEYOND = "same", "other", "inside", "unknown", "outside"
SORTS = {
    SAME: "the same",
    OTHER: "same number, other remarks, interval or n",
    BETWEEN: "other number, inside",
    UNKNOWN: "other number, nothing to hold it against",
    BEYOND: "other number, outside",
    ONLY_A: "only in A",
    ONLY_B: "only in B",
}
"""How cells compare, in the order in which they are counted."""
_TITLES = {
    module.TABLE: module.TITLE for module in (claims, controls, shifted_controls, learning_table)
} | {"timing": "The time to classify a clip, in milliseconds"}  # fmt: skip
_WIDE = 100


@dataclass(frozen=True)
class Drawn:
    """A number with its interval on an axis from 0 to 100; None where it has none."""

    kind: str
    at: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Both:
    """A cell of both runs as it is shown.

    Attributes:
        name: of the cell.
        sort: one of `SORTS`.
        a: the first run's number, as text.
        b: the second one's.
        marks: what follows each of them where it must not be compared with what is in print.
        difference: the second less the first, with its sign; empty where nothing is to be told.
        verdict: where they lie in each other's interval, or what else differs.
        drawn: both numbers on one axis, where one of them has an interval.
        group: which group of changes stands behind it, from 1; 0 for none.
    """

    name: str
    sort: str
    a: str
    b: str
    marks: tuple[str, str] = ("", "")
    difference: str = ""
    verdict: str = ""
    drawn: tuple[Drawn, ...] = ()
    group: int = 0


@dataclass(frozen=True)
class Group:
    """Cells with the same changes behind them: how many, in words, the changes as sentences and one by one."""

    number: int
    counted: str
    reasons: list[str]
    changes: tuple[Change, ...]
    cells: list[str]


@dataclass(frozen=True)
class Section:
    """The tables of a paper, or of what else has tables, and how many of its cells compare how."""

    name: str
    title: str
    tables: list[Grid]
    counts: Mapping[str, int]


def page(found: Comparison) -> str:
    """The page of a comparison."""
    groups = [
        Group(number, comparison_text.counted(cells), comparison_text.reasons(changes), changes,
              [one.cell for one in sorted(cells, key=comparison_text.order)])
        for number, (changes, cells) in enumerate(found.by_changes().items(), start=1)
    ]  # fmt: skip
    of_group = {cell: group.number for group in groups for cell in group.cells}
    differing = {one.cell: one for one in found.differences}
    cells = {name: _both(name, row, differing.get(name), of_group.get(name, 0)) for name, row in found.rows.items()}
    ordered = sorted(found.differences, key=comparison_text.order)
    return (
        looks.environment()
        .get_template("compared/page.html")
        .render(
            a=found.a,
            b=found.b,
            warnings=_warnings(found),
            summary=comparison_text.summary(found),
            counts=Counter(both.sort for both in cells.values()),
            sorts=SORTS,
            sections=_sections(found, cells),
            cells=cells,
            ordered=[cells[one.cell] for one in ordered],
            groups=groups,
            kinds=_kinds(found.differences),
            data=_data(found.differences, groups, cells),
        )
    )


def _both(name: str, row: Mapping[str, Any], one: Difference | None, group: int) -> Both:
    metric = row["metric"]
    if one is None:
        number = Number(*(row[column] for column in Number.__dataclass_fields__))
        return Both(name, SAME, "", comparison_text.number_text(number, metric), ("", _mark(number, metric)))
    sides = (one.a, one.b)
    drawn = _drawn(sides) if one.what == NUMBER else ()
    return Both(
        name,
        _sort(one),
        *(comparison_text.number_text(side, metric) for side in sides),
        tuple(_mark(side, metric) for side in sides),
        comparison_text.difference_text(one) if one.what == NUMBER and one.difference is not None else "",
        comparison_text.verdict(one) if one.what not in (ONLY_A, ONLY_B) else SORTS[one.what],
        drawn,
        group,
    )


def _sort(one: Difference) -> str:
    if one.what in (ONLY_A, ONLY_B):
        return one.what
    if one.what != NUMBER:
        return OTHER
    places = (one.in_a, one.in_b) if one.difference is not None else ()
    return BEYOND if OUTSIDE in places else BETWEEN if INSIDE in places else UNKNOWN


def _mark(number: Number | None, metric: str) -> str:
    """The mark of a number that must not be compared with what is in print; none where nothing is in print of it."""
    if number is None or number.measured is None or number.budget == "none" or not printed_form.of_data(metric):
        return ""
    return Source(number.data, number.budget).mark


def _drawn(sides: Sequence[Number | None]) -> tuple[Drawn, ...]:
    there = [(kind, side) for kind, side in zip("ab", sides, strict=True) if side and side.measured is not None]
    values = [value for _, side in there for value in (side.measured, side.ci_low, side.ci_high) if value is not None]
    if len(there) < 2 or len(values) == 2 or min(values) == max(values):
        return ()
    low, scale = min(values), _WIDE / (max(values) - min(values))

    def at(value: float | None) -> float | None:
        return None if value is None else round((value - low) * scale, 1)

    return tuple(Drawn(kind, at(side.measured), at(side.ci_low), at(side.ci_high)) for kind, side in there)


def _warnings(found: Comparison) -> list[str]:
    """What must be known before any number is read: that the runs are of other data or budgets, or of such as these."""
    texts = [
        f"The two runs are of different {what}: A of {' and '.join(a)}, B of {' and '.join(b)}. Differences between "
        "their numbers come from that first of all."
        for what, a, b in (("data", found.a.data, found.b.data), ("budgets", found.a.budgets, found.b.budgets))
        if a != b
    ]
    sources = {Source(row["data"], row["budget"]): None for row in found.rows.values() if row["budget"] != "none"}
    return texts + list(dict.fromkeys(warning for source in sources if (warning := source.warning())))


def _sections(found: Comparison, cells: Mapping[str, Both]) -> list[Section]:
    of_papers: dict[str, list[Mapping[str, Any]]] = {}
    for name, row in found.rows.items():
        of_papers.setdefault(name.partition("/")[0], []).append(row)
    return [
        _section(name, rows, _paper(found.papers.get(name), name, rows[0].get("reading")), cells)
        for name, rows in sorted(of_papers.items(), key=lambda one: (one[0] not in found.papers, one[0]))
    ]


def _section(name: str, rows: list[Mapping[str, Any]], paper: Paper | None, cells: Mapping[str, Both]) -> Section:
    places, source, remarks = printed_form.by_place(rows), Source("", "paper"), Remarks()
    of_paper = {at: row for at, row in places.items() if paper is not None and at[0] in paper.tables}
    printed = printed_form.of_paper(paper, of_paper, source, remarks) if paper is not None else []
    tables = [replace(grid, title=f"{grid.name}. {grid.title}") for grid in printed]
    for table in dict.fromkeys(at[0] for at in places if at not in of_paper):
        own = {at: row for at, row in places.items() if at[0] == table}
        title = _TITLES.get(table, table.replace("_", " "))
        grid = printed_form.pivot(table, title, own, source, remarks)
        sparse = sum(one is None for line in grid.lines for one in line.cells) > len(own)
        tables.append(_listed(table, title, own, source, remarks) if sparse else grid)
    counts = Counter(cells[row["cell"]].sort for row in rows)
    return Section(name, paper.title if paper is not None else name, tables, counts)


def _listed(name: str, title: str, rows: Rows, source: Source, remarks: Remarks) -> Grid:
    """Cells whose rows share few columns: a line each."""
    several = len({at[3] for at in rows}) > 1
    lines = [
        Line([at[1], at[2], *([printed_form.label(at[3])] if several else [])],
             [printed_form.shown(row, source, remarks)])
        for at, row in rows.items()
    ]  # fmt: skip
    return Grid(name, title, ["", "", *(["metric"] if several else [])], [""], lines)


def _paper(data: bytes | None, name: str, reading: str | None) -> Paper | None:
    """A paper as one of the runs read it; None where its file is not there, or of a version that this one cannot read.

    Then its tables have the order of their rows.
    """
    if data is None:
        return None
    try:
        return paper_files.parse(data, Path(PAPERS) / f"{name}.yaml", reading or "decided")
    except UserError:
        return None


def _kinds(differences: Iterable[Difference]) -> dict[str, list[tuple[Change, int]]]:
    """Each change once, by its kind, with how many cells it may stand behind, those of most cells first."""
    counts = Counter(change for one in differences for change in one.changes)
    found: dict[str, list[tuple[Change, int]]] = {}
    for kind in KINDS:
        of_kind = [(change, count) for change, count in counts.items() if change.kind == kind]
        if of_kind:
            found[kind] = sorted(of_kind, key=lambda one: (-one[1], one[0]))
    return found


def _data(differences: Iterable[Difference], groups: Sequence[Group], cells: Mapping[str, Both]) -> dict[str, Any]:
    """What panels need, as numbers of places in lists where texts repeat."""
    remarks = Names()
    of_cells = {}
    for one in differences:
        both = cells[one.cell]
        sides = [
            side and [
                comparison_text.number_text(side, one.metric) + mark,
                comparison_text.interval_text(side, one.metric),
                side.n,
                "" if side.published is None else format(side.published, printed_form.form_of(one.metric)),
                remarks.numbers(text for text in side.note.split("; ") if text),
                side.data,
                side.budget,
            ]
            for side, mark in zip((one.a, one.b), both.marks, strict=True)
        ]  # fmt: skip
        of_cells[one.cell] = [both.sort, both.verdict, both.difference, both.group, *sides]
    return {
        "cells": of_cells,
        "remarks": remarks.values,
        "groups": [
            [group.counted, group.reasons, [[one.kind, one.where, one.what, one.a, one.b] for one in group.changes]]
            for group in groups
        ],
    }
