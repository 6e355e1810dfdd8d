"""CropNet (cropnet2021): a cropped Gaussian pyramid (CGPO), one ReXNet for its ten images, positions, fusion."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from mexflow.models.backbones import rexnet
from mexflow.models.backbones.weights import Normalisation

WEIGHTS = {"backbone": "rexnet"}
"""The parts that can start from weights of a file, and which: see :func:`mexflow.models.starts`."""

CROPS = 9
"""Crops of an image; with the whole one there are ten images."""

POSITION_VARIANCE = 0.2
"""Variance of the initial position vectors."""


def starts(size: int) -> tuple[int, int, int]:
    """Where the crops of an image begin, along either axis.

    Crops are half the image long and overlap by 0.3 of that, the last ends with the image: (0, 112, 160) of 320 pixels.

    Args:
        size: side of the image in pixels.

    Raises:
        ValueError: for an odd size, or one under 4.
    """
    if size % 2 or size < 4:
        raise ValueError(f"images must have an even number of pixels on a side, at least 4, not {size}")
    half = size // 2
    return 0, half * 7 // 10, half


def halve(images: torch.Tensor) -> torch.Tensor:
    """Images at half the size, as OpenCV's ``pyrDown`` makes them.

    The 5x5 Gaussian (1, 4, 6, 4, 1)/16 along both axes, mirrored at the border without repeating it, every second
    pixel from the first.

    Args:
        images: float32 (n, c, h, w), h and w at least 3.

    Returns:
        float32 (n, c, ceil(h / 2), ceil(w / 2)).
    """
    channels = images.shape[1]
    line = images.new_tensor([1, 4, 6, 4, 1]) / 16
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    rows = F.conv2d(padded, line.view(1, 1, 5, 1).expand(channels, 1, 5, 1), stride=(2, 1), groups=channels)
    return F.conv2d(rows, line.view(1, 1, 1, 5).expand(channels, 1, 1, 5), stride=(1, 2), groups=channels)


def pyramid(images: torch.Tensor) -> torch.Tensor:
    """The cropped Gaussian pyramid (CGPO): the whole image at half its size, and nine crops of that size.

    Args:
        images: float32 (n, c, s, s), s even; 320 in the paper.

    Returns:
        float32 (n, 10, c, s/2, s/2): z_0, the whole image, then z_1 ... z_9, the crops row by row.

    Raises:
        ValueError: for images that are not square, or of an odd size.
    """
    height, width = images.shape[-2:]
    if height != width:
        raise ValueError(f"images must be square, not {height} x {width}")
    places, half = starts(height), height // 2
    crops = [images[:, :, y : y + half, x : x + half] for y in places for x in places]
    return torch.stack([halve(images), *crops], 1)


class CropNet(nn.Module):
    """CropNet, with CGPO or, for the ablation, the whole image through the same network.

    With CGPO, z_i + p_i (eq. 8; i = 1 ... 9) and z_0 are concatenated, 10 x 1000 features; without, there are 1000.
    """

    def __init__(self, classes: int, cropped: bool) -> None:
        super().__init__()
        # Its inputs are in the order channels_last, twice as fast on a CPU; its weights in the default one, which AdamP
        # needs.
        self.backbone = rexnet.ReXNet()
        self.positions: nn.Parameter | None = None
        if cropped:
            self.positions = nn.Parameter(torch.randn(CROPS, rexnet.OUTPUTS) * POSITION_VARIANCE**0.5)
        self.classifier = nn.Linear(rexnet.OUTPUTS * (1 + CROPS if cropped else 1), classes)
        self.normalise = Normalisation()

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features float32 (n, 10000), or (n, 1000) without CGPO, of images as for :meth:`forward`.

        Raises:
            ValueError: with CGPO, for images that are not square, or of an odd size.
        """
        images = self.normalise(images)
        if self.positions is None:
            return self.backbone(images.contiguous(memory_format=torch.channels_last))
        parts = pyramid(images)
        folded = parts.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        outputs = self.backbone(folded).unflatten(0, parts.shape[:2])
        return torch.cat([outputs[:, :1], outputs[:, 1:] + self.positions], 1).flatten(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits float32 (n, classes) of RGB images (n, 3, s, s), uint8 0..255 or float32 0..1."""
        return self.classifier(self.features(images))


def build(inputs: int, classes: int, cropped: bool = True) -> CropNet:
    """A CropNet: 7,616,096 parameters with five classes.

    Args:
        inputs: input channels; 3, red, green and blue.
        classes: number of classes.
        cropped: whether the network sees the ten images of CGPO, or the whole image alone.

    Raises:
        ValueError: for a number of inputs that the paper does not have.
    """
    if inputs != 3:
        raise ValueError(f"3 inputs (red, green, blue), not {inputs}")
    return CropNet(classes, cropped)
