"""Intervals of frames: made from scores, matched with the truth, counted.

Both ends of an interval belong to it, as in the annotations: 5 to 7 is three frames. Which number the first frame
of a video has does not matter here, as long as predictions and truth count alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

THRESHOLD = 0.5
"""The least IoU at which a prediction is a true positive (elface2021)."""


class Interval(NamedTuple):
    """The frames `first` to `last`, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives; counts of parts add up to the counts of the whole."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def f1(self) -> float:
        """``2 TP / (2 TP + FP + FN)``, in [0, 1]; NaN where nothing was predicted and nothing is true."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """``TP / (TP + FP)``, in [0, 1]; NaN where nothing was predicted."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """``TP / (TP + FN)``, in [0, 1]; NaN where nothing is true."""
        return _share(self.tp, self.tp + self.fn)


def iou(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Intersection over union of two intervals, in frames: in [0, 1], 0 where they share no frame.

    A quotient of two whole numbers rounded once: two IoUs that are equal as fractions are the same float, and
    ``iou(a, b) >= 0.5`` is exactly ``2 * intersection >= union``, for videos below 2**25 frames.

    Raises:
        ValueError: if an interval ends before it begins.
    """
    return float(_ious([a], [b])[0, 0])


def match(
    predicted: Sequence[tuple[int, int]], truth: Sequence[tuple[int, int]], threshold: float = THRESHOLD
) -> list[tuple[int, int, float]]:
    """Match the predictions of a video with its true intervals of the same type, one to one, best IoU first.

    Of all pairs with an IoU of at least `threshold` (exactly `threshold` is enough) the one with the highest IoU is
    taken, then the highest of those whose two intervals are both still free, and so on. Among equal IoUs the earlier
    truth comes first, then the earlier prediction; the order in which the intervals are given decides nothing, save
    between two identical ones, of which the first given is taken.

    Taking the best pair first can leave fewer matches than the best possible choice of pairs. At a threshold of 0.5
    it cannot if the intervals of one side (predictions or truth, either) are pairwise disjoint with at least one
    frame between them, as those of :func:`runs` always are: an interval then reaches 0.5 with at most one interval
    of that side, since two such would have to be its exact halves, and halves touch. The same holds if the intervals
    of both sides are disjoint, touching or not, and at thresholds above 0.5 if those of one side are. Where the
    intervals of both sides overlap, the number of matches is between half the best possible and the best possible.

    Args:
        predicted: intervals ``(first, last)``, in any order, overlapping or not.
        truth: the same.
        threshold: least IoU of a match, in (0, 1].

    Returns:
        ``(position in predicted, position in truth, IoU)`` of each match, in the order in which they were taken.

    Raises:
        ValueError: if an interval ends before it begins, or `threshold` is not in (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"an IoU threshold of {threshold} is not in (0, 1]")
    values = _ious(predicted, truth)
    rows, columns = (positions.tolist() for positions in np.nonzero(values >= threshold))
    pairs = sorted(
        zip(rows, columns, strict=True),
        key=lambda pair: (-values[pair], tuple(truth[pair[1]]), tuple(predicted[pair[0]]), pair[1], pair[0]),
    )
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    matches = []
    for row, column in pairs:
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            matches.append((row, column, float(values[row, column])))
    return matches


def count(
    predicted: Sequence[tuple[int, int]], truth: Sequence[tuple[int, int]], threshold: float = THRESHOLD
) -> Counts:
    """Counts of one video and one type: a true positive a match, the other predictions false, the other truths missed.

    Arguments and errors as for :func:`match`.
    """
    matches = len(match(predicted, truth, threshold))
    return Counts(matches, len(predicted) - matches, len(truth) - matches)


def labels(truth: Iterable[tuple[int, int]], first: int, length: int) -> np.ndarray:
    """Which frames of a video lie in some interval: bool ``(length,)``, entry 0 is frame number `first`.

    An interval that reaches past an end of the video marks the frames that exist.

    Raises:
        ValueError: if an interval ends before it begins.
    """
    marks = np.zeros(length, dtype=bool)
    for start, end in _ends(list(truth)).tolist():
        marks[max(start - first, 0) : max(end - first + 1, 0)] = True
    return marks


def runs(scores: np.ndarray, threshold: float, least: int = 2, offset: int = 0) -> list[Interval]:
    """The longest unbroken stretches of frames with ``score >= threshold``, in order.

    Args:
        scores: ``(n,)``; NaN is below every threshold.
        threshold: a finite number, or infinity for no stretch at all (see :func:`mexflow.evaluation.spotting.youden`).
        least: stretches of fewer frames are dropped.
        offset: number of the first frame; 0 gives positions.
    """
    above = np.asarray(scores) >= threshold
    edges = np.flatnonzero(np.diff(above, prepend=False, append=False))
    starts, ends = edges[::2] + offset, edges[1::2] + offset - 1
    kept = ends - starts + 1 >= least
    return [Interval(*pair) for pair in zip(starts[kept].tolist(), ends[kept].tolist(), strict=True)]


def shifted(intervals: Sequence[tuple[int, int]], length: int, seed: int, first: int = 0) -> list[Interval]:
    """The null control of spotting: the intervals of a video moved to random places in it.

    As many intervals, each as long as before, all inside the video; only where they are is left to chance. They do
    not overlap, as predictions never do (they may touch): each is shrunk to a point, the points are thrown
    uniformly over the frames that are left, in random order, and expanded again.

    Args:
        intervals: predictions ``(first, last)`` of one type.
        length: frames of the video.
        seed: see :func:`mexflow.evaluation.uncertainty.seed_of`; another one for every video and repetition.
        first: number of the video's first frame.

    Returns:
        The intervals from first to last, none lost.

    Raises:
        ValueError: if an interval ends before it begins, or they have more frames together than the video.
    """
    ends = _ends(intervals)
    sizes = ends[:, 1] - ends[:, 0] + 1
    free = length - int(sizes.sum())
    if free < 0:
        raise ValueError(f"{len(sizes)} intervals of {length - free} frames together in a video of {length}")
    random = np.random.default_rng(seed)
    sizes = random.permutation(sizes)
    starts = first + np.sort(random.integers(0, free, len(sizes), endpoint=True)) + np.cumsum(sizes) - sizes
    return [Interval(*pair) for pair in zip(starts.tolist(), (starts + sizes - 1).tolist(), strict=True)]


def _ends(intervals: Sequence[tuple[int, int]]) -> np.ndarray:
    """First and last frames, int64 ``(n, 2)``."""
    ends = np.array(intervals, dtype=np.int64).reshape(-1, 2)
    wrong = np.flatnonzero(ends[:, 1] < ends[:, 0])
    if wrong.size:
        raise ValueError(f"an interval ends before it begins: {ends[wrong[0], 0]} to {ends[wrong[0], 1]}")
    return ends


def _ious(a: Sequence[tuple[int, int]], b: Sequence[tuple[int, int]]) -> np.ndarray:
    """IoU of each interval of `a` with each of `b`, float64 ``(len(a), len(b))``."""
    rows, columns = _ends(a)[:, None], _ends(b)[None]
    shared = np.minimum(rows[..., 1], columns[..., 1]) - np.maximum(rows[..., 0], columns[..., 0]) + 1
    shared = np.maximum(shared, 0)
    size_a, size_b = (ends[..., 1] - ends[..., 0] + 1 for ends in (rows, columns))
    return shared / (size_a + size_b - shared)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
