"""A measured number, with all that is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mexflow.evaluation.uncertainty import Interval

NOT_RUN = "not run"


@dataclass(frozen=True)
class Measurement:
    """A number, or the reason why there is none (in `notes`).

    Attributes:
        metric: what was measured.
        value: the number, in the metric's unit.
        interval: both ends of its 95 % interval.
        n: how many it is of; the metric says what is counted.
        notes: what qualifies it.
    """

    metric: str
    value: float | None = None
    interval: Interval | None = None
    n: int | None = None
    notes: list[str] = field(default_factory=list)
