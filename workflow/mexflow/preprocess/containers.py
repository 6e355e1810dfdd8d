"""What the bytes of a video file say themselves: why it cannot be opened, and whether its picture is mirrored.

OpenCV says neither: of a file that it cannot open it tells nothing, and a mirrored picture it turns upside down.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HEAD = 1 << 16
"""Bytes of a file that are looked at to tell what it is."""

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""Boxes that a mp4 or mov may begin with."""

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"GIF8")
_SOUNDS = (b"ID3", b"fLaC", b"#!AMR", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1")

_MIRRORED = {(-1, 0, 0, 1): 2, (1, 0, 0, -1): 4, (0, 1, 1, 0): 5, (0, -1, -1, 0): 7}
"""EXIF's orientation by the signs of a display matrix (a, b, c, d) that mirrors."""


def is_avi(path: Path) -> bool:
    """Whether a file is an AVI, whose frames come at one rate and carry no time stamps of their own."""
    head = _head(path)
    return head[:4] == b"RIFF" and head[8:12] == b"AVI "


def counts_frames(path: Path) -> bool:
    """Whether a file is of a kind that says how many frames it holds (avi, mp4, mov), or only how long it is."""
    return is_avi(path) or _head(path)[4:8] in _BOXES


def mirrored(path: Path) -> int:
    """The EXIF orientation (2, 4, 5 or 7) of the picture of a mp4 or mov that is to be shown mirrored; 1 of any other.

    It is in the display matrix of the first video track (ISO/IEC 14496-12, 8.3.2).
    """
    if _head(path)[4:8] not in _BOXES:
        return 1
    with open(path, "rb") as file:
        track = _video_track(file)
        if track is None:
            return 1
        for start, _ in _find(file, track, b"tkhd"):
            file.seek(start)
            version = file.read(1)
            file.seek(start + (52 if version == b"\1" else 40))
            matrix = [_signed(file.read(4)) for _ in range(5)]
            signs = tuple((value > 0) - (value < 0) for value in (matrix[0], matrix[1], matrix[3], matrix[4]))
            return _MIRRORED.get(signs, 1)
    return 1


def why_not(path: Path) -> str:
    """Why OpenCV finds no video in a file, and what to do about it, as the end of a line after the file's name."""
    head = _head(path)
    if not head:
        return "the file is empty (0 bytes); copy it again"
    if head[4:8] in _BOXES:
        return _why_not_mp4(path)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE" or head.startswith(_SOUNDS):
        return "is sound without a picture; give the file that holds the video"
    if head.startswith(_PICTURES):
        return "is a picture, not a video; give the folder that holds all frames"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        codec = re.search(rb"vids(.{4})", head, re.DOTALL)
        return _no_decoder(codec[1]) if codec else "holds no video (only sound?); give the file that holds the video"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        codec = re.search(rb"V_[A-Z0-9/_]+", head)
        return _no_decoder(codec[0]) if codec else "holds no video (only sound?); give the file that holds the video"
    if b"\0" not in head and _is_text(head):
        return "is text, not a video; give a video file, or a folder of frames"
    return "is no video that OpenCV can read; give a mp4, avi, mov, mkv or webm, or convert it to one"


def _why_not_mp4(path: Path) -> str:
    with open(path, "rb") as file:
        whole = (0, os.fstat(file.fileno()).st_size)
        if not list(_find(file, whole, b"moov")):
            return "is cut short: the index at its end (moov) is missing; copy it again, or repair it where it was made"
        track = _video_track(file)
        if track is None:
            return "holds no video (only sound?); give the file that holds the video"
        for start, _ in _find(file, track, b"mdia", b"minf", b"stbl", b"stsd"):
            file.seek(start + 12)
            return _no_decoder(file.read(4))
    return "is damaged: its index (moov) says nothing of its pictures; copy it again"


def _no_decoder(codec: bytes) -> str:
    name = re.sub(r"[^\x21-\x7e]", "?", codec.decode("latin-1"))
    return f"its video (codec {name}) cannot be decoded by OpenCV; copy it again if it may be damaged, else convert it"


def _video_track(file: BinaryIO) -> tuple[int, int] | None:
    """Where the content of the first video track's box is."""
    whole = (0, os.fstat(file.fileno()).st_size)
    for track in _find(file, whole, b"moov", b"trak"):
        for start, _ in _find(file, track, b"mdia", b"hdlr"):
            file.seek(start + 8)
            if file.read(4) == b"vide":
                return track
    return None


def _find(file: BinaryIO, within: tuple[int, int], name: bytes, *deeper: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of all boxes of a name are, or of the boxes in them, and so on."""
    at, end = within
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, content = int.from_bytes(head[:4]), at + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16]), at + 16
        elif size == 0:
            size = end - at
        if size < content - at:
            return
        if head[4:8] == name:
            found = (content, min(at + size, end))
            if deeper:
                yield from _find(file, found, *deeper)
            else:
                yield found
        at += size


def _signed(four: bytes) -> int:
    return int.from_bytes(four, signed=True)


def _is_text(head: bytes) -> bool:
    try:
        # The last letter may be cut.
        head[:-4].decode()
    except UnicodeDecodeError:
        return False
    return True


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_HEAD)
