"""OpenCV's decoder (FFmpeg) of one video file: quiet, one thread, this file and no other.

What it decodes must not depend on the machine: FFmpeg makes other pictures of damaged data with more threads than one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from cv2.utils import logging

from mexflow.datasets.folders import shown
from mexflow.errors import UserError
from mexflow.preprocess.containers import mirrored, why_not
from mexflow.preprocess.frames import upright

# OpenCV reads it once, where a process opens its first video. Who wants FFmpeg's own say sets it, e.g. to 16.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"

# Playlists are videos to FFmpeg, too: they name other files, or addresses in the network.
_ONLY = "protocol_whitelist;file|format_whitelist;mov,matroska,avi,mpeg,mpegts,asf,flv,ogg,mxf,ivf,dv,nut"

_THREADS = 1

_TURNED = {90: 6, 180: 3, 270: 8}
"""EXIF's orientation by the degrees that OpenCV turns a picture."""

_MOST_MISSED = 10_000
"""Attempts in a row that may fail before the end of a file is taken to be reached: OpenCV gives up at a packet that it
cannot decode as it does at the end, but goes on when it is asked again. An attempt at the end takes less than a
microsecond."""


class Capture:
    """One pass through a video file, in order. It is to be used as a context manager.

    Attributes:
        orientation: EXIF's orientation, 1 to 8, by which the stored pictures are set upright.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            UserError: if OpenCV finds no video in the file, or it cannot be read.
        """
        try:
            orientation = mirrored(path)
            # From its root: a name is never taken for an address, an option or the number of a camera.
            name = os.path.abspath(path)
            with _silence(), _environment(_OPTIONS, _ONLY):
                self._capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, _THREADS])
            if not self._capture.isOpened():
                raise UserError(f"{shown(str(path))}: {why_not(path)}")
        except OSError as error:
            raise UserError(
                f"{shown(str(path))}: cannot be read ({error.strerror}); check its permissions and the disk"
            ) from None
        self._mirrored = orientation != 1
        if self._mirrored:
            # OpenCV knows turns alone, and turns such a picture upside down.
            self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        self.orientation = orientation if self._mirrored else _TURNED.get(self._rotation, 1)

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._capture.release()

    @property
    def announced(self) -> int | None:
        """How many frames the file says it holds, None if it does not say."""
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return round(count) if 0 < count < 1e9 else None

    @property
    def fps(self) -> float | None:
        """Frames per second as the file announces them, None if it does not."""
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        return fps if 0 < fps < 1e6 else None

    @property
    def codec(self) -> str:
        """Four letters for how its pictures are encoded."""
        letters = int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1")
        return "".join(letter if "!" <= letter <= "~" else "?" for letter in letters)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be known of how its pictures are shown."""
        remarks = []
        if self._mirrored:
            remarks.append("its pictures are mirrored, as the file says")
        elif self.orientation != 1:
            remarks.append(f"its pictures are turned by {self._rotation} degrees, as the file says")
        elif self._rotation % 360:
            remarks.append(f"the file asks for a turn by {self._rotation} degrees, which is not made")
        across, down = self._capture.get(cv2.CAP_PROP_SAR_NUM), self._capture.get(cv2.CAP_PROP_SAR_DEN)
        if across > 0 and down > 0 and abs(across / down - 1) > 0.01:
            remarks.append(
                f"its pixels are to be shown {across / down:.3g} times as wide as high, but are taken as squares: "
                "faces look stretched; convert it to square pixels"
            )
        return tuple(remarks)

    @property
    def _rotation(self) -> int:
        """By how many degrees, clockwise, the stored picture is to be turned."""
        return round(self._capture.get(cv2.CAP_PROP_ORIENTATION_META))

    def grabs(self) -> Iterator[int]:
        """Decode frame by frame; yields for each how many attempts failed just before it."""
        missed = 0
        while missed <= _MOST_MISSED:
            with _silence():
                decoded = self._capture.grab()
            if decoded:
                yield missed
                missed = 0
            else:
                missed += 1

    def stamp(self) -> float:
        """When the frame that was decoded last is to be shown, seconds; 0 also where that is unknown."""
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000

    def picture(self) -> np.ndarray | None:
        """The frame that was decoded last: uint8 (h, w, 3) BGR, upright; None if it has no picture."""
        with _silence():
            found, picture = self._capture.retrieve()
        if not found:
            return None
        return upright(picture, self.orientation) if self._mirrored else picture


@contextmanager
def _silence() -> Iterator[None]:
    """Keep OpenCV's messages off the terminal."""
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """A variable of the environment, set for a moment."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
