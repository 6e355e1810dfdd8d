"""The parts of a paper's file that are no experiments: its data, how intervals are made, tables, figures, claims."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from mexflow.papers.metrics import MetricName, ScoreName
from mexflow.papers.part import Part

Budget = Literal["demo", "paper"]
TsneSetting = Literal["perplexity", "early_exaggeration", "learning_rate", "max_iter"]


class Data(Part):
    """The clips of a paper: an index, the label column it uses, and its classes in the paper's order.

    `protocol` says how folds are made of them where not as the paper's does.
    """

    index: str
    label: str
    classes: list[str]
    protocol: str | None = None


class IntervalSettings(Part):
    """How the scores of a video become intervals, and what a true positive is.

    `order` of the Butterworth low-pass, run both ways; runs of fewer than `least` frames are dropped; `iou` is the
    least one of a match.

    `videos` says which test videos count, in metrics of frames and of intervals alike: ``all``; ``annotated``, those
    with any expression; or ``with_expressions``, those with an expression of the type alone, as in some published
    code. All train, and choose thresholds, in any case. `frame_scores` says what metrics of frames are of: scores
    ``normalised`` min-max within their video, or ``raw``, as they are; neither is smoothed.
    """

    order: int = Field(2, ge=1)
    least: int = Field(2, ge=1)
    iou: float = Field(0.5, gt=0, le=1)
    videos: Literal["all", "annotated", "with_expressions"] = "all"
    frame_scores: Literal["normalised", "raw"] = "raw"


class Column(Part):
    """A column of a table: its name, and where not the row's, the metric and the member dataset it is about."""

    name: str
    metric: MetricName | None = None
    part: str | None = None


class Row(Part):
    """A row of a table: its name, one published value a column, and the experiment of each column.

    `published` values are numbers, null (the paper prints none), or text where the paper prints text.
    `experiments` has one name a column, null where the row is not ours. `variant` names one of several ways that an
    experiment is tested. `pending` is shown in place of a measurement that this version does not make.
    """

    name: str
    variant: str | None = None
    metric: MetricName = "accuracy"
    published: list[float | int | str | None] = []
    experiments: list[str | None] = []
    pending: str | None = None
    note: str | None = None


class Table(Part):
    """A table of the paper, in the paper's own form."""

    title: str
    row_header: str
    columns: list[Column]
    rows: list[Row]
    note: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @field_validator("columns", mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        """A column of which only the name is to be said may be written as its name."""
        if not isinstance(values, list):
            return values
        return [value if isinstance(value, dict | Column) else {"name": str(value)} for value in values]


class Claim(Part):
    """What the paper says in words of its experiments: in each list of `descending`, each is better than the next.

    The experiments of a list have the same data.
    """

    claim: str
    metric: ScoreName
    descending: list[Annotated[list[str], Field(min_length=2)]] = Field(min_length=1)


class Timing(Part):
    """The printed time to classify a clip, in milliseconds, and the experiment whose network is timed."""

    experiment: str
    published: dict[str, float]
    hardware: str
