"""Similarity alignment of a face to the mean shape, in OpenFace's convention: 112 x 112, the face at scale 0.7.

The stable points (nose, eye corners) are mapped onto a mean shape by the least-squares similarity
transform; brows, lids, lips and jaw take no part in it, so that an expression does not move the face.
"""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 112
"""Width and height of an aligned face, pixels."""

STABLE = np.array([27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45])
"""Indices among the 68 landmarks of the points that an expression hardly moves: nose and eye corners."""

# The mean frontal shape of the 51 inner landmarks (17 to 67 of 68) that dlib's face chips use, in the unit
# square of brows and lips.
_MEAN_X = (
    0.000213256, 0.0752622, 0.18113, 0.29077, 0.393397, 0.586856, 0.689483, 0.799124, 0.904991, 0.98004, 0.490127,
    0.490127, 0.490127, 0.490127, 0.36688, 0.426036, 0.490127, 0.554217, 0.613373, 0.121737, 0.187122, 0.265825,
    0.334606, 0.260918, 0.182743, 0.645647, 0.714428, 0.793132, 0.858516, 0.79751, 0.719335, 0.254149, 0.340985,
    0.428858, 0.490127, 0.551395, 0.639268, 0.726104, 0.642159, 0.556721, 0.490127, 0.423532, 0.338094, 0.290379,
    0.428096, 0.490127, 0.552157, 0.689874, 0.553364, 0.490127, 0.42689,
)  # fmt: skip
_MEAN_Y = (
    0.106454, 0.038915, 0.0187482, 0.0344891, 0.0773906, 0.0773906, 0.0344891, 0.0187482, 0.038915, 0.106454,
    0.203352, 0.307009, 0.409805, 0.515625, 0.587326, 0.609345, 0.628106, 0.609345, 0.587326, 0.216423, 0.178758,
    0.179852, 0.231733, 0.245099, 0.244077, 0.231733, 0.179852, 0.178758, 0.216423, 0.244077, 0.245099, 0.780233,
    0.745405, 0.727388, 0.742578, 0.727388, 0.745405, 0.780233, 0.864805, 0.902192, 0.909281, 0.902192, 0.864805,
    0.784792, 0.778746, 0.785343, 0.778746, 0.784792, 0.824182, 0.831803, 0.824182,
)  # fmt: skip

# Chosen so that the outer eye corners lie 59 px apart, brows and chin inside: OpenFace's look at scale 0.7.
_SCALE, _LEFT, _TOP = 80.0, 16.8, 16.0

MEAN_INNER = np.stack([np.array(_MEAN_X) * _SCALE + _LEFT, np.array(_MEAN_Y) * _SCALE + _TOP], axis=1)
"""The mean shape in the aligned image: float64 (51, 2), landmarks 17 to 67, pixels."""

_COMPLEX = np.array([1, 1j])
_TARGET = MEAN_INNER[STABLE - 17]


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares similarity transform (rotation, one scale, shift; no reflection) from points to points.

    Args:
        source, target: float (n, 2), n >= 2, not all of `source` in one place.

    Returns:
        float64 (2, 3): ``target ~ matrix[:, :2] @ source + matrix[:, 2]``.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    mean_source, mean_target = source.mean(0), target.mean(0)
    # Complex numbers make the two-dimensional case linear: target = a source + b, with complex a.
    s = (source - mean_source) @ _COMPLEX
    t = (target - mean_target) @ _COMPLEX
    a = np.vdot(s, t) / np.vdot(s, s).real
    matrix = np.array([[a.real, -a.imag, 0], [a.imag, a.real, 0]])
    matrix[:, 2] = mean_target - matrix[:, :2] @ mean_source
    return matrix


def alignment_matrix(landmarks: np.ndarray) -> np.ndarray:
    """The transform that aligns a face.

    Args:
        landmarks: float (68, 2), pixels of the raw frame.

    Returns:
        float64 (2, 3), from pixels of the raw frame to pixels of the aligned 112 x 112 image.
    """
    return similarity(landmarks[STABLE], _TARGET)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (n, 2) by a (2, 3) transform."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warp(image: np.ndarray, matrix: np.ndarray, size: int = SIZE) -> np.ndarray:
    """The aligned face.

    Args:
        image: uint8 (h, w) or (h, w, 3), the raw frame.
        matrix: float (2, 3), from raw to aligned pixels.
        size: width and height of the aligned image, pixels.

    Returns:
        uint8 (size, size) or (size, size, 3). Minified faces are averaged down, so that fine texture does not alias.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    shrink = int(1 / scale) if scale < 0.5 else 1
    if shrink > 1:
        image, matrix = _minified(image, matrix, shrink, size)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _minified(image: np.ndarray, matrix: np.ndarray, shrink: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of `image` that the aligned face shows, averaged down by `shrink`, and the transform from it.

    Pixel centres: block i averages pixels shrink*i ... shrink*i + shrink - 1, so raw = shrink*i + (shrink - 1)/2.
    """
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)], float)
    raw = apply(cv2.invertAffineTransform(matrix), corners)
    height, width = image.shape[:2]
    # Blocks start at multiples of `shrink` of the whole frame: a block boundary that moved with the face from
    # frame to frame would be motion that is not there.
    left, top = (np.floor(raw.min(0) / shrink).astype(int) * shrink - 2 * shrink).clip(0)
    right, bottom = np.minimum(np.ceil(raw.max(0) / shrink).astype(int) * shrink + 2 * shrink, (width, height))
    columns, rows = (right - left) // shrink, (bottom - top) // shrink
    if columns < 2 or rows < 2:
        return image, matrix
    part = image[top : top + rows * shrink, left : left + columns * shrink]
    small = cv2.resize(part, (int(columns), int(rows)), interpolation=cv2.INTER_AREA)
    matrix = matrix.copy()
    origin = np.array([left, top]) + (shrink - 1) / 2
    matrix[:, 2] += matrix[:, :2] @ origin
    matrix[:, :2] *= shrink
    return small, matrix
