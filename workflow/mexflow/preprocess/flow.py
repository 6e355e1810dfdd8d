"""Optical flow between pairs of grey images."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mexflow.errors import UserError, choose
from mexflow.registries import Registry

METHODS: Registry[Callable[..., np.ndarray]] = Registry("flow method", __name__)
"""Flow methods by name: ``method(first, second, **settings)``; shapes as in :func:`horn_schunck`."""

# Horn and Schunck's estimates of the derivatives over the 2 x 2 x 2 cube of neighbouring pixels and frames, and
# the mean of the eight neighbours: 1/6 for those at an edge, 1/12 for those at a corner.
_NEIGHBOURS = np.array([[1 / 12, 1 / 6, 1 / 12], [1 / 6, 0, 1 / 6], [1 / 12, 1 / 6, 1 / 12]], np.float32)


def _derivatives(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


@METHODS.entry("horn_schunck")
def horn_schunck(
    first: np.ndarray, second: np.ndarray, alpha: float = 1.0, iterations: int | str = 10, tolerance: float = 1e-5
) -> np.ndarray:
    """Horn-Schunck flow of many pairs at once (belaiche2020, eq. 3-4, with alpha squared).

    ``u = ū - Ex (Ex ū + Ey v̄ + Et) / (alpha² + Ex² + Ey²)``, and v likewise; ū and v̄ are the neighbours' means,
    starting from zero flow.

    Args:
        first, second: float32 (n, h, w), grey in [0, 1].
        alpha: smoothness weight, in the units of the derivatives.
        iterations: number of updates, or ``until_converged``: each pair has as many as it needs until an update changes
            no component of its flow by `tolerance` or more, at most :data:`MOST_UPDATES`.
        tolerance: of that change, pixels; not looked at where the number of updates is given.

    Returns:
        float32 (n, 2, h, w): Vx (to the right) and Vy (down), pixels.

    Raises:
        ValueError: for an alpha or a tolerance that is not positive, iterations that are neither a whole number from 1
            on nor ``until_converged``, or a flow that has not converged after the most updates.
    """
    converging = iterations == UNTIL_CONVERGED
    if not (
        _numbers(alpha, tolerance, whole=() if converging else (iterations,))
        and (min(alpha, tolerance) > 0 and (converging or iterations >= 1))
    ):
        raise ValueError(
            f"alpha and tolerance must be positive, iterations a whole number from 1 on or {UNTIL_CONVERGED}; "
            f"not {alpha}, {tolerance}, {iterations}"
        )
    first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
    derivatives = _derivatives(first, second)
    flow = np.zeros((len(first), 2, *first.shape[1:]), np.float32)
    if not converging:
        _update(flow, derivatives, alpha, iterations)
        return flow
    # Pair by pair: what a pair's flow is must not depend on the others.
    for pair in range(len(flow)):
        of_pair = flow[pair : pair + 1]
        for _ in range(MOST_UPDATES // _BETWEEN_LOOKS):
            _update(of_pair, [part[pair : pair + 1] for part in derivatives], alpha, _BETWEEN_LOOKS - 1)
            before = of_pair.copy()
            _update(of_pair, [part[pair : pair + 1] for part in derivatives], alpha, 1)
            if np.abs(of_pair - before).max() < tolerance:
                break
        else:
            raise ValueError(f"not converged after {MOST_UPDATES} updates; take a larger tolerance or alpha")
    return flow


UNTIL_CONVERGED = "until_converged"
MOST_UPDATES = 100_000
_BETWEEN_LOOKS = 10


def _update(flow: np.ndarray, derivatives: Sequence[np.ndarray], alpha: float, times: int) -> None:
    """Update flow, float32 (n, 2, h, w), in place so many times; see :func:`horn_schunck`."""
    ex, ey, et = derivatives
    inverse = 1 / (np.float32(alpha) ** 2 + ex**2 + ey**2)
    mean = np.empty_like(flow)
    for _ in range(times):
        for pair in range(len(flow)):
            for axis in range(2):
                cv2.filter2D(
                    flow[pair, axis], cv2.CV_32F, _NEIGHBOURS, mean[pair, axis], borderType=cv2.BORDER_REPLICATE
                )
        rate = (ex * mean[:, 0] + ey * mean[:, 1] + et) * inverse
        flow[:, 0] = mean[:, 0] - ex * rate
        flow[:, 1] = mean[:, 1] - ey * rate


@METHODS.entry("farneback")
def farneback(
    first: np.ndarray,
    second: np.ndarray,
    scale: float = 0.5,
    levels: int = 3,
    window: int = 15,
    iterations: int = 3,
    neighbours: int = 5,
    sigma: float = 1.2,
) -> np.ndarray:
    """Farneback's flow by polynomial expansion (OpenCV's implementation and its documentation's settings).

    Args:
        first, second: float32 (n, h, w), grey in [0, 1].
        scale: size of a pyramid level relative to the one below, under 1.
        levels: number of pyramid levels, the image itself among them.
        window: averaging window, pixels.
        iterations: at each level.
        neighbours: pixels across the neighbourhood of the expansion, 5 or 7.
        sigma: of the Gaussian that weighs it.

    Returns:
        float32 (n, 2, h, w): Vx (to the right) and Vy (down), pixels.

    Raises:
        ValueError: for a setting out of range.
    """
    if not (
        _numbers(scale, sigma, whole=(levels, window, iterations, neighbours))
        and (0 < scale < 1 and min(levels, window, iterations) >= 1 and neighbours in (5, 7) and sigma > 0)
    ):
        raise ValueError(
            "scale must be in 0..1, levels, window and iterations whole numbers from 1 on, neighbours 5 or 7, sigma > 0"
        )
    settings = (scale, levels, window, iterations, neighbours, sigma, 0)
    # In 0..255, the range it is written for; as floats, so that scaling costs no precision.
    return _pairwise(first, second, lambda a, b: cv2.calcOpticalFlowFarneback(a * 255, b * 255, None, *settings))


@METHODS.entry("tvl1")
def tvl1(
    first: np.ndarray,
    second: np.ndarray,
    attachment: float = 0.15,
    tightness: float = 0.3,
    step: float = 0.25,
    scales: int = 5,
    warps: int = 5,
    epsilon: float = 0.01,
    zoom: float = 0.8,
) -> np.ndarray:
    """TV-L1 flow (Zach, Pock and Bischof; OpenCV's dual implementation and its settings).

    Args:
        first, second: float32 (n, h, w), grey in [0, 1].
        attachment: weight of the data term (lambda); the smaller, the smoother.
        tightness: coupling of the two terms (theta).
        step: time step of the dual iteration (tau), at most 0.25 for it to converge.
        scales: number of pyramid levels; fewer where a level would have less than 16 pixels across.
        warps: warpings at each level.
        epsilon: change at which an iteration ends.
        zoom: size of a pyramid level relative to the one below, under 1.

    Returns:
        float32 (n, 2, h, w): Vx (to the right) and Vy (down), pixels.

    Raises:
        ValueError: for a setting out of range.
    """
    if not (
        _numbers(attachment, tightness, epsilon, step, zoom, whole=(scales, warps))
        and (min(attachment, tightness, epsilon) > 0 and 0 < step <= 0.25 and min(scales, warps) >= 1)
        and 0 < zoom < 1
    ):
        raise ValueError(
            "attachment, tightness and epsilon must be positive, step in 0..0.25, zoom in 0..1, "
            "scales and warps whole numbers from 1 on"
        )
    method = cv2.optflow.DualTVL1OpticalFlow_create(
        tau=step, lambda_=attachment, theta=tightness, nscales=scales, warps=warps, epsilon=epsilon, scaleStep=zoom
    )
    return _pairwise(first, second, lambda a, b: method.calc(a, b, None))


def _numbers(*values: object, whole: tuple[object, ...]) -> bool:
    """Whether these are numbers, and those of `whole` whole ones: settings come from files and command lines."""
    return all(type(value) in (int, float) for value in values) and all(type(value) is int for value in whole)


def _pairwise(first: np.ndarray, second: np.ndarray, method: Callable[..., np.ndarray]) -> np.ndarray:
    """Flow (n, 2, h, w) by a method that takes one pair (h, w) and returns (h, w, 2)."""
    flow = np.empty((len(first), 2, *first.shape[1:]), np.float32)
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        flow[i] = method(np.ascontiguousarray(a, np.float32), np.ascontiguousarray(b, np.float32)).transpose(2, 0, 1)
    return flow


def compute(method: str, first: np.ndarray, second: np.ndarray, **options: float) -> np.ndarray:
    """Flow by the method of that name; see :data:`METHODS`.

    Raises:
        UserError: for an unknown method or setting.
    """
    function = METHODS[method]
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
