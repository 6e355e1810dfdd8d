"""CropNet's face: one eye-levelled box for a whole clip, 320 x 320.

The landmarks of the clip's first frame fix the box. A box for each frame would put the alignment's own motion into
the residual of the frames.
"""

from __future__ import annotations

import numpy as np

from mexflow.preprocess import alignment

SIZE = 320
"""Width and height of the boxed face, pixels."""

_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)


def box_matrix(landmarks: np.ndarray, margin: float = 0.1) -> np.ndarray:
    """The transform that levels the eyes and fills the image with the face.

    The bounds of the 68 points in the levelled frame, widened by `margin` of their width and height at each side, and
    made square about their centre by the longer side, so that the face keeps its proportions.

    Args:
        landmarks: float (68, 2), pixels of the raw frame.
        margin: share of width and height, at each side.

    Returns:
        float64 (2, 3), from pixels of the raw frame to pixels of the 320 x 320 image.
    """
    points = np.asarray(landmarks, np.float64)
    across = points[_LEFT_EYE].mean(0) - points[_RIGHT_EYE].mean(0)
    cosine, sine = across / np.hypot(*across)
    level = np.array([[cosine, sine], [-sine, cosine]])
    levelled = points @ level.T
    low, high = levelled.min(0), levelled.max(0)
    scale = SIZE / ((high - low).max() * (1 + 2 * margin))
    # The centre of the box comes to the centre of the pixels 0 ... 319.
    shift = (SIZE - 1) / 2 - scale * (low + high) / 2
    return np.column_stack([scale * level, shift])


def boxed(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The boxed face of a raw frame.

    Args:
        image: uint8 (h, w) or (h, w, 3) RGB.
        matrix: float (2, 3), see :func:`box_matrix`.

    Returns:
        uint8 (320, 320, 3); the channels of a grey frame are equal.
    """
    face = alignment.warp(image, matrix, SIZE)
    return face if face.ndim == 3 else np.repeat(face[..., None], 3, axis=2)
