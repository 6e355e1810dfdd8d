"""Augmentation: random changes of training images, in a given order, each drawn once a sample.

Images are raw, float32 in [0, 1], (n, c, h, w), or (n, f, c, h, w) for sequences, whose frames all get the same change.
What is taken off them, or divides them, is so afterwards, as in testing. The draws come from a CPU generator, so they
are the same on every device.

==========  =======================  ==============================================================================
name        values                   what it does to an image x
==========  =======================  ==============================================================================
brightness  range of b               b x, cut
contrast    range of b               b x + (1 - b) m, m the mean grey of the image, cut
saturation  range of b               b x + (1 - b) g, g the grey image, cut
hue         range in turns           turns the hue of HSV
grey        probability              the grey image in all three channels
gamma       range of b               x ** b
gain        range of b               b x, cut
flip        probability              left and right exchanged
rotation    range in degrees         counter-clockwise about the centre, bilinear, black from outside
scale       range of b               enlarged b times about the centre, bilinear, black from outside
shift       range in pixels          along both axes, each drawn on its own; bilinear, black from outside
==========  =======================  ==============================================================================

Grey is 0.2989 R + 0.587 G + 0.114 B. An operation that could leave [0, 1] is cut to it; the others keep to the range of
what they are given. Definitions are torchvision's, where it has them.
Ranges of b are not negative, and that of scale is above 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional as F

from mexflow.papers import operations as named
from mexflow.registries import Registry

Draws = list[torch.Tensor]
"""What was drawn for each operation, in their order: float32 (n,) each, (n, 2) for shift; 0 or 1 for a chance."""

OPERATIONS: Registry[type[Operation]] = Registry("augmentation", __name__)
"""The operations by name, as a paper's file names them."""


