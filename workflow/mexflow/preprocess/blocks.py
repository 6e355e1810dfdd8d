"""A grid of blocks over an image, and one histogram a block."""

from __future__ import annotations

import numpy as np


def block_numbers(height: int, width: int, blocks: tuple[int, int]) -> np.ndarray:
    """Which block each pixel belongs to.

    Column x of `width` is in block column ``x * across // width``, rows likewise, so that no two blocks differ by more
    than a row and a column. Blocks are numbered along the rows, from the top left.

    Args:
        height, width: of the image, pixels.
        blocks: how many blocks across and down.

    Returns:
        int64 (height, width), from 0 to across * down - 1.

    Raises:
        ValueError: if a number of blocks is not a whole number from 1 on, or is larger than the pixels it divides.
    """
    across, down = blocks
    if not (isinstance(across, int) and isinstance(down, int) and 1 <= across <= width and 1 <= down <= height):
        raise ValueError(f"blocks must be whole numbers, at most {width} across and {height} down; not {blocks}")
    return (np.arange(height) * down // height)[:, None] * across + np.arange(width) * across // width


def normalised(histograms: np.ndarray) -> np.ndarray:
    """Each histogram (along the last axis) divided by its sum, as float32; an empty one stays zero."""
    total = histograms.sum(-1, keepdims=True)
    return (histograms / np.where(total > 0, total, 1)).astype(np.float32)
