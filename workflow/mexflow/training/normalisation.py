"""Scaling of the input by statistics of the training samples alone.

Horn-Schunck's flow is of the order of a hundredth of a pixel. Batch normalisation could undo any scale, were it not
for its ε of 1e-5, which is larger than the variance of such an input, and for its running averages, which start at 1.
"""

from __future__ import annotations

import torch
from torch import nn

from mexflow.errors import choose
from mexflow.training.samples import Samples

METHODS = ("rms", "none")


class Normalised(nn.Module):
    """A network behind a fixed division of each input channel; the divisors are saved with it, not trained.

    `divisor` is float32 (c, 1, 1), or (1,).
    """

    def __init__(self, network: nn.Module, divisor: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("divisor", divisor)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, d) before the last layer, of raw images (n, c, h, w)."""
        return self.network.features(images / self.divisor)

    def classifier(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of features."""
        return self.network.classifier(features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of raw images (n, c, h, w)."""
        return self.classifier(self.features(images))


def divisor(method: str, training: Samples) -> torch.Tensor:
    """What each channel is divided by: ``rms``, its root mean square over the training samples, or 1 for ``none``.

    Zero flow stays zero. A channel that is zero everywhere is divided by 1.

    Args:
        training: the training samples of one fold; no other sample may be among them.

    Returns:
        float32 (c, 1, 1), positive; (1,) for ``none``.
    """
    choose("normalisation", method, METHODS)
    if method == "none":
        return torch.ones(1)
    images = torch.from_numpy(training.images)
    rms = images.double().square().mean(dim=(0, 2, 3)).sqrt()
    return torch.where(rms > 0, rms, torch.ones_like(rms)).float()[:, None, None]
