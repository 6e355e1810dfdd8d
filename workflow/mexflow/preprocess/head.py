"""The head's own motion from frame to frame, far finer than landmarks can tell it.

A landmark predictor errs by some tenths of a pixel, in a way that changes slowly as the head drifts; averaged over
time it errs still, and what it errs by would pass for a movement of the face. Points of the nose and about the corners
of the eyes are therefore followed by Lucas and Kanade's method, and one similarity transform is fitted to them. The
landmarks, mapped by it to where they were in an earlier frame, can be averaged over many frames.
"""

from __future__ import annotations

import cv2
import numpy as np

_MOST_POINTS = 40
_ENOUGH_POINTS = 20
_FEWEST_POINTS = 8
_WINDOW = 200
"""Width, in pixels, that a larger window about eyes and nose is scaled down to by a whole factor."""

_MARGIN = 0.25
"""How far the window reaches beyond eyes and nose, in distances between the eyes; the head may drift by half of it."""

_LUCAS_KANADE = {
    "winSize": (11, 11),
    "maxLevel": 2,
    "criteria": (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.005),
}
# Points that disagree with the common motion by more than so many medians move with an expression, or were lost.
_OUTLIER = 2.5
_LARGEST_RESIDUAL = 0.02
"""Median disagreement, in distances between the eyes, at which the motion is not believed."""

_COMPLEX = np.array([1, 1j])

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a similarity transform, float64 (2, 3)."""
    return cv2.invertAffineTransform(matrix)


def after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The transform that does `first`, then `second`, each float64 (2, 3)."""
    result = second[:, :2] @ first
    result[:, 2] += second[:, 2]
    return result


class HeadMotion:
    """Follows the head through the frames of a clip, in order.

    `wants_points` says when it is time to choose points anew (`begin`).
    """

    def __init__(self) -> None:
        self._origin = np.zeros(2)
        self._size = (0, 0)
        self._factor = 1
        self._eyes = 1.0
        self._previous: np.ndarray | None = None
        self._points = np.zeros((0, 1, 2), np.float32)
        self._start = np.zeros(2)
        self.wants_points = True

    def begin(self, grey: np.ndarray, landmarks: np.ndarray, left: int = 0, top: int = 0) -> None:
        """Choose the points to follow from this frame on.

        Args:
            grey: uint8 (h, w), the frame or a part of it.
            landmarks: float (68, 2), pixels of the frame.
            left, top: where the part begins in the frame.
        """
        self._eyes = max(float(np.hypot(*(landmarks[45] - landmarks[36]))), 1.0)
        seen = landmarks[[*range(19, 25), *range(27, 48)]]
        low = np.floor(seen.min(0) - _MARGIN * self._eyes).astype(int) - (left, top)
        high = np.ceil(seen.max(0) + _MARGIN * self._eyes).astype(int) - (left, top)
        low = np.clip(low, 0, (grey.shape[1], grey.shape[0]))
        high = np.clip(high, 0, (grey.shape[1], grey.shape[0]))
        self._factor = max(1, round((high[0] - low[0]) / _WINDOW))
        self._size = tuple((high - low) // self._factor)
        self._origin = low + (left, top)
        self._previous, self.wants_points = None, True
        if min(self._size) < 2 * _LUCAS_KANADE["winSize"][0]:
            return
        window = self._window(grey, left, top)
        mask = self._mask((landmarks - self._origin) / self._factor)
        points = cv2.goodFeaturesToTrack(window, _MOST_POINTS, 0.005, 0.035 * self._eyes / self._factor, mask=mask)
        if points is not None and len(points) >= _FEWEST_POINTS:
            self._previous, self._points, self._start = window, points, points[:, 0].mean(0)
            self.wants_points = False

    def step(self, grey: np.ndarray, left: int = 0, top: int = 0) -> np.ndarray | None:
        """How the head moved from the last frame to this one.

        Args:
            grey, left, top: as in :meth:`begin`.

        Returns:
            float64 (2, 3), from pixels of the last frame to pixels of this one; None where it cannot be told, and then
            points must be chosen anew.
        """
        if self._previous is None:
            return None
        window = self._window(grey, left, top)
        if window.shape != self._previous.shape:
            return None
        moved, status, _ = cv2.calcOpticalFlowPyrLK(self._previous, window, self._points, None, **_LUCAS_KANADE)
        kept = status[:, 0] == 1
        before, now = self._points[kept, 0].astype(np.float64), moved[kept, 0].astype(np.float64)
        motion = self._common(before, now)
        if motion is None:
            return None
        self._previous, self._points = window, moved[kept]
        drift = np.abs(now.mean(0) - self._start).max() * self._factor
        self.wants_points = len(now) < _ENOUGH_POINTS or bool(drift > _MARGIN / 2 * self._eyes)
        # From pixels of the scaled window to pixels of the frame.
        result = motion.copy()
        centre = self._origin + (self._factor - 1) / 2
        result[:, 2] = self._factor * motion[:, 2] + centre - motion[:, :2] @ centre
        return result

    def _common(self, before: np.ndarray, now: np.ndarray) -> np.ndarray | None:
        """The similarity transform that most points agree on."""
        if len(before) < _FEWEST_POINTS:
            return None
        # As complex numbers the transform is now = a before + b; `similarity` with less ado, for it is done in every
        # frame.
        z, w = before @ _COMPLEX, now @ _COMPLEX
        agree = np.ones(len(z), bool)
        for _ in range(3):
            chosen, target = z[agree], w[agree]
            middle_z, middle_w = chosen.sum() / len(chosen), target.sum() / len(target)
            s, t = chosen - middle_z, target - middle_w
            a = np.vdot(s, t) / np.vdot(s, s).real
            error = np.abs(a * (z - middle_z) + middle_w - w)
            median = float(np.partition(error, len(error) // 2)[len(error) // 2])
            agree = error <= _OUTLIER * max(median, 1e-3)
            if agree.sum() < _FEWEST_POINTS:
                return None
        if median * self._factor > _LARGEST_RESIDUAL * self._eyes:
            return None
        b = middle_w - a * middle_z
        return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])

    def _window(self, grey: np.ndarray, left: int, top: int) -> np.ndarray:
        x, y = (self._origin - (left, top)).astype(int)
        width, height = (length * self._factor for length in self._size)
        if x < 0 or y < 0:
            return np.zeros((0, 0), np.uint8)
        window = grey[y : y + height, x : x + width]
        if self._factor > 1 and window.shape == (height, width):
            window = cv2.resize(window, self._size, interpolation=cv2.INTER_AREA)
        # A copy: what it is a part of need not be kept for it.
        return np.array(window)

    def _mask(self, landmarks: np.ndarray) -> np.ndarray:
        """Where points are chosen: the nose up to between the brows, and about the corners of the eyes."""
        eyes = self._eyes / self._factor
        mask = np.zeros((self._size[1], self._size[0]), np.uint8)
        between = landmarks[[21, 22]].mean(0)
        hull = cv2.convexHull(np.concatenate([landmarks[27:36], between[None]]).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 255)
        cv2.polylines(mask, [hull], True, 255, max(1, round(0.16 * eyes)))
        for corner in (36, 39, 42, 45):
            cv2.circle(mask, tuple(landmarks[corner].astype(int).tolist()), max(1, round(0.09 * eyes)), 255, -1)
        return mask
