"""The pictures of a contact sheet: whatever an array holds, as a square RGB tile."""

from __future__ import annotations

import cv2
import numpy as np

from mexflow.figures.colour_wheel import colours, scale_of, wheel
from mexflow.preprocess.alignment import SIZE, apply

TILE = 224
"""Width and height of a tile, pixels: twice an aligned face."""

LCN_LIMIT = 2.5
"""The LCN value shown white; its negative is black."""

LEAST_FLOW = 0.2
"""The smallest end of a flow tile's colour scale, pixels: below it lies what is noise to the eye too."""

_BOX, _POINT, _OUTLINE = (0, 200, 255), (255, 221, 51), (20, 20, 20)
_WHEEL = 46
_BITS = 4
# Where a line of landmarks begins and ends: jaw, brows, nose, nostrils, eyes, outer and inner lips; True if closed.
_LINES = (
    (0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False),
    (36, 42, True), (42, 48, True), (48, 60, True), (60, 68, True),
)  # fmt: skip


def picture(image: np.ndarray, size: int = TILE) -> np.ndarray:
    """A grey or colour image as a tile.

    Args:
        image: uint8 (h, w), (h, w, 1) or (h, w, 3) RGB.
        size: width and height of the tile, pixels.

    Returns:
        uint8 (size, size, 3). An image larger than that is averaged down.
    """
    image = np.ascontiguousarray(image)
    if image.ndim == 2 or image.shape[2] == 1:
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    smaller = max(image.shape[:2]) > size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def normalised(frame: np.ndarray, size: int = TILE) -> np.ndarray:
    """An LCN frame as a grey tile: float (h, w); zero is mid-grey, see :data:`LCN_LIMIT`."""
    share = (np.asarray(frame, np.float64) / LCN_LIMIT).clip(-1, 1)
    return picture(np.round(127.5 + 127.5 * share).astype(np.uint8), size)


def flow_tile(flow: np.ndarray) -> tuple[np.ndarray, float]:
    """A flow field in the colours of the wheel, the wheel in a corner, and how many pixels the wheel's rim stands for.

    Args:
        flow: float (2, h, w), pixels.
    """
    scale = scale_of(flow, LEAST_FLOW)
    tile = picture(colours(flow, scale))
    legend = wheel(4 * _WHEEL)
    disc = (np.hypot(*(np.mgrid[: 4 * _WHEEL, : 4 * _WHEEL] + 0.5 - 2 * _WHEEL)) <= 2 * _WHEEL).astype(np.float32)
    cv2.circle(legend, (2 * _WHEEL, 2 * _WHEEL), 2 * _WHEEL - 3, (110, 110, 110), 5, cv2.LINE_AA)
    cover = cv2.resize(disc, (_WHEEL, _WHEEL), interpolation=cv2.INTER_AREA)[..., None]
    legend = cv2.resize(legend, (_WHEEL, _WHEEL), interpolation=cv2.INTER_AREA)
    corner = tile[-_WHEEL - 5 : -5, -_WHEEL - 5 : -5]
    corner[:] = np.round(cover * legend + (1 - cover) * corner)
    return tile, scale


def raw_tile(image: np.ndarray, matrix: np.ndarray | None, landmarks: np.ndarray | None) -> np.ndarray:
    """The raw frame around the face, with the aligned box and the 68 landmarks drawn on it.

    Args:
        image: uint8 (h, w) or (h, w, 3) RGB, the raw frame.
        matrix: float (2, 3), from raw to aligned pixels, or None where it is not known: then there is no box.
        landmarks: float (68, 2), raw pixels, or None where they are not known.

    Returns:
        uint8 (224, 224, 3); what lies outside the frame is white. Without box and landmarks it is the whole frame.
    """
    box, height, width = None, *image.shape[:2]
    if matrix is not None:
        # Corners of the aligned image's pixels, not of their centres.
        corners = np.array([(0, 0), (SIZE, 0), (SIZE, SIZE), (0, SIZE)], float) - 0.5
        box = apply(cv2.invertAffineTransform(np.asarray(matrix, np.float64)), corners)
        shown, around = box, 1.45
    elif landmarks is not None:
        shown, around = np.asarray(landmarks, np.float64), 1.9
    else:
        shown, around = np.array([(0, 0), (width, height)], float) - 0.5, 1.0
    side = int(np.ceil(around * np.ptp(shown, axis=0).max()))
    left, top = np.round((shown.min(0) + shown.max(0)) / 2 - side / 2).astype(int)
    tile = picture(_cut(image, left, top, side))
    scale = TILE / side
    if box is not None:
        _polyline(tile, _to_tile(box, left, top, scale), True, _BOX, 2)
    if landmarks is not None:
        points = _to_tile(np.asarray(landmarks, np.float64), left, top, scale)
        for start, end, closed in _LINES:
            _polyline(tile, points[start:end], closed, _POINT, 1)
        for x, y in points:
            centre = (round(x * 2**_BITS), round(y * 2**_BITS))
            cv2.circle(tile, centre, round(2.4 * 2**_BITS), _OUTLINE, -1, cv2.LINE_AA, _BITS)
            cv2.circle(tile, centre, round(1.6 * 2**_BITS), _POINT, -1, cv2.LINE_AA, _BITS)
    return tile


def _cut(image: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """A square of the frame, white where it reaches beyond the frame's edge."""
    height, width = image.shape[:2]
    cut = np.full((side, side, *image.shape[2:]), 255, np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return cut


def _to_tile(points: np.ndarray, left: int, top: int, scale: float) -> np.ndarray:
    """Raw pixels to pixels of the tile; pixel centres are whole numbers in both."""
    return (points - (left, top) + 0.5) * scale - 0.5


def _polyline(tile: np.ndarray, points: np.ndarray, closed: bool, colour: tuple, thickness: int) -> None:
    whole = np.round(points * 2**_BITS).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(tile, [whole], closed, colour, thickness, cv2.LINE_AA, _BITS)
