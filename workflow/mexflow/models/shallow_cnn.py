"""The shallow CNNs of belaiche2020's input study (Tables 2, 4 and 9)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn


class ShallowCNN(nn.Module):
    """Convolutions, one pooling, one fully connected layer, on 64 x 64 images.

    A 5x5 convolution of 16 filters (one input channel) or 32 (two), then 3x3 convolutions that double the channels,
    each with bias, batch normalisation and ReLU; max pooling; a fully connected layer.
    """

    SIZE = 64

    def __init__(self, inputs: int, classes: int, layers: int, pool: str) -> None:
        super().__init__()
        width = 16 * inputs
        # Derived from the printed parameter counts: 2x2 pooling for one and two convolutions, 3x3 with stride 2 and no
        # padding for three and four.
        pooling = nn.MaxPool2d(2, 2) if layers <= 2 else nn.MaxPool2d(3, 2)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        channels = inputs
        for layer in range(1, layers + 1):
            kernel, filters = (5, width) if layer == 1 else (3, 2 * channels)
            parts[f"conv{layer}"] = nn.Conv2d(channels, filters, kernel, padding=kernel // 2)
            parts[f"norm{layer}"] = nn.BatchNorm2d(filters)
            parts[f"relu{layer}"] = nn.ReLU(inplace=True)
            channels = filters
            if layer == {"last": layers, "first": 1}[pool]:
                parts["pool"] = pooling
        parts["flatten"] = nn.Flatten()
        side = self.SIZE // 2 if layers <= 2 else (self.SIZE - 3) // 2 + 1
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels * side * side, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of images (n, inputs, 64, 64)."""
        return self.classifier(self.features(images))


def build(inputs: int, classes: int, layers: int, pool: str = "last") -> ShallowCNN:
    """A shallow CNN.

    Args:
        inputs: input channels, 1 (Vx, Vy or M) or 2 (Vx-Vy).
        classes: number of classes.
        layers: number of convolutions, 1 to 4.
        pool: where the pooling stands: after the ``last`` convolution (the order of the paper's text) or after the
            ``first`` (alternative; four times cheaper, the same number of parameters).

    Raises:
        ValueError: for a number of layers or inputs that the paper does not have.
    """
    if layers not in (1, 2, 3, 4) or inputs not in (1, 2) or pool not in ("last", "first"):
        raise ValueError(f"1-4 layers, 1-2 inputs, pool last or first; not {layers}, {inputs}, {pool}")
    # A tenth faster in this order.
    return ShallowCNN(inputs, classes, layers, pool).to(memory_format=torch.channels_last)
