"""DeepLab-LargeFOV (Chen et al. 2015), VGG-16 up to its fc6: what nag2019 sees a frame with.

Its convolutions have the names of torchvision's VGG-16 (``features.N``), so a file of ImageNet weights in that naming
loads as it is; fc6 is not part of one.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from mexflow.models.backbones import weights

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the 3x3 convolutions of conv1 ... conv5."""

POOL_STRIDES = (2, 2, 2, 1, 1)
"""Of the 3x3 max pool after each of them: only the first three halve the map."""

OUTPUTS = 1024
"""Channels of fc6."""

DILATION = 12
"""Of fc6, whose kernel is 3x3."""

SHRINKS = 8
"""An image's side over its map's."""


class LargeFOV(nn.Module):
    """Conv1 to fc6, every convolution with bias and ReLU: 19,434,304 parameters.

    conv5 has dilation 2; after its pool stands a 3x3 average pool of stride 1. Weights are drawn by Xavier's rule with
    ReLU's gain, without which a network this deep passes nothing on.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for number, (widths, stride) in enumerate(zip(BLOCKS, POOL_STRIDES, strict=True), start=1):
            dilation = 2 if number == 5 else 1
            for width in widths:
                layers += [nn.Conv2d(inputs, width, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)]
                inputs = width
            layers.append(nn.MaxPool2d(3, stride, 1))
        self.features = nn.Sequential(*layers, nn.AvgPool2d(3, 1, 1))
        self.fc6 = nn.Conv2d(inputs, OUTPUTS, 3, padding=DILATION, dilation=DILATION)
        weights.xavier(self, 2**0.5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """fc6 of images: float32 (n, 1024, h / 8, w / 8), at least 0, of (n, 3, h, w), sides multiples of 8."""
        maps = self.features(images)
        if max(maps.shape[-2:]) > DILATION:
            return F.relu(self.fc6(maps))
        # Of every position, the eight outer taps lie in the padding: what is left of the kernel is its middle.
        middle = self.fc6.weight[:, :, 1:2, 1:2]
        return F.relu(F.conv2d(maps, middle, self.fc6.bias))


def check(file: weights.File) -> None:
    """See that a file is one of this network's weights, see :func:`load`.

    Raises:
        UserError: if it is not.
    """
    load(LargeFOV(), file)


def load(network: nn.Module, file: weights.File) -> None:
    """Load ImageNet weights of VGG-16 in torchvision's naming into conv1 ... conv5; fc6 stays as it is.

    Args:
        network: a :class:`LargeFOV`.
        file: of a state. Its fully connected layers (``classifier.…``), which this network does not have, are passed
            over and may be missing.

    Raises:
        UserError: if its ``features`` are not exactly those of VGG-16, see
            :func:`mexflow.models.backbones.weights.check`.
    """
    weights.require_part(network, LargeFOV, file)
    state = {name: value for name, value in file.state.items() if not name.startswith("classifier.")}
    wanted = {name: value for name, value in network.state_dict().items() if name.startswith("features.")}
    weights.check(file, state, wanted, "VGG-16 up to its fully connected layers", "torchvision's vgg16 (not vgg16_bn)")
    network.load_state_dict(state, strict=False)
