"""What a paper's file says of things that other rooms hold, looked at before anything is made.

Networks and their options, protocols, channels and indexes. What a module offers is read from its source, so that
nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mexflow import models
from mexflow.datasets import reading
from mexflow.errors import UserError, nearest
from mexflow.evaluation.folds import PROTOCOLS
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Data
from mexflow.plan.enumeration import known_indexes
from mexflow.store import digest

_PICKED = {
    "channels": ("channel", "mexflow.training.recognition.channels", "CHANNELS"),
    "levels": ("levels", "mexflow.training.recognition.levels", "LEVELS"),
}
"""What an experiment picks by name: the key, what it is, and the registry with its module."""


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
        yield from list(_unknown(f"data.{name}.index", "dataset", data.index, known_indexes())) or _labels(name, data)
        if data.protocol is not None:
            protocols[f"data.{name}.protocol"] = data.protocol
    for place, protocol in protocols.items():
        yield from _unknown(place, "protocol", protocol, PROTOCOLS)
    for name, experiment in paper.experiments.items():
        place = f"experiments.{name}"
        for key, (what, module, registry) in _PICKED.items():
            words = getattr(experiment, key, [])
            for word in [words] if isinstance(words, str) else words:
                yield from _unknown(f"{place}.{key}", what, word, digest.entries(module, registry))
        model = getattr(experiment, "model", None)
        if model is None:
            continue
        wrong = list(_unknown(f"{place}.model", "network", model, models.available()))
        yield from wrong or ((f"{place}.options", text) for text in models.wrong_options(model, experiment.options))
        weights = {part: start.file for part, start in getattr(experiment, "weights", {}).items()}
        yield from wrong or ((f"{place}.weights", text) for text in models.wrong_weights(model, weights))


def _labels(name: str, data: Data) -> Iterable[tuple[str, str]]:
    """What is wrong with the label of a paper's data: the index must declare it, and its classes."""
    declared: dict[str, tuple[str | int, ...]] = {label.name: label.classes for label in reading.labels(data.index)}
    declared["type"] = ("micro", "macro")
    wrong = list(_unknown(f"data.{name}.label", f"label of {data.index}", data.label, declared))
    if wrong:
        yield from wrong
        return
    classes = [str(value) for value in declared[data.label]]
    for class_ in data.classes:
        yield from _unknown(f"data.{name}.classes", f"class of {data.label}", class_, classes)


def _unknown(place: str, what: str, word: str, known: Iterable[str]) -> Iterable[tuple[str, str]]:
    known = list(known)
    if word not in known:
        yield place, f"unknown {what} {word!r}{nearest(word, known)}; one of: {', '.join(sorted(known))}"
