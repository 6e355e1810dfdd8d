"""Optical flow between two aligned faces."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import cv2
import numpy as np

from mexflow.errors import UserError, choose

# Horn and Schunck's estimates of the derivatives over the 2 x 2 x 2 cube of neighbouring pixels and frames, and
# the mean of the eight neighbours: 1/6 for those at an edge, 1/12 for those at a corner.
NEIGHBOURS = np.array([[1 / 12, 1 / 6, 1 / 12], [1 / 6, 0, 1 / 6], [1 / 12, 1 / 6, 1 / 12]], np.float32)


def prepare(faces: np.ndarray, size: int) -> np.ndarray:
    """Grey faces in [0, 1] at the size that flow is computed at.

    Args:
        faces: uint8 (n, h, w, c), c = 1 (grey) or 3 (RGB).
        size: width and height of the result, pixels.

    Returns:
        float32 (n, size, size).
    """
    result = np.empty((len(faces), size, size), np.float32)
    for i, face in enumerate(faces):
        grey = face[..., 0] if face.shape[-1] == 1 else cv2.cvtColor(np.ascontiguousarray(face), cv2.COLOR_RGB2GRAY)
        # Resized as floats: rounding to 256 levels again would put steps into the derivatives.
        scaled = grey.astype(np.float32) / 255
        result[i] = cv2.resize(scaled, (size, size), interpolation=cv2.INTER_AREA)
    return result


def derivatives(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horn and Schunck's Ex, Ey, Et: means of four first differences over a cube of eight values.

    Args:
        first, second: float (n, h, w); x runs along w, y along h.

    Returns:
        Ex, Ey, Et, each like `first`; beyond the border the last row and column are repeated.
    """
    width = ((0, 0), (0, 1), (0, 1))
    a, b = np.pad(first, width, mode="edge"), np.pad(second, width, mode="edge")
    total = a + b
    ex = (total[:, :-1, 1:] - total[:, :-1, :-1] + total[:, 1:, 1:] - total[:, 1:, :-1]) / 4
    ey = (total[:, 1:, :-1] - total[:, :-1, :-1] + total[:, 1:, 1:] - total[:, :-1, 1:]) / 4
    step = b - a
    et = (step[:, :-1, :-1] + step[:, 1:, :-1] + step[:, :-1, 1:] + step[:, 1:, 1:]) / 4
    return ex, ey, et


def horn_schunck(first: np.ndarray, second: np.ndarray, alpha: float = 1.0, iterations: int = 10) -> np.ndarray:
    """Horn-Schunck flow of many pairs at once (belaiche2020, eq. 3-4, with alpha squared).

    ``u = ū - Ex (Ex ū + Ey v̄ + Et) / (alpha² + Ex² + Ey²)``, and v likewise; ū and v̄ are the neighbours' means,
    starting from zero flow.

    Args:
        first, second: float32 (n, h, w), grey in [0, 1].
        alpha: smoothness weight, in the units of the derivatives.
        iterations: number of updates.

    Returns:
        float32 (n, 2, h, w): Vx (to the right) and Vy (down), pixels.

    Raises:
        ValueError: for an alpha that is not positive, or iterations that are not a whole number from 1 on.
    """
    if not (isinstance(alpha, int | float) and alpha > 0 and isinstance(iterations, int) and iterations >= 1):
        raise ValueError(f"alpha must be positive, iterations a whole number from 1 on; not {alpha}, {iterations}")
    first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
    ex, ey, et = derivatives(first, second)
    inverse = 1 / (np.float32(alpha) ** 2 + ex**2 + ey**2)
    flow = np.zeros((len(first), 2, *first.shape[1:]), np.float32)
    mean = np.empty_like(flow)
    for _ in range(iterations):
        for pair in range(len(flow)):
            for axis in range(2):
                cv2.filter2D(
                    flow[pair, axis], cv2.CV_32F, NEIGHBOURS, mean[pair, axis], borderType=cv2.BORDER_REPLICATE
                )
        rate = (ex * mean[:, 0] + ey * mean[:, 1] + et) * inverse
        flow[:, 0] = mean[:, 0] - ex * rate
        flow[:, 1] = mean[:, 1] - ey * rate
    return flow


METHODS: dict[str, Callable[..., np.ndarray]] = {"horn_schunck": horn_schunck}
"""Flow methods by name: ``method(first, second, **options)``; shapes as in :func:`horn_schunck`."""


def compute(method: str, first: np.ndarray, second: np.ndarray, **options: float) -> np.ndarray:
    """Flow by the method of that name; see :data:`METHODS`.

    Raises:
        UserError: for an unknown method or setting.
    """
    function = METHODS[choose("flow method", method, METHODS)]
    known = list(inspect.signature(function).parameters)[2:]
    for name in options:
        choose(f"setting of {method}", name, known)
    try:
        return function(first, second, **options)
    except ValueError as error:
        raise UserError(f"{method}: {error}") from None


def magnitude(flow: np.ndarray) -> np.ndarray:
    """M = sqrt(Vx² + Vy²): float32 (n, h, w) of a flow (n, 2, h, w)."""
    return np.sqrt(flow[:, 0] ** 2 + flow[:, 1] ** 2)
