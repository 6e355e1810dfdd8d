"""A measured number, with all that is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mexflow.evaluation.uncertainty import SHARE, Bounds, Interval

NOT_RUN = "not run"


@dataclass(frozen=True)
class Weighted:
    """A number as a function of how much each subject counts, for differences on the same subjects.

    Attributes:
        subjects: their names.
        number: weights ``(B, S)`` of the subjects to the number ``(B,)``, a share or a coefficient; NaN where there is
            none.
        scale: what makes that number one of the metric's unit, 100 for per cent.
        samples: how many samples each subject adds, int64 ``(S,)``, where that is counted.
        bounds: of the number.
        adds: which subjects add anything, bool ``(S,)``; None: all do.
        of_seeds: the number under each seed alone, where it is the mean over several.
    """

    subjects: Sequence[str]
    number: Callable[[np.ndarray], np.ndarray]
    scale: float = 1
    samples: np.ndarray | None = None
    bounds: Bounds = SHARE
    adds: np.ndarray | None = None
    of_seeds: Sequence[Callable[[np.ndarray], np.ndarray]] = ()


@dataclass(frozen=True)
class Measurement:
    """A number, or the reason why there is none (in `notes`).

    Attributes:
        metric: what was measured.
        value: the number, in the metric's unit.
        interval: both ends of its 95 % interval.
        n: how many it is of; the metric says what is counted.
        notes: what qualifies it.
        weighted: the same number for any weights of the subjects, where it is one of counts or sums that these add.
        draws: the values that it is the mean of, and that its interval holds 95 % of, where it is such a number.
        seeds: how many seeds it is the mean over; None where nothing was repeated.
        seed_sd: the standard deviation over these seeds, of the number of one of them.
    """

    metric: str
    value: float | None = None
    interval: Interval | None = None
    n: int | None = None
    notes: list[str] = field(default_factory=list)
    weighted: Weighted | None = field(default=None, compare=False, repr=False)
    draws: np.ndarray | None = field(default=None, compare=False, repr=False)
    seeds: int | None = None
    seed_sd: float | None = None
