"""Thin-plate splines through scattered points of the plane.

As `scipy.interpolate.RBFInterpolator` has them, whose import takes longer than a face takes to paint.
"""

from __future__ import annotations

import numpy as np


class ThinPlate:
    """The smooth function f(x) = sum_i a_i U(|x - p_i|) + b_0 + b_1 . x with U(r) = r^2 log r.

    It passes the values v_i at the points p_i at a distance that grows with the smoothing s:

        f(p_i) + s a_i = v_i,    sum_i a_i = 0,    sum_i a_i p_i = 0
    """

    def __init__(self, points: np.ndarray, values: np.ndarray, smoothing: float) -> None:
        """
        Args:
            points: float64 (n, 2), not all on a line.
            values: float64 (n, k).
            smoothing: at least 0; at 0 the function passes through the values.
        """
        count = len(points)
        self._points = points
        # The plane is written in coordinates from -1 to 1, which keeps the equations well conditioned.
        low, high = points.min(0), points.max(0)
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        plane = self._plane(points)
        matrix = np.zeros((count + 3, count + 3))
        matrix[:count, :count] = _radial(points, points) + smoothing * np.eye(count)
        matrix[:count, count:], matrix[count:, :count] = plane, plane.T
        right = np.zeros((count + 3, values.shape[1]))
        right[:count] = values
        self._coefficients = np.linalg.solve(matrix, right)

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The function at places, float64 (m, 2), as float64 (m, k)."""
        return np.hstack([_radial(places, self._points), self._plane(places)]) @ self._coefficients

    def _plane(self, places: np.ndarray) -> np.ndarray:
        return np.hstack([np.ones((len(places), 1)), (places - self._middle) / self._half])


def _radial(places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """U(r) = r^2 log r = r^2 log(r^2) / 2 of the distances, float64 (m, n); 0 at the points themselves."""
    square = sum((places[:, axis, None] - points[:, axis]) ** 2 for axis in range(2))
    return square * np.log(square, out=np.zeros_like(square), where=square > 0) / 2
