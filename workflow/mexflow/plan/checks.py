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
from mexflow.evaluation.frame_skips import TYPES
from mexflow.papers.decisions import MODELS, Decision, same
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
    for place, experiment, part in _parts(paper):
        yield from _part(place, paper.data_of(experiment), part, paper.kind(experiment).every_video)
    for name, figure in paper.figures.items():
        if figure.shown_data and figure.shown_part:
            yield from _part(f"figures.{name}.part", paper.data[figure.shown_data], figure.shown_part, False)
    for decision in paper.decisions:
        yield from ((f"decisions: {decision.setting}", text) for text in _decided(paper, decision))


def _parts(paper: Paper) -> Iterable[tuple[str, str, str]]:
    """Where a paper names a part of an experiment's clips or expressions: the place, the experiment and the part."""
    for name, table in paper.tables.items():
        for row in table.rows:
            for column, experiment in zip(table.columns, row.experiments, strict=False):
                if experiment and column.part:
                    yield f"tables.{name}.columns.{column.name}.part", experiment, column.part
    for claim in paper.claims:
        for term in (term for chain in claim.chains for term in chain):
            if term.experiment and term.part:
                yield f"claims.{claim.claim}.part", term.experiment, term.part
    for name, figure in paper.figures.items():
        for panel in getattr(figure, "panels", None) or ():
            if panel.part:
                yield f"figures.{name}.panels.{panel.title}.part", panel.experiment, panel.part


def _part(place: str, data: Data, part: str, of_types: bool) -> Iterable[tuple[str, str]]:
    """What is wrong with a part: a type of expression in long videos, else a member dataset."""
    if of_types:
        return _unknown(place, "type of expression", part, TYPES)
    return _unknown(place, f"member of {data.index}", part, reading.members(data.index))


def _decided(paper: Paper, decision: Decision) -> Iterable[str]:
    """What is wrong with a decision about what other rooms hold: an option of a network, a protocol."""
    section, *rest = decision.path
    if section == MODELS:
        model, option = rest
        defaults, holders = models.default_options(model), 0
        for experiment in paper.experiments.values():
            if getattr(experiment, "model", None) == model:
                value = experiment.options.get(option, defaults.get(option))
                holders += same(value, decision.value)
                for other in decision.alternatives:
                    yield from models.wrong_options(model, {**experiment.options, option: other})
        if not holders:
            yield f"is {defaults.get(option)!r} in mexflow.models.{model}, and {decision.value!r} in the list"
    elif rest[-1:] == ["protocol"] or section == "protocol":
        for word in decision.alternatives:
            yield from (text for _, text in _unknown("", "protocol", word, PROTOCOLS))


def _labels(name: str, data: Data) -> Iterable[tuple[str, str]]:
    """What is wrong with the label of a paper's data: the index must declare it, and its classes."""
    declared: dict[str, tuple[str | int, ...]] = {label.name: label.classes for label in reading.labels(data.index)}
    declared["type"] = TYPES
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
