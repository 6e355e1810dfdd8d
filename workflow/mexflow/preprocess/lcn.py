"""Local contrast normalisation (elface2021, eq. 1).

    g = (f - m) / max(s, c),  m = G * f,  s = sqrt(G * (f - m)²),  c = the image's mean of s

One implementation for stored frames (NumPy) and for augmented ones inside training (torch, any device): with the
Gaussian and its border written as a banded matrix A for each axis, G * f is ``A_h @ f @ A_w.T`` in either library.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np

TRUNCATE = 4.0
"""Where the Gaussian is cut off, in sigmas."""

FLOOR = 1e-6
"""The least contrast that is divided by: a flat image stays flat."""

Array = TypeVar("Array")
"""float32 numpy array or torch tensor."""

_GREY = (0.299, 0.587, 0.114)


@lru_cache(maxsize=8)
def blur_matrix(size: int, sigma: float) -> np.ndarray:
    """The Gaussian along one axis as a matrix, its border reflected (d c b a | a b c d | d c b a).

    Args:
        size: pixels of the axis.
        sigma: of the Gaussian, pixels.

    Returns:
        float32 (size, size), rows sum to 1; not to be written to.
    """
    radius = int(TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    matrix = np.zeros((size, size))
    rows = np.arange(size)
    for offset, weight in zip(range(-radius, radius + 1), weights, strict=True):
        at = (rows + offset) % (2 * size)
        np.add.at(matrix, (rows, np.where(at < size, at, 2 * size - 1 - at)), weight)
    matrix = matrix.astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def lcn(frames: Array, sigma: float = 4.0) -> Array:
    """Normalise the local contrast of frames.

    Args:
        frames: float32 (..., h, w), grey in [0, 1], a numpy array or a torch tensor.
        sigma: of the Gaussian, pixels.

    Returns:
        float32 like `frames`, dimensionless; about -3 to 3 where there is texture.
    """
    height, width = frames.shape[-2:]
    radius = int(TRUNCATE * sigma + 0.5)
    down, across = (_like(frames, blur_matrix(size, float(sigma))) for size in (height, width))

    def blur(images: Array) -> Array:
        # Far from the diagonal the matrices are zero: each half of the result needs little more than half of the image.
        rows, columns = height // 2, width // 2
        top, bottom, left, right = rows + radius, max(rows - radius, 0), columns + radius, max(columns - radius, 0)
        halves = (
            images[..., :left] @ across[:columns, :left].T,
            images[..., right:] @ across[columns:, right:].T,
        )
        images = _joined(halves, -1)
        halves = (down[:rows, :top] @ images[..., :top, :], down[rows:, bottom:] @ images[..., bottom:, :])
        return _joined(halves, -2)

    # Without its mean an image loses nothing here, and a flat one, divided by the floor, stays flat to the last bit.
    frames = frames - _mean(frames)
    centred = frames - blur(frames)
    deviation = blur(centred * centred) ** 0.5
    return centred / _larger(deviation, _mean(deviation).clip(FLOOR))


def grey(faces: np.ndarray) -> np.ndarray:
    """Grey in [0, 1] of stored faces.

    Args:
        faces: uint8 (n, h, w, c), c = 1 (grey) or 3 (RGB; weights 0.299, 0.587, 0.114).

    Returns:
        float32 (n, h, w).
    """
    if faces.shape[-1] == 1:
        return faces[..., 0].astype(np.float32) * np.float32(1 / 255)
    return faces.astype(np.float32) @ np.array(_GREY, np.float32) * np.float32(1 / 255)


def _mean(frames: Array) -> Array:
    """Each image's mean, (..., 1, 1)."""
    *batch, height, width = frames.shape
    return frames.reshape(*batch, height * width).mean(-1)[..., None, None]


def _like(frames: Array, matrix: np.ndarray) -> Array:
    """A matrix in the library, and on the device, of the frames."""
    if isinstance(frames, np.ndarray):
        return matrix
    import torch

    return torch.from_numpy(matrix.copy()).to(frames)


def _joined(parts: tuple[Array, Array], axis: int) -> Array:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis)
    import torch

    return torch.cat(parts, axis)


def _larger(first: Array, second: Array) -> Array:
    return np.maximum(first, second) if isinstance(first, np.ndarray) else first.clamp(min=second)
