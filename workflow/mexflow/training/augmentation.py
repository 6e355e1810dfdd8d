"""Augmentation: random changes of training images, in a given order, each drawn once a sample.

Images are float32 in [0, 1], (n, c, h, w), or (n, f, c, h, w) for sequences, whose frames all get the same change. The
draws come from a CPU generator, so they are the same on every device.

==========  =======================  ==============================================================================
name        values                   what it does to an image x
==========  =======================  ==============================================================================
brightness  range of b               b x
contrast    range of b               b x + (1 - b) m, m the mean grey of the image
saturation  range of b               b x + (1 - b) g, g the grey image
hue         range in turns           turns the hue of HSV
grey        probability              the grey image in all three channels
gamma       range of b               x ** b
gain        range of b               b x
flip        probability              left and right exchanged
rotation    range in degrees         counter-clockwise about the centre, bilinear, black from outside
scale       range of b               enlarged b times about the centre, bilinear, black from outside
shift       range in pixels          along both axes, each drawn on its own; bilinear, black from outside
==========  =======================  ==============================================================================

Grey is 0.2989 R + 0.587 G + 0.114 B. Every result is cut to [0, 1]. Definitions are torchvision's, where it has them.
Ranges of b are not negative, and that of scale is above 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from mexflow.errors import UserError, choose

_GREY = (0.2989, 0.587, 0.114)
_CHANCES = ("grey", "flip")
_SIGNED = {"hue": "-0.5,0.5", "rotation": "-10,10", "shift": "-2,2"}  # ranges that may go below 0, and examples
_COLOURS = ("saturation", "hue", "grey")

Draws = list[torch.Tensor]
"""What was drawn for each operation, in their order: float32 (n,) each, (n, 2) for shift; 0 or 1 for a chance."""


@dataclass(frozen=True)
class Operation:
    """One random change: a uniform draw in [low, high], or for a chance, high times in one."""

    name: str
    low: float
    high: float

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """One draw a sample, float32 (count,), or (count, 2) for shift."""
        shape = (count, 2) if self.name == "shift" else (count,)
        uniform = torch.rand(shape, generator=generator)
        return (uniform < self.high).float() if self.name in _CHANCES else self.low + (self.high - self.low) * uniform


@dataclass(frozen=True)
class Augmentation:
    """Operations in the order in which they are applied; without any, images stay as they are."""

    operations: tuple[Operation, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Augmentation:
        """Operations of texts ``name=low,high`` or, for a chance, ``name=p``.

        Raises:
            UserError: naming a text that cannot be one.
        """
        return cls(tuple(_parsed(text) for text in texts))

    def __bool__(self) -> bool:
        return bool(self.operations)

    def draw(self, count: int, generator: torch.Generator) -> Draws:
        """Draws for so many samples; the numbers taken from the generator depend on the count alone."""
        return [operation.draw(count, generator) for operation in self.operations]

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images with new draws, see :meth:`apply`."""
        return self.apply(images, self.draw(len(images), generator))

    def apply(self, images: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Images as these draws change them.

        Args:
            images: float32 (n, c, h, w) or (n, f, c, h, w), in [0, 1].

        Returns:
            The same shape, in [0, 1].

        Raises:
            ValueError: for an operation on colours and images that do not have three channels.
        """
        made = _frames(images)
        for operation, drawn in zip(self.operations, draws, strict=True):
            if operation.name in _COLOURS and made.shape[2] != 3:
                raise ValueError(f"{operation.name} needs three channels, not {made.shape[2]}")
            made = _changed(made, operation.name, drawn).clamp(0, 1)
        return made.view(images.shape)

    def apply_to_flow(self, flow: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Flow between images that these draws change: moved as they are, its vectors mirrored, turned and scaled too.

        Args:
            flow: float32 (n, 2, h, w) or (n, f, 2, h, w), Vx to the right and Vy down, pixels.

        Returns:
            The same shape. What only changes colours changes nothing here.
        """
        made = _frames(flow)
        for operation, drawn in zip(self.operations, draws, strict=True):
            if operation.name in _VECTORS:
                turn = _VECTORS[operation.name](drawn.to(made.device))
                made = torch.einsum("nij,nfjhw->nfihw", turn, _changed(made, operation.name, drawn))
        return made.reshape(flow.shape)


def _parsed(text: str) -> Operation:
    name, _, values = text.partition("=")
    choose("augmentation", name, _APPLY)
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if name in _CHANCES:
        if len(numbers) != 1 or not 0 <= numbers[0] <= 1:
            raise UserError(f"augmentation {text!r}: {name} takes one probability, e.g. {name}=0.5")
        return Operation(name, 0, numbers[0])
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)) or numbers[0] > numbers[1]:
        raise UserError(f"augmentation {text!r}: {name} takes a range, e.g. {name}={_SIGNED.get(name, '0.9,1.1')}")
    if name not in _SIGNED and (numbers[0] < 0 or (name == "scale" and numbers[0] == 0)):
        bound = "above 0" if name == "scale" else "of 0 or more"
        raise UserError(f"augmentation {text!r}: {name} takes factors {bound}, e.g. {name}=0.9,1.1")
    return Operation(name, *numbers)


