"""What the training loop is fed with: batches, epoch by epoch, and what their error is.

The loop knows neither clips nor labels. A `Feed` gives it batches; an `Objective` turns a network's outputs and the
targets of a batch into a loss. The next kind of input is another feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from mexflow.papers.operations import Operation
from mexflow.seeds import derive
from mexflow.training.augmentation import Augmentation
from mexflow.training.recognition import oversampling
from mexflow.training.recognition.samples import Samples


class Feed(Protocol):
    """Samples in batches. What an epoch holds, and in which order, is a function of its number alone."""

    def __len__(self) -> int:
        """Samples in an epoch."""

    def batches(self, epoch: int, size: int) -> Iterator[tuple[torch.Tensor, Any]]:
        """Inputs and targets of one epoch (from 1), at most `size` + 1 samples at a time."""


class Objective(Protocol):
    """What training minimises."""

    def loss(self, outputs: Any, targets: Any) -> torch.Tensor:
        """The mean over the samples of a batch, a scalar with gradient."""

    def error(self, outputs: Any, targets: Any) -> torch.Tensor:
        """The same for validation, where what only regularises training is left out."""

    def right(self, outputs: Any, targets: Any) -> float:
        """How many samples of the batch are predicted rightly."""


class CrossEntropy:
    """Cross entropy of logits (n, classes) and labels int64 (n,); label smoothing in training only."""

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)

    def error(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, targets)

    def right(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        return float((outputs.argmax(1) == targets).sum())


class Clips:
    """Samples in memory as a feed.

    Args:
        samples: of one fold and one use (training or validation).
        device: where batches are wanted.
        seed: of the order, the augmentation and the oversampling; None keeps the samples as they are, in their order.
        augmentation: drawn anew for each sample in each epoch.
        oversample: operations that make new samples of the classes that have too few, see
            :mod:`mexflow.training.recognition.oversampling`; empty adds none.
        taken_off: what the network's normalisation takes off its input, see
            :meth:`mexflow.training.recognition.normalisation.Normalised.taken_off`.
        at_most: samples in an epoch; the next one goes on where it ended, so that all are seen equally often. None: all
            of them.
    """

    def __init__(
        self,
        samples: Samples,
        device: torch.device,
        seed: int | None = None,
        augmentation: Augmentation | None = None,
        oversample: Sequence[Operation] = (),
        taken_off: Callable[[torch.Tensor], torch.Tensor | None] = lambda images: None,
        at_most: int | None = None,
    ) -> None:
        self._taken_off = taken_off
        self._device, self._seed, self._augmentation = device, seed, augmentation
        self._images = torch.from_numpy(samples.images).to(device)
        self._own = len(samples)
        self._extra = oversampling.NONE
        if oversample and seed is not None:
            self._extra = oversampling.plan(samples.labels, derive(seed, "oversample"), oversample)
        self._source = np.concatenate([np.arange(self._own), self._extra.source])
        self._labels = torch.from_numpy(samples.labels[self._source]).to(device)
        self._in_epoch = min(at_most or len(self._source), len(self._source))

    def __len__(self) -> int:
        return self._in_epoch

    @property
    def oversampled(self) -> int:
        """How many samples were made."""
        return len(self._extra)

    def batches(self, epoch: int, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images float32 (n, c, h, w), and labels int64 (n,)."""
        order = self._order(epoch)
        generator = torch.Generator()
        if self._seed is not None:
            generator.manual_seed(derive(self._seed, "augment", epoch))
        for chosen in cut(order, size):
            images = self._images_of(chosen)
            if self._augmentation and self._seed is not None:
                images = self._augmentation(images, generator)
            yield images, self._labels[torch.from_numpy(chosen).to(self._device)]

    def _order(self, epoch: int) -> np.ndarray:
        """Positions of an epoch's samples, int64 (len(self),): of rounds through all of them, each in its own order."""
        count = len(self._source)
        if self._seed is None:
            return np.arange(len(self))
        first = (epoch - 1) * len(self)
        last = first + len(self)
        rounds = range(first // count, -(-last // count)) if count else ()
        orders = [
            np.random.default_rng(derive(self._seed, "order", number + 1)).permutation(count) for number in rounds
        ]
        begin = rounds[0] * count if count else 0
        return np.concatenate([*orders, np.zeros(0, np.int64)])[first - begin : last - begin]

    def _images_of(self, chosen: np.ndarray) -> torch.Tensor:
        images = to_float(self._images[torch.from_numpy(self._source[chosen]).to(self._device)])
        added = np.flatnonzero(chosen >= self._own)
        if len(added):
            rows = torch.from_numpy(added).to(self._device)
            images[rows] = oversampling.apply(images[rows], self._extra, chosen[added] - self._own, self._taken_off)
        return images


def cut(order: np.ndarray, size: int) -> list[np.ndarray]:
    """An order in batches of a size; a last one of a single sample joins the batch before it.

    Batch normalisation of a single sample without height and width is not defined.
    """
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [np.concatenate(batches[-2:])]
    return batches


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Images as the networks get them: uint8 0..255 as float32 0..1, float32 as it is."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images
