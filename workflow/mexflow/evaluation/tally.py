"""Means and ratios of what was measured on several subjects, with bootstrap intervals over the subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mexflow.evaluation.uncertainty import Interval, bootstrap


@dataclass(frozen=True)
class Estimate:
    """A number (None: nothing was measured), its 95 % interval, and how many observations are behind it."""

    value: float | None
    interval: Interval | None
    n: int


class Tally:
    """Sums and counts of one quantity, kept by subject."""

    def __init__(self, subjects: Sequence[str]) -> None:
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
        return estimate(self.sums, lambda sums: function(_divide(sums[..., 0], sums[..., 1])), self.count, seed)

    @property
    def count(self) -> int:
        """Number of observations."""
        return int(self.sums[:, 1].sum())


def ratio_of_means(above: Tally, below: Tally, seed: int) -> Estimate:
    """The mean of one quantity over that of another of the same subjects; `n` counts the observations of the first."""

    def statistic(sums: np.ndarray) -> np.ndarray:
        return _divide(_divide(sums[..., 0], sums[..., 1]), _divide(sums[..., 2], sums[..., 3]))

    return estimate(np.hstack([above.sums, below.sums]), statistic, above.count, seed)


def estimate(sums: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], n: int, seed: int) -> Estimate:
    """``statistic(sum over subjects of sums)`` and its interval; see :func:`uncertainty.bootstrap`."""
    value = float(statistic(sums.sum(0)))
    if not np.isfinite(value):
        return Estimate(None, None, n)
    return Estimate(value, bootstrap(sums, statistic, seed), n)


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotients, NaN where `below` is 0."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0)
