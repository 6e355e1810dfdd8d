"""The kinds of input that an experiment may have, one row each: nothing else asks which kind one is.

A kind has a model of its experiments, of its training and of its effort, a recipe, and a module that trains it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mexflow.papers import efforts, experiments, recipe, trainings
from mexflow.papers.efforts import Effort
from mexflow.papers.experiments import Experiment
from mexflow.papers.recipe import Recipe
from mexflow.papers.trainings import Training

if TYPE_CHECKING:
    from mexflow.papers.paper import Paper

Fields = Callable[["Paper", Any, Any, float], dict[str, Any]]
"""What a recipe has of its kind alone: of the paper, the experiment, its effort, and sigma of LCN."""

RECOGNISED = ("predictions.parquet", "history.parquet", "model.pt")
"""The files of a fold of networks that recognise."""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        experiment: the model of its experiments.
        effort: the model of what a budget runs of one.
        training: the model of its training; None where nothing is trained.
        recipe: the model of its recipes.
        fields: what a recipe has of this kind alone.
        trainer: the module whose `Folds` trains and tests it.
        reads: the stages whose arrays it reads, the one with a table a row first; ``stage:key`` is the stage's folder
            that the experiment's `key` names.
        files: the files of each fold.
        for_use: the files of a network that is trained on all subjects, for use; empty where nothing is trained.
        recognises: whether it predicts the class of clips.
        spotted: the tables of a fold that hold what it spots; empty if it does not spot.
        every_video: whether every video counts, also one without an expression, and so every subject has a fold.
        priority: which jobs come before others that could start as well: the longest first, or the last one leaves the
            other cores idle.
        memory: of a job, MB.
        minutes: a job's limit on a cluster.
        gpu: whether a job can use one.
    """

    experiment: type[Experiment]
    effort: type[Effort]
    training: type[Training] | None
    recipe: type[Recipe]
    fields: Fields
    trainer: str
    reads: tuple[str, ...]
    files: tuple[str, ...]
    for_use: tuple[str, ...] = ("history.parquet", "model.pt")
    recognises: bool = False
    spotted: tuple[str, ...] = ()
    every_video: bool = False
    priority: int = 0
    memory: int = 6000
    minutes: int = 1440
    gpu: bool = True

    @property
    def random(self) -> bool:
        """Whether anything in it hangs on a seed, so that it can be repeated: what is fitted at once does not."""
        return self.training is not None

    @property
    def spots(self) -> bool:
        """Whether it gives every frame a score."""
        return bool(self.spotted)


def _recognition(experiment: experiments.Recognising, effort: efforts.RecognitionEffort) -> dict[str, Any]:
    return {
        "permute_labels": experiment.permute_labels,
        "keep_features": experiment.keep_features,
        "samples": effort.samples,
    }


def _flow_fields(paper: Paper, experiment: experiments.FlowExperiment, effort: Any, sigma: float) -> dict[str, Any]:
    pairs = {"train_pairs": paper.train_pairs, "test_pairs": paper.test_pairs}
    return {
        "channels": experiment.channels,
        **pairs,
        "size": experiment.size,
        "levels": experiment.levels,
        **_recognition(experiment, effort),
    }


def _residual_fields(
    paper: Paper, experiment: experiments.ResidualExperiment, effort: efforts.ImagesEffort, sigma: float
) -> dict[str, Any]:
    return {"size": effort.size, **_recognition(experiment, effort)}


def _frames_fields(paper: Paper, experiment: experiments.FramesExperiment, effort: Any, sigma: float) -> dict[str, Any]:
    return {"size": experiment.size, **_recognition(experiment, effort)}


def _lbp_top_fields(paper: Paper, experiment: Any, effort: Any, sigma: float) -> dict[str, Any]:
    return {}


def _videos_fields(
    paper: Paper, experiment: experiments.VideosExperiment, effort: efforts.SpottingEffort, sigma: float
) -> dict[str, Any]:
    skips = paper.spotting[paper.data_name_of(experiment)]
    tested = experiment.variants or list(skips.test_skips)
    return {
        **skips.model_dump(),
        "test_skips": {name: skips.test_skips[name] for name in tested},
        "samples": effort.samples or skips.samples,
        "weighted": experiment.weighted,
        "sigma": sigma if experiment.lcn else None,
    }


