"""The true motion of an embedded video, as it is seen in the aligned faces.

A point of the first aligned face is taken to the first raw frame by the inverse of that frame's transform, to the
second raw frame by the renderer's motion, and to the second aligned face by that frame's transform. So the true flow
between aligned faces holds the expression, blinks and glances, and whatever alignment leaves of the head's motion.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from mexflow.embedded import truth
from mexflow.preprocess import alignment


class TrueMotion:
    """The motion of one video of an embedded dataset; frames are numbered as in the file names.

    Raises:
        KeyError: if there is no such subject or video.
    """

    def __init__(self, dataset: str, size: str, seed: int, subject: str, video: str) -> None:
        self._motion = truth.video_motion(dataset, size, seed, subject, video)
        # The inverse is the dear half of a flow, and a pair of frames is looked at in several ways.
        self._backward = functools.lru_cache(maxsize=4)(self._motion.backward)

    def landmarks(self, frame: int) -> np.ndarray:
        """The 68 landmarks, float64 ``(68, 2)``, x and y in raw pixels."""
        return self._motion.forward_at(frame, self._motion.region.identity.landmarks)

    def blinks(self, frame: int) -> bool:
        """Whether the lids are on their way."""
        return self._motion.blink(frame) > 0

    def at_rest(self, frame: int) -> bool:
        """Whether there is neither an expression nor a blink; head, glances and light may change."""
        return not self.blinks(frame) and not any(self._motion.unit_intensities(frame).values())

    def moved(self, points: np.ndarray, first: int, second: int) -> np.ndarray:
        """Where points of frame `first` are in frame `second`: float64 ``(N, 2)``, raw pixels, of ``(N, 2)``.

        The same map as :func:`mexflow.embedded.truth.flow_between`, evaluated at these points alone.
        """
        region, back = self._motion.region, self._backward(first)
        at = [(points[:, 1] - region.nodes_y[0, 0]) / region.step, (points[:, 0] - region.nodes_x[0]) / region.step]
        shift = [map_coordinates(back[..., axis].astype(np.float64), at, order=1, mode="nearest") for axis in (0, 1)]
        return self._motion.forward_at(second, points + np.stack(shift, -1))


def grid(size: int) -> np.ndarray:
    """The centres of the pixels of a face scaled to `size`, in pixels of the 112 x 112 face: float64 ``(size², 2)``.

    Row after row. A pixel's centre lies half a pixel from its edge at any size.
    """
    along = (np.arange(size) + 0.5) * alignment.SIZE / size - 0.5
    x, y = np.meshgrid(along, along)
    return np.stack([x.ravel(), y.ravel()], -1)


def aligned_flow(
    motion: TrueMotion, first: tuple[int, np.ndarray], second: tuple[int, np.ndarray], size: int
) -> np.ndarray:
    """The true flow between two aligned faces.

    Args:
        motion: the video's motion.
        first, second: each frame's number and its transform ``(2, 3)`` from raw pixels to the 112 x 112 face.
        size: width and height the faces are scaled to, pixels.

    Returns:
        float64 ``(2, size, size)``: Vx and Vy in pixels of that size.
    """
    points = grid(size)
    raw = alignment.apply(cv2.invertAffineTransform(first[1]), points)
    shift = alignment.apply(second[1], motion.moved(raw, first[0], second[0])) - points
    return np.moveaxis(shift.reshape(size, size, 2), -1, 0) * (size / alignment.SIZE)


def face_area(landmarks: np.ndarray, size: int) -> np.ndarray:
    """The pixels of an aligned face whose centres lie in the convex hull of its landmarks.

    Args:
        landmarks: float ``(68, 2)``, pixels of the 112 x 112 face; some may lie beyond its border.
        size: width and height the face is scaled to, pixels.

    Returns:
        bool ``(size, size)``.
    """
    hull = cv2.convexHull(np.asarray(landmarks, np.float32))[:, 0].astype(np.float64)
    points = grid(size)
    following = np.roll(hull, -1, axis=0)
    edge, to_point = following - hull, points[:, None] - hull
    cross = edge[:, 0] * to_point[..., 1] - edge[:, 1] * to_point[..., 0]
    return (np.all(cross >= 0, axis=1) | np.all(cross <= 0, axis=1)).reshape(size, size)
