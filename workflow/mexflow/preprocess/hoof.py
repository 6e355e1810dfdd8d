"""Histograms of oriented optical flow (HOOF)."""

from __future__ import annotations

import numpy as np

from mexflow.preprocess.blocks import block_numbers, normalised


def hoof(flow: np.ndarray, bins: int = 8, blocks: tuple[int, int] = (6, 6), normalise: bool = True) -> np.ndarray:
    """Histograms of the flow's direction, weighted by its magnitude, one a block (nag2019's spotting baseline).

    Bin k is centred on the direction 2 π k / bins, counted from the right (Vx > 0) towards below (Vy > 0): of 8 bins, 0
    is right, 2 down, 4 left, 6 up, so that a motion along an axis does not flicker between two bins. Left and right are
    kept apart, unlike in Chaudhry et al. 2009, who wanted the same histogram for both.

    Args:
        flow: float (n, 2, h, w): Vx (to the right) and Vy (down), pixels.
        bins: number of directions, at least 2.
        blocks: how many blocks across and down; they divide the face evenly.
        normalise: whether each histogram is divided by its sum; else by the number of the block's pixels.

    Returns:
        float32 (n, blocks, bins), blocks along the rows from the top left; each histogram has sum 1, or without
        `normalise` the block's mean magnitude, pixels; it is zero where nothing moves.

    Raises:
        ValueError: for a flow of another shape or with values that are not finite, bins that are not a whole number
            from 2 on, or more blocks than pixels.
    """
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f"flow is (n, 2, h, w); not {flow.shape}")
    if not (isinstance(bins, int) and bins >= 2):
        raise ValueError(f"bins must be a whole number from 2 on; not {bins}")
    numbers = block_numbers(*flow.shape[2:], blocks)
    first = numbers * bins
    size = blocks[0] * blocks[1]
    result = np.empty((len(flow), size, bins))
    for i, (vx, vy) in enumerate(np.asarray(flow, np.float64)):
        magnitude = np.hypot(vx, vy)
        if not np.isfinite(magnitude).all():
            raise ValueError(f"flow {i} has values that are not finite")
        direction = np.rint(np.arctan2(vy, vx) * (bins / (2 * np.pi))).astype(np.int64) % bins
        result[i] = np.bincount((first + direction).ravel(), magnitude.ravel(), size * bins).reshape(size, bins)
    if normalise:
        return normalised(result)
    return (result / np.bincount(numbers.ravel())[:, None]).astype(np.float32)