def _sequences_fields(
    paper: Paper, experiment: experiments.SequencesExperiment, effort: efforts.MemoryEffort, sigma: float
) -> dict[str, Any]:
    assert paper.sequences is not None
    printed = paper.sequences.model_dump()
    run = {name: getattr(effort, name) for name in ("samples", "versions", "stage1_epochs", "stage1_samples")}
    return {
        **printed,
        **{name: value for name, value in run.items() if value is not None},
        "permute_labels": experiment.permute_labels,
    }


def _difference_fields(
    paper: Paper, experiment: experiments.DifferenceExperiment, effort: Any, sigma: float
) -> dict[str, Any]:
    return experiment.model_dump(include=_DIFFERENCE)


_DIFFERENCE = {"features", "k", "blocks", "edges", "bins", "method", "flow_options", "reference"}
_RECOGNITION = "mexflow.training.recognition.fold"

KINDS: dict[str, Kind] = {
    "flow": Kind(
        experiments.FlowExperiment,
        efforts.RecognitionEffort,
        trainings.RecognitionTraining,
        recipe.FlowRecipe,
        _flow_fields,
        _RECOGNITION,
        ("flow:flow",),
        RECOGNISED,
        recognises=True,
    ),
    "residual": Kind(
        experiments.ResidualExperiment,
        efforts.ImagesEffort,
        trainings.RecognitionTraining,
        recipe.ResidualRecipe,
        _residual_fields,
        _RECOGNITION,
        ("residual:residual",),
        RECOGNISED,
        recognises=True,
        priority=1,
    ),
    "frames": Kind(
        experiments.FramesExperiment,
        efforts.RecognitionEffort,
        trainings.RecognitionTraining,
        recipe.FramesRecipe,
        _frames_fields,
        _RECOGNITION,
        ("faces",),
        RECOGNISED,
        recognises=True,
        priority=2,
    ),
    "lbp_top": Kind(
        experiments.LbpTopExperiment,
        efforts.Effort,
        None,
        recipe.LbpTopRecipe,
        _lbp_top_fields,
        _RECOGNITION,
        ("lbp_top:lbp_top",),
        RECOGNISED,
        recognises=True,
        gpu=False,
    ),
    "videos": Kind(
        experiments.VideosExperiment,
        efforts.SpottingEffort,
        trainings.SpottingTraining,
        recipe.VideosRecipe,
        _videos_fields,
        "mexflow.training.spotting.fold",
        ("faces", "lcn"),
        ("scores.parquet", "history.parquet", "model.pt"),
        for_use=("scores.parquet", "history.parquet", "model.pt"),
        spotted=("scores", "thresholds", "intervals"),
        every_video=True,
        memory=3000,
    ),
    "sequences": Kind(
        experiments.SequencesExperiment,
        efforts.MemoryEffort,
        trainings.MemoryTraining,
        recipe.SequencesRecipe,
        _sequences_fields,
        "mexflow.training.memory.fold",
        ("faces", "motion:motion"),
        ("predictions.parquet", "scores.parquet", "states.parquet", "history.parquet", "model.pt"),
        recognises=True,
        spotted=("scores", "states"),
        priority=3,
        memory=4000,
        minutes=2880,
    ),
    "difference": Kind(
        experiments.DifferenceExperiment,
        efforts.Effort,
        None,
        recipe.DifferenceRecipe,
        _difference_fields,
        "mexflow.training.difference",
        ("faces",),
        ("scores.parquet",),
        for_use=(),
        spotted=("scores",),
        memory=2000,
        minutes=120,
        gpu=False,
    ),
}


def kind_of(experiment: Experiment) -> Kind:
    """The kind of an experiment's input."""
    return KINDS[experiment.kind]


def any_kind(of: Callable[[Kind], bool]) -> frozenset[str]:
    """The names of the kinds of which this is so."""
    return frozenset(name for name, kind in KINDS.items() if of(kind))
