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

# OpenCV reads it once, where a process opens its first video. Who wants FFmpeg's own say sets it, e.g. to 16.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"

# Playlists are videos to FFmpeg, too: they name other files, or addresses in the network.
_ONLY = "protocol_whitelist;file|format_whitelist;mov,matroska,avi,mpeg,mpegts,asf,flv,ogg,mxf,ivf,dv,nut"

_THREADS = 1

_MOST_MISSED = 10_000
"""Attempts in a row that may fail before the end of a file is taken to be reached: OpenCV gives up at a packet that it
cannot decode as it does at the end, but goes on when it is asked again. An attempt at the end takes less than a
microsecond."""


class Capture:
    """One pass through a video file, in order. It is to be used as a context manager.

    Attributes:
        opened: whether OpenCV finds a video in it; if not, nothing else can be asked.
    """

    def __init__(self, path: Path) -> None:
        # From its root: a name is never taken for an address, an option or the number of a camera.
        name = os.path.abspath(path)
        with _silence(), _environment(_OPTIONS, _ONLY):
            self._capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, _THREADS])
        self.opened = self._capture.isOpened()

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
    def rotation(self) -> int:
        """By how many degrees, clockwise, the stored picture is to be turned; a multiple of 90 is applied."""
        return round(self._capture.get(cv2.CAP_PROP_ORIENTATION_META))

    @property
    def pixel_aspect(self) -> float:
        """How much wider than high a pixel is to be shown."""
        across, down = self._capture.get(cv2.CAP_PROP_SAR_NUM), self._capture.get(cv2.CAP_PROP_SAR_DEN)
        return across / down if across > 0 and down > 0 else 1.0

    def as_stored(self) -> None:
        """Give pictures as they are stored from now on, not as they are to be turned."""
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)

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
        """The frame that was decoded last: uint8 (h, w, 3) BGR, turned as the file says; None if it has no picture."""
        with _silence():
            return self._capture.retrieve()[1]


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
