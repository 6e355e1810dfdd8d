"""OFF-ApexNet (Gan et al. 2019): two convolutional streams, one for each component of the flow, and three fully
connected layers on both.
"""

from __future__ import annotations

from torch import nn

from mexflow.models.backbones.streams import CHANNELS, FlowStreams

FILTERS = (6, 16)
"""Filters of a stream's two convolutions."""

WIDTH = 1024
"""Of the two hidden fully connected layers."""

SIZE = 28
"""Width and height of the images, pixels."""

_VALUES = FILTERS[1] * (SIZE // 4) ** 2  # of a stream: 28 x 28 pooled to 7 x 7


def _stream() -> nn.Module:
    """Twice a convolution 5x5, padded, ReLU and max pooling 2x2."""
    first, second = FILTERS
    return nn.Sequential(
        nn.Conv2d(1, first, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 5, padding=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
    )


def build(inputs: int, classes: int, dropout: float = 0.5) -> FlowStreams:
    """OFF-ApexNet: 2,664,475 parameters with three classes.

    The 1,568 values of both streams go through two fully connected layers of 1,024 with ReLU, and dropout.

    Args:
        inputs: input channels, a stream each; 2 (Vx and Vy).
        classes: number of classes.
        dropout: share of the features that is left out in training.

    Raises:
        ValueError: for another number of channels.
    """
    hidden = nn.Sequential(
        nn.Linear(CHANNELS * _VALUES, WIDTH),
        nn.ReLU(inplace=True),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    )
    return FlowStreams(inputs, _stream, hidden, nn.Linear(WIDTH, classes))
