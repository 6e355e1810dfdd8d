"""The page of an analysis: one file of HTML with everything inside, but the video itself, which may lie beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from mexflow import __version__
from mexflow.analysis import drawn_course, honesty, motion_pictures
from mexflow.analysis.motion_pictures import Motion
from mexflow.analysis.report import UNSEEN, Event, Report
from mexflow.page import looks
from mexflow.page.printed_form import form_of, label
from mexflow.tables.source import Source

_DONE = {"spotted": "Spotted by", "recognised": "Recognised by"}


@dataclass(frozen=True)
class HeldOut:
    """A score on subjects that were held out, as text; `missing` says why there is none.

    `of` is what it is of: the row and the column of its cell.
    """

    cell: str
    of: str
    metric: str
    measured: str
    interval: str
    n: int | None
    missing: str
    note: str


@dataclass(frozen=True)
class Network:
    """A network that had a part in the analysis: what it did, its card, and scores on subjects that were held out."""

    did: str
    card: Mapping[str, Any]
    data: str
    held_out: list[HeldOut]


@dataclass(frozen=True)
class Row:
    """An event as its row and its panel show it.

    `probabilities` are by class, the largest first; `faces` have the names of their frames; `motion` is None where no
    flow is known.
    """

    number: int
    event: Event
    threshold: float | None
    score: float | None
    probabilities: list[tuple[str, float]]
    faces: list[tuple[str, int, float, str]]
    motion: Motion | None


def page(report: Report) -> str:
    """The page of an analysis, see :mod:`mexflow.analysis.report`.

    It asks for nothing, but for the video where that lies beside it under its name.
    """
    rows = [_row(number, event, report) for number, event in enumerate(report.events, 1)]
    counts = {kind: sum(event.type == kind for event in report.events) for kind in ("micro", "macro", UNSEEN)}
    text = (
        looks.environment()
        .get_template("analysed/page.html")
        .render(
            source=report.source,
            version=__version__,
            address=quote(os.fsencode(report.source.name)),
            data_line=honesty.data(report),
            synthetic=honesty.synthetic(report),
            for_trying=honesty.FOR_TRYING,
            no_claim=honesty.NO_CLAIM,
            networks=[_network(did, card) for did, card in honesty.networks(report).items()],
            not_spotted=report.not_spotted,
            seconds=drawn_course.length(report),
            courses=drawn_course.courses(report),
            ticks=drawn_course.ticks(drawn_course.length(report)),
            rows=rows,
            expressions=[row for row in rows if row.event.type != UNSEEN],
            counts={kind: count for kind, count in counts.items() if count or kind in report.scores},
            unseen=UNSEEN,
            legend=motion_pictures.legend() if report.flows else "",
            ramp=motion_pictures.ramp() if report.flows else "",
            data={},
        )
    )
    return honesty.readable(text)


def _network(did: str, card: Mapping[str, Any]) -> Network:
    made_from = Source(card["data"], card["budget"], card["reading"])
    return Network(_DONE[did], card, made_from.line(), [_held_out(cell) for cell in card["held_out"]])


def _held_out(cell: Mapping[str, Any]) -> HeldOut:
    form = form_of(cell["metric"])
    ends = [cell["ci_low"], cell["ci_high"]]
    known = cell["measured"] is not None
    note = cell["note"] or ""
    return HeldOut(
        cell=cell["cell"],
        of=", ".join(cell["cell"].split("/")[2:4]),
        metric=label(cell["metric"]),
        measured=format(cell["measured"], form) if known else "",
        interval=" to ".join(format(end, form) for end in ends) if None not in ends else "",
        n=cell["n"],
        missing="" if known else note.partition("; ")[0] or "not measured",
        note=note if known else note.partition("; ")[2],
    )


def _row(number: int, event: Event, report: Report) -> Row:
    probabilities = sorted((event.probabilities or {}).items(), key=lambda one: -one[1])
    frames = {
        "onset": (event.onset, event.onset_seconds),
        "apex": (event.apex, event.apex_seconds),
        "offset": (event.offset, event.offset_seconds),
    }
    pictured = event.type != UNSEEN
    faces = [
        (name, frame, seconds, motion_pictures.face(report.faces[frame]))
        for name, (frame, seconds) in frames.items()
        if pictured and frame is not None and seconds is not None and frame in report.faces
    ]
    flow, at_apex = report.flows.get(number - 1), None if event.apex is None else report.faces.get(event.apex)
    return Row(
        number,
        event,
        _finite(report.thresholds.get(event.type)),
        _finite(event.score),
        probabilities,
        faces,
        motion_pictures.motion(flow, at_apex) if flow is not None and at_apex is not None else None,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
