"""What a paper's file says of things that other rooms hold, looked at before anything is made.

Networks and their options, protocols, channels and indexes. What a module offers is read from its source, so that
nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mexflow import models
from mexflow.errors import UserError, nearest
from mexflow.evaluation.folds import PROTOCOLS
from mexflow.papers import Paper
from mexflow.plan.enumeration import known_indexes
from mexflow.store import digest

_CHANNELS = "mexflow.training.recognition.channels"


def check(paper: Paper, path: Path) -> None:
    """Make sure that everything that a paper names is there.

    Raises:
        UserError: naming the file, the key, and the nearest valid word.
    """
    for place, problem in _problems(paper):
        raise UserError(f"{path}: {place}: {problem}")


def _problems(paper: Paper) -> Iterable[tuple[str, str]]:
    protocols = {"protocol": paper.protocol}
    for name, data in paper.data.items():
        yield from _unknown(f"data.{name}.index", "dataset", data.index, known_indexes())
        if data.protocol is not None:
            protocols[f"data.{name}.protocol"] = data.protocol
    for place, protocol in protocols.items():
        yield from _unknown(place, "protocol", protocol, PROTOCOLS)
    for name, experiment in paper.experiments.items():
        place = f"experiments.{name}"
        for channel in getattr(experiment, "channels", ()):
            yield from _unknown(f"{place}.channels", "channel", channel, digest.entries(_CHANNELS, "CHANNELS"))
        model = getattr(experiment, "model", None)
        if model is None:
            continue
        wrong = list(_unknown(f"{place}.model", "network", model, models.available()))
        yield from wrong or ((f"{place}.options", text) for text in models.wrong_options(model, experiment.options))


def _unknown(place: str, what: str, word: str, known: Iterable[str]) -> Iterable[tuple[str, str]]:
    known = list(known)
    if word not in known:
        yield place, f"unknown {what} {word!r}{nearest(word, known)}; one of: {', '.join(sorted(known))}"
