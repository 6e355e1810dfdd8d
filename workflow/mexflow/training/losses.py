"""The losses of the spotting papers, from logits, as means over the samples of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

STREAM_WEIGHTS = (0.1, 0.9)
"""M of elface2021's eq. 2 for micro- and macro-expressions, as printed; the text around it argues for the reverse."""


def weighted_bce(
    logits: torch.Tensor,
    targets: torch.Tensor,
    stream_weights: Sequence[float] = STREAM_WEIGHTS,
    positive: float = 0.75,
) -> torch.Tensor:
    """elface2021, eq. 2, with the minus that it needs and without the one between its terms.

        L = -Σ_i M_i [W t_i log s_i + (1 - W) (1 - t_i) log(1 - s_i)],  s = sigmoid(logits)

    As printed, minimising it has no end. This one is never negative.

    Args:
        logits: float32 (n, 2), of micro- and macro-expressions.
        targets: (n, 2) in {0, 1}; both may be 1.
        stream_weights: M, one for each of the two; (0.9, 0.1) is the alternative.
        positive: W, the weight of frames inside an expression: 0.75 on SAMM-LV, 0.9 on CAS(ME)².

    Returns:
        The mean over the n samples, a scalar.
    """
    targets = targets.to(logits)
    terms = -positive * targets * F.logsigmoid(logits) - (1 - positive) * (1 - targets) * F.logsigmoid(-logits)
    return (terms @ logits.new_tensor(stream_weights)).mean()


def unweighted_bce(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy, the mean of both types: elface2021's ablation "no weighted loss".

    It is twice :func:`weighted_bce` with M = (1/2, 1/2) and W = 1/2, so that it asks for about the same learning rate.

    Args:
        logits, targets: as for :func:`weighted_bce`.

    Returns:
        The mean over the n samples, a scalar.
    """
    return F.binary_cross_entropy_with_logits(logits, targets.to(logits))


def class_and_intensity(
    logits: torch.Tensor, intensity: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor,
    weights: tuple[float, float] = (1.0, 1.0),
) -> torch.Tensor:  # fmt: skip
    """nag2019: cross entropy of the class plus L1 of the intensity, at every time step.

    Args:
        logits: float32 (n, t, c), of the c classes after each of t frames.
        intensity: float32 (n, t), in [0, 1], the network's.
        labels: int64 (n,), the class of each sequence, the same at all its frames.
        targets: float32 (n, t), in [0, 1], the true intensity.
        weights: of the two terms (1 and 1 decided).

    Returns:
        The mean over all n t time steps, a scalar.
    """
    steps = labels[:, None].expand(intensity.shape)
    entropy = F.cross_entropy(logits.flatten(0, 1), steps.flatten())
    return weights[0] * entropy + weights[1] * F.l1_loss(intensity, targets.to(intensity))
