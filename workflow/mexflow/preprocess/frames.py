"""Raw frames: which file is which frame, and reading one with its hash in a single pass."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mexflow.errors import UserError

_NUMBERED = re.compile(r"(?:.*\D)?(\d+)\.(?:jpe?g|png|bmp)", re.IGNORECASE)
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


class DamagedFrame(Exception):
    """A frame that cannot be used; the text says which file and why."""


@dataclass(frozen=True)
class Frame:
    """A decoded raw frame: uint8 (h, w) grey or (h, w, 3) RGB, with the sha256 and size of its file."""

    image: np.ndarray
    sha256: str
    size: int


def frame_files(folder: Path) -> list[tuple[int, Path]]:
    """The frames of a folder as (number, file), in the order of their numbers.

    Raises:
        UserError: if the folder cannot be listed, or holds two files of one number.
    """
    try:
        names = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror}); check the dataset's root") from None
    frames: dict[int, Path] = {}
    for path in sorted(names):
        if match := _NUMBERED.fullmatch(path.name):
            number = int(match[1])
            if number in frames:
                raise UserError(f"{folder}: {frames[number].name} and {path.name} are both frame {number}; keep one")
            frames[number] = path
    return sorted(frames.items())


def read_frame(path: Path) -> Frame:
    """Read, hash and decode one frame.

    Raises:
        DamagedFrame: if the file is missing, empty, truncated, or not an 8-bit image.
    """
    data = _content(path)
    # Some versions of OpenCV decode a truncated JPEG into a picture that is grey from some line on, and only warn.
    if data.startswith(_JPEG_START) and _JPEG_END not in data[-1024:]:
        raise DamagedFrame(f"{path}: the JPEG is truncated (no end marker)")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise DamagedFrame(f"{path}: not an image")
    if image.dtype != np.uint8:
        raise DamagedFrame(f"{path}: {image.dtype} pixels, 8-bit are expected")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2RGB if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return Frame(image, hashlib.sha256(data).hexdigest(), len(data))


def hash_frame(path: Path) -> tuple[str, int]:
    """The sha256 (hex) and the size in bytes of a frame's file, which is not decoded.

    Raises:
        DamagedFrame: if the file is missing or empty.
    """
    data = _content(path)
    return hashlib.sha256(data).hexdigest(), len(data)


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFrame(f"{path}: cannot be read ({error.strerror})") from None
    if not data:
        raise DamagedFrame(f"{path}: the file is empty")
    return data
