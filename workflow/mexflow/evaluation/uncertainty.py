"""Intervals over subjects.

Clips of one subject are not independent, so it is subjects that are left out or drawn anew. A number here is a
function of counts that add up over subjects (confusion matrices, sums over pairs), each subject with a weight. So a
resample is one row of a matrix product, and no loop over resamples is needed.

There are three methods, entries of :data:`METHODS`. How often each holds the true value is simulated by
:mod:`mexflow.evaluation.coverage`.

- `t` (the default): the standard error is the jackknife's, leaving out one subject at a time, the quantile that of
  Student's t. It is taken on the scale on which the number has no bounds (the logit of a share), and taken back.
- `percentile`: the 2.5 and 97.5 percentiles of the number over subjects drawn with replacement (Efron, 1979).
- `bca`: these percentiles corrected for bias and acceleration (Efron, 1987, "Better bootstrap confidence intervals").
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from mexflow.papers.interval_methods import DEFAULT
from mexflow.registries import Registry

RESAMPLES = 2000
LEVEL = 0.95

Interval = tuple[float, float]

Weighted = Callable[[np.ndarray], np.ndarray]
"""A number as a function of the subjects' weights, ``(B, S)`` to ``(B,)``; NaN where it has no value."""


@dataclass(frozen=True)
class Bounds:
    """The ends of a number's range; the upper one may be infinite."""

    low: float
    high: float


SHARE, SIGNED, LENGTH = Bounds(0, 1), Bounds(-1, 1), Bounds(0, np.inf)
DIFFERENCE = Bounds(-2, 2)
"""Of two correlations; that of two shares is `SIGNED`."""


@dataclass(frozen=True)
class Spread:
    """The 95 % interval of a number over subjects, or the reason why it has none, to be told beside the number."""

    interval: Interval | None
    reason: str = ""

    @property
    def notes(self) -> list[str]:
        """The reason as a list: empty where there is an interval."""
        return [self.reason] if self.reason else []

    @property
    def percent(self) -> Interval | None:
        """The interval times 100."""
        return self.interval and (100 * self.interval[0], 100 * self.interval[1])


@dataclass(frozen=True)
class Sample:
    """What a method makes an interval of.

    Attributes:
        number: the number as a function of weights.
        value: the number with every subject once.
        without: the number with each of the subjects that add anything left out in turn, ``(n,)``, finite.
        subjects: how many there are, those that add nothing too.
        bounds: of the number.
        seed: of resamples.
    """

    number: Weighted
    value: float
    without: np.ndarray
    subjects: int
    bounds: Bounds
    seed: int


@dataclass(frozen=True)
class Method:
    """A method of intervals.

    Attributes:
        make: the interval of a sample; None where the number is at an end of its range.
        least: with fewer subjects that add anything there is no interval, as it would not be honest: in some of the
            populations of :mod:`mexflow.evaluation.coverage` it would miss the true value more than three times as
            often as it says.
    """

    make: Callable[[Sample], Interval | None]
    least: int


METHODS: Registry[Method] = Registry("method of intervals", __name__)


def seed_of(*parts: object) -> int:
    """A 64-bit seed that depends on the parts' text alone: the same on every machine and in any order of work."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def resample(subjects: int, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How often each subject is drawn in each resample: int64 ``(resamples, subjects)``, rows sum to `subjects`."""
    return np.random.default_rng(seed).multinomial(subjects, np.full(subjects, 1 / subjects), size=resamples)


