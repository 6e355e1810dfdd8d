"""A paper as data: the typed model of ``workflow/papers/<paper>.yaml``.

A paper file says which data, which protocol, which experiments, which tables and figures, what the
paper printed, and what is wrong in print. Rules and commands know papers only through this model;
adding a paper adds a file, and a module under :mod:`mexflow.models` where the network is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from mexflow.errors import UserError, choose, nearest
from mexflow.papers import decisions, metrics
from mexflow.papers.decisions import Decision, Reading
from mexflow.papers.efforts import Effort
from mexflow.papers.experiments import AnyExperiment, Experiment, Recognising, StartingWeights, Trained
from mexflow.papers.figure_kinds import AnyFigure
from mexflow.papers.kinds import Kind, kind_of
from mexflow.papers.part import Part, parsed
from mexflow.papers.parts import (
    Budget,
    BudgetSection,
    Claim,
    Column,
    Data,
    IntervalSettings,
    Row,
    Table,
    Term,
    Timing,
)
from mexflow.papers.preprocessing import Flow, Pair, Preprocessing
from mexflow.papers.recipe import Recipe
from mexflow.papers.trainings import FrameSkips, MemorySettings, Training
from mexflow.validation import explain

# The parser in C takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCORES = {"accuracy": "accuracy", "UF1": "uf1", "UAR": "uar"}


class Paper(Part):
    """A paper: everything that this project says about it.

    `training` and `budgets` are shared by experiments of all its kinds: each takes the keys that its kind knows, and a
    key that no kind knows is refused.
    """

    paper: str
    title: str
    citation: str
    data: dict[str, Data] = Field(min_length=1)
    protocol: str
    preprocessing: Preprocessing = Preprocessing()
    spotting: dict[str, FrameSkips] = {}
    sequences: MemorySettings | None = None
    intervals: IntervalSettings = IntervalSettings()
    train_pairs: list[Pair] = []
    test_pairs: list[Pair] = []
    training: dict[str, Any] = {}
    budgets: dict[BudgetSection, dict[str, Any]]
    experiments: dict[str, AnyExperiment] = Field(min_length=1)
    tables: dict[str, Table]
    figures: dict[str, AnyFigure]
    claims: list[Claim] = []
    timing: Timing | None = None
    errata: list[str] = []
    decisions: list[Decision] = []
    _weights_given: frozenset[str] = PrivateAttr(frozenset())

    @model_validator(mode="after")
    def _consistent(self) -> Paper:
        if absent := [name for name in get_args(BudgetSection) if name not in self.budgets]:
            raise ValueError(f"budgets: {absent[0]} is missing")
        self._check_experiments()
        self._check_read()
        self._check_tables()
        self._check_figures()
        for claim in self.claims:
            try:
                self._check_claim(claim)
            except ValueError as error:
                raise ValueError(f"claim {claim.claim!r}: {error}") from None
        if self.timing:
            self._require(self.timing.experiment, "timing")
            if self.experiments[self.timing.experiment].kind != "flow":
                raise ValueError(f"timing: {self.timing.experiment} is not on flow; flow and network are timed")
        decisions.check(self)
        return self

    def _check_experiments(self) -> None:
        for name, experiment in self.experiments.items():
            place = f"experiments.{name}"
            if name.endswith("-null"):
                raise ValueError(f"{place}: names that end in -null are those of null controls")
            self._require_data(experiment.data, place)
            for budget in get_args(Budget):
                self.effort(name, budget)
            self.training_of(name)
            for stage in self._stages(experiment):
                self._named(stage, experiment, place)
            if experiment.kind == "flow" and not (self.train_pairs and self.test_pairs):
                raise ValueError(f"{place}: an experiment on flow needs the paper's train_pairs and test_pairs")
            if kind_of(experiment).every_video and self.data_name(name) not in self.spotting:
                raise ValueError(f"{place}: `spotting` says nothing of data {self.data_name(name)!r}")
            if experiment.kind == "sequences" and not self.sequences:
                raise ValueError(f"{place}: an experiment of sequences needs the paper's `sequences`")
            self.recipe(name, "demo")
            files = {start.file for start in getattr(experiment, "weights", {}).values()}
            for given in [*([file] for file in sorted(files)), *([files] if len(files) > 1 else [])]:
                self.with_weights(given).recipe(name, "demo")

    def _check_read(self) -> None:
        """Everything that the paper says of preprocessing, training, pairs and data is read by an experiment or
        figure.
        """
        read = {(stage, self._named(stage, experiment, name)) for name, experiment in self.experiments.items()
                for stage in self._stages(experiment)}  # fmt: skip
        read |= {("residual", name) for figure in self.figures.values() for name in figure.residual_kinds}
        for stage in Preprocessing.model_fields:
            for name in self.preprocessing.named(stage):
                if (stage, name) not in read:
                    raise ValueError(f"preprocessing.{stage}.{name}: no experiment and no figure reads it")
        kinds = [kind_of(experiment) for experiment in self.experiments.values()]
        trained = {name for kind in kinds if kind.training for name in kind.training.model_fields}
        _require_known(self.training, trained, "training")
        for budget, values in self.budgets.items():
            _require_known(values, {name for kind in kinds for name in kind.effort.model_fields}, f"budgets.{budget}")
        flows = [flow for name, flow in self.preprocessing.flow.items() if ("flow", name) in read]
        for pair in [*self.train_pairs, *self.test_pairs]:
            if not flows or any(pair not in flow.pairs for flow in flows):
                raise ValueError(f"pair {pair!r} is not among the pairs of the paper's flow")
        used = {self.data_name(name) for name in self.experiments} | {
            figure.shown_data for figure in self.figures.values()
        }
        for place, names in (("data", self.data), ("spotting", self.spotting)):
            for name in names:
                self._require_data(name, place)
                if name not in used:
                    raise ValueError(f"{place}.{name}: no experiment and no figure reads it")
        if self.sequences and not any(experiment.kind == "sequences" for experiment in self.experiments.values()):
            raise ValueError("sequences: no experiment reads it")

    def _check_tables(self) -> None:
        for name, table in self.tables.items():
            for row in table.rows:
                for field in ("published", "experiments"):
                    values = getattr(row, field)
                    if values and len(values) != len(table.columns):
                        raise ValueError(f"{name}/{row.name}: {len(values)} {field} for {len(table.columns)} columns")
                for column, experiment in zip(table.columns, row.experiments, strict=False):
                    self._require(experiment, f"{name}/{row.name}")
                    if experiment is not None:
                        metric = column.metric or row.metric
                        self._require_metric(metric, experiment, f"{name}/{row.name}")
                        self._require_classes(metric, experiment, {f"{name}/{row.name}": row, name: column})

    def _check_claim(self, claim: Claim) -> None:
        for chain in claim.chains:
            names = [term.experiment for term in chain if term.experiment is not None]
            for term in chain:
                if term.printed is not None:
                    self.printed(term.printed, claim.metric)
                if term.experiment is not None:
                    self._check_term(term, claim.metric)
            if len({self.data_name(name) for name in names}) > 1:
                raise ValueError(f"{', '.join(names)} differ in their data")
        for pair in claim.pairs:
            if not any(term.experiment for term in pair):
                raise ValueError(f"{pair[0].label} and {pair[1].label}: neither is measured here")

    def _check_term(self, term: Term, metric: str) -> None:
        self._require(term.experiment, "its lists")
        self._require_metric(metric, term.experiment, "its lists")
        data = self.data_name(term.experiment)
        variants = list(self.spotting[data].test_skips) if self.kind(term.experiment).every_video else []
        if (term.variant is None) != (not variants):
            said = "is tested in one way" if not variants else f"needs a `variant`, one of: {', '.join(variants)}"
            raise ValueError(f"{term.experiment} {said}")
        if variants and term.variant not in variants:
            raise ValueError(
                f"no variant {term.variant!r} of testing {term.experiment}{nearest(term.variant, variants)}"
            )
        if (term.of_class is None) != (metric != "class_share"):
            raise ValueError(f"{term.experiment}: `of_class` is needed by class_share, and by no other metric")
        if term.of_class is not None:
            metrics.class_place(term.of_class, self.data[data].classes)

    def printed(self, place: str, metric: str) -> float:
        """The number that a paper prints in a row of a table, in the one column of a metric or in the one named.

        Args:
            place: ``TABLE/ROW`` or ``TABLE/ROW/COLUMN``.
            metric: the name of one.

        Raises:
            ValueError: if there is none.
        """
        table, row, column = [*place.split("/"), None, None][:3]
        if table not in self.tables:
            raise ValueError(f"no table {table!r}{nearest(table, self.tables)}")
        rows = {one.name: one for one in self.tables[table].rows}
        if row not in rows:
            raise ValueError(f"no row {row!r} in {table}{nearest(row or '', rows)}")
        numbers = {
            of.name: value
            for of, value in zip(self.tables[table].columns, rows[row].published, strict=False)
            if isinstance(value, int | float) and metric == (of.metric or rows[row].metric)
            if column in (None, of.name)
        }
        if len(numbers) != 1:
            raise ValueError(f"{place}: {len(numbers)} printed numbers of {metric} there, and one is needed")
        return float(next(iter(numbers.values())))

    def _check_figures(self) -> None:
        for name, figure in self.figures.items():
            try:
                figure.check(self)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None

    def _require(self, experiment: str | None, where: str) -> None:
        if experiment is not None and experiment not in self.experiments:
            raise ValueError(f"{where}: no experiment {experiment!r}{nearest(experiment, self.experiments)}")

    def _require_metric(self, metric: str, experiment: str, where: str) -> None:
        own, kind = self.experiment(experiment), self.kind(experiment)
        left = {*(name.partition(".")[0] for name in kind.files), *kind.spotted}
        left |= {"features"} if getattr(own, "keep_features", False) else set()
        left |= {"network"} if getattr(own, "model", None) else set()
        try:
            metrics.check(metric, left)
        except ValueError as error:
            raise ValueError(f"{where}: {experiment}: {error}") from None

    def _require_classes(self, metric: str, experiment: str, named: Mapping[str, Row | Column]) -> None:
        """Where a metric is of classes, row and column are named for one each."""
        if not metrics.METRICS.declared(metric).of_classes:
            return
        for place, part in named.items():
            try:
                metrics.class_place(part.name, self.data_of(experiment).classes)
            except ValueError as error:
                raise ValueError(f"{place}: {metric}: {error}") from None

    def _require_data(self, data: str | None, where: str) -> None:
        if data is not None and data not in self.data:
            raise ValueError(f"{where}: no data {data!r}{nearest(data, self.data)}")

    def experiment(self, name: str) -> Experiment:
        """An experiment, or a null control."""
        return self.experiments[name] if name in self.experiments else self.with_null_controls()[name]

    def kind(self, experiment: str) -> Kind:
        """The kind of an experiment's input."""
        return kind_of(self.experiment(experiment))

    def data_name(self, experiment: str) -> str:
        """The name of an experiment's data."""
        return self.data_name_of(self.experiment(experiment))

    def data_name_of(self, experiment: Experiment) -> str:
        """The same, of the experiment itself."""
        return experiment.data or next(iter(self.data))

    def data_of(self, experiment: str) -> Data:
        """The clips of an experiment."""
        return self.data[self.data_name(experiment)]

    def protocol_of(self, experiment: str) -> str:
        """How an experiment's folds are made."""
        return self.data_of(experiment).protocol or self.protocol

    @property
    def models(self) -> list[str]:
        """The networks of its experiments."""
        return sorted(
            {model for experiment in self.experiments.values() if (model := getattr(experiment, "model", None))}
        )

    @property
    def protocols(self) -> list[str]:
        """The protocols of its experiments."""
        return sorted({self.protocol_of(name) for name in self.experiments})

    def training_of(self, experiment: str) -> Training | None:
        """How an experiment is trained: the paper's settings that its kind knows, and its own over them."""
        own = self.experiment(experiment)
        model = kind_of(own).training
        if model is None:
            return None
        shared = {name: value for name, value in self.training.items() if name in model.model_fields}
        changed = getattr(own, "training", {})
        for start in self._starts(own).values():
            changed = {**changed, **start.training}
        place = f"experiments.{experiment}.training" if changed else "training"
        return parsed(model, {**shared, **changed}, place)

    def with_weights(self, given: Iterable[str]) -> Paper:
        """The paper where these weights are given: networks that can start from them do. As read, none are given."""
        paper = self.model_copy()
        paper._weights_given = frozenset(given)
        return paper

    def weights_of(self, experiment: str) -> dict[str, str]:
        """The weights that an experiment starts from: their names, by the part of its network; none from scratch."""
        return {part: start.file for part, start in self._starts(self.experiment(experiment)).items()}

    def _starts(self, experiment: Experiment) -> dict[str, StartingWeights]:
        declared = getattr(experiment, "weights", {})
        return {part: start for part, start in declared.items() if start.file in self._weights_given}

    def effort(self, experiment: str, budget: Budget) -> Effort:
        """The epochs and folds that `budget` runs of `experiment`."""
        own = self.experiment(experiment)
        said = _own_effort(own, budget)
        if said is not None:
            return said
        model, section = kind_of(own).effort, _section(budget)
        shared = {name: value for name, value in self.budgets[section].items() if name in model.model_fields}
        return parsed(model, shared, f"budgets.{section} (for {experiment})")

    def section(self, experiment: str, budget: Budget) -> BudgetSection | None:
        """The section of `budgets` that says what `budget` runs of an experiment; None where the experiment does."""
        return None if _own_effort(self.experiment(experiment), budget) is not None else _section(budget)

    @property
    def learning(self) -> list[str]:
        """The experiments with an effort for the budget ``learning``: of the paper's proposed method, as a rule."""
        return [name for name, experiment in self.experiments.items() if getattr(experiment, "learning", None)]

    def place_control(self, experiment: str) -> str | None:
        """A score of a frame's place in its clip alone, for the same data: what spotting in clips is held against.

        None where the experiment scores no frames of clips, or the paper has no such control.
        """
        kind, data = self.kind(experiment), self.data_name(experiment)
        if not kind.spots or kind.every_video:
            return None
        return next(
            (
                name
                for name, other in self.experiments.items()
                if getattr(other, "features", None) == "position" and self.data_name(name) == data
            ),
            None,
        )

    def reads(self, experiment: str) -> list[str]:
        """The folders of the arrays that an experiment reads, below the results; that with a table a row first."""
        own = self.experiment(experiment)
        named = self._stages(own)
        folders = (stage.partition(":")[0] for stage in kind_of(own).reads)
        return [f"{stage}/{self._named(stage, own, experiment)}" if stage in named else stage for stage in folders]

    @staticmethod
    def _stages(experiment: Experiment) -> list[str]:
        """The stages of which an experiment reads what has a name."""
        return [stage.partition(":")[0] for stage in kind_of(experiment).reads if ":" in stage]

    def _named(self, stage: str, experiment: Experiment, place: str) -> str:
        """The name of what an experiment reads of a stage: the one it says, or the paper's only one."""
        known, name = self.preprocessing.named(stage), getattr(experiment, stage)
        if name is None:
            if len(known) != 1:
                there = f"there are {', '.join(known)}" if known else "the paper has none"
                raise ValueError(f"{place}: `{stage}` says which of preprocessing.{stage} it reads; {there}")
            return next(iter(known))
        _require_name(f"preprocessing.{stage}", name, known, place)
        return name

    def flow_of(self, experiment: str | None = None) -> Flow:
        """The flow that an experiment reads, or the first of the paper."""
        flows = self.preprocessing.flow
        if experiment is None:
            return next(iter(flows.values()))
        return flows[self._named("flow", self.experiment(experiment), experiment)]

    def timed_picks(self) -> list[str]:
        """What timing picks by name, as code digests name it: the network, the method of its flow, its channels."""
        if self.timing is None:
            return []
        timed = self.experiments[self.timing.experiment]
        return [
            f"mexflow.models.{timed.model}",
            f"mexflow.preprocess.flow:{self.flow_of(self.timing.experiment).method}",
            *(f"mexflow.training.recognition.channels:{name}" for name in timed.channels),
        ]

    def recipe(self, experiment: str, budget: Budget, seed: int = 0, sigma: float = 4.0) -> Recipe:
        """Everything that training an experiment, or a null control, depends on beside its index and arrays.

        Args:
            experiment: its name.
            budget: how much is trained.
            seed: base seed.
            sigma: of LCN's Gaussian, pixels.
        """
        own, data, effort = self.experiment(experiment), self.data_of(experiment), self.effort(experiment, budget)
        kind = kind_of(own)
        trained: dict[str, Any] = {}
        if model := getattr(own, "model", None):
            trained = {"model": model, "options": own.options, "seed": seed}
            trained |= {"weights": weights} if (weights := self.weights_of(experiment)) else {}
        if kind.training:
            trained |= {"training": self.training_of(experiment), "epochs": effort.epochs}
        common = {
            "kind": own.kind,
            "paper": self.paper,
            "experiment": experiment,
            "index": data.index,
            "reads": self.reads(experiment),
            "label": data.label,
            "classes": data.classes,
            "protocol": self.protocol_of(experiment),
        }
        values = {**common, **trained, **kind.fields(self, own, effort, sigma)}
        return parsed(kind.recipe, values, f"experiments.{experiment}")

    def controlled(self, budget: Budget | None = None) -> list[str]:
        """The experiments with a null control: those that ask for one, and under `learning` those that are to learn.

        Args:
            budget: None: under any.
        """
        learning = self.learning if budget in ("learning", None) else []
        return [
            name
            for name, experiment in self.experiments.items()
            if getattr(experiment, "null_control", False) or name in learning
        ]

    def with_null_controls(self, wanted: bool = True, budget: Budget | None = None) -> dict[str, Experiment]:
        """The experiments to train; each that has a null control (see `controlled`) brings `<name>-null` with it."""
        controlled = self.controlled(budget) if wanted else []
        result: dict[str, Experiment] = {}
        for name, experiment in self.experiments.items():
            result[name] = experiment
            # Spotting has a null control that nothing is trained for: what was spotted, elsewhere.
            if name in controlled and isinstance(experiment, Trained) and kind_of(experiment).recognises:
                changes = {"permute_labels": True, "null_control": False}
                if isinstance(experiment, Recognising):
                    changes["keep_features"] = False
                result[f"{name}-null"] = experiment.model_copy(update=changes)
        return result


