"""A linear support vector machine, for the baselines whose features are not learned."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mexflow.models.backbones.pairwise_svm import LinearSvm


class SvmNetwork(nn.Module):
    """The machine in the shape of a network: it is fitted at once, not trained epoch by epoch.

    Its state has no tensors until it is fitted; then they are what `LinearSvm.state` holds.
    """

    def __init__(self, classes: int, c: float, scaling: str) -> None:
        super().__init__()
        self.class_count = classes
        self.machine = LinearSvm(c, scaling)

    def fit(self, features: np.ndarray, labels: np.ndarray) -> float:
        """Find the hyperplanes of training samples.

        Args:
            features: float32 (n, d).
            labels: int64 (n,), from 0 to classes - 1.

        Returns:
            The share of the training samples that are classified rightly.
        """
        self.machine.fit(features, labels, self.class_count)
        for name, value in self.machine.state().items():
            self.register_buffer(name, torch.from_numpy(np.array(value)))
        return float((self.machine.probabilities(features).argmax(1) == labels).mean())

    def features(self, samples: torch.Tensor) -> torch.Tensor:
        """The features as they are."""
        return samples

    def classifier(self, samples: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (n, classes) of features (n, d), so that softmax gives `LinearSvm.probabilities`."""
        return torch.from_numpy(self.machine.probabilities(samples.cpu().numpy())).log()

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.classifier(samples)


def build(inputs: int, classes: int, c: float = 10_000.0, scaling: str = "none") -> SvmNetwork:
    """A linear support vector machine.

    Args:
        inputs: number of features; any will do.
        classes: number of classes.
        c: weight of errors against the width of the margin.
        scaling: ``none`` or ``standard``, see `mexflow.models.backbones.pairwise_svm.LinearSvm`.
    """
    return SvmNetwork(classes, c, scaling)
