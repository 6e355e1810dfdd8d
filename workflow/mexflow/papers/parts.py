"""The parts of a paper's file that are no experiments: its data, how long videos are spotted, tables, figures,
claims.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from mexflow.papers.metrics import MetricName, ScoreName
from mexflow.papers.part import Part

Budget = Literal["demo", "paper"]
Skip = Annotated[int, Field(ge=0, strict=True)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
TsneSetting = Literal["perplexity", "early_exaggeration", "learning_rate", "max_iter"]


class Data(Part):
    """The clips of a paper: an index, the label column it uses, and its classes in the paper's order.

    `protocol` says how folds are made of them where not as the paper's does.
    """

    index: str
    label: str
    classes: list[str]
    protocol: str | None = None


class FrameSkips(Part):
    """How expressions are spotted in the long videos of one of the paper's data.

    Pairs are of micro-, then of macro-expressions, frames: the ranges that `train_skips` are drawn from, and for each
    variant of testing its `test_skips`. `stream_weights` and `positive` are the loss's M and W; `samples` are drawn in
    an epoch, the share `inside` of them from inside expressions.
    """

    train_skips: tuple[tuple[Skip, Skip], tuple[Skip, Skip]]
    test_skips: dict[str, tuple[Skip, Skip]] = Field(min_length=1)
    stream_weights: tuple[Weight, Weight]
    positive: float = Field(gt=0, lt=1)
    samples: int = Field(ge=1)
    inside: float = Field(0.5, ge=0, le=1)
    placement: Literal["centred", "forward", "backward"] = "centred"

    @field_validator("train_skips")
    @classmethod
    def _in_order(cls, ranges: Any) -> Any:
        for low, high in ranges:
            if low > high:
                raise ValueError(f"[{low}, {high}]: the lowest number of frames comes first")
        return ranges


class IntervalSettings(Part):
    """How the scores of a video become intervals, and what a true positive is.

    `order` of the Butterworth low-pass, run both ways; runs of fewer than `least` frames are dropped; `iou` is the
    least one of a match. `videos`: all count, or those with an expression of the type alone, as in some published code.
    """

    order: int = Field(2, ge=1)
    least: int = Field(2, ge=1)
    iou: float = Field(0.5, gt=0, le=1)
    videos: Literal["all", "with_expressions"] = "all"


class MemorySettings(Part):
    """How a memory of sequences is trained, and before it the networks that it sees through.

    An epoch of the memory has `samples` sequences of `length` consecutive frames; each of the networks before it is
    trained for `stage1_epochs` of `stage1_samples` frames, or flow fields, in batches of `stage1_batch_size`.
    `versions` are the augmented sequences of a clip that are kept and drawn from; 0 draws each anew. `loss_weights` are
    those of the class and of the intensity.
    """

    samples: int = Field(ge=1)
    length: int = Field(ge=1)
    versions: int = Field(0, ge=0)
    stage1_epochs: int = Field(ge=1)
    stage1_samples: int = Field(ge=1)
    stage1_batch_size: int = Field(ge=1)
    loss_weights: tuple[Weight, Weight] = (1.0, 1.0)


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
