"""What is measured: a place of a table, and the numbers that fill it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mexflow.evaluation.uncertainty import Interval
from mexflow.papers.parts import Column, Row

NOT_RUN = "not run"


@dataclass(frozen=True)
class Place:
    """One place of a table: its row, its column, and the experiment that fills it."""

    row: Row
    column: Column
    experiment: str


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
