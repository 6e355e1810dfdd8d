"""How networks are trained, as a paper's file says it; one model for each way of training."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mexflow.errors import nearest
from mexflow.papers.operations import AUGMENTATIONS, COPIES, Operation, checked
from mexflow.papers.optimizers import OPTIMIZERS, SCHEDULES
from mexflow.papers.part import Option, Part, parsed
from mexflow.registry import Registry


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
        _settings(OPTIMIZERS, self.optimizer, self.optimizer_options, "optimizer_options")
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
        _settings(SCHEDULES, self.schedule, self.schedule_options, "schedule_options")
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


def _settings(registry: Registry[type[Part]], name: str, given: dict[str, Any], place: str) -> None:
    if name not in registry:
        raise ValueError(f"unknown {registry.what} {name!r}{nearest(name, registry)}; one of: {', '.join(registry)}")
    parsed(registry.declared(name), given, place)
