"""The parts that a paper's file is made of, see :mod:`mexflow.papers`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Budget = Literal["demo", "paper"]
Metric = Literal[
    "accuracy", "uf1", "uar", "parameters", "filters", "cosine_similarity", "class_share", "clips",
    "frame_f1", "frame_auc", "frame_auc_percent", "interval_f1", "intensity_correlation",
]  # fmt: skip
Score = Literal["accuracy", "uf1", "uar"]
TsneSetting = Literal["perplexity", "early_exaggeration", "learning_rate", "max_iter"]
Option = int | float | str | bool
Operation = str | dict[str, float | list[float]]
Protocol = Literal["leave_one_subject_out", "five_subject_folds", "subject_split"]
Input = Literal["flow", "residual", "frames", "lbp_top", "videos", "sequences", "difference"]
FlowMethod = Literal["horn_schunck", "farneback", "tvl1"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Part):
    """The clips of a paper: an index, the label column it uses, and its classes in the paper's order.

    `protocol` says how folds are made of them where not as the paper's does.
    """

    index: str
    label: str
    classes: list[str]
    protocol: Protocol | None = None


class Flow(Part):
    """Optical flow between two aligned faces of a clip."""

    method: FlowMethod
    size: int = Field(ge=8)
    options: dict[str, Option] = {}
    pairs: list[str] = Field(min_length=1)


class Motion(Part):
    """Optical flow from each aligned face of a video to the next."""

    method: FlowMethod
    options: dict[str, Option] = {}


class Training(Part):
    """The printed training settings; `epochs` and `folds` belong to the budget.

    `validation_share` is the share of training subjects that the schedule and early stopping look at; the test
    subjects never are among them. In spotting it is one, the ``next_subject`` after the test subject.

    `augment` changes training samples, drawn anew in each epoch, in the order given; `oversample` makes new ones for
    the classes that have fewer than the largest. `recompute_batch_norm` replaces the running statistics of batch
    normalisation, when training has ended, by those of all training samples.
    """

    batch_size: int = Field(ge=1)
    optimizer: Literal["adam", "adamp", "rmsprop", "sgd"]
    learning_rate: float = Field(gt=0)
    optimizer_options: dict[str, Option] = {}
    normalise: Literal["rms", "motion", "none"] = "none"
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    schedule_options: dict[str, float | int] = {}
    early_stopping: int | None = Field(None, ge=1)
    validation_share: float | None = Field(None, gt=0, lt=1)
    validation: Literal["share", "next_subject"] = "share"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    augment: list[Operation] = []
    oversample: list[Operation] = []
    recompute_batch_norm: bool = False
    mixed_precision: bool = False

    @model_validator(mode="after")
    def _validated(self) -> Training:
        looks = self.early_stopping or self.schedule == "plateau"
        if looks and self.validation == "share" and self.validation_share is None:
            raise ValueError("early stopping and the schedule plateau need validation_share")
        return self


class Spotting(Part):
    """How expressions are spotted in the long videos of one of the paper's data.

    Pairs are of micro-, then of macro-expressions, frames: the ranges that `train_skips` are drawn from, and for each
    variant of testing its `test_skips`. `stream_weights` and `positive` are the loss's M and W; `samples` are drawn in
    an epoch, the share `inside` of them from inside expressions.
    """

    train_skips: tuple[tuple[int, int], tuple[int, int]]
    test_skips: dict[str, tuple[int, int]] = Field(min_length=1)
    stream_weights: tuple[float, float]
    positive: float = Field(gt=0, lt=1)
    samples: int = Field(ge=1)
    inside: float = Field(0.5, ge=0, le=1)
    placement: Literal["centred", "forward", "backward"] = "centred"


class Intervals(Part):
    """How the scores of a video become intervals, and what a true positive is.

    `order` of the Butterworth low-pass, run both ways; runs of fewer than `least` frames are dropped; `iou` is the
    least one of a match. `videos`: all count, or those with an expression of the type alone, as in some published code.
    """

    order: int = Field(2, ge=1)
    least: int = Field(2, ge=1)
    iou: float = Field(0.5, gt=0, le=1)
    videos: Literal["all", "with_expressions"] = "all"


class Sequences(Part):
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
    loss_weights: tuple[float, float] = (1.0, 1.0)


class Difference(Part):
    """Spotting by feature difference: options of ``mexflow difference``.

    `k` is half the length of an expression, frames (null: its mean's in the index). `method`, its `options` and
    `reference` are those of the flow that HOOF is made from.
    """

    features: Literal["lbp", "hoof"]
    k: int | None = Field(None, ge=1)
    blocks: int = Field(6, ge=1)
    edges: Literal["hold", "clip"] = "hold"
    bins: int = Field(8, ge=2)
    method: FlowMethod = "farneback"
    options: dict[str, Option] = {}
    reference: Literal["previous", "first"] = "previous"


class Effort(Part):
    """How much of an experiment a budget runs.

    `epochs`; the first so many `folds` (null: all); for images of any size, the `size` they are scaled to (null: as
    they are stored); for long videos and sequences, the `samples` of an epoch; for networks trained before a memory,
    their epochs and samples, and the `versions` of a clip (each null: the paper's).
    """

    epochs: int = Field(ge=1)
    folds: int | None = Field(None, ge=1)
    size: int | None = Field(None, ge=16)
    samples: int | None = Field(None, ge=1)
    stage1_epochs: int | None = Field(None, ge=1)
    stage1_samples: int | None = Field(None, ge=1)
    versions: int | None = Field(None, ge=0)


class Experiment(Part):
    """One network on one input, under the paper's protocol.

    Its input is one of: `channels` of the paper's flow; `residual`, a kind of residual image; `frames`, thirteen
    aligned frames of the clip at that size; `lbp_top`, LBP-TOP features; `videos`, the frames of long videos, for
    spotting, without `lcn` or with a loss that is not `weighted` where an ablation wants it; `sequences`, consecutive
    frames of clips and the motion between them; `difference`, settings of spotting by feature difference, for which
    nothing is trained. `data` names one of the paper's `data`, the first if left out; `training` overrides settings of
    the paper's training.
    """

    model: str | None = None
    options: dict[str, Option] = {}
    data: str | None = None
    channels: list[Literal["Vx", "Vy", "M"]] | None = None
    residual: str | None = None
    frames: int | None = Field(None, ge=16, le=112)
    lbp_top: bool = False
    videos: bool = False
    sequences: bool = False
    difference: Difference | None = None
    lcn: bool = True
    weighted: bool = True
    training: dict[str, Any] = {}
    demo: Effort | None = None
    null_control: bool = False
    keep_features: bool = False
    permute_labels: bool = False

    @property
    def input(self) -> Input:
        """What kind of input the experiment has."""
        return next(name for name, given in self._given.items() if given)

    @property
    def recognises(self) -> bool:
        """Whether it predicts the class of clips."""
        return self.input not in ("videos", "difference")

    @property
    def spots(self) -> bool:
        """Whether it gives every frame a score."""
        return self.input in ("videos", "sequences", "difference")

    @property
    def _given(self) -> dict[Any, bool]:
        return {
            "flow": self.channels is not None,
            "residual": self.residual is not None,
            "frames": self.frames is not None,
            "lbp_top": self.lbp_top,
            "videos": self.videos,
            "sequences": self.sequences,
            "difference": self.difference is not None,
        }

    @model_validator(mode="after")
    def _one_input(self) -> Experiment:
        if sum(self._given.values()) != 1:
            raise ValueError(
                "exactly one of channels, residual, frames, lbp_top, videos, sequences and difference says what its "
                "input is"
            )
        if (self.model is None) != (self.input == "difference"):
            raise ValueError("an experiment needs a model, and one of `difference` has none")
        return self


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
