"""Aligned faces of a video, streamed: decode, hash, find, smooth, align, write.

Frames wait in a short queue until the landmarks around them are known (for smoothing, and for filling gaps);
memory does not grow with the length of a video.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mexflow.errors import UserError
from mexflow.preprocess import alignment
from mexflow.preprocess.frames import DamagedFrame, Frame, check_shape, common_shape, frame_files, read_frame
from mexflow.preprocess.head import inverse
from mexflow.preprocess.landmarks import Box, Found, Tracker, grey_of

T = TypeVar("T")

_EVERY = 4
"""Landmarks are predicted in every so many frames where they are smoothed, and moved with the head between."""

_EXPRESSION = 2.0
"""Most smoothing, in frames, of the landmarks as they are stored: more would make them late for an expression. What
aligns the face may be smoothed more, for it is no part of an expression."""

_LONGEST_GAP = 25
"""Frames without a face that may wait for the next face, to be interpolated between the two."""

_SAMPLES = 9
"""Frames spread over a video that are looked at where several faces are seen, to tell which one persists."""


@dataclass(frozen=True)
class FaceSettings:
    """Settings of face alignment (`preprocess.faces` in config.yaml).

    `smoothing` is in frames. `unreadable` says what a damaged frame does: with ``error`` it stops the job, with
    ``exclude`` it gets the state ``unreadable``; whether that costs it or its clip, :func:`exclusion` says.
    """

    smoothing: float = 15.0
    max_missed: float = 0.2
    unreadable: str = "error"


@dataclass
class AlignedFrame:
    """One frame's aligned face and its row of the table.

    `image` is uint8 (112, 112) or (112, 112, 3) RGB, black where no face is known. `row` has the columns of
    :data:`mexflow.preprocess.table_schemas.FACES`, without dataset, subject, video and path. `rotated` says whether
    the raw picture was rotated as its EXIF orientation says, `damage` why the frame is ``unreadable``.
    """

    image: np.ndarray
    row: dict[str, Any]
    rotated: bool = False
    damage: str | None = None


@dataclass
class _Waiting:
    """A frame whose face is not yet written; `landmarks` are None as long as they are unknown."""

    number: int
    name: str
    frame: Frame | None
    damage: str | None
    found: Found | None
    landmarks: np.ndarray | None
    head: np.ndarray | None
    state: str


@dataclass
class _Track:
    """The landmarks around the frames that wait, for smoothing.

    They are kept where the head was when the track began: there, only an expression and the predictor's errors move
    them, and they can be averaged over many frames without following the head late.
    """

    sigma: float
    known: deque[tuple[int, np.ndarray]] = field(default_factory=deque)

    @property
    def radius(self) -> int:
        """How many frames before and after one take part in its mean."""
        return _radius(self.sigma)

    def add(self, position: int, landmarks: np.ndarray, head: np.ndarray) -> None:
        self.known.append((position, alignment.apply(inverse(head), landmarks)))

    def smooth(self, position: int, head: np.ndarray, sigma: float) -> np.ndarray:
        """Gaussian mean of the landmarks about `position`; at the ends of the clip over those there are."""
        while self.known and self.known[0][0] < position - self.radius:
            self.known.popleft()
        total, weight, radius = np.zeros((68, 2)), 0.0, _radius(sigma)
        for at, landmarks in self.known:
            if abs(at - position) <= radius:
                share = math.exp(-0.5 * ((at - position) / sigma) ** 2) if sigma else 1.0
                total += share * landmarks
                weight += share
        return alignment.apply(head, total / weight)


def _radius(sigma: float) -> int:
    return math.ceil(2 * sigma)


def align_video(folder: Path, expected: int, frame_name: str, settings: FaceSettings) -> Iterator[AlignedFrame]:
    """Align the face in every frame of a folder, in the order of frame numbers.

    Args:
        folder: a folder of frames.
        expected: how many frames the index found there.
        frame_name: the pattern of their file names, as the index has it.
        settings: see :class:`FaceSettings`.

    Yields:
        One :class:`AlignedFrame` a frame.

    Raises:
        UserError: if a frame is damaged, or has another size or other channels than its clip (unless
            `settings.unreadable` is ``exclude``); or if the folder no longer holds the frames of the index.
    """
    files = indexed_files(folder, expected, frame_name)
    shape = common_shape([file for _, file in files])

    def read(file: Path) -> Frame:
        frame = read_frame(file)
        check_shape(file, frame.image.shape, shape)
        return frame

    def samples() -> Iterator[np.ndarray]:
        for position in sample_positions(len(files)):
            try:
                yield grey_of(read(files[position][1]).image)
            except DamagedFrame:
                continue

    frames = ((number, file.name, partial(read, file)) for number, file in files)
    yield from align(frames, shape, samples, settings)


def align(
    frames: Iterable[tuple[int, str, Callable[[], Frame]]],
    shape: tuple[int, ...] | None,
    samples: Callable[[], Iterable[np.ndarray]],
    settings: FaceSettings,
    near: Box | None = None,
) -> Iterator[AlignedFrame]:
    """Align the face in every frame of a video, wherever its frames come from.

    Args:
        frames: of each frame in order its number, the name of its file, and what reads it; that is called once, before
            the next frame is asked for. It raises :class:`mexflow.preprocess.frames.DamagedFrame` if it cannot be used.
        shape: of the frames, (h, w) or (h, w, 3).
        samples: gives the grey, uint8 (h, w), of some frames spread over the video (:func:`sample_positions`); it is
            called only where several faces are seen.
        settings: see :class:`FaceSettings`.
        near: where the face is that is followed, pixels; None for the one that persists.

    Yields:
        One :class:`AlignedFrame` a frame.

    Raises:
        UserError: if a frame is damaged and `settings.unreadable` is ``error``.
    """
    every = _EVERY if settings.smoothing >= 2 * _EVERY else 1
    track, tracker = _Track(settings.smoothing), Tracker(samples, every, near)
    queue: deque[_Waiting] = deque()
    written, last, before, count = 0, -1, None, 0

    def emit(upto: int) -> Iterator[AlignedFrame]:
        """Write waiting frames before position `upto`."""
        nonlocal written
        while written < upto:
            yield _aligned(queue.popleft(), track, written, shape)
            written += 1

    for position, (number, name, read) in enumerate(frames):
        count = position + 1
        frame, damage = or_damage(read, settings.unreadable)
        face = None if frame is None else tracker.next(frame.image)
        landmarks = face.landmarks if face else None
        head = face.head if face else None
        state = face.state if face else "unreadable"
        queue.append(_Waiting(number, name, frame, damage, face, landmarks, head, state))
        if landmarks is not None:
            if last >= 0 and 0 < position - last - 1 <= _LONGEST_GAP:
                _fill(queue, track, before, written, last, position)
            if face.predicted:
                track.add(position, landmarks, face.head)
            last, before = position, queue[-1]
            yield from emit(position - track.radius + 1)
        elif position - last > _LONGEST_GAP:
            # The gap is too long to wait for its end: these frames stay without a face. What waits on are frames
            # before the gap whose smoothing may reach beyond it.
            yield from emit(position - track.radius + 1)
    yield from emit(count)


def indexed_files(folder: Path, expected: int, frame_name: str) -> list[tuple[int, Path]]:
    """The frames of a folder as (number, file), in order.

    Raises:
        UserError: if there are not as many as the index expects.
    """
    files = frame_files(folder, frame_name)
    if len(files) != expected:
        numbers = {number for number, _ in files}
        between = range(min(numbers, default=0), max(numbers, default=0))
        gone = list(islice((str(number) for number in between if number not in numbers), 6))
        named = f" (between its first and last, {', '.join(gone[:5])} {'is' if len(gone) == 1 else 'are'} not there)"
        raise UserError(
            f"{folder}: {len(files)} frames, the index says {expected}{named if gone else ''}; the folder changed: "
            "restore it, or run the workflow again to index it anew"
        )
    return files


def _fill(queue: deque[_Waiting], track: _Track, before: _Waiting, first: int, last: int, position: int) -> None:
    """Interpolate face and head of the waiting frames between the face `before`, at `last`, and that at `position`."""
    # Frames of a gap wait as long as it may be filled.
    after = queue[-1]
    for at in range(last + 1, position):
        waiting = queue[at - first]
        if waiting.frame is None:
            continue
        share = (at - last) / (position - last)
        waiting.landmarks = (1 - share) * before.landmarks + share * after.landmarks
        waiting.head = (1 - share) * before.head + share * after.head
        waiting.state = "interpolated"
        track.add(at, waiting.landmarks, waiting.head)


def sample_positions(count: int) -> list[int]:
    """Positions of a few of `count` frames spread evenly over a video, ascending."""
    samples = min(_SAMPLES, count)
    return [(2 * i + 1) * count // (2 * samples) for i in range(samples)]


def or_damage(read: Callable[[], T], unreadable: str) -> tuple[T | None, str | None]:
    """What `read` makes of its raw frame; or None, and why, if it is damaged and `unreadable` is ``exclude``.

    Raises:
        UserError: if it is damaged and `unreadable` is ``error``.
    """
    try:
        return read(), None
    except DamagedFrame as error:
        if unreadable == "exclude":
            return None, str(error)
        raise UserError(
            f"{error}; restore it from the dataset's owners, or set preprocess.faces.unreadable: exclude in config.yaml"
        ) from None


def _aligned(waiting: _Waiting, track: _Track, position: int, shape: tuple[int, ...] | None) -> AlignedFrame:
    colour = shape is not None and len(shape) == 3
    row: dict[str, Any] = {
        "frame": waiting.number,
        "file": waiting.name,
        "sha256": waiting.frame.sha256 if waiting.frame else None,
        "size": waiting.frame.size if waiting.frame else None,
        "state": waiting.state,
        "faces": waiting.found.faces if waiting.found else 0,
        "choice": waiting.found.choice if waiting.found else None,
        "landmarks": None,
        "matrix": None,
    }
    rotated = waiting.frame is not None and waiting.frame.orientation != 1
    if waiting.landmarks is None or waiting.frame is None:
        black = np.zeros((alignment.SIZE,) * 2 + ((3,) if colour else ()), np.uint8)
        return AlignedFrame(black, row, rotated, waiting.damage)
    landmarks = track.smooth(position, waiting.head, min(_EXPRESSION, track.sigma))
    matrix = alignment.alignment_matrix(track.smooth(position, waiting.head, track.sigma))
    row["landmarks"] = landmarks.astype(np.float32).ravel()
    row["matrix"] = matrix.ravel()
    return AlignedFrame(alignment.warp(waiting.frame.image, matrix), row, rotated)


def exclusion(states: Iterable[str] | Counter[str], max_missed: float, long: bool = False) -> str | None:
    """Why a clip with frames of these states (or so many of each) is left out, or None.

    One frame that cannot be read costs a clip: it may be the apex. Of a `long` video it costs that frame alone, and
    counts as one without a face.

    Texts begin with a stable code, as those of the index do.
    """
    counts = Counter(states)
    frames, unreadable = counts.total(), counts["unreadable"]
    if unreadable and (not long or unreadable == frames):
        return f"frame_unreadable: {unreadable} of {frames} frames cannot be read"
    missed = counts["missing"] + counts["interpolated"] + unreadable
    torn = f", {unreadable} of which cannot be read" if unreadable else ""
    if missed == frames:
        return f"no_face: no face was found in any of {frames} frames{torn}"
    if missed > max_missed * frames:
        return f"face_missed: no face was found in {missed} of {frames} frames{torn} (more than {max_missed:.0%})"
    return None
