"""Raw frames: which file is which frame, and reading one with its hash in a single pass."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from mexflow.datasets.folders import numbered_files
from mexflow.errors import UserError
from mexflow.preprocess.headers import (
    JPEG,
    PNG,
    Header,
    Incomplete,
    check_bmp,
    check_png,
    has_hole,
    read_header,
)

_JPEG_END = b"\xff\xd9"

_SAMPLES = 9
"""Frames spread over a clip whose headers tell its size, if they agree."""

_HEAD = 1 << 16
"""Bytes of a file that nearly always hold its header."""


class DamagedFrame(Exception):
    """A frame that cannot be used; the text says which file and why."""


@dataclass(frozen=True)
class Frame:
    """A decoded raw frame: uint8 (h, w) grey or (h, w, 3) RGB, with the sha256 and size of its file, bytes.

    Both are None of a frame out of a video file: no bytes of the file are its own, and the file's hash stands for it.
    `orientation` is EXIF's, 1 to 8; the image is upright already.
    """

    image: np.ndarray
    sha256: str | None
    size: int | None
    orientation: int = 1


def frame_files(folder: Path, frame_name: str) -> list[tuple[int, Path]]:
    """The frames of a folder as (number, file), in the order of their numbers.

    Args:
        folder: a folder of frames.
        frame_name: the pattern of a frame's file name, as the videos table has it (`frame_name`).

    Raises:
        UserError: if the folder cannot be listed, or holds two files of one number.
    """
    frames = numbered_files(folder, frame_name)
    if frames.repeated:
        first, second = frames.repeated[0]
        raise UserError(f"{folder}: {first} and {second} are the same frame; keep one of them, and run again")
    return [(number, folder / name) for number, name in sorted(frames.files.items())]


def read_frame(path: Path) -> Frame:
    """Read, hash and decode one frame, and rotate it as its EXIF orientation says.

    Raises:
        DamagedFrame: if the file is missing, empty, truncated, no 8-bit grey or RGB image (JPEG, PNG or BMP), or if the
            decoder complains of its data: the picture it makes of them is then not the one that was taken.
    """
    data = _content(path)
    header = _header(path, data)
    try:
        image = _jpeg(data, header) if header.kind == JPEG else _lossless(data, header)
    except ValueError as error:
        raise DamagedFrame(f"{path}: {error}") from None
    return Frame(upright(image, header.orientation), hashlib.sha256(data).hexdigest(), len(data), header.orientation)


def common_shape(files: Sequence[Path]) -> tuple[int, ...] | None:
    """The shape that most frames of a clip have when decoded, by their headers: (h, w) or (h, w, 3).

    A few frames spread over the clip are looked at, all only if these differ. None if none of them can be read.
    """
    count = min(_SAMPLES, len(files))
    shapes = _shapes(files[i * (len(files) - 1) // max(1, count - 1)] for i in range(count))
    if len(shapes) > 1:
        shapes = _shapes(files)
    return shapes.most_common(1)[0][0] if shapes else None


def check_shape(path: Path, shape: tuple[int, ...], common: tuple[int, ...] | None) -> None:
    """Make sure that a frame has the shape of its clip.

    Raises:
        DamagedFrame: if it has another one.
    """
    if common is not None and shape != common:
        raise DamagedFrame(f"{path}: {_size(shape)}, where the frames of its clip are {_size(common)}")


def _shapes(files: Iterable[Path]) -> Counter[tuple[int, ...]]:
    shapes = Counter[tuple[int, ...]]()
    for path in files:
        try:
            with open(path, "rb") as handle:
                data = handle.read(_HEAD)
                try:
                    shapes[read_header(data).shape] += 1
                except Incomplete:
                    shapes[read_header(data + handle.read()).shape] += 1
        except (OSError, ValueError):
            continue
    return shapes


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]} {'colour' if len(shape) == 3 else 'grey'}"


def _header(path: Path, data: bytes) -> Header:
    try:
        header = read_header(data)
    except ValueError as error:
        raise DamagedFrame(f"{path}: {error}") from None
    if header.bits != 8:
        raise DamagedFrame(f"{path}: {header.bits}-bit pixels, 8-bit are expected")
    if header.channels not in (1, 3):
        raise DamagedFrame(f"{path}: {header.channels} channels (CMYK?), grey or RGB is expected")
    return header


def _jpeg(data: bytes, header: Header) -> np.ndarray:
    # What follows the end marker, such as the zeros that fill a block of the disk, does no harm.
    end = data.find(_JPEG_END, header.pixels_at)
    if end < 0:
        raise ValueError("the JPEG is truncated (no end marker)")
    try:
        return _decoded(data, header, end)
    except ValueError:
        # Some cameras fill the data up with zeros before the end marker. If it is complete without them, so is it.
        kept = len(data[:end].rstrip(b"\0"))
        if kept == end:
            raise
        return _decoded(data[:kept] + _JPEG_END, header, kept)


def _decoded(data: bytes, header: Header, end: int) -> np.ndarray:
    if has_hole(data, header, end):
        raise ValueError("the JPEG is damaged (zeros in the place of its data)")
    try:
        # OpenCV decodes to the same bits, but of damaged data it only warns.
        image = simplejpeg.decode_jpeg(data, "GRAY" if header.channels == 1 else "RGB")
    except ValueError as error:
        raise ValueError(f"the JPEG is damaged ({error})") from None
    return image[..., 0] if header.channels == 1 else image


def _lossless(data: bytes, header: Header) -> np.ndarray:
    # OpenCV finds the same, but has its own say on the terminal.
    if header.kind == PNG:
        check_png(data)
    else:
        check_bmp(data, header)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f"the {header.kind} cannot be decoded")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2RGB if image.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    return image


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """The image with the side up that EXIF's orientation, 1 to 8, says is up."""
    turn = {
        2: lambda: cv2.flip(image, 1),
        3: lambda: cv2.rotate(image, cv2.ROTATE_180),
        4: lambda: cv2.flip(image, 0),
        5: lambda: cv2.transpose(image),
        6: lambda: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
        7: lambda: cv2.transpose(cv2.rotate(image, cv2.ROTATE_180)),
        8: lambda: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
    }.get(orientation)
    return image if turn is None else turn()


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFrame(f"{path}: cannot be read ({error.strerror})") from None
    if not data:
        raise DamagedFrame(f"{path}: the file is empty")
    return data