@dataclass(frozen=True)
class Operation:
    """One random change: a uniform draw in [low, high].

    Attributes:
        name: as a paper's file names it.
        low, high: what may be drawn.
    """

    name: str
    low: float
    high: float

    on_colours: ClassVar[bool] = False
    """Whether it is defined for three channels alone."""

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """One draw a sample, float32 (count,), or (count, 2) for shift."""
        return self._between(torch.rand((count,), generator=generator))

    def _between(self, uniform: torch.Tensor) -> torch.Tensor:
        return self.low + (self.high - self.low) * uniform

    def change(self, sequences: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        """Sequences (n, f, c, h, w) as these draws change them."""
        images = sequences.flatten(0, 1)
        drawn = drawn.repeat_interleave(sequences.shape[1], 0).to(images.device)
        return self.images(images, drawn).reshape(sequences.shape)

    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Images (n, c, h, w), each as its value (n,) changes it."""
        raise NotImplementedError


class Chance(Operation):
    """A draw is 1, high times in one, else 0."""

    def _between(self, uniform: torch.Tensor) -> torch.Tensor:
        return (uniform < self.high).float()


class Movement(Operation):
    """Pixels move, and the vectors of a flow between such images are changed with them."""

    def change(self, sequences: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        # Frames move alike, so they go as channels: where pixels come from is worked out once a sample, not a frame.
        images = sequences.flatten(1, 2)
        return self.images(images, drawn.to(images.device)).reshape(sequences.shape)

    def vectors(self, values: torch.Tensor) -> torch.Tensor:
        """What each value (n,) does to the vectors of a flow, (n, 2, 2)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Augmentation:
    """Operations in the order in which they are applied; without any, images stay as they are."""

    operations: tuple[Operation, ...] = ()

    @classmethod
    def of(cls, operations: Sequence[named.Operation]) -> Augmentation:
        """Operations as a paper's file names them; what they take was checked there.

        Raises:
            UserError: for a name that is none.
        """
        return cls(tuple(_made(named.name_of(operation), named.values_of(operation)) for operation in operations))

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
            The same shape, in [0, 1] but for rounding.

        Raises:
            ValueError: for an operation on colours and images that do not have three channels.
        """
        sequences = _sequences(images)
        for operation, drawn in zip(self.operations, draws, strict=True):
            if operation.on_colours and sequences.shape[2] != 3:
                raise ValueError(f"{operation.name} needs three channels, not {sequences.shape[2]}")
            sequences = operation.change(sequences, drawn)
        return sequences.reshape(images.shape)

    def apply_to_flow(self, flow: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Flow between images that these draws change: moved as they are, its vectors mirrored, turned and scaled too.

        Args:
            flow: float32 (n, 2, h, w) or (n, f, 2, h, w), Vx to the right and Vy down, pixels.

        Returns:
            The same shape. What only changes colours changes nothing here.
        """
        sequences = _sequences(flow)
        for operation, drawn in zip(self.operations, draws, strict=True):
            if isinstance(operation, Movement):
                turn = operation.vectors(drawn.to(sequences.device))
                sequences = torch.einsum("nij,nfjhw->nfihw", turn, operation.change(sequences, drawn))
        return sequences.reshape(flow.shape)


def _made(name: str, values: Sequence[float]) -> Operation:
    return OPERATIONS[name](name, values[0], values[-1])


def _sequences(images: torch.Tensor) -> torch.Tensor:
    """Images as sequences, (n, f, c, h, w); f = 1 where a sample is a single image."""
    return images if images.ndim == 5 else images[:, None]


def _wide(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None, None]


_GREY = (0.2989, 0.587, 0.114)


def _grey(images: torch.Tensor) -> torch.Tensor:
    """(n, 1, h, w); of images that do not have three channels, each channel by itself: they are grey frames."""
    if images.shape[1] != 3:
        return images
    return torch.einsum("nchw,c->nhw", images, images.new_tensor(_GREY))[:, None]


def _mixed(images: torch.Tensor, other: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return (other + _wide(values) * (images - other)).clamp(0, 1)


def _times(images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return (images * _wide(values)).clamp(0, 1)


@OPERATIONS.entry("brightness")
class _Brightness(Operation):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _times(images, values)


@OPERATIONS.entry("contrast")
class _Contrast(Operation):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _mixed(images, _grey(images).mean((1, 2, 3), keepdim=True), values)


@OPERATIONS.entry("saturation")
class _Saturation(Operation):
    on_colours = True

    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _mixed(images, _grey(images), values)


@OPERATIONS.entry("hue")
class _Hue(Operation):
    on_colours = True

    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
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


@OPERATIONS.entry("grey")
class _OnlyGrey(Chance):
    on_colours = True

    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return torch.where(_wide(values) > 0, _grey(images), images)


@OPERATIONS.entry("gamma")
class _Gamma(Operation):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return images ** _wide(values)


@OPERATIONS.entry("gain")
class _Gain(Operation):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _times(images, values)


@OPERATIONS.entry("flip")
class _Flip(Movement, Chance):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return torch.where(_wide(values) > 0, images.flip(-1), images)

    def vectors(self, values: torch.Tensor) -> torch.Tensor:
        signs = torch.stack([1 - 2 * values, torch.ones_like(values)], 1)
        return torch.diag_embed(signs)


def _warped(images: torch.Tensor, turn: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Images at ``turn @ p + shift`` for each place p about the centre, in pixels; (n, 2, 2) and (n, 2)."""
    height, width = images.shape[2:]
    half = turn.new_tensor([width / 2, height / 2])
    matrix = turn * (half / half[:, None])
    grid = F.affine_grid(torch.cat([matrix, (shift / half)[:, :, None]], 2), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _growing(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None] * torch.eye(2, device=values.device)


@OPERATIONS.entry("rotation")
class _Rotation(Movement):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _warped(images, self.vectors(-values), values.new_zeros(len(values), 2))

    def vectors(self, values: torch.Tensor) -> torch.Tensor:
        """Where a counter-clockwise rotation takes (x, y), y down: (n, 2, 2)."""
        radians = torch.deg2rad(values)
        cos, sin = radians.cos(), radians.sin()
        return torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)


@OPERATIONS.entry("scale")
class _Scale(Movement):
    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _warped(images, _growing(1 / values), values.new_zeros(len(values), 2))

    def vectors(self, values: torch.Tensor) -> torch.Tensor:
        return _growing(values)


@OPERATIONS.entry("shift")
class _Shift(Movement):
    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return self._between(torch.rand((count, 2), generator=generator))

    def images(self, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return _warped(images, _growing(torch.ones_like(values[:, 0])), -values)

    def vectors(self, values: torch.Tensor) -> torch.Tensor:
        return _growing(torch.ones_like(values[:, 0]))