def _own_effort(experiment: Experiment, budget: Budget) -> Effort | None:
    """What an experiment itself says that a budget runs of it; None: the paper's section does."""
    learning = getattr(experiment, "learning", None)
    return {"demo": experiment.demo, "learning": learning or experiment.demo}.get(budget)


def _section(budget: Budget) -> BudgetSection:
    return "demo" if budget == "learning" else budget


def _require_known(values: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    known = sorted(set(known))
    for key in values:
        if key not in known:
            raise ValueError(
                f"unknown key '{place}.{key}'{nearest(key, known)}; the paper's experiments know: {', '.join(known)}"
            )


def _require_name(what: str, name: str, known: Iterable[str], place: str) -> None:
    if name not in known:
        raise ValueError(f"{place}: no {what} {name!r}{nearest(name, known)}; there are: {', '.join(known)}")


def scores_of(paper: Paper, experiment: str) -> Paper:
    """The paper with one table, of the scores of one experiment (or null control), and nothing else to say.

    Raises:
        UserError: if there is no such experiment.
    """
    choose("experiment", experiment, paper.with_null_controls())
    kind = paper.kind(experiment)
    columns = [Column(name=name, metric=metric) for name, metric in _SCORES.items()] if kind.recognises else []
    variants: list[str | None] = [None]
    if kind.every_video:
        kinds = {"macro": "macro", "micro": "micro", "overall": None}
        columns = [Column(name=f"interval F1, {name}", metric="interval_f1", part=kind) for name, kind in kinds.items()]
        variants = list(paper.spotting[paper.data_name(experiment)].test_skips)
    elif kind.spots:
        columns.append(Column(name="AUC of frames (%)", metric="frame_auc_percent"))
    rows = [
        Row(name=f"{experiment}, {name}" if name else experiment, variant=name, experiments=[experiment] * len(columns))
        for name in variants
    ]
    table = Table(title=f"Scores of {experiment}", row_header="experiment", columns=columns, rows=rows)
    return paper.model_copy(update={"tables": {"scores": table}, "figures": {}, "claims": [], "errata": []})


def available(folder: Path) -> list[str]:
    """Names of the papers in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(folder: Path, name: str, reading: Reading = "decided") -> Paper:
    """Read ``<folder>/<name>.yaml``, with the decisions that it lists, or literally.

    Raises:
        UserError: if there is no such paper (the nearest is suggested) or its file is not valid.
    """
    choose("paper", name, available(folder))
    return parse((folder / f"{name}.yaml").read_bytes(), folder / f"{name}.yaml", reading)


def parse(data: bytes, path: Path, reading: Reading = "decided") -> Paper:
    """Validate the content of a paper file, and read it with the decisions that it lists, or literally.

    Raises:
        UserError: naming the file and every wrong key.
    """
    try:
        values: Any = yaml.load(data, Loader=_LOADER)
        paper = Paper.model_validate(values)
        if reading == "literal":
            paper = Paper.model_validate(decisions.literal(values, paper))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, Paper)}") from None
    if paper.paper != path.stem:
        raise UserError(f"{path}: calls itself {paper.paper!r}; file and `paper:` must agree")
    return paper
