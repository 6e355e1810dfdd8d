"""Residual sums of a clip (cropnet2021): what its key frames differ by from its first frame.

A *kind* of image is a sum of absolute (``ars``) or relative (``rrs``) differences of key frames, or flow to the last of
them (``farneback``, ``tvl1``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mexflow.errors import UserError, choose
from mexflow.preprocess import flow

KEY_FRAMES = 5
"""The paper's number of key frames."""

GAPS = ("printed", "bracketed")
"""Readings of eq. 3, whose brackets were lost in print: ``printed`` is ceil((end - start) / N + 1), the one under which
the last key frame is the end for every length; ``bracketed`` is ceil((end - start) / (N + 1))."""

SUMS = ("ars", "rrs")
FLOWS = ("farneback", "tvl1")
# Between equal frames a flow method finds its own rounding, which must not be stretched to a picture.
_STILL = 1e-3


@dataclass(frozen=True)
class Kind:
    """A kind of residual image: `method` of `SUMS` or `FLOWS`, its number of key frames and their `gap`, of `GAPS`."""

    method: str
    key_frames: int = KEY_FRAMES
    gap: str = "printed"

    @classmethod
    def parse(cls, text: str) -> Kind:
        """The kind of a text ``method,key_frames,gap``, such as ``ars,5,printed``.

        Raises:
            UserError: for any other text.
        """
        method, *others = text.split(",")
        choose("residual image", method, (*SUMS, *FLOWS))
        if len(others) != 2 or not others[0].isdecimal() or int(others[0]) < 1:
            raise UserError(f"residual image {text!r}: write it like {method},5,printed")
        return cls(method, int(others[0]), choose("reading of the gap", others[1], GAPS))


def clip_end(onset: int, apex: int, offset: int) -> int:
    """The last frame that counts (eq. 1-2): ten frames from the onset where the apex is nearer, else the apex."""
    return min(onset + 10, offset) if apex - onset < 10 else min(apex, offset)


def key_frames(start: int, end: int, count: int = KEY_FRAMES, gap: str = "printed") -> list[int]:
    """The key frames (eq. 3-4): ``min(start + j * gap, end)`` for j = 1 ... `count`; repeats are kept.

    Args:
        start, end: frame numbers, start <= end.
        count: number of key frames.
        gap: reading of eq. 3, see `GAPS`.

    Raises:
        UserError: for an unknown reading.
    """
    length = end - start
    step = {
        # ceil(length / count + 1), in whole numbers: a float's rounding could give one more.
        "printed": -(-length // count) + 1,
        "bracketed": -(-length // (count + 1)),
    }[choose("reading of the gap", gap, GAPS)]
    return [min(start + j * step, end) for j in range(1, count + 1)]


def absolute_sum(start: np.ndarray, frames: Sequence[np.ndarray]) -> np.ndarray:
    """diff (eq. 5): the sum over key frames of the absolute difference from the first frame.

    Args:
        start: uint8 (h, w, 3).
        frames: the key frames, each like `start`.

    Returns:
        int32 (h, w, 3).
    """
    total = np.zeros(start.shape, np.int32)
    for frame in frames:
        total += cv2.absdiff(frame, start)
    return total


def ars(diff: np.ndarray) -> np.ndarray:
    """Absolute residual sum (eq. 6): diff modulo 256, uint8."""
    return (diff & 255).astype(np.uint8)


def rrs(diff: np.ndarray) -> np.ndarray:
    """Relative residual sum (eq. 7): ``(diff - min) / (max - min) * 255`` over all channels, uint8.

    Truncated to whole numbers; all zero where max = min.
    """
    low, high = int(diff.min()), int(diff.max())
    if low == high:
        return np.zeros(diff.shape, np.uint8)
    # In whole numbers, so that it is exact: at most 255 * 255 * N, far below the limit of int64.
    return ((diff.astype(np.int64) - low) * 255 // (high - low)).astype(np.uint8)


def flow_image(start: np.ndarray, end: np.ndarray, method: str) -> np.ndarray:
    """Flow from the first to the last frame as a picture: u, v and magnitude, each scaled to 0 ... 255.

    Args:
        start, end: uint8 (h, w, 3).
        method: of `FLOWS`, in its own settings.

    Returns:
        uint8 (h, w, 3), rounded; a channel that is the same everywhere (to a thousandth of a pixel) is zero.
    """
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)[None] / 255 for image in (start, end)]
    u, v = flow.compute(method, *greys)[0]
    image = np.zeros(start.shape, np.uint8)
    for channel, values in enumerate((u, v, np.hypot(u, v))):
        low, high = float(values.min()), float(values.max())
        if high - low > _STILL:
            image[..., channel] = np.rint((values - low) / (high - low) * 255)
    return image


def wanted_frames(kinds: Sequence[Kind], start: int, end: int) -> list[int]:
    """The frames that these kinds of image need of a clip, each once, in order."""
    frames = {start, end}
    for kind in kinds:
        if kind.method in SUMS:
            frames |= set(key_frames(start, end, kind.key_frames, kind.gap))
    return sorted(frames)


def image_of(kind: Kind, boxed: dict[int, np.ndarray], start: int, end: int) -> np.ndarray:
    """The image of one kind.

    Args:
        boxed: the boxed faces uint8 (h, w, 3) by frame number, see :func:`wanted_frames`.

    Returns:
        uint8 (h, w, 3).
    """
    if kind.method in FLOWS:
        return flow_image(boxed[start], boxed[end], kind.method)
    frames = [boxed[frame] for frame in key_frames(start, end, kind.key_frames, kind.gap)]
    diff = absolute_sum(boxed[start], frames)
    return ars(diff) if kind.method == "ars" else rrs(diff)
