"""How much of an experiment a budget runs; one model for each way of running."""

from __future__ import annotations

from pydantic import Field

from mexflow.papers.part import Part


class Effort(Part):
    """The first so many `folds`, spread evenly over all of the protocol; null: all."""

    folds: int | None = Field(None, ge=1)


class EpochsEffort(Effort):
    """And at most so many `epochs` of each."""

    epochs: int = Field(ge=1)


class RecognitionEffort(EpochsEffort):
    """Of labelled clips, also at most so many training `samples` in an epoch, which goes on where the last one ended.

    null: all.
    """

    samples: int | None = Field(None, ge=1)


class ImagesEffort(RecognitionEffort):
    """Of images of any size, also the `size` that they are scaled to, pixels; null: as they are stored."""

    size: int | None = Field(None, ge=16)


class SpottingEffort(EpochsEffort):
    """Of long videos, also the `samples` of an epoch; null: the paper's."""

    samples: int | None = Field(None, ge=1)


class MemoryEffort(EpochsEffort):
    """Of sequences, whose `epochs` and `samples` are those of the memory.

    Also the epochs and samples of each network trained before it, and the `versions` of a clip; each null: the paper's.
    """

    samples: int | None = Field(None, ge=1)
    stage1_epochs: int | None = Field(None, ge=1)
    stage1_samples: int | None = Field(None, ge=1)
    versions: int | None = Field(None, ge=0)
