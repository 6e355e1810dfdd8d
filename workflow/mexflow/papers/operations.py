"""Operations on training images, as a paper's file may name them: a name, or ``{name: values}``.

:mod:`mexflow.training.augmentation` and :mod:`mexflow.training.recognition.oversampling` do them. A new one is an entry
here, which says what it takes, and one there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mexflow.errors import nearest
from mexflow.registries import Registry

Operation = str | dict[str, float | list[float]]
"""As a file has it: ``flip``, ``{flip: 0.5}``, ``{rotation: [-10, 10]}``."""


@dataclass(frozen=True)
class Takes:
    """What an operation takes: `count` numbers, 0, 1 or 2 (lowest and highest), each from `least` to `most`.

    With `above`, they are above `least`. `example` is shown to who writes it in another way.
    """

    count: int
    example: str
    least: float = 0.0
    most: float = math.inf
    above: bool = False

    def accepts(self, values: list[float]) -> bool:
        """Whether these numbers are such."""
        numbers = all(type(value) in (int, float) and math.isfinite(value) for value in values)
        if len(values) != self.count or not numbers or values != sorted(values):
            return False
        return all(self.least <= value <= self.most and not (self.above and value == self.least) for value in values)


AUGMENTATIONS: Registry[Takes] = Registry("augmentation", __name__)
AUGMENTATIONS.add("brightness", Takes(2, "brightness: [0.8, 1.2]"))
AUGMENTATIONS.add("contrast", Takes(2, "contrast: [0.5, 1.5]"))
AUGMENTATIONS.add("saturation", Takes(2, "saturation: [0.5, 1.5]"))
AUGMENTATIONS.add("hue", Takes(2, "hue: [-0.1, 0.1]", least=-0.5, most=0.5))
AUGMENTATIONS.add("grey", Takes(1, "grey: 0.2", most=1))
AUGMENTATIONS.add("gamma", Takes(2, "gamma: [0.5, 1.5]"))
AUGMENTATIONS.add("gain", Takes(2, "gain: [0.5, 1.5]"))
AUGMENTATIONS.add("flip", Takes(1, "flip: 0.5", most=1))
AUGMENTATIONS.add("rotation", Takes(2, "rotation: [-10, 10]", least=-180, most=180))
AUGMENTATIONS.add("scale", Takes(2, "scale: [0.9, 1.1]", above=True))
AUGMENTATIONS.add("shift", Takes(2, "shift: [-2, 2]", least=-math.inf))

COPIES: Registry[Takes] = Registry("operation of oversampling", __name__)
COPIES.add("flip", Takes(0, "flip"))
COPIES.add("brightness", Takes(2, "brightness: [0.8, 1.2]"))
COPIES.add("salt_and_pepper", Takes(1, "salt_and_pepper: 0.02", most=1))


def checked(registry: Registry[Takes], operation: Any) -> Operation:
    """An operation, if it is one of `registry` and takes the values that it has.

    Raises:
        ValueError: saying how it is written, or which name is the nearest.
    """
    named = isinstance(operation, Mapping) and len(operation) == 1
    if not (isinstance(operation, str) or named):
        raise ValueError(f"{operation!r}: write an operation as NAME, or as NAME: VALUES")
    name, given = (operation, []) if isinstance(operation, str) else next(iter(operation.items()))
    if name not in registry:
        raise ValueError(
            f"unknown {registry.what} {name!r}{nearest(str(name), registry)}; one of: {', '.join(registry)}"
        )
    takes = registry.declared(name)
    if not takes.accepts(list(given) if isinstance(given, list | tuple) else [given]):
        raise ValueError(f"{registry.what} {name}: {given!r} is not what it takes; write it like {takes.example}")
    return operation if isinstance(operation, str) else {name: given}


def name_of(operation: Operation) -> str:
    """The name of an operation."""
    return operation if isinstance(operation, str) else next(iter(operation))


def values_of(operation: Operation) -> list[float]:
    """The numbers of an operation, as many as it takes."""
    values = [] if isinstance(operation, str) else operation[name_of(operation)]
    return values if isinstance(values, list) else [values]
