"""Oversampling (upadhy2025): small classes brought to the size of the largest by changed copies of their samples.

Only training samples are ever given to it. A copy is made when it is wanted, so it takes no memory; what it is copied
from and how it is changed is fixed by :func:`plan`.

Operations are ``flip`` (left and right exchanged), ``brightness=low,high`` (times a factor from that range) and
``salt_and_pepper=share`` (so many pixels black or white, others in each frame).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mexflow.errors import UserError, choose
from mexflow.seeds import derive

_VALUES = {"flip": 0, "brightness": 2, "salt_and_pepper": 1}


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


def plan(labels: np.ndarray, seed: int, operations: Sequence[str]) -> Extra:
    """The copies that bring every class that has samples to the size of the largest.

    A class's samples are copied in turn, in an order drawn anew for each round; each round uses the next operation, so
    no sample is changed twice in one way before every sample of the class was, and before every way was used. When
    every way was used, flip is left out, unless it is alone: a second flip would be the first one's very copy.

    Args:
        labels: int64 (n,), of the training samples.

    Raises:
        UserError: for an operation that is not one, or none at all.
    """
    known = [_parsed(text) for text in operations]
    if not known:
        raise UserError(f"oversampling needs an operation, one of: {', '.join(sorted(_VALUES))}")
    again = [operation for operation in known if operation[0] != "flip"] or known
    counts = np.bincount(labels) if len(labels) else np.zeros(0, int)
    sources: list[int] = []
    names: list[str] = []
    amounts: list[float] = []
    seeds: list[int] = []
    for label in np.flatnonzero(counts):
        own = np.flatnonzero(labels == label)
        rng = np.random.default_rng(derive(seed, "class", int(label)))
        for extra in range(int(counts.max() - counts[label])):
            turn, place = divmod(extra, len(own))
            if place == 0:
                order = rng.permutation(own)
            name, values = known[turn] if turn < len(known) else again[(turn - len(known)) % len(again)]
            low, high = (values[0], values[-1]) if values else (0.0, 0.0)
            sources.append(int(order[place]))
            names.append(name)
            amounts.append(float(rng.uniform(low, high)) if name == "brightness" else low)
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
    made = images.new_empty((len(positions), *images.shape[1:]))
    for row, position in enumerate(positions):
        image = images[int(extra.source[position])]
        name, amount = extra.operation[position], float(extra.amount[position])
        if name == "flip":
            image = image.flip(-1)
        elif name == "brightness":
            changed = (image.float() * amount).clamp(0, white)
            image = changed.round().to(image.dtype) if image.dtype == torch.uint8 else changed
        else:
            rng = np.random.default_rng(int(extra.seed[position]))
            drawn = torch.from_numpy(rng.random(tuple(image.shape), np.float32)).to(image.device)
            image = image.masked_fill(drawn < amount / 2, 0).masked_fill(drawn > 1 - amount / 2, white)
        made[row] = image
    return made


def _parsed(text: str) -> tuple[str, list[float]]:
    name, _, given = text.partition("=")
    choose("operation of oversampling", name, _VALUES)
    try:
        values = [float(value) for value in given.split(",")] if given else []
    except ValueError:
        values = [math.nan]
    wrong = len(values) != _VALUES[name] or values != sorted(values)
    wrong = wrong or any(value < 0 or not math.isfinite(value) for value in values)
    if wrong or (name == "salt_and_pepper" and values[0] > 1):
        example = {"flip": "flip", "brightness": "brightness=0.8,1.2", "salt_and_pepper": "salt_and_pepper=0.02"}[name]
        raise UserError(f"oversampling {text!r}: write it like {example}")
    return name, values
