"""The first lines of the page: what was run, and of each paper the proposed method beside its null control."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mexflow.audit import root
from mexflow.audit.graph import Graph
from mexflow.page.chains import seconds
from mexflow.page.printed_form import INCOMPLETE, declared, form_of, label, quoted
from mexflow.papers.metrics import FRACTION
from mexflow.papers.paper import Paper
from mexflow.tables import controls, shifted_controls


@dataclass(frozen=True)
class Bar:
    """A number on the common axis of the overview, with its interval; all in [0, 100]."""

    kind: str
    text: str
    at: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Overview:
    """A paper's line: the method that it proposes, in which cell it stands, and what became of it."""

    experiment: str
    metric: str
    cell: str
    bars: list[Bar]
    verdict: str
    measured: int
    cells: int
    quoted: int
    incomplete: dict[str, int]


def of_run(graph: Graph) -> dict[str, Any]:
    """What the records of the run say of it: jobs, when, how long, on what, and their root."""
    records = list(graph.records.values())
    observed = [record.contents["observed"] for record in records]
    return {
        "jobs": len(records),
        "started": min(one["started"] for one in observed)[:16].replace("T", " "),
        "ended": max(one["ended"] for one in observed)[:16].replace("T", " "),
        "seconds": sum(map(seconds, records)),
        "hosts": _counted(f"{one['host']} ({one['machine']})" for one in observed),
        "devices": _counted(record.contents.get("device") for record in records),
        "commits": _counted(
            (record.contents["code"].get("git_commit") or "none")[:12]
            + (" with changes" if record.contents["code"].get("git_dirty") else "")
            for record in records
        ),
        "root": root.merkle(list(root.leaves(graph).values())),
    }


def of_paper(paper: Paper, rows: Sequence[Mapping[str, Any]], cells: Mapping[str, list[str]], budget: Any) -> Overview:
    """A paper's line.

    The proposed method is the first experiment that the paper's file has a null control for; its number, the first of
    its accuracies in the paper's own tables, or else the first of its numbers there.
    """
    proposed = (paper.controlled(budget) or paper.controlled() or [""])[0]
    own = [row for row in rows if row["table"] in paper.tables]
    of_method = [row for row in own if proposed in cells.get(row["cell"], ()) and _of_data(row["metric"])]
    # A complete number before one that lacks folds, an accuracy before others, one in print before one that is not.
    of_method.sort(key=lambda row: (row["measured"] is None, row["metric"] != "accuracy", row["published"] is None))
    best = of_method[0] if of_method else None
    missing = Counter(row["table"] for row in own if (row["note"] or "").startswith(INCOMPLETE))
    bars, verdict = [], "not measured"
    if best is not None:
        bars = _bars("published", best["published"], best, interval=False) + _bars("measured", best["measured"], best)
        controlled = _controlled(paper, proposed, best)
        control = _control(rows, controlled, best["metric"])
        if control is not None:
            bars += _bars("control", control["measured"], control)
        verdict = _verdict(rows, controlled, best["metric"])
    return Overview(
        proposed,
        _metric(paper, best) if best else "",
        best["cell"] if best else "",
        bars,
        verdict,
        sum(row["measured"] is not None for row in own),
        len(own),
        quoted(own),
        dict(missing),
    )


def _of_data(metric: str) -> bool:
    found = declared(metric)
    return found is not None and found.of_data


def _bars(kind: str, value: float | None, row: Mapping[str, Any], interval: bool = True) -> list[Bar]:
    if value is None:
        return []
    # Shares are per cent, or in [0, 1].
    metric = declared(row["metric"])
    scale = 100.0 if metric and metric.form == FRACTION else 1.0
    ends = [_inside(scale * row[end]) if interval and row[end] is not None else None for end in ("ci_low", "ci_high")]
    return [Bar(kind, format(value, form_of(row["metric"])), _inside(scale * value), *ends)]


def _inside(value: float) -> float:
    return round(min(100.0, max(0.0, value)), 2)


def _metric(paper: Paper, cell: Mapping[str, Any]) -> str:
    """What a cell's number is, with its column where that is not of all clips or expressions."""
    return f"{label(cell['metric'])}: {cell['column']}" if _part(paper, cell) else label(cell["metric"])


def _part(paper: Paper, cell: Mapping[str, Any]) -> str | None:
    """The type of expression, or the member dataset, that a cell of the paper's own tables is of; None of all."""
    columns = {column.name: column.part for column in paper.tables[cell["table"]].columns}
    return columns.get(cell["column"])


def _controlled(paper: Paper, proposed: str, cell: Mapping[str, Any]) -> str:
    """The name that a cell's number has among the null controls: that of no other part, and no other variant."""
    variants = {row.name: row.variant for row in paper.tables[cell["table"]].rows}
    variant = variants.get(cell["row"]) or next(iter(paper.variants(proposed)), None)
    return ", ".join(filter(None, (proposed, variant, _part(paper, cell))))


def _control(rows: Sequence[Mapping[str, Any]], controlled: str, metric: str) -> Mapping[str, Any] | None:
    """The null control of a number: trained on permuted labels, or what was spotted, moved in time."""
    for row in rows:
        if (row["row"], row["metric"]) == (controlled, metric) and (row["table"], row["column"]) in (
            (controls.TABLE, "null"),
            (shifted_controls.TABLE, "shifted"),
        ):
            return row
    return None


def _verdict(rows: Sequence[Mapping[str, Any]], controlled: str, metric: str) -> str:
    for row in rows:
        if (
            row["table"] in (controls.TABLE, shifted_controls.TABLE)
            and (row["row"], row["column"], row["metric"]) == (controlled, "experiment", metric)
            and row["note"]
        ):
            return row["note"].rpartition("; ")[2]
    return "no null control"


def _counted(values: Any) -> list[str]:
    return [value for value, _ in Counter(value for value in values if value).most_common()]
