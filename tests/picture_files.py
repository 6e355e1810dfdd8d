"""Pictures as files that something happened to, or that say which side of them is up."""

from __future__ import annotations

import struct
import zlib

from mexflow.preprocess.headers import PNG, read_header


def with_orientation(data: bytes, orientation: int, order: str = "<") -> bytes:
    """A JPEG or PNG with an EXIF orientation; `order` is that of its bytes, ``<`` or ``>``."""
    tag = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    make = struct.pack(f"{order}HHII", 0x010F, 2, 4, 0)
    exif = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 2) + make + tag + bytes(4)
    if read_header(data).kind == PNG:
        return data[:33] + chunk(b"eXIf", exif) + data[33:]
    exif = b"Exif\0\0" + exif
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_hole(data: bytes, size: int, share: float = 0.5) -> bytes:
    """A picture with zeros in the place of `size` bytes of its coded pixels, that begin at a share of them."""
    first = read_header(data).pixels_at
    start = first + int(share * (len(data) - 2 - size - first))
    return data[:start] + bytes(size) + data[start + size :]
