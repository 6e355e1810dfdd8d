"""Scaling of the input by statistics of the training samples alone.

Horn-Schunck's flow is of the order of a hundredth of a pixel. Batch normalisation could undo any scale, were it not
for its ε of 1e-5, which is larger than the variance of such an input, and for its running averages, which start at 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from mexflow.registries import Registry
from mexflow.training.feeding import to_float
from mexflow.training.recognition.samples import Samples


class Normalised(nn.Module):
    """A network behind a fixed division of each input channel; the divisors are saved with it, not trained.

    `divisor` is float32 (c, 1, 1), or (1,). With `centred`, the mean over a sample's channels, which are its frames, is
    taken off each of them first: who it is goes, what moves stays. `mean`, float32 (c, h, w), is taken off each image.
    """

    def __init__(
        self, network: nn.Module, divisor: torch.Tensor, centred: bool = False, mean: torch.Tensor | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.centred = centred
        self.register_buffer("divisor", divisor)
        self.register_buffer("mean", mean)

    def taken_off(self, images: torch.Tensor) -> torch.Tensor | None:
        """What is taken off raw images (n, c, h, w), of a shape that broadcasts; None where nothing is."""
        return _mean_frame(images) if self.centred else self.mean

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, d) before the last layer, of raw images (n, c, h, w)."""
        base = self.taken_off(images)
        return self.network.features((images if base is None else images - base) / self.divisor)

    def classifier(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of features."""
        return self.network.classifier(features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of raw images (n, c, h, w)."""
        return self.classifier(self.features(images))


METHODS: Registry[Callable[[nn.Module, Samples], Normalised]] = Registry("normalisation", __name__)
"""Normalisations by name: ``method(network, training samples)`` is the network behind it."""


def normalised(network: nn.Module, method: str, training: Samples) -> Normalised:
    """A network behind the normalisation of that name, see :data:`METHODS`.

    Args:
        training: the training samples of one fold; no other sample may be among them.

    Raises:
        UserError: for an unknown normalisation.
    """
    return METHODS[method](network, training)


def restored(network: nn.Module, method: str, state: Mapping[str, torch.Tensor]) -> Normalised:
    """A network behind the normalisation of that name, with room for a saved state, which is still to be loaded."""
    mean = torch.zeros_like(state["mean"]) if "mean" in state else None
    return Normalised(network, torch.ones_like(state.get("divisor", torch.ones(1))), method == "mean_frame", mean)


@METHODS.entry("rms")
def _by_channel(network: nn.Module, training: Samples) -> Normalised:
    """Each channel is divided by its root mean square over the training samples, so zero flow stays zero.

    A channel that is zero everywhere is divided by 1.
    """
    return Normalised(network, _rms(_images(training), (0, 2, 3))[:, None, None])


@METHODS.entry("mean_frame")
def _off_mean_frame(network: nn.Module, training: Samples) -> Normalised:
    """A clip's mean frame is taken off its frames; what is left is divided by its root mean square over all clips."""
    images = _images(training)
    return Normalised(network, _rms(images - _mean_frame(images), None)[None], centred=True)


@METHODS.entry("mean_image")
def _off_mean_image(network: nn.Module, training: Samples) -> Normalised:
    """The mean image of the training samples is taken off each image."""
    return Normalised(network, torch.ones(1), mean=_images(training).double().mean(0).float())


@METHODS.entry("none")
def _unchanged(network: nn.Module, training: Samples) -> Normalised:
    return Normalised(network, torch.ones(1))


def _images(samples: Samples) -> torch.Tensor:
    return to_float(torch.from_numpy(samples.images))


def _mean_frame(images: torch.Tensor) -> torch.Tensor:
    return images.mean(1, keepdim=True)


def _rms(images: torch.Tensor, over: tuple[int, ...] | None) -> torch.Tensor:
    rms = images.double().square().mean(dim=over).sqrt()
    return torch.where(rms > 0, rms, torch.ones_like(rms)).float()
