"""Bootstrap intervals over subjects.

Clips of one subject are not independent, so the subject is what is drawn: resample the subjects with replacement,
pool their clips, compute the metric again, and take the 2.5 and 97.5 percentiles. A metric here is a function of
counts that add up over subjects (confusion matrices, sums over pairs), so a resample is one row of a matrix
product and no loop over resamples is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95

Interval = tuple[float, float]


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


def bootstrap(counts: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], seed: int) -> Interval | None:
    """The 95 % percentile interval of ``statistic(sum over subjects of counts)``.

    Args:
        counts: ``(S, ...)``, what each subject adds.
        statistic: takes ``(RESAMPLES, ...)`` and returns ``(RESAMPLES,)``.
        seed: see `seed_of`.

    Returns:
        Lower and upper end; None where fewer than two subjects add anything, as one subject tells nothing of the
        spread over subjects.
    """
    if np.count_nonzero(counts.any(axis=tuple(range(1, counts.ndim)))) < 2:
        return None
    weights = resample(len(counts), seed)
    return percentiles(statistic(np.tensordot(weights, counts, axes=1)))
