"""Aligned faces of one subject, streamed: decode, hash, find, smooth, align, write.

Frames wait in a short queue until the landmarks around them are known (for smoothing, and for filling gaps);
memory does not grow with the length of a video.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mexflow.errors import UserError
from mexflow.preprocess import alignment
from mexflow.preprocess.frames import DamagedFrame, Frame, frame_files, read_frame
from mexflow.preprocess.landmarks import Found, Tracker

_LONGEST_GAP = 25
"""Frames without a face that may wait for the next face, to be interpolated between the two."""


@dataclass(frozen=True)
class Settings:
    """Settings of face alignment (`preprocess.faces` in config.yaml); `smoothing` is in frames."""

    smoothing: float = 2.0
    max_missed: float = 0.2
    unreadable: str = "error"


@dataclass
class AlignedFrame:
    """One frame's aligned face and its row of the table.

    `image` is uint8 (112, 112) or (112, 112, 3) RGB, black where no face is known. `row` has the columns of
    :data:`mexflow.preprocess.tables.FACES`, without dataset, subject, video and path.
    """

    image: np.ndarray
    row: dict[str, Any]


@dataclass
class _Waiting:
    """A frame whose face is not yet written; `landmarks` are None as long as they are unknown."""

    number: int
    file: Path
    frame: Frame | None
    found: Found | None
    landmarks: np.ndarray | None
    state: str


@dataclass
class _Track:
    """The landmarks around the frames that wait, for smoothing."""

    radius: int
    weights: np.ndarray
    known: deque[tuple[int, np.ndarray]] = field(default_factory=deque)

    def add(self, position: int, landmarks: np.ndarray) -> None:
        self.known.append((position, landmarks))

    def smooth(self, position: int) -> np.ndarray:
        """Gaussian mean of the landmarks about `position`; at the ends of the clip over those there are."""
        while self.known and self.known[0][0] < position - self.radius:
            self.known.popleft()
        total, weight = np.zeros((68, 2)), 0.0
        for at, landmarks in self.known:
            if at > position + self.radius:
                break
            share = self.weights[abs(at - position)]
            total += share * landmarks
            weight += share
        return total / weight


def align_video(folder: Path, expected: int, settings: Settings) -> Iterator[AlignedFrame]:
    """Align the face in every frame of a folder, in the order of frame numbers.

    Args:
        folder: a folder of frames.
        expected: how many frames the index found there.
        settings: see :class:`Settings`.

    Yields:
        One :class:`AlignedFrame` a frame.

    Raises:
        UserError: if a frame is damaged (unless `settings.unreadable` is ``exclude``), if frames differ in size,
            or if the folder no longer holds the frames of the index.
    """
    files = frame_files(folder)
    if len(files) != expected:
        raise UserError(
            f"{folder}: {len(files)} frames, the index says {expected}; the folder changed, run the workflow again"
        )
    radius = int(np.ceil(3 * settings.smoothing)) if settings.smoothing > 0 else 0
    offsets = np.arange(radius + 1)
    weights = np.exp(-0.5 * (offsets / settings.smoothing) ** 2) if radius else np.ones(1)
    track, tracker = _Track(radius, weights), Tracker()
    queue: deque[_Waiting] = deque()
    written, last, shape = 0, -1, None

    def emit(upto: int) -> Iterator[AlignedFrame]:
        """Write waiting frames before position `upto`."""
        nonlocal written
        while written < upto:
            yield _aligned(queue.popleft(), track, written, shape)
            written += 1

    for position, (number, file) in enumerate(files):
        frame = _read(file, settings.unreadable)
        found = None
        if frame is not None:
            if shape is not None and frame.image.shape != shape:
                raise UserError(f"{file}: {_size(frame.image.shape)}, the frames before it are {_size(shape)}")
            shape = frame.image.shape
            grey = frame.image if frame.image.ndim == 2 else cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
            found = tracker.next(grey)
        landmarks = found.landmarks if found else None
        queue.append(_Waiting(number, file, frame, found, landmarks, found.state if found else "missing"))
        if found:
            if last >= 0 and position - last - 1 <= _LONGEST_GAP:
                _fill(queue, track, written, last, position)
            track.add(position, found.landmarks)
            last = position
            yield from emit(position - radius + 1)
        elif position - last > _LONGEST_GAP:
            # The gap is too long to wait for its end: these frames stay without a face. What waits on are frames
            # before the gap whose smoothing may reach beyond it.
            yield from emit(position - radius + 1)
    yield from emit(len(files))


def _fill(queue: deque[_Waiting], track: _Track, first: int, last: int, position: int) -> None:
    """Interpolate the landmarks of the waiting frames between the faces at `last` and `position`."""
    # Frames of a gap wait as long as it may be filled, and so do the landmarks before it.
    (start,) = (known for at, known in track.known if at == last)
    end = queue[-1].landmarks
    assert end is not None and last + 1 >= first
    for at in range(last + 1, position):
        waiting = queue[at - first]
        if waiting.frame is None:
            continue
        share = (at - last) / (position - last)
        waiting.landmarks = (1 - share) * start + share * end
        waiting.state = "interpolated"
        track.add(at, waiting.landmarks)


def _read(file: Path, unreadable: str) -> Frame | None:
    try:
        return read_frame(file)
    except DamagedFrame as error:
        if unreadable == "exclude":
            return None
        raise UserError(
            f"{error}; restore it from the dataset's owners, or set preprocess.faces.unreadable: exclude in config.yaml"
        ) from None


def _aligned(waiting: _Waiting, track: _Track, position: int, shape: tuple[int, ...] | None) -> AlignedFrame:
    colour = shape is not None and len(shape) == 3
    row: dict[str, Any] = {
        "frame": waiting.number,
        "file": waiting.file.name,
        "sha256": waiting.frame.sha256 if waiting.frame else None,
        "size": waiting.frame.size if waiting.frame else None,
        "state": waiting.state if waiting.frame else "unreadable",
        "faces": waiting.found.faces if waiting.found else 0,
        "landmarks": None,
        "matrix": None,
    }
    if waiting.landmarks is None or waiting.frame is None:
        return AlignedFrame(np.zeros((alignment.SIZE,) * 2 + ((3,) if colour else ()), np.uint8), row)
    landmarks = track.smooth(position)
    matrix = alignment.alignment_matrix(landmarks)
    row["landmarks"] = landmarks.astype(np.float32).ravel()
    row["matrix"] = matrix.ravel()
    return AlignedFrame(alignment.warp(waiting.frame.image, matrix), row)


def exclusion(states: list[str], max_missed: float) -> str | None:
    """Why a clip with frames of these states is left out, or None.

    Texts begin with a stable code, as those of the index do.
    """
    if "unreadable" in states:
        return f"frame_unreadable: {states.count('unreadable')} of {len(states)} frames cannot be read"
    missed = states.count("missing") + states.count("interpolated")
    if missed == len(states):
        return f"no_face: no face was found in any of {len(states)} frames"
    if missed > max_missed * len(states):
        return f"face_missed: no face was found in {missed} of {len(states)} frames (more than {max_missed:.0%})"
    return None


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]} {'colour' if len(shape) == 3 else 'grey'}"
