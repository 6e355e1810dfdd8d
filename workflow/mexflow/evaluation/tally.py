"""Means and ratios of what was measured on several subjects, with intervals over the subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mexflow.evaluation.uncertainty import LENGTH, Bounds, Spread, over_subjects
from mexflow.papers.interval_methods import DEFAULT


@dataclass(frozen=True)
class Estimate:
    """A number (None: nothing was measured), its 95 % interval or why it has none, and of how many observations."""

    value: float | None
    spread: Spread
    n: int


class Tally:
    """Sums and counts of one quantity, kept by subject.

    Args:
        subjects: their names.
        method: of the intervals; see :data:`mexflow.evaluation.uncertainty.METHODS`.
        bounds: of the quantity.
    """

    def __init__(self, subjects: Sequence[str], method: str = DEFAULT, bounds: Bounds = LENGTH) -> None:
        self.method, self.bounds = method, bounds
        self._rows = {subject: row for row, subject in enumerate(subjects)}
        self.sums = np.zeros((len(subjects), 2))

    def add(self, subject: str, values: np.ndarray | float) -> None:
        """Add observations, any number of them.

        Raises:
            KeyError: for a subject that the tally was not made for.
        """
        values = np.asarray(values, np.float64)
        self.sums[self._rows[subject]] += values.sum(), values.size

    def mean(self, seed: int) -> Estimate:
        """The mean over all observations."""
        return self._estimate(seed, lambda mean: mean)

    def root_mean(self, seed: int) -> Estimate:
        """The root of the mean: the root mean square, if squares were added."""
        return self._estimate(seed, np.sqrt)

    def _estimate(self, seed: int, function: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        def statistic(sums: np.ndarray) -> np.ndarray:
            return function(_divide(sums[..., 0], sums[..., 1]))

        return _estimate(self.sums, statistic, self.count, seed, self.method, self.bounds)

    @property
    def count(self) -> int:
        """Number of observations."""
        return int(self.sums[:, 1].sum())


def ratio_of_means(above: Tally, below: Tally, seed: int) -> Estimate:
    """The mean of one quantity over that of another of the same subjects; `n` counts the observations of the first."""

    def statistic(sums: np.ndarray) -> np.ndarray:
        return _divide(_divide(sums[..., 0], sums[..., 1]), _divide(sums[..., 2], sums[..., 3]))

    return _estimate(np.hstack([above.sums, below.sums]), statistic, above.count, seed, above.method, LENGTH)


def _estimate(
    sums: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    n: int,
    seed: int,
    method: str,
    bounds: Bounds,
) -> Estimate:
    """``statistic(sum over subjects of sums)`` and its interval; see :func:`uncertainty.over_subjects`."""
    value = float(statistic(sums.sum(0)))
    if not np.isfinite(value):
        return Estimate(None, Spread(None), n)
    return Estimate(value, over_subjects(sums, statistic, seed, method, bounds), n)


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotients, NaN where `below` is 0."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0)
