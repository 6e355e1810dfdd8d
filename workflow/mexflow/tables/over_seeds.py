"""Numbers of experiments that were trained from several seeds (:mod:`mexflow.papers.repeats`), made one.

The number is the mean over the seeds. Its interval is over subjects: they are left out, or drawn anew, under all seeds
alike. Beside it stands the standard deviation over the seeds, which is that of one training's number on these subjects.
Where each fold tests one subject, and is trained from a seed of its own, the interval knows of the seeds as well: what
hangs on a seed differs from subject to subject, and the mean over N seeds holds an N-th of its variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mexflow.errors import UserError
from mexflow.evaluation.uncertainty import by_weights, percentiles, seed_of
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import NOT_RUN, Measurement, Weighted

INCOMPLETE, _NO_INTERVAL = "INCOMPLETE ", "no interval"


def mean_of(evidence: Evidence, place: Place, of_repeats: Sequence[Measurement]) -> Measurement:
    """One measurement of what was measured under each seed.

    What is no mean or sum over subjects, nor over repetitions, cannot be averaged: that of the first seed stands for
    all, and says so.

    Args:
        evidence: the paper, and what it rests on.
        place: where the number stands, with the name of the first repeat.
        of_repeats: the same number of each repeat, the first before the others; one alone is as it is.

    Raises:
        UserError: if the repeats tested different subjects.
    """
    first, seeds = of_repeats[0], len(of_repeats)
    if seeds == 1 or NOT_RUN in first.notes:
        return first
    names = evidence.repeats(place.experiment)
    notes = merged([measured.notes for measured in of_repeats])
    if incomplete := _incomplete(evidence, names, of_repeats):
        return Measurement(first.metric, n=first.n, notes=[incomplete, *notes], seeds=seeds)
    if absent := next((measured for measured in of_repeats if measured.value is None), None):
        # The reason comes first, as it does where there is one seed.
        reasons = [note for note in notes if absent.notes and note.endswith(absent.notes[0])]
        return Measurement(first.metric, n=first.n, notes=list(dict.fromkeys([*reasons, *notes])), seeds=seeds)
    values = np.array([measured.value for measured in of_repeats])
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    if all(measured.draws is not None for measured in of_repeats):
        draws = np.mean([measured.draws for measured in of_repeats], axis=0)
        interval = percentiles(draws)
        return Measurement(first.metric, mean, interval, first.n, notes, draws=draws, seeds=seeds, seed_sd=deviation)
    if any(measured.weighted is None for measured in of_repeats):
        return replace(first, notes=[*first.notes, f"of the first of {seeds} seeds"])
    weighted = _mean(names, [measured.weighted for measured in of_repeats])
    parts = (place.experiment, first.metric, place.row.name, place.column.name, "seeds")
    seed = seed_of(evidence.seed, evidence.paper.paper, *parts)
    spread = by_weights(weighted.number, weighted.adds, seed, evidence.source.intervals, weighted.bounds)
    interval = spread.interval and (weighted.scale * spread.interval[0], weighted.scale * spread.interval[1])
    notes = [*spread.notes, *notes]
    return Measurement(first.metric, mean, interval, first.n, notes, weighted, seeds=seeds, seed_sd=deviation)


def merged(notes: Sequence[Sequence[str]]) -> list[str]:
    """The notes of all repeats, each once; what does not hold for all says under which seeds it does.

    Without the reasons why one alone has no interval, and without the counts of its folds.
    """
    holders: dict[str, list[int]] = {}
    for number, some in enumerate(notes, start=1):
        for note in some:
            if not note.startswith((_NO_INTERVAL, INCOMPLETE)):
                holders.setdefault(note, []).append(number)
    return [note if len(numbers) == len(notes) else f"{_seeds(numbers)}: {note}" for note, numbers in holders.items()]


def _seeds(numbers: Sequence[int]) -> str:
    return f"seed{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"


def _incomplete(evidence: Evidence, names: Sequence[str], of_repeats: Sequence[Measurement]) -> str:
    """``INCOMPLETE 17/20``, folds of all seeds together; empty where none is missing."""
    said = [next((note for note in measured.notes if note.startswith(INCOMPLETE)), None) for measured in of_repeats]
    if not any(said):
        return ""
    expected = [len(evidence.folds[name]) for name in names]
    there = [
        int(note.removeprefix(INCOMPLETE).split("/")[0]) if note else folds
        for note, folds in zip(said, expected, strict=True)
    ]
    return f"{INCOMPLETE}{sum(there)}/{sum(expected)}"


def _mean(names: Sequence[str], of_repeats: Sequence[Weighted]) -> Weighted:
    """The mean of a number under several seeds, for any weights of the subjects."""
    first = of_repeats[0]
    for name, other in zip(names, of_repeats, strict=True):
        if list(other.subjects) != list(first.subjects):
            raise UserError(f"{name}: tests other subjects than {names[0]}; delete its folds and train them again")
    every = np.ones(len(first.subjects), bool)
    adds = np.any([every if one.adds is None else one.adds for one in of_repeats], axis=0)
    numbers = tuple(one.number for one in of_repeats)
    return replace(
        first,
        number=lambda weights: np.mean([number(weights) for number in numbers], axis=0),
        adds=adds,
        of_seeds=numbers,
    )


def all_of(evidence: Evidence, experiments: Sequence[str]) -> list[str]:
    """Experiments and their repeats: what a number of these was measured of."""
    return [name for experiment in dict.fromkeys(experiments) for name in evidence.repeats(experiment)]
