"""Folds: who is tested, and who may be trained on. Standard library only; the Snakefile enumerates with it.

Leave-one-subject-out, here and everywhere, leaves one *subject* out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fold:
    """One fold: its name (safe in a path) and its test subjects; all other subjects are trained on."""

    name: str
    test_subjects: frozenset[str]


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


PROTOCOLS = {"leave_one_subject_out": leave_one_subject_out}
"""Protocols by name: ``protocol(rows, label) -> folds``."""


def assert_disjoint(training: Iterable[str], testing: Iterable[str]) -> None:
    """Make sure that no test subject is trained on.

    Raises:
        AssertionError: naming the subjects, if there are any (a bug of ours, never a user's mistake).
    """
    both = set(training) & set(testing)
    if both:
        raise AssertionError(f"test subjects in the training set: {', '.join(sorted(both))}")
