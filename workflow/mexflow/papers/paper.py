"""A paper as data: the typed model of ``workflow/papers/<paper>.yaml``.

A paper file says which data, which protocol, which experiments, which tables and figures, what the
paper printed, and what is wrong in print. Rules and commands know papers only through this model;
adding a paper adds a file, and a module under :mod:`mexflow.models` where the network is new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

from mexflow.errors import UserError, choose, nearest
from mexflow.papers.figure_kinds import AnyFigure
from mexflow.papers.parts import (
    Budget,
    Claim,
    Column,
    Data,
    Effort,
    Experiment,
    Flow,
    Intervals,
    Metric,
    Motion,
    Option,
    Part,
    Protocol,
    Row,
    Sequences,
    Spotting,
    Table,
    Timing,
    Training,
)

_SCORES: dict[str, Metric] = {"accuracy": "accuracy", "UF1": "uf1", "UAR": "uar"}


class Paper(Part):
    """A paper: everything that this project says about it."""

    paper: str
    title: str
    citation: str
    data: dict[str, Data] = Field(min_length=1)
    protocol: Protocol
    flow: Flow | None = None
    motion: Motion | None = None
    lbp_top: dict[str, Option | list[Option]] = {}
    key_frame_gap: Literal["printed", "bracketed"] = "printed"
    spotting: dict[str, Spotting] = {}
    sequences: Sequences | None = None
    intervals: Intervals = Intervals()
    train_pairs: list[str] = []
    test_pairs: list[str] = []
    training: Training
    budgets: dict[Budget, Effort]
    experiments: dict[str, Experiment]
    tables: dict[str, Table]
    figures: dict[str, AnyFigure]
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
            try:
                figure.check(self)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        for claim in self.claims:
            for chain in claim.descending:
                for experiment in chain:
                    self._require(experiment, f"claim {claim.claim!r}")
                if len({self.data_name(experiment) for experiment in chain}) > 1:
                    raise ValueError(f"claim {claim.claim!r}: {', '.join(chain)} differ in their data")
        if self.timing:
            self._require(self.timing.experiment, "timing")
        if self.flow is None and any(experiment.input == "flow" for experiment in self.experiments.values()):
            raise ValueError("an experiment has flow channels, and the paper no `flow`")
        for pair in [*self.train_pairs, *self.test_pairs]:
            if self.flow is None or pair not in self.flow.pairs:
                raise ValueError(f"pair {pair!r} is not among flow.pairs")
        for name, experiment in self.experiments.items():
            self._require_data(experiment.data, name)
            self.training_of(name)
            if experiment.videos and self.data_name(name) not in self.spotting:
                raise ValueError(f"{name}: `spotting` says nothing of data {self.data_name(name)!r}")
            if experiment.sequences and not (self.sequences and self.motion):
                raise ValueError(f"{name}: an experiment of sequences needs the paper's `sequences` and `motion`")
        if absent := [name for name in get_args(Budget) if name not in self.budgets]:
            raise ValueError(f"budgets: {absent[0]} is missing")
        return self

    def _require(self, experiment: str | None, where: str) -> None:
        if experiment is not None and experiment not in self.experiments:
            raise ValueError(f"{where}: no experiment {experiment!r}{nearest(experiment, self.experiments)}")

    def _require_data(self, data: str | None, where: str) -> None:
        if data is not None and data not in self.data:
            raise ValueError(f"{where}: no data {data!r}{nearest(data, self.data)}")

    def data_name(self, experiment: str) -> str:
        """The name of an experiment's data."""
        return self.with_null_controls()[experiment].data or next(iter(self.data))

    def data_of(self, experiment: str) -> Data:
        """The clips of an experiment."""
        return self.data[self.data_name(experiment)]

    def protocol_of(self, experiment: str) -> Protocol:
        """How an experiment's folds are made."""
        return self.data_of(experiment).protocol or self.protocol

    @property
    def models(self) -> list[str]:
        """The networks of its experiments."""
        return sorted({experiment.model for experiment in self.experiments.values() if experiment.model})

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
            # Spotting has a null control that nothing is trained for: what was spotted, elsewhere.
            if wanted and experiment.null_control and experiment.recognises:
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
    wanted = paper.with_null_controls()[experiment]
    columns = [Column(name=name, metric=metric) for name, metric in _SCORES.items()] if wanted.recognises else []
    variants: list[str | None] = [None]
    if wanted.videos:
        kinds = {"macro": "macro", "micro": "micro", "overall": None}
        columns = [Column(name=f"interval F1, {name}", metric="interval_f1", part=kind) for name, kind in kinds.items()]
        variants = list(paper.spotting[paper.data_name(experiment)].test_skips)
    elif wanted.spots:
        columns.append(Column(name="AUC of frames (%)", metric="frame_auc_percent"))
    rows = [
        Row(name=f"{experiment}, {one}" if one else experiment, variant=one, experiments=[experiment] * len(columns))
        for one in variants
    ]
    table = Table(title=f"Scores of {experiment}", row_header="experiment", columns=columns, rows=rows)
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
        texts = [".".join(map(str, _place(e["loc"]))) + ": " + e["msg"] for e in error.errors()]
        raise UserError(f"{path}: " + "; ".join(texts)) from None
    if paper.paper != path.stem:
        raise UserError(f"{path}: calls itself {paper.paper!r}; file and `paper:` must agree")
    return paper


def _place(keys: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Where in the file a mistake is: without the kind that stands behind a figure's name for the union's choice."""
    return keys[:2] + keys[3:] if keys[0:1] == ("figures",) else keys
