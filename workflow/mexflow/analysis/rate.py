"""From the frame rate that a network was trained at to a video's: which frames are looked at, and how far apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SLOWEST = 50.0
"""Frames per second below which a video is too slow for micro-expressions, which last up to half a second; unless the
network was trained at a lower rate still."""


@dataclass(frozen=True)
class Sampling:
    """The frames of a video in the order in which a network looks at them, as far apart in time as it needs.

    Attributes:
        positions: int64 (n,), positions in the video. Of a constant rate these are all; of a variable one, the nearest
            to each step of the rate that the network was trained at, so one may be there twice and another not at all.
        near: bool (n,), whether that frame is near enough to stand for its time: where a video stops for a while,
            none is.
        factor: how many of these frames take as long as one frame of the network's data.
        remark: what was done to a variable rate, or None.
    """

    positions: np.ndarray
    near: np.ndarray
    factor: float
    remark: str | None = None

    def frames(self, count: float, least: int = 1) -> int:
        """So many frames of the network's data in frames of this video, rounded half up, and not under `least`."""
        return max(int(np.floor(count * self.factor + 0.5)), least)


def sampling(seconds: np.ndarray, fps: float, variable: bool, trained: float) -> Sampling:
    """How a network that was trained at one rate looks at a video.

    Args:
        seconds: float64 (n,), when each frame is, ascending from 0.
        fps: the video's frames per second, from the median step where they vary.
        variable: whether the steps vary.
        trained: frames per second of the network's data.
    """
    count = len(seconds)
    if not variable or count < 2:
        return Sampling(np.arange(count), np.ones(count, bool), fps / trained)
    wanted = np.arange(int(np.floor(seconds[-1] * trained + 1e-6)) + 1) / trained
    after = np.searchsorted(seconds, wanted).clip(1, count - 1)
    positions = np.where(wanted - seconds[after - 1] <= seconds[after] - wanted, after - 1, after)
    near = np.abs(seconds[positions] - wanted) <= 1.01 * max(1 / trained, 1 / fps)
    remark = (
        f"the time between frames varies ({fps:.4g} a second by the median step): for each step of {trained:.4g} a "
        "second, the rate of the network, the nearest frame is taken by its time stamp"
    )
    return Sampling(positions.astype(np.int64), near, 1.0, remark)


def too_slow(fps: float, trained: float) -> str | None:
    """Why micro-expressions are not looked for in a video of that rate, by a network trained at another; or None."""
    least = min(SLOWEST, trained)
    # Rates are written down rounded: 49.95 is a camera of 50.
    if fps >= 0.99 * least:
        return None
    return f"{fps:.4g} frames a second are too few for micro-expressions: at least {least:.4g} are needed"


def nearest_rate(rates: Sequence[float], fps: float) -> float:
    """Of the rates that a network's data have, the one nearest to a video's, as a ratio."""
    return min(rates, key=lambda rate: abs(np.log(rate / fps)))
