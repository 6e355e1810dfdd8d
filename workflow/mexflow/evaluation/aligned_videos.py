"""Aligned faces by video, and evenly spread samples of their frames and pairs of frames.

The samples are pure functions of the tables: no random choice, so that equal inputs are measured at equal places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from mexflow.preprocess.aligned import AlignedFaces
from mexflow.store.artifacts import Inputs

T = TypeVar("T")


@dataclass(frozen=True)
class LandmarkedVideo:
    """The frames of one video whose face was seen and whose transform is known, in the order of their numbers.

    `frames` int64 ``(N,)`` are numbers of raw frames, `landmarks` float64 ``(N, 68, 2)`` raw pixels, `matrices` float64
    ``(N, 2, 3)`` from raw to aligned pixels.
    """

    subject: str
    name: str
    frames: np.ndarray
    landmarks: np.ndarray
    matrices: np.ndarray

    def position(self, frame: int) -> int | None:
        """Where a frame stands in the arrays; None if its face was not seen."""
        at = int(np.searchsorted(self.frames, frame))
        return at if at < len(self.frames) and self.frames[at] == frame else None


@dataclass(frozen=True)
class Pair:
    """Two frames of a video, as positions in its arrays; `clip` and `type` are null where no expression is meant."""

    video: LandmarkedVideo
    first: int
    second: int
    clip: str | None = None
    type: str | None = None

    @property
    def distance(self) -> int:
        """Frames from the first to the second."""
        return int(self.video.frames[self.second] - self.video.frames[self.first])


@dataclass(frozen=True)
class SubjectFaces:
    """One subject's faces, and the videos of which something may be measured, in the order of the table."""

    faces: AlignedFaces
    videos: tuple[LandmarkedVideo, ...]

    @property
    def subject(self) -> str:
        """The subject, as the index writes it."""
        return self.faces.subject or ""

    @property
    def states(self) -> Counter[str]:
        """How many frames are in each state, those of excluded videos, too."""
        return Counter(self.faces.states.tolist())


def read_faces(inputs: Inputs, path: Path) -> SubjectFaces:
    """A subject's aligned faces with their landmarks and transforms.

    Args:
        path: the array, its table beside it.

    Raises:
        UserError: if they cannot be read or do not belong together.
    """
    faces = AlignedFaces(inputs, path, ("landmarks", "matrix"))
    landmarks, known = _fixed(faces.table["landmarks"], 136)
    matrices, aligned = _fixed(faces.table["matrix"], 6)
    videos = []
    for video in faces.videos.values():
        usable = video.seen & (known & aligned)[video.rows]
        if usable.any() and not video.excluded:
            rows = video.rows[usable]
            shapes = landmarks[rows].reshape(-1, 68, 2), matrices[rows].reshape(-1, 2, 3)
            videos.append(LandmarkedVideo(video.key[1], video.name, video.frames[usable], *shapes))
    return SubjectFaces(faces, tuple(videos))


def _fixed(column: pa.ChunkedArray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A column of lists as float64 ``(N, width)``, NaN where null, and where it is not null."""
    known = column.is_valid().to_numpy().astype(bool)
    values = np.full((len(column), width), np.nan)
    values[known] = column.drop_null().combine_chunks().flatten().to_numpy().reshape(-1, width)
    return values, known


def evenly(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, spread evenly over them, in their order."""
    if len(items) <= count:
        return list(items)
    return [items[int((i + 0.5) * len(items) / count)] for i in range(count)]


def runs(videos: Sequence[LandmarkedVideo], count: int, length: int) -> list[tuple[LandmarkedVideo, range]]:
    """At most `count` runs of up to `length` neighbouring positions, each in a video of its own.

    The first run is at the beginning of its video, the last at the end, those between in between, so that all parts
    of a video are met.
    """
    chosen = evenly(videos, count)
    result = []
    for i, video in enumerate(chosen):
        room = max(0, len(video.frames) - length)
        start = round(room * i / max(1, len(chosen) - 1))
        result.append((video, range(start, min(start + length, len(video.frames)))))
    return result


def expression_pairs(videos: Sequence[LandmarkedVideo], rows: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Onset and apex of each expression of the index that has both faces, is not excluded, and takes a frame at least.

    Args:
        videos: of one subject or of several.
        rows: rows of the dataset's index.
    """
    by_name = {(video.subject, video.name): video for video in videos}
    pairs = []
    for row in rows:
        video = by_name.get((row["subject"], row["video"]))
        if video is None or row["excluded"] is not None or row["apex"] <= row["onset"]:
            continue
        first, second = video.position(row["onset"]), video.position(row["apex"])
        if first is not None and second is not None:
            pairs.append(Pair(video, first, second, row["clip"], row["type"]))
    return pairs


def still_pairs(video: LandmarkedVideo, at_rest: Callable[[int], bool], distance: int) -> list[Pair]:
    """Pairs of frames `distance` apart between which, every frame of it, nothing but the head moves.

    The stretches at rest are cut into pairs that share no more than an end. In a stretch too short for one pair, first
    and last frame make it, if at least half of `distance` lies between them.
    """
    rest = np.array([at_rest(int(frame)) for frame in video.frames], bool)
    # A stretch ends before a frame that moves, and where numbers are missing.
    joined = rest[1:] & rest[:-1] & (np.diff(video.frames) == 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], joined.astype(np.int8), [0]])))
    pairs = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):  # positions of a stretch's first and last frame
        step = min(distance, end - start)
        if 2 * step >= distance:
            pairs += [Pair(video, int(at), int(at + step)) for at in range(start, end - step + 1, step)]
    return pairs
