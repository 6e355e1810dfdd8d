"""STSTNet (liong2019): three shallow branches side by side on the horizontal and vertical flow and the optical
strain.
"""

from __future__ import annotations

import torch
from torch import nn

FILTERS = (3, 5, 8)
"""Filters of the three branches."""

SIZE = 28
"""Width and height of the images, pixels."""

_CELLS = 5 * 5  # 28 x 28 pooled to 10 x 10, then to 5 x 5


class STSTNet(nn.Module):
    """Each branch: convolution 3x3, ReLU, batch normalisation, max pooling 3x3 with stride 3, dropout.

    Their 16 maps of 10x10 together, averaged over 2x2, are the 400 features of the classifier.
    """

    def __init__(self, inputs: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, filters, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.BatchNorm2d(filters),
                nn.MaxPool2d(3, 3, padding=1),
                nn.Dropout(dropout),
            )
            for filters in FILTERS
        )
        self.pool = nn.AvgPool2d(2, 2)
        self.classifier = nn.Linear(sum(FILTERS) * _CELLS, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, 400) of images (n, channels, 28, 28)."""
        return self.pool(torch.cat([branch(images) for branch in self.branches], 1)).flatten(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes)."""
        return self.classifier(self.features(images))


def build(inputs: int, classes: int, dropout: float = 0.5) -> STSTNet:
    """The network of liong2019: 1,683 parameters with three channels and three classes, 1,651 of them of convolutions
    and the classifier.

    Args:
        inputs: input channels; 3 in the paper (Vx, Vy and strain).
        classes: number of classes.
        dropout: share of values that each branch leaves out in training.
    """
    return STSTNet(inputs, classes, dropout)
