"""A paper as data: the typed model of ``workflow/papers/<paper>.yaml``.

A paper file says which data, which protocol, which experiments, which tables and figures, what the
paper printed, and what is wrong in print. Rules and commands know papers only through this model;
adding a paper adds a file, and a module under :mod:`mexflow.models` where the network is new.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from mexflow.errors import UserError, choose
from mexflow.papers import consistency, decisions, repeats
from mexflow.papers.decisions import Decision, Reading
from mexflow.papers.efforts import Effort
from mexflow.papers.experiments import AnyExperiment, Experiment, Recognising, StartingWeights, Trained
from mexflow.papers.figure_kinds import AnyFigure
from mexflow.papers.kinds import Kind, kind_of
from mexflow.papers.part import Part, parsed, require_name
from mexflow.papers.parts import Budget, BudgetSection, Claim, Data, IntervalSettings, Table, Timing
from mexflow.papers.preprocessing import Flow, Pair, Preprocessing
from mexflow.papers.recipe import Recipe
from mexflow.papers.trainings import FrameSkips, MemorySettings, Training
from mexflow.validation import explain

# The parser in C takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        consistency.check(self)
        return self

    def experiment(self, name: str) -> Experiment:
        """An experiment, or a null control, or a repeat of one."""
        first = repeats.first_of(name)
        return self.experiments[first] if first in self.experiments else self.with_null_controls()[first]

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

    def variants(self, experiment: str) -> list[str]:
        """The ways in which an experiment on long videos is tested; none of another experiment."""
        if not self.kind(experiment).every_video:
            return []
        return self.experiment(experiment).variants or list(self.spotting[self.data_name(experiment)].test_skips)

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
        trained = {name: own for name, own in self.experiments.items() if isinstance(own, Trained)}
        return [name for name, own in trained.items() if own.learning]

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
        named = self.stages(own)
        folders = (stage.partition(":")[0] for stage in kind_of(own).reads)
        return [f"{stage}/{self.named(stage, own, experiment)}" if stage in named else stage for stage in folders]

    @staticmethod
    def stages(experiment: Experiment) -> list[str]:
        """The stages of which an experiment reads what has a name."""
        return [stage.partition(":")[0] for stage in kind_of(experiment).reads if ":" in stage]

    def named(self, stage: str, experiment: Experiment, place: str) -> str:
        """The name of what an experiment reads of a stage: the one it says, or the paper's only one."""
        known, name = self.preprocessing.named(stage), getattr(experiment, stage)
        if name is None:
            if len(known) != 1:
                there = f"there are {', '.join(known)}" if known else "the paper has none"
                raise ValueError(f"{place}: `{stage}` says which of preprocessing.{stage} it reads; {there}")
            return next(iter(known))
        require_name(f"preprocessing.{stage}", name, known, place)
        return name

    def flow_of(self, experiment: str | None = None) -> Flow:
        """The flow that an experiment reads, or the first of the paper."""
        flows = self.preprocessing.flow
        if experiment is None:
            return next(iter(flows.values()))
        return flows[self.named("flow", self.experiment(experiment), experiment)]

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
        """Everything that training an experiment, a null control or a repeat depends on beside its index and arrays.

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
            if name in learning or (isinstance(experiment, Trained) and experiment.null_control)
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

    def to_train(self, null_controls: bool, times: int, budget: Budget | None = None) -> dict[str, Experiment]:
        """The experiments to train, null controls where wanted, and behind them the repeats of what is random."""
        once = self.with_null_controls(null_controls, budget)
        again = {
            repeats.named(name, number): experiment
            for number in range(2, times + 1)
            for name, experiment in once.items()
            if kind_of(experiment).random
        }
        return {**once, **again}


def _own_effort(experiment: Experiment, budget: Budget) -> Effort | None:
    """What an experiment itself says that a budget runs of it; None: the paper's section does."""
    learning = experiment.learning if isinstance(experiment, Trained) else None
    return {"demo": experiment.demo, "learning": learning or experiment.demo}.get(budget)


def _section(budget: Budget) -> BudgetSection:
    return "demo" if budget == "learning" else budget


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
