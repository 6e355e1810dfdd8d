"""Channels of a flow field: what of the flow a network sees. A new one is one function here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mexflow.registries import Registry

CHANNELS: Registry[Callable[[np.ndarray], np.ndarray]] = Registry("channel of flow", __name__)
"""Functions of a field float32 (2, h, w), Vx and Vy in pixels, to a channel float32 (h, w)."""


@CHANNELS.entry("Vx")
def horizontal(field: np.ndarray) -> np.ndarray:
    """Motion to the right, pixels."""
    return field[0]


@CHANNELS.entry("Vy")
def vertical(field: np.ndarray) -> np.ndarray:
    """Motion downwards, pixels."""
    return field[1]


@CHANNELS.entry("M")
def magnitude(field: np.ndarray) -> np.ndarray:
    """Length of the motion, pixels: sqrt(Vx² + Vy²)."""
    return np.sqrt(field[0] ** 2 + field[1] ** 2)


@CHANNELS.entry("strain")
def strain(field: np.ndarray) -> np.ndarray:
    """Optical strain (liong2019, eq. 7): sqrt(u_x² + v_y² + (u_y + v_x)² / 2), by backward differences of 1 px.

    In print the shear is (u_x + u_x)²; (u_y + v_x)² is meant. Beyond the border the first row and column are repeated.
    """
    u_x, v_x = np.diff(field, axis=2, prepend=field[:, :, :1])
    u_y, v_y = np.diff(field, axis=1, prepend=field[:, :1])
    return np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2)