def percentiles(values: np.ndarray, level: float = LEVEL) -> Interval | None:
    """The central interval holding `level` of the finite `values`; None if none is finite.

    A resample in which the metric has no value (no clip of a class, say) is left out.
    """
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def over_subjects(
    counts: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    seed: int,
    method: str = DEFAULT,
    bounds: Bounds = SHARE,
    least: int | None = None,
) -> Spread:
    """The 95 % interval of ``statistic(sum over subjects of counts)``.

    Args:
        counts: ``(S, ...)``, what each subject adds.
        statistic: takes ``(B, ...)`` and returns ``(B,)``.
        seed: see `seed_of`.
        method: an entry of `METHODS`.
        bounds: of the statistic.
        least: see :func:`by_weights`.

    Raises:
        UserError: for an unknown method.
    """
    adds = counts.any(axis=tuple(range(1, counts.ndim)))

    def number(weights: np.ndarray) -> np.ndarray:
        return statistic(np.tensordot(weights, counts, axes=1))

    return by_weights(number, adds, seed, method, bounds, least)


def by_weights(
    number: Weighted,
    adds: np.ndarray,
    seed: int,
    method: str = DEFAULT,
    bounds: Bounds = SHARE,
    least: int | None = None,
) -> Spread:
    """The 95 % interval of a number that is a function of the subjects' weights; see :func:`over_subjects`.

    Args:
        adds: bool ``(S,)``, which subjects add anything.
        least: how many must, if not so many as the method needs; at least 2.

    Returns:
        None as its interval where fewer subjects add anything than the method needs, or all that do are alike: then
        they tell nothing of the spread over subjects.
    """
    chosen, subjects = METHODS[method], len(adds)
    least = least or chosen.least
    if few := _few(int(adds.sum()), least):
        return Spread(None, few)
    value = float(number(np.ones((1, subjects)))[0])
    without = number(1 - np.eye(subjects)[adds])
    without = without[np.isfinite(without)]
    if few := _few(len(without), least):
        return Spread(None, few)
    if not np.isfinite(value) or np.ptp(without) < 1e-12:
        return Spread(None, "no interval: no spread over subjects")
    interval = chosen.make(Sample(number, value, without, subjects, bounds, seed))
    return Spread(interval) if interval else Spread(None, "no interval: the number is at an end of its range")


def _few(subjects: int, least: int) -> str:
    if subjects >= least:
        return ""
    count = "one subject" if subjects == 1 else f"{subjects or 'no'} subjects"
    return f"no interval: {count}, fewer than {least}"


def _t(sample: Sample) -> Interval | None:
    low, high = sample.bounds.low, sample.bounds.high
    below, above = sample.value - low, high - sample.value
    if below <= 0 or above <= 0:
        return None
    n = len(sample.without)
    error = np.sqrt((n - 1) / n * np.square(sample.without - sample.without.mean()).sum())
    reach = stdtrit(n - 1, (1 + LEVEL) / 2) * error
    # The error on the scale without bounds is that of the number times the slope there. Near an end of the range a
    # factor may be infinite; the interval then reaches that end.
    with np.errstate(over="ignore"):
        if np.isinf(above):
            factor = np.exp(reach / below)
            return float(low + below / factor), float(low + below * factor)
        width = high - low
        factor = np.exp(reach * width / (below * above))
        return (
            float(low + width * below / (below + above * factor)),
            float(low + width * below / (below + above / factor)),
        )


def _percentile(sample: Sample) -> Interval | None:
    return percentiles(sample.number(resample(sample.subjects, sample.seed)))


def _bca(sample: Sample) -> Interval | None:
    values = sample.number(resample(sample.subjects, sample.seed))
    values = values[np.isfinite(values)]
    # A tie is half below; one resample more on each side keeps the quantile finite.
    below = (np.count_nonzero(values < sample.value) + np.count_nonzero(values <= sample.value)) / 2
    bias = ndtri((below + 0.5) / (len(values) + 1))
    change = sample.without.mean() - sample.without
    acceleration = (change**3).sum() / (6 * np.square(change).sum() ** 1.5)
    ends = bias + ndtri([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = np.quantile(values, ndtr(bias + ends / (1 - acceleration * ends)))
    return float(low), float(high)


METHODS.add("t", Method(_t, least=3))
METHODS.add("percentile", Method(_percentile, least=15))
METHODS.add("bca", Method(_bca, least=15))
