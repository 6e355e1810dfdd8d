"""A paper as data: the typed model of ``workflow/papers/<paper>.yaml``.

A paper file says which data, which protocol, which experiments, which tables and figures, what the
paper printed, and what is wrong in print. Rules and commands know papers only through this model;
adding a paper adds a file, and a module under :mod:`mexflow.models` where the network is new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mexflow.errors import UserError, choose, nearest

Budget = Literal["demo", "paper"]
Metric = Literal["accuracy", "uf1", "uar", "parameters", "filters", "cosine_similarity", "class_share", "clips"]
_SCORES: dict[str, Metric] = {"accuracy": "accuracy", "UF1": "uf1", "UAR": "uar"}
Option = int | float | str | bool
Operation = str | dict[str, float | list[float]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Part):
    """The clips of a paper: an index, the label column it uses, and its classes in the paper's order."""

    index: str
    label: str
    classes: list[str]


class Flow(_Part):
    """Optical flow between two aligned faces of a clip."""

    method: Literal["horn_schunck", "farneback", "tvl1"]
    size: int = Field(ge=8)
    options: dict[str, Option] = {}
    pairs: list[str] = Field(min_length=1)


class Training(_Part):
    """The printed training settings; `epochs` and `folds` belong to the budget.

    `validation_share` is the share of training subjects that the schedule and early stopping look at; the test
    subjects never are among them.
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
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    augment: list[Operation] = []
    oversample: list[Operation] = []
    recompute_batch_norm: bool = False
    mixed_precision: bool = False

    @model_validator(mode="after")
    def _validated(self) -> Training:
        if (self.early_stopping or self.schedule == "plateau") and self.validation_share is None:
            raise ValueError("early stopping and the schedule plateau need validation_share")
        return self


class Effort(_Part):
    """How much of an experiment a budget runs.

    `epochs`; the first so many `folds` (null: all); for images of any size, the `size` they are scaled to (null: as
    they are stored).
    """

    epochs: int = Field(ge=1)
    folds: int | None = Field(None, ge=1)
    size: int | None = Field(None, ge=16)


class Experiment(_Part):
    """One network on one input, under the paper's protocol.

    Its input is one of: `channels` of the paper's flow; `residual`, a kind of residual image; `frames`, thirteen
    aligned frames of the clip at that size; `lbp_top`, LBP-TOP features. `data` names one of the paper's `data`, the
    first if left out; `training` overrides settings of the paper's training.
    """

    model: str
    options: dict[str, Option] = {}
    data: str | None = None
    channels: list[Literal["Vx", "Vy", "M"]] | None = None
    residual: str | None = None
    frames: int | None = Field(None, ge=16, le=112)
    lbp_top: bool = False
    training: dict[str, Any] = {}
    demo: Effort | None = None
    null_control: bool = False
    keep_features: bool = False
    permute_labels: bool = False

    @property
    def input(self) -> Literal["flow", "residual", "frames", "lbp_top"]:
        """What kind of input the experiment has."""
        given = {
            "flow": self.channels is not None,
            "residual": self.residual is not None,
            "frames": self.frames is not None,
            "lbp_top": self.lbp_top,
        }
        return next(name for name, set_ in given.items() if set_)

    @model_validator(mode="after")
    def _one_input(self) -> Experiment:
        given = [self.channels is not None, self.residual is not None, self.frames is not None, self.lbp_top]
        if sum(given) != 1:
            raise ValueError("exactly one of channels, residual, frames and lbp_top says what its input is")
        return self


class Column(_Part):
    """A column of a table: its name, and where not the row's, the metric and the member dataset it is about."""

    name: str
    metric: Metric | None = None
    part: str | None = None


class Row(_Part):
    """A row of a table: its name, one published value a column, and the experiment of each column.

    `published` values are numbers, null (the paper prints none), or text where the paper prints text.
    `experiments` has one name a column, null where the row is not ours. `pending` is shown in place of
    a measurement that this version does not make.
    """

    name: str
    metric: Metric = "accuracy"
    published: list[float | int | str | None] = []
    experiments: list[str | None] = []
    pending: str | None = None
    note: str | None = None


class Table(_Part):
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


class Panel(_Part):
    """A panel of a figure: an experiment, or its clips of one member dataset (`part`) of its composite."""

    title: str
    experiment: str
    part: str | None = None


class Figure(_Part):
    """A figure of the paper: how it is drawn (`kind`), and from what.

    A confusion figure shows `published` beside an `experiment`, or `panels`. A sweep shows `metrics` of experiments
    over the numbers that are the keys of `points`, `axis` says of what. An embedding shows the images of each kind of
    `residuals`, of the clips of `data` (the name of one of the paper's) in these `classes`; `settings` go to t-SNE.
    """

    title: str
    kind: Literal["flow_sample", "mean_flow", "confusion", "published_confusion", "sweep", "embedding"]
    experiment: str | None = None
    published: list[list[float]] = []
    panels: list[Panel] = []
    axis: str = ""
    points: dict[float, str] = {}
    metrics: list[Metric] = []
    data: str | None = None
    classes: list[str] = []
    residuals: list[str] = []
    settings: dict[str, Option] = {}
    note: str | None = None

    @property
    def experiments(self) -> list[str]:
        """The experiments whose predictions it shows."""
        own = [self.experiment] if self.experiment else []
        return [*own, *(panel.experiment for panel in self.panels), *self.points.values()]


class Claim(_Part):
    """What the paper says in words of its experiments: in each list of `descending`, each is better than the next."""

    claim: str
    metric: Literal["accuracy", "uf1", "uar"]
    descending: list[list[str]] = Field(min_length=1)


