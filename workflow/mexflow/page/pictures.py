"""Pictures inside the page, as WebP: small, and the same bytes wherever the same libraries made them."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs

_PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
_WORTH = 4096


def uri(image: np.ndarray, quality: int) -> str:
    """A picture as an address that holds it.

    Args:
        image: uint8 (H, W), (H, W, 3) in OpenCV's order of colours, or (H, W, 4).
        quality: 1 to 100, as OpenCV counts it for WebP.
    """
    encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    return f"data:image/webp;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def smaller(address: str, quality: int = 88) -> str:
    """A PNG that an address holds as WebP, where that takes less space; any other address as it is."""
    found = _PNG.fullmatch(address)
    if found is None or len(address) < _WORTH:
        return address
    image = cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_UNCHANGED)
    made = uri(image, quality) if image is not None and image.dtype == np.uint8 else address
    return min(made, address, key=len)


def thumbnail(path: Path, width: int, most: int, inputs: Inputs, quality: int = 60) -> str:
    """The upper part of a picture, that many pixels wide and at most so many high.

    Raises:
        UserError: if it cannot be read.
    """
    image = cv2.imdecode(np.frombuffer(inputs.bytes(path), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f"{path}: no picture; delete it and run again")
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return uri(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)[:most], quality)
