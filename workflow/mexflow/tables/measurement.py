"""A measured number, with all that is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mexflow.evaluation.uncertainty import Interval

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
    """

    subjects: Sequence[str]
    number: Callable[[np.ndarray], np.ndarray]
    scale: float = 1
    samples: np.ndarray | None = None


@dataclass(frozen=True)
class Measurement:
    """A number, or the reason why there is none (in `notes`).

    Attributes:
        metric: what was measured.
        value: the number, in the metric's unit.
        interval: both ends of its 95 % interval.
        n: how many it is of; the metric says what is counted.
        notes: what qualifies it.
        weighted: the same number for any weights of the subjects, where claims can be about it.
    """

    metric: str
    value: float | None = None
    interval: Interval | None = None
    n: int | None = None
    notes: list[str] = field(default_factory=list)
    weighted: Weighted | None = field(default=None, compare=False, repr=False)
