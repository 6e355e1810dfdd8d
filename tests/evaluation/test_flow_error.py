"""Errors of a flow against the truth: literal loops, and cases whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mexflow.evaluation.flow_error import direction_error, end_point_error, space_time_angle

ERRORS = (end_point_error, direction_error, space_time_angle)


def flows(shape: tuple[int, ...] = (3, 2, 4, 5), seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.normal(size=shape)


def turned(flow: np.ndarray, degrees: float) -> np.ndarray:
    u, v = flow[:, 0], flow[:, 1]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.stack([c * u - s * v, s * u + c * v], 1)


def by_loops(name: str, estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The errors pixel by pixel, by the textbook's formulas."""
    result = np.empty((len(truth), *truth.shape[2:]))
    for n, i, j in np.ndindex(result.shape):
        (u, v), (a, b) = estimate[n, :, i, j], truth[n, :, i, j]
        if name == "end_point_error":
            result[n, i, j] = math.sqrt((u - a) ** 2 + (v - b) ** 2)
        elif name == "direction_error":
            result[n, i, j] = math.degrees(math.acos((u * a + v * b) / (math.hypot(u, v) * math.hypot(a, b))))
        else:
            lengths = math.sqrt(u * u + v * v + 1) * math.sqrt(a * a + b * b + 1)
            result[n, i, j] = math.degrees(math.acos((u * a + v * b + 1) / lengths))
    return result


@pytest.mark.parametrize("error", ERRORS)
def test_equals_the_formula_in_loops(error):
    estimate, truth = flows()
    np.testing.assert_allclose(error(estimate, truth), by_loops(error.__name__, estimate, truth), atol=1e-6)


@pytest.mark.parametrize("error", ERRORS)
def test_a_perfect_estimate_has_no_error(error):
    truth = flows()[1]
    np.testing.assert_array_equal(error(truth, truth), 0)


@pytest.mark.parametrize("degrees", [0, 30, 90, 150, 180])
def test_a_turned_estimate_errs_by_the_angle_it_is_turned_by(degrees):
    truth = flows()[1]
    np.testing.assert_allclose(direction_error(turned(truth, degrees), truth), degrees, atol=1e-6)


def test_the_direction_does_not_depend_on_the_length():
    estimate, truth = flows()
    np.testing.assert_allclose(direction_error(1e-3 * estimate, truth), direction_error(estimate, truth), atol=1e-9)


def test_a_constant_offset_is_an_end_point_error_of_its_length():
    truth = flows()[1]
    offset = np.array([3.0, -4.0])[:, None, None]
    np.testing.assert_allclose(end_point_error(truth + offset, truth), 5)


def test_a_zero_estimate_points_nowhere():
    truth = flows()[1]
    np.testing.assert_array_equal(direction_error(np.zeros_like(truth), truth), 90)


def test_no_direction_where_nothing_moves():
    estimate, truth = flows()
    truth[0, :, 2, 3] = 0
    found = direction_error(estimate, truth)
    assert np.isnan(found[0, 2, 3]) and np.isfinite(found).sum() == found.size - 1


def test_the_space_time_angle_of_one_pixel_against_none_is_45_degrees():
    truth = np.zeros((2, 1, 1))
    assert space_time_angle(np.array([1.0, 0.0])[:, None, None], truth) == pytest.approx(45)


def test_small_space_time_angles_are_not_lost_to_rounding():
    truth = np.full((2, 1, 1), 0.5)
    angle = math.radians(float(space_time_angle(truth + 1e-10, truth).item()))
    # The step (1, 1, 0) across the vector (1/2, 1/2, 1), over the vector's length.
    assert angle == pytest.approx(math.sqrt((2 - 1 / 1.5) / 1.5) * 1e-10, rel=1e-5)


def test_float32_estimates_are_compared_in_float64():
    estimate, truth = (flow.astype(np.float32) for flow in flows())
    assert end_point_error(estimate, truth).dtype == np.float64
