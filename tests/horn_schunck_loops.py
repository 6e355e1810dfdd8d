"""Horn and Schunck's flow, transcribed literally: one pixel at a time, in double precision."""

from __future__ import annotations

import numpy as np


def horn_schunck(first: np.ndarray, second: np.ndarray, alpha: float, iterations: int) -> np.ndarray:
    """The flow (2, h, w) of one pair (h, w), by eq. 3-4; beyond the border the nearest pixel is repeated."""
    height, width = first.shape
    frames = np.stack([first, second]).astype(np.float64)

    def brightness(i: int, j: int, k: int) -> float:
        """E of row i, column j, frame k."""
        return float(frames[k, min(i, height - 1), min(j, width - 1)])

    def mean(field: np.ndarray, i: int, j: int) -> float:
        """The weighted mean of the eight neighbours: 1/6 along the edges, 1/12 at the corners."""
        total = 0.0
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                if (di, dj) != (0, 0):
                    row, column = min(max(i + di, 0), height - 1), min(max(j + dj, 0), width - 1)
                    total += float(field[row, column]) / (6 if di == 0 or dj == 0 else 12)
        return total

    ex, ey, et = (np.zeros((height, width)) for _ in range(3))
    for i in range(height):
        for j in range(width):
            e = brightness
            ex[i, j] = (
                e(i, j + 1, 0) - e(i, j, 0) + e(i + 1, j + 1, 0) - e(i + 1, j, 0)
                + e(i, j + 1, 1) - e(i, j, 1) + e(i + 1, j + 1, 1) - e(i + 1, j, 1)
            ) / 4  # fmt: skip
            ey[i, j] = (
                e(i + 1, j, 0) - e(i, j, 0) + e(i + 1, j + 1, 0) - e(i, j + 1, 0)
                + e(i + 1, j, 1) - e(i, j, 1) + e(i + 1, j + 1, 1) - e(i, j + 1, 1)
            ) / 4  # fmt: skip
            et[i, j] = (
                e(i, j, 1) - e(i, j, 0) + e(i + 1, j, 1) - e(i + 1, j, 0)
                + e(i, j + 1, 1) - e(i, j + 1, 0) + e(i + 1, j + 1, 1) - e(i + 1, j + 1, 0)
            ) / 4  # fmt: skip

    u, v = np.zeros((height, width)), np.zeros((height, width))
    for _ in range(iterations):
        new_u, new_v = np.empty_like(u), np.empty_like(v)
        for i in range(height):
            for j in range(width):
                mean_u, mean_v = mean(u, i, j), mean(v, i, j)
                rate = (ex[i, j] * mean_u + ey[i, j] * mean_v + et[i, j]) / (alpha**2 + ex[i, j] ** 2 + ey[i, j] ** 2)
                new_u[i, j] = mean_u - ex[i, j] * rate
                new_v[i, j] = mean_v - ey[i, j] * rate
        u, v = new_u, new_v
    return np.stack([u, v])