class Timing(_Part):
    """The printed time to classify a clip, in milliseconds, and the experiment whose network is timed."""

    experiment: str
    published: dict[str, float]
    hardware: str


class Paper(_Part):
    """A paper: everything that this project says about it."""

    paper: str
    title: str
    citation: str
    data: dict[str, Data] = Field(min_length=1)
    protocol: Literal["leave_one_subject_out", "five_subject_folds"]
    flow: Flow | None = None
    lbp_top: dict[str, Option | list[Option]] = {}
    key_frame_gap: Literal["printed", "bracketed"] = "printed"
    train_pairs: list[str] = []
    test_pairs: list[str] = []
    training: Training
    budgets: dict[Budget, Effort]
    experiments: dict[str, Experiment]
    tables: dict[str, Table]
    figures: dict[str, Figure]
    claims: list[Claim] = []
    timing: Timing | None = None
    errata: list[str] = []

    @model_validator(mode="after")
    def _consistent(self) -> Paper:
        for name, table in self.tables.items():
            for row in table.rows:
                for field in ("published", "experiments"):
                    values = getattr(row, field)
                    if values and len(values) != len(table.columns):
                        raise ValueError(f"{name}/{row.name}: {len(values)} {field} for {len(table.columns)} columns")
                for experiment in row.experiments:
                    self._require(experiment, f"{name}/{row.name}")
        for name, figure in self.figures.items():
            for experiment in figure.experiments:
                self._require(experiment, name)
            if figure.kind == "embedding" and figure.data not in self.data:
                raise ValueError(f"{name}: no data {figure.data!r}{nearest(str(figure.data), self.data)}")
        for claim in self.claims:
            for experiment in (name for chain in claim.descending for name in chain):
                self._require(experiment, f"claim {claim.claim!r}")
        if self.timing:
            self._require(self.timing.experiment, "timing")
        if self.flow is None and any(experiment.input == "flow" for experiment in self.experiments.values()):
            raise ValueError("an experiment has flow channels, and the paper no `flow`")
        for pair in [*self.train_pairs, *self.test_pairs]:
            if self.flow is None or pair not in self.flow.pairs:
                raise ValueError(f"pair {pair!r} is not among flow.pairs")
        for name, experiment in self.experiments.items():
            if experiment.data is not None and experiment.data not in self.data:
                raise ValueError(f"{name}: no data {experiment.data!r}{nearest(experiment.data, self.data)}")
            self.training_of(name)
        if absent := [name for name in get_args(Budget) if name not in self.budgets]:
            raise ValueError(f"budgets: {absent[0]} is missing")
        return self

    def _require(self, experiment: str | None, where: str) -> None:
        if experiment is not None and experiment not in self.experiments:
            raise ValueError(f"{where}: no experiment {experiment!r}{nearest(experiment, self.experiments)}")

    def data_name(self, experiment: str) -> str:
        """The name of an experiment's data."""
        return self.with_null_controls()[experiment].data or next(iter(self.data))

    def data_of(self, experiment: str) -> Data:
        """The clips of an experiment."""
        return self.data[self.data_name(experiment)]

    def training_of(self, experiment: str) -> Training:
        """How an experiment is trained: the paper's settings, and its own over them."""
        own = self.with_null_controls()[experiment].training
        return Training.model_validate({**self.training.model_dump(), **own})

    def effort(self, experiment: str, budget: Budget) -> Effort:
        """The epochs and folds that `budget` runs of `experiment`."""
        own = self.with_null_controls()[experiment].demo
        return own if own and budget == "demo" else self.budgets[budget]

    def with_null_controls(self, wanted: bool = True) -> dict[str, Experiment]:
        """The experiments to train; each that asks for a null control brings `<name>-null` with it."""
        result: dict[str, Experiment] = {}
        for name, experiment in self.experiments.items():
            result[name] = experiment
            if wanted and experiment.null_control:
                result[f"{name}-null"] = experiment.model_copy(
                    update={"permute_labels": True, "null_control": False, "keep_features": False}
                )
        return result


def scores_of(paper: Paper, experiment: str) -> Paper:
    """The paper with one table, of the scores of one experiment (or null control), and nothing else to say.

    Raises:
        UserError: if there is no such experiment.
    """
    choose("experiment", experiment, paper.with_null_controls())
    columns = [Column(name=name, metric=metric) for name, metric in _SCORES.items()]
    row = Row(name=experiment, experiments=[experiment] * len(columns))
    table = Table(title=f"Scores of {experiment}", row_header="experiment", columns=columns, rows=[row])
    return paper.model_copy(update={"tables": {"scores": table}, "figures": {}, "claims": [], "errata": []})


def available(folder: Path) -> list[str]:
    """Names of the papers in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(folder: Path, name: str) -> Paper:
    """Read ``<folder>/<name>.yaml``.

    Raises:
        UserError: if there is no such paper (the nearest is suggested) or its file is not valid.
    """
    choose("paper", name, available(folder))
    return parse((folder / f"{name}.yaml").read_bytes(), folder / f"{name}.yaml")


def parse(data: bytes, path: Path) -> Paper:
    """Validate the content of a paper file.

    Raises:
        UserError: naming the file and every wrong key.
    """
    try:
        values: Any = yaml.safe_load(data)
        paper = Paper.model_validate(values)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        texts = [".".join(map(str, e["loc"])) + ": " + e["msg"] for e in error.errors()]
        raise UserError(f"{path}: " + "; ".join(texts)) from None
    if paper.paper != path.stem:
        raise UserError(f"{path}: calls itself {paper.paper!r}; file and `paper:` must agree")
    return paper
