"""Oversampling (upadhy2025): small classes brought to the size of the largest by changed copies of their samples.

Only training samples are ever given to it. A copy is made when it is wanted, so it takes no memory; what it is copied
from and how it is changed is fixed by :func:`plan`.

Operations are ``flip`` (left and right exchanged), ``brightness: [low, high]`` (times a factor from that range) and
``salt_and_pepper: share`` (so many pixels black or white, others in each frame).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from mexflow.papers import operations as named
from mexflow.registries import Registry
from mexflow.seeds import derive

OPERATIONS: Registry[type[Operation]] = Registry("operation of oversampling", __name__)
"""The operations by name, as a paper's file names them."""


@dataclass(frozen=True)
class Operation:
    """A way to change a sample.

    Attributes:
        name: as a paper's file names it.
        values: its numbers.
    """

    name: str
    values: Sequence[float]

    again: ClassVar[bool] = True
    """Whether a second such change of one sample is another sample."""

    def amount(self, rng: np.random.Generator) -> float:
        """By how much a sample is changed; 0 where that means nothing."""
        return self.values[0] if self.values else 0.0

    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, white: int) -> torch.Tensor:
        """A sample (c, h, w) in 0 ... `white`, changed; the seed is of what is drawn for each pixel."""
        raise NotImplementedError


@OPERATIONS.entry("flip")
class _Flip(Operation):
    again = False

    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, white: int) -> torch.Tensor:
        return image.flip(-1)


@OPERATIONS.entry("brightness")
class _Brightness(Operation):
    def amount(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(*self.values))

    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, white: int) -> torch.Tensor:
        changed = (image.float() * amount).clamp(0, white)
        return changed.round().to(image.dtype) if image.dtype == torch.uint8 else changed


@OPERATIONS.entry("salt_and_pepper")
class _SaltAndPepper(Operation):
    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, white: int) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        drawn = torch.from_numpy(rng.random(tuple(image.shape), np.float32)).to(image.device)
        return image.masked_fill(drawn < amount / 2, 0).masked_fill(drawn > 1 - amount / 2, white)


@dataclass(frozen=True)
class Extra:
    """The extra samples: `source` int64 (m,) are positions of the samples they copy, `operation` their changes' names.

    `amount` float64 (m,) is the factor of brightness or the share of changed pixels, `seed` int64 (m,) of which ones.
    """

    source: np.ndarray
    operation: list[str]
    amount: np.ndarray
    seed: np.ndarray

    def __len__(self) -> int:
        return len(self.source)


NONE = Extra(np.zeros(0, np.int64), [], np.zeros(0), np.zeros(0, np.int64))


def plan(labels: np.ndarray, seed: int, operations: Sequence[named.Operation]) -> Extra:
    """The copies that bring every class that has samples to the size of the largest.

    A class's samples are copied in turn, in an order drawn anew for each round; each round uses the next operation, so
    no sample is changed twice in one way before every sample of the class was, and before every way was used. When
    every way was used, flip is left out, unless it is alone: a second flip would be the first one's very copy.

    Args:
        labels: int64 (n,), of the training samples.
        seed: of order, amounts and pixels.
        operations: one or more, as a paper's file names them; what they take was checked there.

    Raises:
        UserError: for a name that is none.
    """
    known = [OPERATIONS[named.name_of(operation)](named.name_of(operation), named.values_of(operation))
             for operation in operations]  # fmt: skip
    again = [operation for operation in known if operation.again] or known
    counts = np.bincount(labels) if len(labels) else np.zeros(0, int)
    sources: list[int] = []
    names: list[str] = []
    amounts: list[float] = []
    seeds: list[int] = []
    for label in np.flatnonzero(counts):
        members = np.flatnonzero(labels == label)
        rng = np.random.default_rng(derive(seed, "class", int(label)))
        for extra in range(int(counts.max() - counts[label])):
            turn, place = divmod(extra, len(members))
            if place == 0:
                order = rng.permutation(members)
            operation = known[turn] if turn < len(known) else again[(turn - len(known)) % len(again)]
            sources.append(int(order[place]))
            names.append(operation.name)
            amounts.append(operation.amount(rng))
            seeds.append(int(rng.integers(2**62)))
    return Extra(np.array(sources, np.int64), names, np.array(amounts), np.array(seeds, np.int64))


def apply(images: torch.Tensor, extra: Extra, positions: np.ndarray) -> torch.Tensor:
    """Extra samples.

    Args:
        images: of the training samples, uint8 (n, c, h, w) or float32 in [0, 1]; c may be the frames of a sample.
        positions: which of the extra samples are wanted.

    Returns:
        (m, c, h, w), of the images' dtype.
    """
    white = 255 if images.dtype == torch.uint8 else 1
    samples = images.new_empty((len(positions), *images.shape[1:]))
    for row, position in enumerate(positions):
        image = images[int(extra.source[position])]
        change = OPERATIONS[extra.operation[position]].apply
        samples[row] = change(image, float(extra.amount[position]), int(extra.seed[position]), white)
    return samples
