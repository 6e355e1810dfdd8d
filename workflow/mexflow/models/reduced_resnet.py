"""The depth-reduced ResNets of belaiche2020's depth study (Tables 1 and 3)."""

from __future__ import annotations

import torch
from torch import nn

WEIGHTS = {"features": "resnet18"}
"""The parts that can start from weights of a file, and which: see :func:`mexflow.models.starts`."""

_CHANNELS = (64, 64, 128, 128, 256, 256, 512, 512)


class Residual(nn.Module):
    """A residual layer: two 3x3 convolutions (bias, batch normalisation) and a shortcut.

    Where the channels change, the stride is 2 and the shortcut is a 1x1 convolution (bias, batch normalisation).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, outputs, h / stride, w / stride) of (n, inputs, h, w)."""
        return torch.relu(self.body(x) + self.shortcut(x))


class ReducedResNet(nn.Module):
    """A ResNet18 cut after some of its residual layers, on 64 x 64 images."""

    SIZE = 64

    def __init__(self, inputs: int, classes: int, residuals: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [
            nn.Conv2d(inputs, 64, 7, 2, padding=3),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        ]
        channels, side = 64, self.SIZE // 4
        for outputs in _CHANNELS[:residuals]:
            parts.append(Residual(channels, outputs))
            side //= 1 if channels == outputs else 2
            channels = outputs
        if residuals:
            parts.append(nn.MaxPool2d(2))
            side //= 2
        self.features = nn.Sequential(*parts, nn.Flatten())
        self.classifier = nn.Linear(channels * side * side, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of images (n, inputs, 64, 64)."""
        return self.classifier(self.features(images))


def build(inputs: int, classes: int, layers: int) -> ReducedResNet:
    """A depth-reduced ResNet.

    Args:
        inputs: input channels; 3 in the paper (Vx, Vy, M).
        classes: number of classes.
        layers: convolutional layers on the main path, 1, 3, ... 17: one and two a residual layer.

    Raises:
        ValueError: for an even number of layers, or one out of range.
    """
    if layers not in range(1, 18, 2):
        raise ValueError(f"layers must be odd, from 1 to 17, not {layers}")
    # A fifth faster in this order.
    return ReducedResNet(inputs, classes, (layers - 1) // 2).to(memory_format=torch.channels_last)