def _frames(images: torch.Tensor) -> torch.Tensor:
    """Images as sequences, (n, f, c, h, w); f = 1 where a sample is a single image."""
    return images if images.ndim == 5 else images[:, None]


def _changed(images: torch.Tensor, name: str, drawn: torch.Tensor) -> torch.Tensor:
    """Sequences (n, f, c, h, w) after one operation, not cut."""
    if name in _VECTORS:
        # Frames move alike, so they go as channels: where pixels come from is worked out once a sample, not a frame.
        made = _APPLY[name](images.flatten(1, 2), drawn.to(images.device))
    else:
        made = _APPLY[name](images.flatten(0, 1), drawn.repeat_interleave(images.shape[1], 0).to(images.device))
    return made.reshape(images.shape)


def _wide(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None, None]


def _grey(images: torch.Tensor) -> torch.Tensor:
    """(n, 1, h, w)."""
    if images.shape[1] == 1:
        return images
    return torch.einsum("nchw,c->nhw", images, images.new_tensor(_GREY))[:, None]


def _mixed(images: torch.Tensor, other: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return other + _wide(values) * (images - other)


def _times(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return images * _wide(values)


def _contrast(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return _mixed(images, _grey(images).mean((1, 2, 3), keepdim=True), values)


def _saturation(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return _mixed(images, _grey(images), values)


def _hue(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    largest, which = images.max(1)
    spread = largest - images.min(1).values
    safe = torch.where(spread > 0, spread, torch.ones_like(spread))
    red, green, blue = images.unbind(1)
    turns = torch.stack([(green - blue) / safe, 2 + (blue - red) / safe, 4 + (red - green) / safe], 1)
    hue = turns.gather(1, which[:, None])[:, 0] / 6 + values[:, None, None]
    # Red, green and blue of a hue: how near it is to each of them on the circle.
    offsets = images.new_tensor([5.0, 3.0, 1.0])[:, None, None]
    place = (offsets + 6 * hue[:, None]) % 6
    return largest[:, None] - spread[:, None] * torch.minimum(place, 4 - place).clamp(0, 1)


def _only_grey(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return torch.where(_wide(values) > 0, _grey(images), images)


def _gamma(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return images ** _wide(values)


def _flip(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return torch.where(_wide(values) > 0, images.flip(-1), images)


def _warped(images: torch.Tensor, turn: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Images at ``turn @ p + shift`` for each place p about the centre, in pixels; (n, 2, 2) and (n, 2)."""
    height, width = images.shape[2:]
    half = turn.new_tensor([width / 2, height / 2])
    matrix = turn * (half / half[:, None])
    grid = F.affine_grid(torch.cat([matrix, (shift / half)[:, :, None]], 2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _turning(degrees: torch.Tensor) -> torch.Tensor:
    """Where a counter-clockwise rotation takes (x, y), y down: (n, 2, 2)."""
    radians = torch.deg2rad(degrees)
    cos, sin = radians.cos(), radians.sin()
    return torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)


def _growing(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None] * torch.eye(2, device=values.device)


def _mirroring(values: torch.Tensor) -> torch.Tensor:
    signs = torch.stack([1 - 2 * values, torch.ones_like(values)], 1)
    return torch.diag_embed(signs)


def _rotated(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return _warped(images, _turning(-values), values.new_zeros(len(values), 2))


def _scaled(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return _warped(images, _growing(1 / values), values.new_zeros(len(values), 2))


def _shifted(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return _warped(images, _growing(torch.ones_like(values[:, 0])), -values)


_APPLY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "brightness": _times,
    "contrast": _contrast,
    "saturation": _saturation,
    "hue": _hue,
    "grey": _only_grey,
    "gamma": _gamma,
    "gain": _times,
    "flip": _flip,
    "rotation": _rotated,
    "scale": _scaled,
    "shift": _shifted,
}

_VECTORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "flip": _mirroring,
    "rotation": _turning,
    "scale": _growing,
    "shift": lambda values: _growing(torch.ones_like(values[:, 0])),
}
"""What an operation does to the vectors of a flow, (n, 2, 2)."""
