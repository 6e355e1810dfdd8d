"""Dual-Inception (Zhou et al. 2019): two streams of two inception blocks, one for each component of the flow."""

from __future__ import annotations

import torch
from torch import nn

from mexflow.models.backbones.streams import CHANNELS, FlowStreams

FILTERS = (6, 16)
"""Filters of each path of a stream's two blocks."""

WIDTH = 1024
"""Of the hidden fully connected layer."""

SIZE = 28
"""Width and height of the images, pixels."""

_PATHS = 4
_VALUES = _PATHS * FILTERS[1] * (SIZE // 4) ** 2  # of a stream: 28 x 28 pooled to 7 x 7


class Inception(nn.Module):
    """Four paths side by side, all of so many filters and as wide as the input: 1x1; 1x1 and 3x3; 1x1 and 5x5; max
    pooling 3x3 and 1x1. ReLU follows each convolution.
    """

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.point = _convolution(inputs, filters, 1)
        self.small = nn.Sequential(_convolution(inputs, filters, 1), _convolution(filters, filters, 3))
        self.large = nn.Sequential(_convolution(inputs, filters, 1), _convolution(filters, filters, 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), _convolution(inputs, filters, 1))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps (n, 4 filters, h, w) of maps (n, inputs, h, w)."""
        return torch.cat([path(maps) for path in (self.point, self.small, self.large, self.pooled)], 1)


def _convolution(inputs: int, filters: int, side: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, filters, side, padding=side // 2), nn.ReLU(inplace=True))


def _stream() -> nn.Module:
    """Two inception blocks, with max pooling 2x2 behind each."""
    first, second = FILTERS
    return nn.Sequential(
        Inception(1, first), nn.MaxPool2d(2), Inception(_PATHS * first, second), nn.MaxPool2d(2), nn.Flatten()
    )


def build(inputs: int, classes: int) -> FlowStreams:
    """Dual-Inception: 6,449,867 parameters with three classes.

    The 6,272 values of both streams go through a fully connected layer of 1,024 with ReLU.

    Args:
        inputs: input channels, a stream each; 2 (Vx and Vy).
        classes: number of classes.

    Raises:
        ValueError: for another number of channels.
    """
    hidden = nn.Sequential(nn.Linear(CHANNELS * _VALUES, WIDTH), nn.ReLU(inplace=True))
    return FlowStreams(inputs, _stream, hidden, nn.Linear(WIDTH, classes))
