"""What the file of a picture says before its pixels: kind, size, channels, and which side is up."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

JPEG, PNG, BMP = "JPEG", "PNG", "BMP"

_PNG_START = b"\x89PNG\r\n\x1a\n"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DHT, _SOS, _EOI, _APP1 = 0xC4, 0xDA, 0xD9, 0xE1
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length."""

_EXIF = b"Exif\0\0"
_ORIENTATION, _SHORT = 0x0112, 3

_HOLE = bytes(16)
"""Zero bytes in a row that the pixels of a JPEG are never coded as, see :func:`has_hole`."""


class Incomplete(ValueError):
    """The data end before the header does."""


@dataclass(frozen=True)
class Header:
    """`width` and `height` are those of the stored pixels, in pixels; `bits` is per channel; `orientation` is EXIF's, 1
    to 8, where 1 is upright; `pixels_at` is where the coded pixels begin, bytes."""

    kind: str
    width: int
    height: int
    channels: int
    bits: int
    orientation: int
    pixels_at: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the upright picture as it is decoded: (h, w) if grey, else (h, w, 3)."""
        size = (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)
        return size if self.channels == 1 else (*size, 3)


def read_header(data: bytes) -> Header:
    """The header of a JPEG, PNG or BMP, told by its content.

    Args:
        data: the file, or so much of its beginning as holds the header.

    Raises:
        Incomplete: if the data end within the header.
        ValueError: if they are no such picture.
    """
    if not data.startswith((b"\xff\xd8", _PNG_START, b"BM")):
        raise ValueError(f"not an image ({JPEG}, {PNG} or {BMP})")
    kind, read = (JPEG, _jpeg) if data[0] == 0xFF else (PNG, _png) if data[0] == 0x89 else (BMP, _bmp)
    try:
        header = read(data)
    except (struct.error, IndexError):
        raise Incomplete(f"the {kind} is truncated (in its header)") from None
    if not header.width or not header.height:
        raise ValueError(f"not an image (the {kind} says {header.width}x{header.height} pixels)")
    return header


def has_hole(data: bytes, header: Header, end: int) -> bool:
    """Whether pixels of a JPEG were overwritten with zeros, as by a copy that was interrupted.

    A decoder takes zeros for coefficients, and need not notice. Mostly, zero bits are the code of small coefficients
    one after the other: 128 bits would be some 40 equal ones in a row, which is no picture. Where they are the code of
    "nothing more in this block" a flat area looks so, and where a scan refines an earlier one (progressive JPEGs) they
    are common: there, zeros prove nothing.

    Args:
        data: the file.
        header: its header.
        end: where the coded pixels end, bytes.
    """
    return data.find(_HOLE, header.pixels_at, end) >= 0 and not _zeros_are_common(data, header)


def check_png(data: bytes) -> None:
    """Make sure that a PNG is whole: all its chunks up to the last, and the checksums of those that its pixels need.

    Raises:
        ValueError: if it is not.
    """
    for name, start, end in _chunks(data):
        if end + 4 > len(data):
            break
        # Capitals are what a picture cannot be decoded without.
        if name[:1].isupper() and zlib.crc32(data[start - 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise ValueError(f"the PNG is damaged (checksum of {name.decode('ascii', 'replace')})")
        if name == b"IEND":
            return
    raise ValueError("the PNG is truncated")


def check_bmp(data: bytes, header: Header) -> None:
    """Make sure that a BMP holds all its pixels, if they are not compressed.

    Raises:
        ValueError: if it does not.
    """
    size = struct.unpack_from("<I", data, 14)[0]
    depth = struct.unpack_from("<H", data, 24 if size == 12 else 28)[0]
    compression = 0 if size == 12 else struct.unpack_from("<I", data, 30)[0]
    row = (header.width * depth + 31) // 32 * 4
    if compression in (0, 3) and header.pixels_at + row * header.height > len(data):
        raise ValueError("the BMP is truncated")


def _jpeg(data: bytes) -> Header:
    size, orientation = None, 1
    for marker, start, end in _segments(data):
        if marker in _SOF:
            size = struct.unpack_from(">BHHB", data, start)
        elif marker == _APP1 and orientation == 1 and data.startswith(_EXIF, start):
            orientation = _orientation(data[start + len(_EXIF) : end])
        elif marker == _SOS and size is not None:
            bits, height, width, channels = size
            return Header(JPEG, width, height, channels, bits, orientation, end)
        elif marker in (_SOS, _EOI):
            raise ValueError("not an image (a JPEG without a picture)")
    raise Incomplete("the JPEG is truncated (in its header)")


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments of a JPEG up to its first pixels: marker, and where what it holds begins and ends."""
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise ValueError("the JPEG is damaged (in its header)")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in _BARE:
            continue
        if marker == _EOI:
            yield marker, at, at
            return
        end = at + struct.unpack_from(">H", data, at)[0]
        if end < at + 2:
            raise ValueError("the JPEG is damaged (in its header)")
        if end > len(data):
            return
        yield marker, at + 2, end
        if marker == _SOS:
            return
        at = end


