"""Levels: how a channel of flow becomes an image before a network sees it. A new way is one function here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mexflow.registries import Registry

LEVELS: Registry[Callable[[np.ndarray], np.ndarray]] = Registry("levels", __name__)
"""Functions of one channel of one image, float32 (h, w), to the image of it, float32 (h, w)."""


@LEVELS.entry("none")
def unchanged(channel: np.ndarray) -> np.ndarray:
    """In the units of the channel."""
    return channel


@LEVELS.entry("minmax")
def stretched(channel: np.ndarray) -> np.ndarray:
    """From 0, the least value, to 255, the largest, in whole numbers; 0 where all are the same."""
    low, high = float(channel.min()), float(channel.max())
    if high == low:
        return np.zeros_like(channel)
    return np.rint((channel - low) / (high - low) * 255).astype(np.float32)


@LEVELS.entry("shifted")
def shifted(channel: np.ndarray) -> np.ndarray:
    """16 levels a unit about 128, in whole numbers, cut to 0 ... 255."""
    return np.rint(channel * 16 + 128).clip(0, 255).astype(np.float32)


@LEVELS.entry("zscore")
def standardised(channel: np.ndarray) -> np.ndarray:
    """Less its mean, divided by its standard deviation; 0 where all are the same."""
    deviation = float(channel.std())
    return ((channel - channel.mean()) / deviation).astype(np.float32) if deviation else np.zeros_like(channel)
