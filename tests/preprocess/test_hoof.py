"""Histograms of oriented optical flow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mexflow.preprocess.hoof import hoof


def by_loops(field: np.ndarray, bins: int, blocks: tuple[int, int]) -> np.ndarray:
    """One histogram a block: each pixel's length goes to the bin whose direction is nearest."""
    (across, down), (_, height, width) = blocks, field.shape
    result = np.zeros((across * down, bins))
    for y in range(height):
        for x in range(width):
            vx, vy = float(field[0, y, x]), float(field[1, y, x])
            along = [vx * math.cos(2 * math.pi * k / bins) + vy * math.sin(2 * math.pi * k / bins) for k in range(bins)]
            result[(y * down // height) * across + x * across // width][along.index(max(along))] += math.hypot(vx, vy)
    return result / result.sum(1, keepdims=True)


@pytest.mark.parametrize(("bins", "blocks"), [(8, (6, 6)), (8, (1, 1)), (5, (3, 2)), (12, (4, 7))])
def test_hoof_is_its_literal_transcription(bins: int, blocks: tuple[int, int]) -> None:
    flow = np.random.default_rng(0).standard_normal((3, 2, 23, 31)).astype(np.float32)
    found = hoof(flow, bins, blocks)
    assert found.shape == (3, blocks[0] * blocks[1], bins) and found.dtype == np.float32
    for field, histograms in zip(flow, found, strict=True):
        assert histograms == pytest.approx(by_loops(field, bins, blocks), abs=1e-6)


def test_bins_are_centred_on_right_down_left_up() -> None:
    for k in range(8):
        for turn in (-0.45, 0, 0.45):
            angle = (k + turn) * math.pi / 4
            flow = np.broadcast_to(np.array([math.cos(angle), math.sin(angle)])[None, :, None, None], (1, 2, 6, 6))
            assert hoof(flow)[0].argmax(1).tolist() == [k] * 36
            assert hoof(flow).max(2) == pytest.approx(1)


def test_magnitude_is_the_weight() -> None:
    flow = np.zeros((1, 2, 1, 4), np.float32)
    flow[0, 0] = [3, -1, 0, 0]
    assert hoof(flow, blocks=(1, 1)).tolist() == [[[0.75, 0, 0, 0, 0.25, 0, 0, 0]]]
    # Where nothing moves there is nothing, and no direction of rounding errors either.
    assert not hoof(flow, blocks=(2, 1))[0, 1].any()


def test_no_flow_gives_no_histogram() -> None:
    assert hoof(np.zeros((0, 2, 12, 12), np.float32)).shape == (0, 36, 8)


@pytest.mark.parametrize(
    ("flow", "settings", "text"),
    [
        (np.zeros((2, 3, 8, 8)), {}, "flow is (n, 2, h, w); not (2, 3, 8, 8)"),
        (np.zeros((1, 2, 8, 8)), {"bins": 1}, "bins must be a whole number from 2 on; not 1"),
        (np.zeros((1, 2, 8, 8)), {"blocks": (9, 1)}, "at most 8 across and 8 down; not (9, 1)"),
        (np.full((1, 2, 8, 8), np.nan), {}, "flow 0 has values that are not finite"),
    ],
)
def test_what_makes_no_sense(flow: np.ndarray, settings: dict, text: str) -> None:
    with pytest.raises(ValueError) as error:
        hoof(flow, **settings)
    assert text in str(error.value)
