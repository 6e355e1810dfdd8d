"""Streams side by side, one for each channel of the input, and fully connected layers on what all of them see."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

CHANNELS = 2
"""Components of a flow, Vx and Vy."""


class FlowStreams(nn.Module):
    """A stream for each component of a flow; `hidden` makes features of both, and `classifier` logits of these.

    Args:
        inputs: input channels.
        stream: makes a stream, which turns an image (n, 1, h, w) into values (n, m).
        hidden: turns the values of both streams, (n, 2 m), into features.
        classifier: turns features into logits.

    Raises:
        ValueError: for another number of input channels than :data:`CHANNELS`.
    """

    def __init__(
        self, inputs: int, stream: Callable[[], nn.Module], hidden: nn.Module, classifier: nn.Linear
    ) -> None:  # fmt: skip
        if inputs != CHANNELS:
            raise ValueError(f"its streams are of {CHANNELS} channels, Vx and Vy, not {inputs}")
        super().__init__()
        self.streams = nn.ModuleList(stream() for _ in range(inputs))
        self.hidden = hidden
        self.classifier = classifier

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features (n, width) of images (n, channels, h, w)."""
        channels = images.split(1, 1)
        return self.hidden(torch.cat([stream(image) for stream, image in zip(self.streams, channels, strict=True)], 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes)."""
        return self.classifier(self.features(images))
