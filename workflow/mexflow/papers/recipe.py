"""Recipes: everything that a training depends on, beside its index and arrays, as one typed document.

The plan makes a recipe of an experiment and a budget; ``mexflow train`` takes it as its one option of the science, and
the job's record stores it parsed. What it names that is picked by name (:meth:`Recipe.picks`) is part of the job's code
digest, and nothing else of its registries is.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from mexflow.errors import nearest
from mexflow.papers import document
from mexflow.papers.flow_methods import OPTIONS
from mexflow.papers.operations import name_of
from mexflow.papers.part import Option, Part
from mexflow.papers.pretrained import PRETRAINED, unfit
from mexflow.papers.trainings import (
    FrameSkips,
    MemorySettings,
    MemoryTraining,
    RecognitionTraining,
    SpottingTraining,
    Training,
    check_settings,
)
from mexflow.seeds import derive

_AUGMENTATION = "mexflow.training.augmentation"
_CHANNELS = "mexflow.training.recognition.channels"
_COPIES = "mexflow.training.recognition.oversampling"
_LOADERS = "mexflow.training.recognition.loaders"
_LOOP = "mexflow.training.loop"
_FOLDS = "mexflow.evaluation.folds"
_NORMALISATION = "mexflow.training.recognition.normalisation"
_LEVELS = "mexflow.training.recognition.levels"
_FLOW = "mexflow.preprocess.flow"
_PRETRAINED = "mexflow.papers.pretrained"


class Recipe(Part):
    """What every experiment depends on.

    `index` is the name of the index of its clips, `reads` are the folders of its arrays below the results, that of the
    arrays with a table first. Folds are made by `protocol`, of the clips with a `label`, one of `classes`.
    """

    kind: str
    paper: str
    experiment: str
    index: str
    reads: list[str] = Field(min_length=1)
    label: str
    classes: list[str] = Field(min_length=1)
    protocol: str

    def picks(self) -> list[str]:
        """What it picks by name, as code digests name it: modules, and ``module:entry``."""
        return [f"{_FOLDS}:{self.protocol}"]

    def unlike(self, printed: Self) -> list[str]:
        """What it has less of than the recipe of the printed budget, or more, a short text each."""
        return []

    def of_embedded(self) -> Self:
        """The recipe for the synthetic copy of its data, where a printed setting is of the real ones alone."""
        return self


class TrainedRecipe(Recipe):
    """A network, its options, and the base seed, from which a fold's follows by the names.

    `weights` are the names of the weights that parts of the network start from (:mod:`mexflow.papers.pretrained`);
    without them it is trained from scratch.
    """

    model: str
    options: dict[str, Option] = {}
    seed: int = Field(ge=0)
    weights: dict[str, str] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _starts(self) -> Self:
        normalise = getattr(getattr(self, "training", None), "normalise", "none")
        for part, name in (self.weights or {}).items():
            if name not in PRETRAINED:
                raise ValueError(f"weights.{part}: unknown {name!r}{nearest(name, PRETRAINED)}")
            if reason := unfit(name, normalise):
                raise ValueError(f"weights.{part}: {reason}")
        return self

    def seed_of(self, fold: str) -> int:
        """The seed of a fold: a function of the base seed and the names, so that no result depends on an order."""
        return derive(self.seed, self.paper, self.experiment, fold)

    def picks(self) -> list[str]:
        """Its network too, and what loads its weights."""
        names = sorted({*(self.weights or {}).values()})
        loaders = [f"{_PRETRAINED}:{name}" for name in names] + [PRETRAINED.declared(name).module for name in names]
        return [*super().picks(), f"mexflow.models.{self.model}", *loaders]


class _Epochs(TrainedRecipe):
    """Trained for at most so many epochs."""

    training: Training
    epochs: int = Field(ge=1)

    def picks(self) -> list[str]:
        """Its optimiser, its schedule and what augments its samples too."""
        return [
            *super().picks(),
            f"{_LOOP}:{self.training.optimizer}",
            f"{_LOOP}:{getattr(self.training, 'schedule', 'constant')}",
            *(f"{_AUGMENTATION}:{name_of(operation)}" for operation in self.training.augment),
        ]

    def unlike(self, printed: Self) -> list[str]:
        """Epochs."""
        return _other("epochs", self.epochs, printed.epochs)


class RecognitionRecipe(_Epochs):
    """Recognition by a network that is trained; an epoch has at most so many `samples`, all where it is null."""

    training: RecognitionTraining
    samples: int | None = Field(None, ge=1)
    permute_labels: bool = False
    keep_features: bool = False

    def picks(self) -> list[str]:
        """What loads its samples, its normalisation, and what makes samples of small classes too."""
        return [
            *super().picks(),
            f"{_LOADERS}:{self.kind}",
            f"{_NORMALISATION}:{self.training.normalise}",
            *(f"{_COPIES}:{name_of(operation)}" for operation in self.training.oversample),
        ]

    def unlike(self, printed: Self) -> list[str]:
        """Epochs, and the samples of one."""
        samples = [f"at most {self.samples} samples an epoch"] if self.samples != printed.samples else []
        return [*super().unlike(printed), *samples]


class FlowRecipe(RecognitionRecipe):
    """Of `channels` of flow, of these pairs of frames; scaled to `size` pixels, or as it is stored.

    `levels` is what each channel becomes then.
    """

    kind: Literal["flow"]
    channels: list[str] = Field(min_length=1)
    train_pairs: list[str] = Field(min_length=1)
    test_pairs: list[str] = Field(min_length=1)
    size: int | None = None
    levels: str = "none"

    @model_validator(mode="after")
    def _images_alone(self) -> Self:
        # Signed, in pixels, and a turned face's vectors turn with it: no operation on images is right for channels.
        for key in ("augment", "oversample"):
            if getattr(self.training, key):
                raise ValueError(f"training.{key}: its operations are on images, and this input is flow; leave it out")
        return self

    def picks(self) -> list[str]:
        """Its channels and their levels too."""
        channels = (f"{_CHANNELS}:{name}" for name in self.channels)
        return [*super().picks(), *channels, f"{_LEVELS}:{self.levels}"]


class ResidualRecipe(RecognitionRecipe):
    """Of residual images, scaled to `size` pixels, or as they are stored."""

    kind: Literal["residual"]
    size: int | None = None

    def unlike(self, printed: Self) -> list[str]:
        """Epochs, and the size of the images."""
        size = [f"images of {self.size} pixels"] if self.size != printed.size else []
        return [*super().unlike(printed), *size]


class FramesRecipe(RecognitionRecipe):
    """Of thirteen aligned frames, scaled to `size` pixels."""

    kind: Literal["frames"]
    size: int


class LbpTopRecipe(TrainedRecipe):
    """Of LBP-TOP features, to which a machine is fitted at once."""

    kind: Literal["lbp_top"]

    def picks(self) -> list[str]:
        """What loads its samples, and that it is not normalised too."""
        return [*super().picks(), f"{_LOADERS}:{self.kind}", f"{_NORMALISATION}:none"]


class VideosRecipe(FrameSkips, _Epochs):
    """Spotting in long videos; `sigma` is that of LCN's Gaussian, pixels, null where LCN is left out."""

    kind: Literal["videos"]
    reads: list[str] = Field(min_length=2, max_length=2)
    training: SpottingTraining
    weighted: bool
    sigma: float | None = Field(None, gt=0, allow_inf_nan=False)

    def of_embedded(self) -> Self:
        """With frame skips that suit its expressions, which are shorter than the real ones."""
        return self if self.k is None else self.model_copy(update={"skips": "measured"})

    def unlike(self, printed: Self) -> list[str]:
        """Epochs, and the samples of one."""
        return [*super().unlike(printed), *_other("samples an epoch", self.samples, printed.samples)]


