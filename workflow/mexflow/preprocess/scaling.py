"""Stored faces at the smaller sizes that papers ask for: 64 x 64, 90 x 90, grey or colour."""

from __future__ import annotations

import cv2
import numpy as np

from mexflow.errors import UserError


def scaled(faces: np.ndarray, size: int, grey: bool = True) -> np.ndarray:
    """Faces at a smaller size.

    Args:
        faces: uint8 (n, h, w, c), c = 1 (grey) or 3 (RGB).
        size: width and height of the result, pixels; at most those of the faces.
        grey: one channel, or three equal ones for a grey face.

    Returns:
        float32 (n, size, size), or (n, size, size, 3) if not `grey`, in [0, 1].

    Raises:
        UserError: if the faces are smaller than `size`: what is not there cannot be made.
    """
    if size > min(faces.shape[1:3]):
        raise UserError(f"faces of {faces.shape[2]}x{faces.shape[1]} pixels cannot be enlarged to {size}x{size}")
    result = np.empty((len(faces), size, size) if grey else (len(faces), size, size, 3), np.float32)
    for i, face in enumerate(faces):
        if grey:
            image = (
                face[..., 0] if face.shape[-1] == 1 else cv2.cvtColor(np.ascontiguousarray(face), cv2.COLOR_RGB2GRAY)
            )
        else:
            image = np.ascontiguousarray(np.broadcast_to(face, (*face.shape[:2], 3)))
        # Scaled as floats: rounding to 256 levels again would put steps into the derivatives.
        result[i] = cv2.resize(image.astype(np.float32) / 255, (size, size), interpolation=cv2.INTER_AREA)
    return result
