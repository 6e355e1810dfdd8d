"""Colours of flow: a hue a direction, white where nothing moves."""

from __future__ import annotations

import numpy as np
import pytest

from mexflow.figures import colour_wheel


@pytest.mark.parametrize(
    ("motion", "colour"),
    [((1, 0), (255, 0, 0)), ((0, 1), (255, 234, 0)), ((-1, 0), (0, 197, 255)), ((0, -1), (103, 0, 255))],
)
def test_directions_have_their_colours(motion, colour):
    field_ = np.array(motion, float).reshape(2, 1, 1)
    assert np.abs(colour_wheel.colours(field_, 1.0)[0, 0].astype(int) - colour).max() <= 1
    half = colour_wheel.colours(field_, 2.0)[0, 0].astype(int)
    assert np.abs(half - (np.array(colour) + 255) / 2).max() <= 1, "half the length: half way to white"
    beyond = colour_wheel.colours(field_, 0.5)[0, 0].astype(int)
    assert np.abs(beyond - 0.75 * np.array(colour)).max() <= 1, "beyond the scale: darker"


def test_no_motion_is_white_and_no_number_black():
    field_ = np.zeros((2, 1, 2))
    field_[0, 0, 1] = np.nan
    assert colour_wheel.colours(field_, 1.0).tolist() == [[[255] * 3, [0] * 3]]


def test_the_hue_goes_round_without_a_jump():
    angle = np.linspace(0, 2 * np.pi, 2000)
    hues = colour_wheel.colours(np.stack([np.cos(angle), np.sin(angle)])[:, None], 1.0)[0].astype(int)
    assert np.abs(np.diff(hues, axis=0)).max() <= 4
    assert np.abs(hues[0] - hues[-1]).max() <= 1


def test_the_wheel_shows_the_colour_of_the_motion_from_its_centre():
    wheel = colour_wheel.wheel(101).astype(int)
    for x, y in ((90, 50), (50, 80), (20, 50), (30, 25)):
        motion = np.array([x - 50, y - 50], float).reshape(2, 1, 1)
        assert np.abs(wheel[y, x] - colour_wheel.colours(motion, 50.5)[0, 0]).max() <= 1
    assert (wheel[0, 0] == 255).all() and (wheel[50, 50] == 255).all()


@pytest.mark.parametrize(("length", "scale"), [(0.0, 0.2), (0.15, 0.2), (0.21, 0.5), (1.0, 1.0), (1.2, 2.0), (37, 50)])
def test_the_scale_of_a_flow_is_round_and_holds_it(length, scale):
    field_ = np.stack([np.full((20, 20), length), np.zeros((20, 20))])
    assert colour_wheel.scale_of(field_, 0.2) == pytest.approx(scale)
