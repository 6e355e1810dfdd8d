"""Samples of recognition: labelled clips of an index, and what a network is fed of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mexflow.errors import UserError
from mexflow.evaluation.folds import usable
from mexflow.seeds import derive


@dataclass(frozen=True)
class Samples:
    """Images with their labels and clips.

    `images` (n, ...) are what their loader says, of flow float32 (n, c, h, w); `labels` int64 (n,) positions in
    `classes`; `clips` one mapping a row with `dataset`, `subject`, `clip` and `pair`.
    """

    images: np.ndarray
    labels: np.ndarray
    clips: list[dict[str, str]]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: np.ndarray) -> Samples:
        """The samples at these positions, or where this mask is true."""
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Samples(self.images[positions], self.labels[positions], [self.clips[i] for i in positions], self.classes)

    @property
    def subjects(self) -> list[str]:
        """Subjects, sorted, each once."""
        return sorted({clip["subject"] for clip in self.clips})


def labelled(rows: Iterable[Mapping[str, Any]], label: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of an index that are samples.

    Raises:
        UserError: if a label is none of the paper's classes.
    """
    kept = [dict(row) for row in rows if usable(row, label)]
    for row in kept:
        if row[label] not in classes:
            raise UserError(f"clip {row['clip']} of {row['dataset']}: {label} is {row[label]!r}, not one of {classes}")
    return kept


def permute_within_subject(rows: list[dict[str, Any]], label: str, seed: int) -> list[dict[str, Any]]:
    """The null control: each subject's labels in a random order over that subject's clips."""
    result = []
    for subject in sorted({row["subject"] for row in rows}):
        of_subject = [row for row in rows if row["subject"] == subject]
        order = np.random.default_rng(derive(seed, "permute", subject)).permutation(len(of_subject))
        result += [{**row, label: of_subject[other][label]} for row, other in zip(of_subject, order, strict=True)]
    return result
