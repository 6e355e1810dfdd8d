"""Scaling of the input by statistics of the training samples alone.

Horn-Schunck's flow is of the order of a hundredth of a pixel. Batch normalisation could undo any scale, were it not
for its ε of 1e-5, which is larger than the variance of such an input, and for its running averages, which start at 1.
"""

from __future__ import annotations

import torch
from torch import nn

from mexflow.errors import choose
from mexflow.training.feeding import to_float
from mexflow.training.recognition.samples import Samples

METHODS = ("rms", "mean_frame", "none")


class Normalised(nn.Module):
    """A network behind a fixed division of each input channel; the divisors are saved with it, not trained.

    `divisor` is float32 (c, 1, 1), or (1,). With `centred`, the mean over a sample's channels, which are its frames, is
    taken off each of them first: who it is goes, what moves stays.
    """

    def __init__(self, network: nn.Module, divisor: torch.Tensor, centred: bool = False) -> None:
        super().__init__()
        self.network = network
        self.centred = centred
        self.register_buffer("divisor", divisor)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, d) before the last layer, of raw images (n, c, h, w)."""
        return self.network.features((_centred(images) if self.centred else images) / self.divisor)

    def classifier(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of features."""
        return self.network.classifier(features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of raw images (n, c, h, w)."""
        return self.classifier(self.features(images))


def normalised(network: nn.Module, method: str, training: Samples) -> Normalised:
    """A network behind the normalisation that `method` names.

    ``rms`` divides each channel by its root mean square over the training samples, so zero flow stays zero; a channel
    that is zero everywhere is divided by 1. ``mean_frame`` takes a clip's mean frame off its frames, and divides by the
    root mean square of what is left of the training samples. ``none`` changes nothing.

    Args:
        training: the training samples of one fold; no other sample may be among them.
    """
    choose("normalisation", method, METHODS)
    if method == "none":
        return Normalised(network, torch.ones(1))
    images = to_float(torch.from_numpy(training.images))
    if method == "mean_frame":
        return Normalised(network, _rms(_centred(images), None)[None], centred=True)
    return Normalised(network, _rms(images, (0, 2, 3))[:, None, None])


def _centred(images: torch.Tensor) -> torch.Tensor:
    return images - images.mean(1, keepdim=True)


def _rms(images: torch.Tensor, over: tuple[int, ...] | None) -> torch.Tensor:
    rms = images.double().square().mean(dim=over).sqrt()
    return torch.where(rms > 0, rms, torch.ones_like(rms)).float()