class SequencesRecipe(MemorySettings, _Epochs):
    """Spotting and recognition at once; `epochs` are those of the memory."""

    kind: Literal["sequences"]
    reads: list[str] = Field(min_length=2, max_length=2)
    training: MemoryTraining
    permute_labels: bool = False

    def unlike(self, printed: Self) -> list[str]:
        """Epochs and samples of both stages, and versions."""
        versions = []
        if self.versions != printed.versions:
            versions.append(f"augmented sequences of a clip {self.versions or 'without end'}")
        return [
            *super().unlike(printed),
            *_other("sequences an epoch", self.samples, printed.samples),
            *_other("epochs of stage 1", self.stage1_epochs, printed.stage1_epochs),
            *_other("samples an epoch of stage 1", self.stage1_samples, printed.stage1_samples),
            *versions,
        ]


class DifferenceRecipe(Recipe):
    """Spotting by feature difference; see :class:`mexflow.papers.experiments.DifferenceExperiment`."""

    kind: Literal["difference"]
    features: Literal["lbp", "hoof", "position"]
    k: int | None = Field(None, ge=1)
    blocks: int = Field(ge=1)
    edges: Literal["hold", "clip"]
    bins: int = Field(ge=2)
    method: str
    flow_options: dict[str, Option]
    reference: Literal["previous", "first"]

    @model_validator(mode="after")
    def _flows(self) -> Self:
        check_settings(OPTIONS, self.method, self.flow_options, "flow_options")
        return self

    def picks(self) -> list[str]:
        """The method of the flow that HOOF is made from too."""
        return [*super().picks(), *([f"{_FLOW}:{self.method}"] if self.features == "hoof" else [])]


AnyRecipe = Annotated[
    FlowRecipe | ResidualRecipe | FramesRecipe | LbpTopRecipe | VideosRecipe | SequencesRecipe | DifferenceRecipe,
    Field(discriminator="kind"),
]


@cache
def _adapter() -> TypeAdapter[Recipe]:
    return TypeAdapter(AnyRecipe)


def text(recipe: Recipe) -> str:
    """A recipe as JSON on one line, what it leaves out left out."""
    return json.dumps(recipe.model_dump(mode="json", exclude_none=True), ensure_ascii=False, separators=(",", ":"))


def read(words: str) -> Recipe:
    """The recipe of a JSON document, or of a file that holds one.

    Raises:
        UserError: if it is neither, or a key is wrong; the nearest valid one is suggested.
    """
    return document.read(words, AnyRecipe, _adapter().validate_python)


def _other(what: str, run: int, printed: int) -> list[str]:
    """A text where a count is not the printed one: ``epochs 3 of 150``, or where it is more, ``epochs 90, not 50``."""
    if run == printed:
        return []
    return [f"{what} {run} of {printed}" if run < printed else f"{what} {run}, not {printed}"]
