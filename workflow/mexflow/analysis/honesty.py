"""What every file of an analysis says of itself: what its networks were trained on, and what it does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mexflow.analysis.report import Report

FOR_TRYING = "networks trained on synthetic faces are for trying the software, not for judging people"
NO_CLAIM = (
    "It says when and where a face moved. It does not say what anybody feels, thinks or hides: a class is the name "
    "under which the training data file such a motion."
)


def networks(report: Report) -> dict[str, Mapping[str, Any]]:
    """The cards of the networks that made a report, by what they did: ``spotted``, ``recognised``."""
    cards = {"spotted": report.spotter, "recognised": report.recogniser}
    return {what: card for what, card in cards.items() if card is not None}


def data(report: Report) -> str:
    """What the networks of a report were trained on, and that synthetic faces are for trying the software."""
    cards = networks(report).values()
    named = "; ".join(dict.fromkeys(str(card["data"]) for card in cards))
    return f"{named} ({FOR_TRYING})" if synthetic(report) else named


def synthetic(report: Report) -> bool:
    """Whether any network of a report was trained on synthetic faces."""
    return any(card["synthetic"] for card in networks(report).values())


def readable(text: str) -> str:
    """A text that can be written as UTF-8: a file's name may hold bytes that are none, each becomes a �."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
