"""A video again, with marks: what was spotted while it lasts, what cannot be said, and all of it on a line of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mexflow.analysis import honesty
from mexflow.analysis.report import UNSEEN, Event, Report
from mexflow.errors import UserError
from mexflow.store.artifacts import Outputs
from mexflow.store.working import working_folder

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
"""How a video is encoded, by the end of its name: MPEG-4 part 2, which any player plays, browsers do not; or JPEGs."""
_MOST_TICKS = 65_535
"""MPEG-4 counts a second in so many ticks at most."""

_MICRO, _MACRO, _GREY, _INK, _GROUND = (0, 160, 255), (235, 140, 30), (140, 140, 140), (255, 255, 255), (25, 25, 25)
_COLOURS = {"micro": _MICRO, "macro": _MACRO, UNSEEN: _GREY}
"""Of the marks, blue, green, red."""
_ROWS = ("micro", "macro")
_BOLD = 600


def annotate(
    frames: Iterable[np.ndarray], report: Report, path: Path, outputs: Outputs, numbers: Sequence[int] | None = None
) -> None:
    """Write a video with the marks of a report, of the same size and rate; nothing is there before `outputs` commits.

    While an expression lasts the picture has a border, its type, and its class with the probability; while nothing can
    be said it says why. At the bottom all events stand on a line of time.

    Args:
        frames: all frames of the video in their order, uint8 (h, w), (h, w, 1) or (h, w, 3) RGB, all of one size. These
            formats have even sizes: of an odd one the last column or row is left out.
        report: what was found in it.
        path: the file to write, ``.mp4`` or ``.avi``, see :data:`CODECS`.
        outputs: writes it.
        numbers: which frames of the video these are, rising; else they count from 0.

    Raises:
        UserError: if the file cannot be written, or there is no frame.
        ValueError: if a frame is of another size than the first.
    """
    if path.suffix.lower() not in CODECS:
        raise UserError(f"{path}: a video with marks is written as {' or '.join(CODECS)}; choose one of them")
    numbers = np.arange(report.source.frames) if numbers is None else np.asarray(numbers)
    with working_folder(path.parent, f"{path.name}-marks") as folder:
        made = folder / f"marked{path.suffix.lower()}"
        written = _write(made, frames, report, numbers, path)
        if not written:
            raise UserError(f"{report.source.path}: no frames, so there is no video with marks")
        if _frames_in(made) != written:
            raise UserError(f"{path}: the video was not written whole; is the disk full? Nothing was left there")
        outputs.copy(path, made)


def _write(made: Path, frames: Iterable[np.ndarray], report: Report, numbers: np.ndarray, path: Path) -> int:
    """Write the frames with their marks; returns how many."""
    writer: cv2.VideoWriter | None = None
    marks: _Marks | None = None
    count = 0
    try:
        for number, frame in zip(numbers, frames, strict=False):
            if writer is None or marks is None:
                size = frame.shape[1] & ~1, frame.shape[0] & ~1
                writer = _writer(made, _rate(report.source.fps, made.suffix), size, path)
                marks = _Marks(report, numbers, frame.shape[:2])
            writer.write(marks.drawn(frame, int(number), count))
            count += 1
    finally:
        if writer is not None:
            writer.release()
    return count


def _writer(made: Path, fps: float, size: tuple[int, int], path: Path) -> cv2.VideoWriter:
    kind = CODECS[made.suffix]
    writer = cv2.VideoWriter(str(made), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*kind), fps, size)
    if not writer.isOpened():
        raise UserError(
            f"{path}: OpenCV cannot write {kind} of {size[0]} x {size[1]} pixels at {fps:g} frames a second"
        )
    return writer


def _rate(fps: float, ending: str) -> float:
    """A rate that the format can hold: as many of three digits behind the point as there are ticks for."""
    if ending != ".mp4":
        return fps
    return next(round(fps, digits) for digits in (3, 2, 1, 0) if fps * 10**digits <= _MOST_TICKS or not digits)


def _frames_in(video: Path) -> int:
    opened = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    try:
        return int(opened.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        opened.release()


class _Marks:
    """The marks of a report on frames of a size; what is the same on every frame is drawn once."""

    def __init__(self, report: Report, numbers: np.ndarray, size: tuple[int, int]) -> None:
        self._events = report.events
        self._size = size
        height, width = size
        self._height, self._width = height & ~1, width & ~1
        self._line = max(1, height // 160)
        self._letters = max(8, height // 24)
        self._font = cv2.FontFace("sans")
        self._count = len(numbers)
        self._strip = self._timeline(numbers)
        self._said = honesty.FOR_TRYING if honesty.synthetic(report) else ""

    def drawn(self, frame: np.ndarray, number: int, place: int) -> np.ndarray:
        """A frame with its marks, uint8 (h, w, 3), blue, green, red; `place` is its place among all."""
        if frame.shape[:2] != self._size:
            raise ValueError(f"frame {number} is of shape {frame.shape[:2]}, the first of {self._size}")
        frame = np.ascontiguousarray(frame[: self._height, : self._width])
        colour = frame.ndim == 3 and frame.shape[2] == 3
        picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR if colour else cv2.COLOR_GRAY2BGR)
        top = 2 * self._line
        for event in self._events:
            if event.onset <= number <= event.offset:
                top = self._mark(picture, event, top, number == event.apex)
        bottom = self._height - len(self._strip)
        picture[bottom:] = self._strip
        at = self._across(place)
        picture[bottom:, at : at + max(1, self._line)] = _INK
        if self._said:
            self._write(picture, self._said, bottom - self._line, self._letters * 2 // 3, _INK)
        return picture

    def _mark(self, picture: np.ndarray, event: Event, top: int, at_apex: bool) -> int:
        """The border of an event, and below `top` what it is; returns where the next one begins."""
        colour = _COLOURS[event.type]
        if event.type != UNSEEN:
            wide = self._line * (5 if at_apex else 3)
            cv2.rectangle(picture, (0, 0), (self._width - 1, self._height - 1), colour, wide)
        bottom = top + self._letters * 3 // 2
        self._write(picture, _told(event), bottom, self._letters, colour)
        return bottom

    def _write(self, picture: np.ndarray, text: str, bottom: int, letters: int, colour: Sequence[int]) -> None:
        """A line of text on a dark ground, as large as wanted, or as fits."""
        left = 4 * self._line
        place, size = (left, bottom - letters // 3), (self._width, self._height)
        wide = cv2.getTextSize(size, text, place, self._font, letters, _BOLD)[2]
        if wide > self._width - 2 * left:
            letters = max(1, letters * (self._width - 2 * left) // wide)
            wide = cv2.getTextSize(size, text, place, self._font, letters, _BOLD)[2]
        cv2.rectangle(picture, (left // 2, bottom - letters * 3 // 2), (left * 3 // 2 + wide, bottom), _GROUND, -1)
        cv2.putText(picture, text, place, colour, self._font, letters, _BOLD)

    def _across(self, place: int) -> int:
        return place * (self._width - self._line) // max(1, self._count - 1)

    def _timeline(self, numbers: np.ndarray) -> np.ndarray:
        """A row for each type of expression, and over both what cannot be said."""
        row = max(3, self._height // 60)
        strip = np.full((2 * row, self._width, 3), _GROUND, np.uint8)
        for event in sorted(self._events, key=lambda one: one.type != UNSEEN):
            first, last = np.searchsorted(numbers, [event.onset, event.offset])
            rows = (
                slice(None)
                if event.type == UNSEEN
                else slice(*(row * (_ROWS.index(event.type) + one) for one in (0, 1)))
            )
            strip[rows, self._across(int(first)) : self._across(int(last)) + self._line] = _COLOURS[event.type]
        return strip


def _told(event: Event) -> str:
    """What a frame of an event says."""
    if event.type == UNSEEN:
        return f"nothing can be said: {event.reason}"
    if event.label is None:
        return event.type
    probability = (event.probabilities or {}).get(event.label)
    return f"{event.type}: {event.label}" + ("" if probability is None else f" {100 * probability:.0f} %")
