"""How networks are trained, as a paper's file says it; one model for each way of training."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mexflow.errors import nearest
from mexflow.papers.operations import AUGMENTATIONS, COPIES, Operation, checked
from mexflow.papers.optimizers import OPTIMIZERS, SCHEDULES
from mexflow.papers.part import Option, Part, parsed
from mexflow.registries import Registry

Skip = Annotated[int, Field(ge=0, strict=True)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Training(Part):
    """The printed settings that every way of training has; epochs and folds belong to the budget."""

    batch_size: int = Field(ge=1)
    optimizer: str
    learning_rate: float = Field(gt=0)
    optimizer_options: dict[str, Option | list[float]] = {}
    augment: list[Operation] = []

    @field_validator("augment", mode="before")
    @classmethod
    def _augments(cls, values: Any) -> Any:
        return [checked(AUGMENTATIONS, value) for value in values] if isinstance(values, list) else values

    @model_validator(mode="after")
    def _optimizes(self) -> Self:
        check_settings(OPTIMIZERS, self.optimizer, self.optimizer_options, "optimizer_options")
        return self


class RecognitionTraining(Training):
    """Of networks that predict the class of a clip.

    `augment` changes training samples, drawn anew in each epoch, in the order given; `oversample` makes new ones for
    the classes that have fewer than the largest. `normalise` is a way of
    :mod:`mexflow.training.recognition.normalisation`. `validation_share` is the share of training subjects that the
    schedule and early stopping look at; the test subjects never are among them. `recompute_batch_norm` replaces the
    running statistics of batch normalisation, when training has ended, by those of all training samples.
    `mixed_precision` is bfloat16, on a GPU alone.
    """

    normalise: Literal["rms", "mean_frame", "mean_image", "none"] = "none"
    schedule: str = "constant"
    schedule_options: dict[str, Option] = {}
    early_stopping: int | None = Field(None, ge=1)
    validation_share: float | None = Field(None, gt=0, lt=1)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    oversample: list[Operation] = []
    recompute_batch_norm: bool = False
    mixed_precision: bool = False

    @field_validator("oversample", mode="before")
    @classmethod
    def _copies(cls, values: Any) -> Any:
        return [checked(COPIES, value) for value in values] if isinstance(values, list) else values

    @model_validator(mode="after")
    def _validated(self) -> Self:
        check_settings(SCHEDULES, self.schedule, self.schedule_options, "schedule_options")
        looks = self.early_stopping is not None or self.schedule == "plateau"
        if looks and self.validation_share is None:
            raise ValueError("early stopping and the schedule plateau need validation_share")
        if self.validation_share is not None and not looks:
            raise ValueError("validation_share has no use without early_stopping or the schedule plateau")
        return self


class SpottingTraining(Training):
    """Of networks that score the frames of long videos.

    The schedule and early stopping look at one subject, the next after the test subject in sorted order.
    """

    early_stopping: int | None = Field(None, ge=1)


class MemoryTraining(Training):
    """Of networks that spot and recognise at once.

    `normalise`: ``rms`` divides flow by its root mean square; ``first_frame`` also takes each clip's first frame off
    its frames, and divides what is left by its own; ``none`` changes nothing.
    """

    normalise: Literal["first_frame", "rms", "none"] = "none"


class FrameSkips(Part):
    """How expressions are spotted in the long videos of one of the paper's data.

    Pairs are of micro-, then of macro-expressions, frames: the ranges that `train_skips` are drawn from, and for each
    variant of testing its `test_skips`. `k` names the variant whose skips are k, the half length of an expression
    (:func:`mexflow.datasets.half_length.half_length`). `skips` are taken as ``printed``; ``measured`` where
    expressions are not those of the paper: :func:`mexflow.evaluation.frame_skips.fitted` to them.

    `stream_weights` and `positive` are the loss's M and W. `samples` are drawn in an epoch: frames as they occur, or,
    with `inside`, that share of them from inside expressions, the other alternative (it counts expressions twice where
    W is above 0.5).
    """

    train_skips: tuple[tuple[Skip, Skip], tuple[Skip, Skip]]
    test_skips: dict[str, tuple[Skip, Skip]] = Field(min_length=1)
    stream_weights: tuple[Weight, Weight]
    positive: float = Field(gt=0, lt=1)
    samples: int = Field(ge=1)
    inside: float | None = Field(None, ge=0, le=1)
    placement: Literal["centred", "forward", "backward"] = "centred"
    k: str | None = None
    skips: Literal["printed", "measured"] = "printed"

    @field_validator("train_skips")
    @classmethod
    def _in_order(cls, ranges: Any) -> Any:
        for low, high in ranges:
            if low > high:
                raise ValueError(f"[{low}, {high}]: the lowest number of frames comes first")
        return ranges

    @model_validator(mode="after")
    def _half_lengths(self) -> Self:
        if self.k is not None and self.k not in self.test_skips:
            raise ValueError(f"k: no variant {self.k!r} of test_skips{nearest(self.k, self.test_skips)}")
        if self.k is not None and not all(self.test_skips[self.k]):
            raise ValueError(f"k: half lengths are at least 1 frame, not {list(self.test_skips[self.k])}")
        if self.k is None and self.skips == "measured":
            raise ValueError("skips: `measured` needs `k`, the variant of test_skips that is the half length")
        return self


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


def check_settings(registry: Registry[type[Part]], name: str, given: dict[str, Any], place: str) -> None:
    """Make sure that there is such an entry, and that it takes the settings given at that place of the file.

    Raises:
        ValueError: naming the nearest valid word.
    """
    if name not in registry:
        raise ValueError(f"unknown {registry.what} {name!r}{nearest(name, registry)}; one of: {', '.join(registry)}")
    parsed(registry.declared(name), given, place)
