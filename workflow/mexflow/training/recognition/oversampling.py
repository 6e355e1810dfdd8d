"""Oversampling (upadhy2025): small classes brought to the size of the largest by changed copies of their samples.

Only training samples are ever given to it. A copy is made when it is wanted, so it takes no memory; what it is copied
from and how it is changed is fixed by :func:`plan`.

Operations are ``flip`` (left and right exchanged), ``brightness: [low, high]`` (times a factor from that range) and
``salt_and_pepper: share`` (so many pixels black or white, others in each frame). Nothing that a copy has and its source
has not may tell the class: all classes' copies are changed by the same operations in the same shares, and where the
normalisation takes something off the frames, salt and pepper are as far from that as the sample is (decided).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    def apply(image: torch.Tensor, amount: float, seed: int, base: torch.Tensor | None) -> torch.Tensor:
        """A sample float32 (c, h, w) in [0, 1], changed; the seed is of what is drawn for each pixel.

        `base`, of a shape that broadcasts, is what the normalisation takes off the sample; None where it takes nothing.
        """
        raise NotImplementedError


@OPERATIONS.entry("flip")
class _Flip(Operation):
    again = False

    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, base: torch.Tensor | None) -> torch.Tensor:
        return image.flip(-1)


@OPERATIONS.entry("brightness")
class _Brightness(Operation):
    def amount(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(*self.values))

    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, base: torch.Tensor | None) -> torch.Tensor:
        return (image * amount).clamp(0, 1)


@OPERATIONS.entry("salt_and_pepper")
class _SaltAndPepper(Operation):
    @staticmethod
    def apply(image: torch.Tensor, amount: float, seed: int, base: torch.Tensor | None) -> torch.Tensor:
        pepper, salt = torch.zeros_like(image), torch.ones_like(image)
        if base is not None:
            # Black and white are some ten times as strong as what moves in a face.
            strength = (image - base).square().mean().sqrt()
            pepper, salt = ((base + sign * strength).expand_as(image) for sign in (-1, 1))
        rng = np.random.default_rng(seed)
        drawn = torch.from_numpy(rng.random(tuple(image.shape), np.float32)).to(image.device)
        return torch.where(drawn < amount / 2, pepper, torch.where(drawn > 1 - amount / 2, salt, image))


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

    Each copy is of the sample of its class that was copied least, and of several such, of one that was changed least in
    the copy's way. A second flip of a sample would be the first one's very copy: unless flip is alone, it is as rare
    as the class with the most copies of a sample needs it to be, so that none has a second, and in all classes as rare.

    Args:
        labels: int64 (n,), of the training samples.
        seed: of order, amounts and pixels.
        operations: one or more, as a paper's file names them; what they take was checked there.

    Raises:
        UserError: for a name that is none.
    """
    known = [OPERATIONS[named.name_of(operation)](named.name_of(operation), named.values_of(operation))
             for operation in operations]  # fmt: skip
    counts = np.bincount(labels) if len(labels) else np.zeros(0, int)
    wanted = {int(label): int(counts.max() - counts[label]) for label in np.flatnonzero(counts)}
    shares = _shares(known, min((counts[label] / copies for label, copies in wanted.items() if copies), default=1.0))
    sources: list[int] = []
    names: list[str] = []
    amounts: list[float] = []
    seeds: list[int] = []
    for label, copies in wanted.items():
        rng = np.random.default_rng(derive(seed, "class", label))
        members = rng.permutation(np.flatnonzero(labels == label))
        copied = np.zeros((len(known), len(members)), np.int64)
        for extra in range(copies):
            # The operation that is farthest behind its share; the earlier one of several.
            number = int(np.argmax(shares * (extra + 1) - copied.sum(1)))
            operation = known[number]
            used, often = copied[number], copied.sum(0)
            order = (used, often) if operation.again else (often, used)
            place = int(np.lexsort(order)[0])
            copied[number, place] += 1
            sources.append(int(members[place]))
            names.append(operation.name)
            amounts.append(operation.amount(rng))
            seeds.append(int(rng.integers(2**62)))
    return Extra(np.array(sources, np.int64), names, np.array(amounts), np.array(seeds, np.int64))


def _shares(operations: Sequence[Operation], most: float) -> np.ndarray:
    """Which share of a class's copies is made by each operation, float64; at most `most` by one that is done once."""
    shares = np.full(len(operations), 1 / len(operations))
    again = np.array([operation.again for operation in operations])
    if again.any():
        shares[~again] = np.minimum(shares[~again], most)
        shares[again] = (1 - shares[~again].sum()) / again.sum()
    return shares


def apply(
    samples: torch.Tensor,
    extra: Extra,
    positions: np.ndarray,
    taken_off: Callable[[torch.Tensor], torch.Tensor | None] = lambda samples: None,
) -> torch.Tensor:
    """Extra samples.

    Args:
        samples: what they are copies of, one each, float32 (m, c, h, w) in [0, 1]; c may be the frames of a sample.
        positions: which of the extra samples are wanted, int64 (m,).
        taken_off: what the normalisation takes off samples (n, c, h, w), of a shape that broadcasts, or None.

    Returns:
        float32 (m, c, h, w).
    """
    bases = taken_off(samples)
    made = torch.empty_like(samples)
    for row, position in enumerate(positions):
        change = OPERATIONS[extra.operation[position]].apply
        base = None if bases is None else bases.expand(len(samples), *bases.shape[-3:])[row]
        made[row] = change(samples[row], float(extra.amount[position]), int(extra.seed[position]), base)
    return made