def _zeros_are_common(data: bytes, header: Header) -> bool:
    """Whether zero bits may stand for a flat area: in progressive JPEGs, and where they are the code of "nothing more
    in this block" for all components, which is then the first of each table of AC coefficients."""
    first: dict[int, int] = {}
    for marker, start, end in _segments(data):
        if marker in _SOF and marker > 0xC1:
            return True
        if marker == _DHT:
            at = start
            while at + 17 < end:
                first[data[at]] = data[at + 17]
                at += 17 + sum(data[at + 1 : at + 17])
        elif marker == _SOS:
            count = data[start]
            # One component a scan: some are flat where others are not.
            tables = [data[start + 2 + 2 * i] & 0x0F for i in range(count)]
            return count < header.channels or all(first.get(0x10 | table, 0) == 0 for table in tables)
    return True


def _png(data: bytes) -> Header:
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    orientation = 1
    for name, start, end in _chunks(data):
        if name == b"eXIf":
            orientation = _orientation(data[start:end])
        elif name == b"IDAT":
            # Palettes are decoded into colours; fewer than 8 bits into 8.
            return Header(PNG, width, height, 3 if colour else 1, max(bits, 8), orientation, start)
        elif name == b"IEND":
            raise ValueError("not an image (a PNG without a picture)")
    raise Incomplete("the PNG is truncated (in its header)")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG that begin within the data: name, and where what it holds begins and ends."""
    at = len(_PNG_START)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, at + 8, at + 8 + length
        at += 12 + length


def _bmp(data: bytes) -> Header:
    pixels_at, size = struct.unpack_from("<I", data, 10)[0], struct.unpack_from("<I", data, 14)[0]
    if size == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        colours_used, entry = 0, 3
    else:
        width, height, _, depth = struct.unpack_from("<iiHH", data, 18)
        colours_used, entry = struct.unpack_from("<I", data, 46)[0], 4
    if depth > 8:
        return Header(BMP, abs(width), abs(height), 3, 8, 1, pixels_at)
    colours, at = min(colours_used or 1 << depth, 1 << depth), 14 + size
    palette = [data[i : i + 3] for i in range(at, at + entry * colours, entry)]
    if len(palette[-1]) < 3:
        raise Incomplete("the BMP is truncated (in its header)")
    grey = all(blue == green == red for blue, green, red in palette)
    return Header(BMP, abs(width), abs(height), 1 if grey else 3, 8, 1, pixels_at)


def _orientation(exif: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 where it says none, or nothing that can be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    try:
        if order is None:
            return 1
        at = struct.unpack_from(f"{order}I", exif, 4)[0]
        for i in range(struct.unpack_from(f"{order}H", exif, at)[0]):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, at + 2 + 12 * i)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
