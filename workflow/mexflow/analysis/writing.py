"""An analysis as files that other programs read: a table of its events, and a document with all that was found."""

from __future__ import annotations

import csv as csv_files
import io
import json as json_files
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mexflow.analysis import honesty
from mexflow.analysis.report import Event, Report

FORMAT = 1
"""Of the document: another number where fields change their meaning."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_DIGITS = 6
"""Of seconds, scores and probabilities behind the point."""
_TIMES = ("onset", "apex", "offset")
_FACTS = (
    "paper", "experiment", "citation", "synthetic", "data", "budget", "licence", "types", "classes",
    "held_out", "limits",
)  # fmt: skip
"""What of a card stands in a document; the card itself lies with the network."""


def csv(report: Report) -> str:
    """A table with a row an event, as text with a line of names first.

    The first column, `data`, says what the networks were trained on. `video`, `type`, `onset`, `apex` and `offset` are
    named as in the index, frames of the video; the same in seconds from the first frame have ``_seconds``. `score` is
    that at the apex, `threshold` what it had to reach, `label` the class of the largest probability, ``p_<class>`` the
    probability of a class, `reason` why nothing can be said of the stretch, `not_classified` why an expression has no
    class. What is not known is empty. No text begins with what a spreadsheet takes for a formula: such a one gets an
    apostrophe.
    """
    labels = classes(report)
    text = io.StringIO()
    writer = csv_files.writer(text, lineterminator="\n")
    names = ["data", "video", "type", *_TIMES, *(f"{name}_seconds" for name in _TIMES), "score", "threshold", "label"]
    writer.writerow([*names, *(f"p_{name}" for name in labels), "reason", "not_classified"])
    data = honesty.data(report)
    for event in report.events:
        row = {"data": data, "video": report.source.name, "threshold": report.thresholds.get(event.type)}
        known = row | asdict(event)
        probabilities = [(event.probabilities or {}).get(name) for name in labels]
        values = [*(known[name] for name in names), *probabilities, event.reason, event.not_classified]
        writer.writerow([_cell(value) for value in values])
    return honesty.readable(text.getvalue())


def json(report: Report) -> str:
    """A document with the source, the events, the thresholds and what is to know of the networks, as indented JSON.

    Fields are named as in :func:`csv`; what is not known, or is no number, is null.
    """
    document = {
        "data": honesty.data(report),
        "remark": honesty.NO_CLAIM,
        "format": FORMAT,
        "source": asdict(report.source),
        "thresholds": report.thresholds,
        "not_spotted": report.not_spotted,
        "events": [_event(event, report) for event in report.events],
        "networks": {
            what: {name: card[name] for name in _FACTS if name in card}
            for what, card in honesty.networks(report).items()
        },
    }
    text = json_files.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    return honesty.readable(text) + "\n"


def classes(report: Report) -> list[str]:
    """The classes that a report tells apart: its network's, in their order, else those of its events."""
    named = (report.recogniser or {}).get("classes") or []
    return list(dict.fromkeys([*named, *(name for event in report.events for name in event.probabilities or {})]))


def _event(event: Event, report: Report) -> dict[str, Any]:
    of_event = asdict(event)
    known = {"type": event.type}
    known |= {name: of_event.pop(name) for name in (*_TIMES, *(f"{name}_seconds" for name in _TIMES), "score")}
    return known | {"threshold": report.thresholds.get(event.type)} | of_event


def _cell(value: Any) -> str | int:
    plain = _plain(value)
    if plain is None:
        return ""
    if isinstance(plain, str):
        return f"'{plain}" if plain.startswith(_FORMULA) else plain
    return plain if isinstance(plain, int) else format(plain, f".{_DIGITS}f")


def _plain(value: Any) -> Any:
    """A value as JSON has it: numbers of numpy as those of Python, what is no number as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(of) for key, of in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), _DIGITS) if math.isfinite(value) else None
    return value
