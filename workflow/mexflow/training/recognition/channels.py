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
