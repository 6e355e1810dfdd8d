"""The parts of a paper's file that are no experiments: its data, how intervals are made, tables, figures, claims."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mexflow.papers.part import Part

Budget = Literal["demo", "paper"]
Metric = Literal[
    "accuracy", "uf1", "uar", "parameters", "filters", "cosine_similarity", "class_share", "clips",
    "frame_f1", "frame_auc", "frame_auc_percent", "interval_f1", "intensity_correlation",
]  # fmt: skip
Score = Literal["accuracy", "uf1", "uar"]
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
    least one of a match. `videos`: all count, or those with an expression of the type alone, as in some published code.
    """

    order: int = Field(2, ge=1)
    least: int = Field(2, ge=1)
    iou: float = Field(0.5, gt=0, le=1)
    videos: Literal["all", "with_expressions"] = "all"


class Column(Part):
    """A column of a table: its name, and where not the row's, the metric and the member dataset it is about."""

    name: str
    metric: Metric | None = None
    part: str | None = None


class Row(Part):
    """A row of a table: its name, one published value a column, and the experiment of each column.

    `published` values are numbers, null (the paper prints none), or text where the paper prints text.
    `experiments` has one name a column, null where the row is not ours. `variant` names one of several ways that an
    experiment is tested. `pending` is shown in place of a measurement that this version does not make.
    """

    name: str
    variant: str | None = None
    metric: Metric = "accuracy"
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


class Panel(Part):
    """A panel of a figure: an experiment, or its clips of one member dataset (`part`) of its composite."""

    title: str
    experiment: str
    part: str | None = None


class Figure(Part):
    """A figure of the paper: how it is drawn (`kind`), and from what.

    A confusion figure shows `published` beside an `experiment`, or `panels`. A sweep shows `metrics` of experiments
    over the numbers that are the keys of `points`, `axis` says of what. An embedding shows the images of each kind of
    `residuals`, of the clips of `data` (the name of one of the paper's) in these `classes`; `settings` go to t-SNE.
    Scores are those of a test video of `experiment`, tested in `variant`; states are those of its sample clips; aligned
    shows faces of `data`.
    """

    title: str
    kind: Literal[
        "flow_sample",
        "mean_flow",
        "confusion",
        "published_confusion",
        "sweep",
        "embedding",
        "scores",
        "aligned",
        "states",
    ]
    experiment: str | None = None
    variant: str | None = None
    published: list[list[float]] = []
    panels: list[Panel] = []
    axis: str = ""
    points: dict[float, str] = {}
    metrics: list[Score] = []
    data: str | None = None
    classes: list[str] = []
    residuals: list[str] = []
    settings: dict[TsneSetting, Annotated[int | float, Field(gt=0)]] = {}
    note: str | None = None

    @model_validator(mode="after")
    def _enough(self) -> Figure:
        if self.kind == "confusion" and bool(self.experiment) == bool(self.panels):
            raise ValueError("a figure of kind confusion needs either experiment or panels")
        needed = {
            "published_confusion": ["published"],
            "sweep": ["axis", "points", "metrics"],
            "embedding": ["data", "classes", "residuals"],
            "scores": ["experiment"],
            "states": ["experiment"],
            "aligned": ["data"],
        }.get(self.kind, [])
        if absent := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"a figure of kind {self.kind} needs {' and '.join(absent)}")
        return self

    @property
    def experiments(self) -> list[str]:
        """The experiments whose predictions it shows."""
        own = [self.experiment] if self.experiment else []
        return [*own, *(panel.experiment for panel in self.panels), *self.points.values()]


class Claim(Part):
    """What the paper says in words of its experiments: in each list of `descending`, each is better than the next.

    The experiments of a list have the same data.
    """

    claim: str
    metric: Score
    descending: list[Annotated[list[str], Field(min_length=2)]] = Field(min_length=1)


class Timing(Part):
    """The printed time to classify a clip, in milliseconds, and the experiment whose network is timed."""

    experiment: str
    published: dict[str, float]
    hardware: str
