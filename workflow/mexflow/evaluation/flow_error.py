"""Errors of an optical flow against the true one, at each pixel.

Flows are float arrays ``(..., 2, H, W)`` of Vx (to the right) and Vy (down), pixels; estimate and truth broadcast
against each other, and the result is float64 ``(..., H, W)``. A perfect estimate has error 0.
"""

from __future__ import annotations

import numpy as np


def end_point_error(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Length of the difference, pixels: ``sqrt((Vx - Vx*)² + (Vy - Vy*)²)``."""
    difference = np.asarray(estimate, np.float64) - np.asarray(truth, np.float64)
    return np.hypot(difference[..., 0, :, :], difference[..., 1, :, :])


def space_time_angle(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Angular error of Barron, Fleet and Beauchemin (1994), degrees in [0, 180).

    The angle between the vectors (Vx, Vy, 1) and (Vx*, Vy*, 1) in space and time: defined where nothing moves, and
    small, whatever the direction, where both flows are far under a pixel.
    """
    u, v, true_u, true_v = _components(estimate, truth)
    dot = u * true_u + v * true_v + 1
    # By the cross product, since the arc cosine loses small angles to rounding.
    cross = np.sqrt((v - true_v) ** 2 + (true_u - u) ** 2 + (u * true_v - v * true_u) ** 2)
    return np.degrees(np.arctan2(cross, dot))


def direction_error(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Angle between the two directions, degrees in [0, 180].

    A zero estimate points nowhere and counts 90, what a random direction has in the mean. NaN where the truth is zero.
    """
    u, v, true_u, true_v = _components(estimate, truth)
    angle = np.degrees(np.arctan2(np.abs(u * true_v - v * true_u), u * true_u + v * true_v))
    angle = np.where((u == 0) & (v == 0), 90.0, angle)
    return np.where((true_u == 0) & (true_v == 0), np.nan, angle)


def _components(estimate: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    estimate, truth = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    return estimate[..., 0, :, :], estimate[..., 1, :, :], truth[..., 0, :, :], truth[..., 1, :, :]
