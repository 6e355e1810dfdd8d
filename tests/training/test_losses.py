"""The losses of the spotting papers: by hand, at the extremes, and what is wrong with the printed one."""

from __future__ import annotations

from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mexflow.training.losses import class_and_intensity, unweighted_bce, weighted_bce


def printed_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """elface2021's eq. 2 as it is printed: no leading minus, and a minus between its terms."""
    scores, weight = logits.sigmoid(), 0.75
    terms = weight * targets * scores.log() - (1 - weight) * (1 - targets) * (1 - scores).log()
    return (terms @ torch.tensor([0.1, 0.9])).mean()


def test_weighted_loss_by_hand():
    """Scores 0.8 and 0.5 of a frame in a micro-expression, 0.2 and 0.9 of one in both."""
    logits = torch.tensor([[log(4), 0.0], [-log(4), log(9)]])
    targets = torch.tensor([[1, 0], [1, 1]])
    first = 0.1 * 0.75 * -log(0.8) + 0.9 * 0.25 * -log(0.5)
    second = 0.1 * 0.75 * -log(0.2) + 0.9 * 0.75 * -log(0.9)
    assert weighted_bce(logits, targets).item() == pytest.approx((first + second) / 2, rel=1e-6)
    swapped = 0.9 * 0.9 * -log(0.8) + 0.1 * 0.1 * -log(0.5)
    assert weighted_bce(logits[:1], targets[:1], (0.9, 0.1), 0.9).item() == pytest.approx(swapped, rel=1e-6)


def test_unweighted_loss_by_hand():
    logits = torch.tensor([[log(4), 0.0]])
    targets = torch.tensor([[1.0, 0.0]])
    assert unweighted_bce(logits, targets).item() == pytest.approx((-log(0.8) - log(0.5)) / 2, rel=1e-6)
    many, truth = torch.randn(7, 2), torch.rand(7, 2).round()
    torch.testing.assert_close(unweighted_bce(many, truth), 2 * weighted_bce(many, truth, (0.5, 0.5), 0.5))


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 2, *[st.booleans()] * 2), min_size=1, max_size=5),
    st.floats(0.01, 0.99),
)
def test_the_corrected_loss_is_never_negative_nor_infinite(rows, positive):
    logits = torch.tensor([row[:2] for row in rows], requires_grad=True)
    loss = weighted_bce(logits, torch.tensor([row[2:] for row in rows]), positive=positive)
    loss.backward()
    assert 0 <= loss.item() < float("inf") and logits.grad.isfinite().all()


def test_the_printed_loss_is_unbounded_below():
    """The more wrong a score inside an expression, the lower it is; the corrected one rises."""
    targets = torch.ones(1, 2)
    wrong = [torch.full((1, 2), -logit) for logit in (1.0, 10.0, 80.0)]
    printed = [printed_loss(logits, targets).item() for logits in wrong]
    assert printed[0] > printed[1] > printed[2] and printed[2] < -50
    # It falls along the logit without end: its slope there is W, not a vanishing one.
    logits = wrong[2].clone().requires_grad_()
    printed_loss(logits, targets).backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[0.075, 0.675]]))
    corrected = [weighted_bce(logits, targets).item() for logits in wrong]
    assert 0 <= corrected[0] < corrected[1] < corrected[2]


def test_class_and_intensity_written_out():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 5, generator=generator)
    intensity, targets = torch.rand(3, 4, generator=generator), torch.rand(3, 4, generator=generator)
    labels = torch.tensor([4, 0, 2])
    entropy = distance = 0.0
    for n in range(3):
        for t in range(4):
            entropy -= logits[n, t].double().softmax(0)[labels[n]].log().item()
            distance += abs(intensity[n, t].item() - targets[n, t].item())
    found = class_and_intensity(logits, intensity, labels, targets)
    assert found.item() == pytest.approx((entropy + distance) / 12, rel=1e-5)
    weighted = class_and_intensity(logits, intensity, labels, targets, (0.5, 2.0))
    assert weighted.item() == pytest.approx((0.5 * entropy + 2 * distance) / 12, rel=1e-5)
