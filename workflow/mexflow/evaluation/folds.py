"""Folds: who is tested, and who may be trained on. Imports nothing heavy: the Snakefile enumerates with it.

Leave-one-subject-out, here and everywhere, leaves one *subject* out.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mexflow.registries import Registry


@dataclass(frozen=True)
class Fold:
    """One fold: its name (safe in a path) and its test subjects; all other subjects are trained on."""

    name: str
    test_subjects: frozenset[str]


PROTOCOLS: Registry[Callable[[Iterable[Mapping[str, Any]], str], list[Fold]]] = Registry("protocol", __name__)
"""Protocols by name: ``protocol(rows, label) -> folds``."""

ALL = "all"
"""No fold of a protocol: nobody is tested, and all subjects are trained on, for a network for use."""

_SPLIT_SEED = 2019  # of the order in which `subject_split` takes subjects


@PROTOCOLS.entry("leave_one_subject_out")
def leave_one_subject_out(rows: Iterable[Mapping[str, Any]], label: str) -> list[Fold]:
    """One fold for each subject that has a clip with a label.

    Args:
        rows: rows of an index; `subject` is unique over its datasets.
        label: the column that holds the label; rows without one, or excluded, do not count.

    Returns:
        Folds in the order of subjects' names.
    """
    subjects = sorted({row["subject"] for row in rows if usable(row, label)})
    return [Fold(subject.replace("/", "-"), frozenset([subject])) for subject in subjects]


def usable(row: Mapping[str, Any], label: str) -> bool:
    """Whether a row of the index is a sample: labelled and not excluded."""
    return row[label] is not None and row["excluded"] is None


@PROTOCOLS.entry("five_subject_folds")
def five_subject_folds(rows: Iterable[Mapping[str, Any]], label: str) -> list[Fold]:
    """Five folds that share no subject, their class counts as even as a greedy choice makes them (upadhy2025).

    Subjects, those with most clips first, each go to the fold that then differs least from a fifth of every class.

    Args:
        rows: rows of an index; `subject` is unique over its datasets.
        label: the column that holds the label; rows without one, or excluded, do not count.

    Returns:
        Folds ``fold1`` to ``fold5``; fewer where there are fewer subjects.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if usable(row, label):
            counts[row["subject"]][row[label]] += 1
    share = {name: sum(clips[name] for clips in counts.values()) / 5 for clips in counts.values() for name in clips}
    held: list[Counter[str]] = [Counter() for _ in range(min(5, len(counts)))]
    members: list[set[str]] = [set() for _ in held]
    for subject in sorted(counts, key=lambda name: (-counts[name].total(), name)):

        def excess(fold: int, clips: Counter[str] = counts[subject]) -> tuple[float, int, int]:
            # How much nearer to a fifth of each class the fold comes; rare classes weigh as much as frequent ones.
            now, then = held[fold], held[fold] + clips
            change = sum(abs(then[name] / part - 1) - abs(now[name] / part - 1) for name, part in share.items())
            return change, held[fold].total(), fold

        chosen = min(range(len(held)), key=excess)
        held[chosen] += counts[subject]
        members[chosen].add(subject)
    return [Fold(f"fold{number}", frozenset(subjects)) for number, subjects in enumerate(members, start=1)]


@PROTOCOLS.entry("subject_split")
def subject_split(rows: Iterable[Mapping[str, Any]], label: str) -> list[Fold]:
    """One fold, ``split``: subjects with about 30 % of the clips are tested, the others trained on (nag2019).

    The paper splits clips 70 to 30; decided: no subject is on both sides. Subjects are taken in a random order of a
    fixed seed, each unless it would bring the test clips further from 30 % than they are.

    Args:
        rows: rows of an index; `subject` is unique over its datasets.
        label: the column that holds the label; rows without one, or excluded, do not count.

    Returns:
        The fold; none where there are fewer than two subjects.
    """
    counts = Counter(row["subject"] for row in rows if usable(row, label))
    if len(counts) < 2:
        return []
    wanted = 3 * counts.total() / 10
    names = sorted(counts)
    order = random.Random(_SPLIT_SEED).sample(names, len(names))
    testing, held = {order[0]}, counts[order[0]]
    for name in order[1:-1]:
        if abs(held + counts[name] - wanted) < abs(held - wanted):
            testing.add(name)
            held += counts[name]
    return [Fold("split", frozenset(testing))]


def validation_subjects(training: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """The subjects among the training subjects that validate: so many of them, at least one, chosen by seed.

    Raises:
        ValueError: if there are fewer than two training subjects, so that none would be left to train on.
    """
    names = sorted(training)
    if len(names) < 2:
        raise ValueError("validation needs two training subjects or more")
    count = min(max(1, round(share * len(names))), len(names) - 1)
    return frozenset(random.Random(seed).sample(names, count))


def next_subject(subjects: Iterable[str], testing: Iterable[str]) -> str:
    """The subject that validates (elface2021): the next in sorted order after the test subject, cyclic.

    Where nobody is tested it is the first one (decided: the next after the last).

    Raises:
        ValueError: if no subject would be left to train on.
    """
    names, testing = sorted(subjects), set(testing)
    if len(set(names) - testing) < 2:
        tested = "one test and one validation subject need a third" if testing else "a validation subject needs another"
        raise ValueError(f"{tested} to train on")
    place = max((names.index(name) for name in testing), default=-1)
    return next(name for name in names[place + 1 :] + names if name not in testing)


def assert_disjoint(training: Iterable[str], testing: Iterable[str]) -> None:
    """Make sure that no test subject is trained on.

    Raises:
        AssertionError: naming the subjects, if there are any (a bug of ours, never a user's mistake).
    """
    both = set(training) & set(testing)
    if both:
        raise AssertionError(f"test subjects in the training set: {', '.join(sorted(both))}")
