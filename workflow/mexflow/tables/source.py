"""What measured numbers were made from, and how every rendering says so."""

from __future__ import annotations

from dataclasses import dataclass

from mexflow.papers.interval_methods import DEFAULT, LABELS, IntervalMethod

MARK = "†"


@dataclass(frozen=True)
class Source:
    """What numbers were made from.

    Attributes:
        data: ``embedded``, or a text that names the licensed copies.
        budget: how much was trained, see :data:`mexflow.papers.parts.Budget`.
        reading: of the paper, ``decided`` or ``literal``.
        intervals: the method of the intervals over subjects.
    """

    data: str
    budget: str
    reading: str = "decided"
    intervals: IntervalMethod = DEFAULT

    @property
    def interval(self) -> str:
        """What the intervals over subjects are, for the legend of a table."""
        return LABELS[self.intervals]

    @property
    def embedded(self) -> bool:
        """Whether any of the data is synthetic."""
        return any(part == "embedded" or part.startswith("embedded (") for part in self.data.split(", "))

    def synthetic(self, dataset: str) -> bool:
        """Whether the data of one raw dataset is synthetic; `data` names the root of each licensed one."""
        named = [part for part in self.data.split(", ") if part.endswith(f" ({dataset})")]
        return self.embedded and all(part == f"embedded ({dataset})" for part in named)

    @property
    def comparable(self) -> bool:
        """Whether a measured number may be held against the published one."""
        return not self.embedded and self.budget == "paper"

    @property
    def mark(self) -> str:
        """What follows a measured number that must not be compared; empty where it may."""
        return "" if self.comparable else MARK

    def warning(self) -> str:
        """One sentence that says why measured numbers must not be compared; empty where they may."""
        if self.embedded:
            part = "synthetic embedded data" if self.data == "embedded" else f"partly synthetic data ({self.data})"
            return f"Measured numbers come from {part} and must not be compared with the published ones."
        if not self.comparable:
            return (
                f"Measured numbers come from the {self.budget} budget (other epochs or folds than printed) and must "
                "not be compared with the published ones."
            )
        return ""

    def line(self) -> str:
        """The line at the foot of a figure."""
        part = f"data: {self.data}"
        if self.data == "embedded":
            part = "synthetic embedded data"
        elif self.embedded:
            part = f"partly synthetic data: {self.data}"
        end = "" if self.comparable else " · not comparable with published numbers"
        reading = " · reading literal" if self.reading == "literal" else ""
        return f"{part} · budget {self.budget}{reading}{end}"
