"""Pictures of an expression: its faces, and over the face at its apex where it moved, and where to."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mexflow.figures.colour_wheel import colours, scale_of, wheel
from mexflow.page.pictures import uri

_SIDE = 224
"""Pixels that the longer side of a picture has at most: of larger faces a page of many expressions would not open."""
_QUALITY = 90
_LEAST = 0.5
"""The smallest scale of motion, pixels: below it, motion is mostly the noise of a camera."""
_FACE = 0.35
"""How much of the face is seen through the map of motion."""


@dataclass(frozen=True)
class Motion:
    """Flow of an expression as pictures, addresses that hold them.

    `directions` has the colours of the wheel over the face at the apex, `amounts` the colours of :func:`ramp`; both end
    at `scale`, pixels of the flow. `largest` is what 99 % of the face stays below.
    """

    directions: str
    amounts: str
    scale: float
    largest: float


def face(pixels: np.ndarray) -> str:
    """An aligned face, uint8 (h, w), (h, w, 1) or (h, w, 3) RGB, as an address that holds it."""
    return uri(_bgr(pixels), _QUALITY)


def motion(flow: np.ndarray, at_apex: np.ndarray) -> Motion:
    """Flow over the face that it leads to.

    Args:
        flow: float32 (2, h, w), from onset to apex, pixels; what is not finite counts as still.
        at_apex: the face at the apex, as in :func:`face`; of another size it is scaled to that of the flow.
    """
    flow = np.where(np.isfinite(flow), flow, 0)
    # What is below the picture is grey, so that all colours are those of motion.
    below = cv2.cvtColor(_bgr(at_apex), cv2.COLOR_BGR2GRAY)
    size = below.shape[1::-1]
    amount = np.hypot(*flow)
    scale = scale_of(flow, _LEAST)
    share = np.clip(cv2.resize(amount.astype(np.float32), size) / scale, 0, 1)[..., None]
    hues = cv2.resize(colours(flow, scale), size)[..., ::-1]
    grey = cv2.cvtColor(below, cv2.COLOR_GRAY2BGR)
    # White is still and would hide the face: the farther a pixel moves, the less is seen of the face.
    directions = (1 - share) * grey + share * hues
    amounts = _FACE * grey + (1 - _FACE) * _ramp(share[..., 0])
    largest = float(np.percentile(amount, 99))
    return Motion(_written(directions), _written(amounts), scale, largest)


def legend() -> str:
    """The wheel of colours of directions, as an address that holds it; transparent outside."""
    size = 96
    disc = wheel(size)
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    inside = (np.hypot(x, y) <= size / 2).astype(np.uint8) * 255
    return uri(np.dstack([disc[..., ::-1], inside]), _QUALITY)


def ramp() -> str:
    """The colours of amounts, from still to the scale's end, as an address that holds them."""
    return uri(_ramp(np.tile(np.linspace(0, 1, 128, dtype=np.float32), (8, 1))), _QUALITY)


def _ramp(share: np.ndarray) -> np.ndarray:
    return cv2.applyColorMap(np.round(255 * share).astype(np.uint8), cv2.COLORMAP_INFERNO)


def _bgr(pixels: np.ndarray) -> np.ndarray:
    """A face in OpenCV's order of colours, uint8 (h, w, 3), not larger than a page shows it."""
    pixels = np.ascontiguousarray(pixels)
    made = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.ndim == 3 and pixels.shape[2] == 3 else cv2.COLOR_GRAY2BGR)
    factor = _SIDE / max(made.shape[:2])
    return made if factor >= 1 else cv2.resize(made, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _written(picture: np.ndarray) -> str:
    return uri(np.round(picture).astype(np.uint8), _QUALITY)
