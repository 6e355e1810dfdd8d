"""The aligned faces of a subject, and what may be measured of them.

This is the one place that says which frames may be used. A face that was guessed between its neighbours, carried on, or
not found at all has an image all the same. Whatever is measured of it (flow, residual sums, features, scores) is not of
the person: nothing is.

A reason why a frame cannot be measured begins, as all reasons do, with a stable code:

``frame_absent``   the video has no frame of that number
``frame_unseen``   it has, but the face was not seen there: the frame is ``interpolated``, ``missing`` or ``unreadable``
``gap``            two frames that were to follow each other have other numbers
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mexflow.errors import UserError
from mexflow.store.arrays import assert_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from mexflow.store.arrays import Rows
    from mexflow.store.artifacts import Inputs

SEEN = ("detected", "tracked", "openface")
"""States of a frame in which the followed face was seen: what may be measured."""

UNSEEN = ("interpolated", "missing", "unreadable")
"""States of a frame in which it was not."""

COLUMNS = ("dataset", "subject", "video", "frame", "state", "excluded")
"""What is read of every table of faces, see :data:`mexflow.preprocess.table_schemas.FACES`."""

VideoKey = tuple[str, str, str]
"""Dataset, subject and video."""


def video_key(row: Mapping[str, Any]) -> VideoKey:
    """The video of a row of an index, as tables of faces name it.

    In a composite's index a subject's name has its dataset's before it, ``casme2/05``; in a table of faces it has not.
    """
    return row["dataset"], row["subject"].rpartition("/")[2], row["video"]


def by_video(rows: Iterable[Mapping[str, Any]]) -> dict[VideoKey, list[Mapping[str, Any]]]:
    """The rows of an index by :func:`video_key`, in their order."""
    videos: dict[VideoKey, list[Mapping[str, Any]]] = {}
    for row in rows:
        videos.setdefault(video_key(row), []).append(row)
    return videos


@dataclass(frozen=True)
class VideoFaces:
    """The frames of one video, seen or not, in the order of their numbers.

    `frames` int64 (n,) are their numbers, `rows` int64 (n,) their rows in the table and in the array, `states` object
    (n,) the state of each. `excluded`, where not None, says why the whole video is left out.
    """

    key: VideoKey
    frames: np.ndarray
    rows: np.ndarray
    states: np.ndarray
    excluded: str | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def name(self) -> str:
        """The video's name, as the index has it."""
        return self.key[2]

    @cached_property
    def seen(self) -> np.ndarray:
        """In which frames the face was seen: bool (n,)."""
        return _are_seen(self.states)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all frames, seen or not."""
        return self.frames.tolist()

    def position(self, frame: int) -> int | None:
        """Where a frame stands in `frames`; None if it is not there."""
        at = int(np.searchsorted(self.frames, frame))
        return at if at < len(self.frames) and self.frames[at] == frame else None

    def row(self, frame: int) -> int | None:
        """The row of a frame in which the face was seen; None where it was not, or the frame is not there."""
        position = self.position(frame)
        return int(self.rows[position]) if position is not None and self.seen[position] else None

    def why_not(self, frames: Iterable[int], steps: bool = False) -> str | None:
        """Why nothing can be measured of these frames together, or None.

        Args:
            frames: their numbers; the first that cannot be measured is named.
            steps: whether each must follow the one before it, without a number between.
        """
        if self.excluded:
            return self.excluded
        wanted = list(frames)
        for frame in wanted:
            position = self.position(frame)
            if position is None:
                return f"frame_absent: no aligned face of frame {frame}"
            if not self.seen[position]:
                return f"frame_unseen: frame {frame} is {self.states[position]}"
        if steps:
            for first, second in zip(wanted, wanted[1:], strict=False):
                if second != first + 1:
                    return f"gap: frame {first} is not followed by frame {first + 1}, but by frame {second}"
        return None

    def why_none(self, first: int | None = None, last: int | None = None) -> str | None:
        """Why not one frame from `first` to `last` (of the whole video, where these are None) can be measured, or None.

        Where this is None, the frames that are `seen` may be used.
        """
        if self.excluded:
            return self.excluded
        if first is None or last is None:
            return None if self.seen.any() else f"no_face: no face was seen in any of {len(self)} frames"
        if self.seen[(self.frames >= first) & (self.frames <= last)].any():
            return None
        return "frame_unseen: no frame of the expression was seen"

    @cached_property
    def held_rows(self) -> np.ndarray:
        """A row to show for each frame, int64 (n,): its own, or, where the face was not seen, the last one's that was.

        Before the first that was seen it is the first one's. Nothing may be measured of a row that is not the
        frame's own.

        Raises:
            ValueError: if no frame was seen.
        """
        if not self.seen.any():
            raise ValueError(f"{self.name}: no frame was seen")
        last = np.maximum.accumulate(np.where(self.seen, np.arange(len(self)), -1))
        return self.rows[np.where(last < 0, self.seen.argmax(), last)]


class AlignedFaces:
    """The aligned faces of a subject: an array, and the table beside it that says what each of its rows is.

    ``faces[video, frame]`` is one face. Of the table :data:`COLUMNS` are read; of the array only the rows asked for.

    Attributes:
        path: the array, ``.npy``; its table has the same name, with ``.parquet``.
        dataset, subject: whose faces they are; None where there is not one.
        videos: the videos by name, in the order of the table.
        images: every face, uint8 (N, h, w, c), rows read when asked for. Of which rows something may be measured, say
            `videos`. There is none where only the table was wanted.
        table: the further columns that were asked for, row i of the array is row i here.
        states: the state of each row, object (N,).
    """

    def __init__(self, inputs: Inputs, path: Path, columns: Sequence[str] = (), images: bool = True) -> None:
        """
        Args:
            inputs: reads the files, remembering their digests.
            path: the array, or the table.
            columns: further columns of the table to read.
            images: whether to open the array, which is hashed for it; else only the table is read.

        Raises:
            UserError: if a file cannot be read, the array has another number of rows than the table, or this lacks a
                column, or has the faces of several subjects.
        """
        self.path, self._inputs = path.with_suffix(".npy"), inputs
        wanted = list(dict.fromkeys([*COLUMNS, *columns]))
        table = inputs.table(self._table_path, wanted)
        if absent := [name for name in wanted if name not in table.column_names]:
            raise UserError(f"{self._table_path}: no column {', '.join(absent)}; a table of aligned faces is expected")
        whose = set(zip(_words(table["dataset"]), _words(table["subject"]), strict=True))
        if len(whose) > 1:
            several = ", ".join(sorted(f"{dataset} {subject}" for dataset, subject in whose))
            raise UserError(f"{self._table_path}: faces of {several}; give those of one subject")
        self.dataset, self.subject = next(iter(whose), (None, None))
        self.table, self.states = table.select(list(columns)), _words(table["state"])
        self.videos = self._videos(table)
        if images:
            self.images = self.beside(self.path)

    def _videos(self, table: pa.Table) -> dict[str, VideoFaces]:
        names, excluded, frames = _words(table["video"]), _words(table["excluded"]), table["frame"].to_numpy()
        videos = {}
        for name in dict.fromkeys(names):
            rows = np.flatnonzero(names == name)
            rows = rows[np.argsort(frames[rows], kind="stable")]
            reason = next((reason for reason in excluded[rows] if reason), None)
            key = (self.dataset, self.subject, name)
            videos[name] = VideoFaces(key, frames[rows].astype(np.int64), rows, self.states[rows], reason)
        return videos

    @property
    def _table_path(self) -> Path:
        return self.path.with_suffix(".parquet")

    def __len__(self) -> int:
        return len(self.states)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, (N, h, w, c), which is not read for it.

        Raises:
            UserError: if it cannot be read or has another number of rows than the table.
        """
        shape = self._inputs.shape(self.path)
        assert_rows(self.path, shape[0], self._table_path, len(self))
        return shape

    def beside(self, path: Path) -> Rows:
        """Another array whose rows are those of the table: LCN frames, motion.

        Raises:
            UserError: if it cannot be read or has another number of rows than the table.
        """
        rows = self._inputs.rows(path)
        assert_rows(path, len(rows), self._table_path, len(self))
        return rows

    def blocks(self, length: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All faces, so many at a time, uint8 (m, h, w, c), with whether each was seen, bool (m,); in one reading."""
        seen = _are_seen(self.states)
        starts = range(0, self.shape[0], length)
        for start, block in zip(starts, self._inputs.blocks(self.path, length), strict=True):
            yield block, seen[start : start + len(block)]

    def video(self, name: str) -> VideoFaces:
        """A video; one without a frame, where the table has none of that name."""
        if name in self.videos:
            return self.videos[name]
        empty = np.zeros(0, np.int64)
        return VideoFaces((self.dataset, self.subject, name), empty, empty, np.zeros(0, object))

    def __getitem__(self, place: tuple[str, int | Iterable[int]]) -> np.ndarray:
        """The face of a video's frame, uint8 (h, w, c), or of several, (n, h, w, c).

        Raises:
            UserError: if one of them may not be used; ask :meth:`VideoFaces.why_not` before.
        """
        name, frames = place
        wanted = [frames] if isinstance(frames, int | np.integer) else list(frames)
        video = self.video(name)
        if reason := video.why_not(wanted):
            raise UserError(f"{self.path}: {name} cannot be used: {reason}")
        images = self.images[video.rows[np.searchsorted(video.frames, wanted)].tolist()]
        return images[0] if isinstance(frames, int | np.integer) else images

    def next_rows(self) -> np.ndarray:
        """For each row that of the video's next frame, int64 (N,); -1 where there is no step to be measured.

        That is where the face was not seen in one of the two, in an excluded video, and across a gap in the numbers:
        what is moved over several frames is no single step.
        """
        following = np.full(len(self), -1, np.int64)
        for video in self.videos.values():
            if not video.excluded:
                steps = video.seen[:-1] & video.seen[1:] & (np.diff(video.frames) == 1)
                following[video.rows[:-1][steps]] = video.rows[1:][steps]
        return following

    def details(
        self, wanted: Mapping[str, Collection[int]], columns: Sequence[str]
    ) -> dict[tuple[str, int], dict[str, Any]]:
        """Further columns of the table's rows of some frames, by video and frame number.

        Of a long video's table, landmarks and all, only these rows are in memory.

        Args:
            wanted: numbers of frames by the name of their video; those that are not there are passed over.
            columns: of :data:`mexflow.preprocess.table_schemas.FACES`.
        """
        rows = {}
        for batch in self._inputs.batches(self._table_path, ["video", "frame", *columns]):
            keys = list(zip(batch["video"].to_pylist(), batch["frame"].to_pylist(), strict=True))
            chosen = [position for position, (name, frame) in enumerate(keys) if frame in wanted.get(name, ())]
            for position, row in zip(chosen, batch.select(list(columns)).take(chosen).to_pylist(), strict=True):
                rows[keys[position]] = row
        return rows


def stretches(frames: np.ndarray) -> list[tuple[int, int]]:
    """Where frames follow each other without a gap: first position and one past the last, of each stretch in order.

    Args:
        frames: numbers of frames, int64 (n,), ascending.
    """
    if not len(frames):
        return []
    cuts = (np.flatnonzero(np.diff(frames) != 1) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(frames)], strict=True))


def _are_seen(states: np.ndarray) -> np.ndarray:
    return np.array([state in SEEN for state in states], bool)


def _words(column: pa.ChunkedArray) -> np.ndarray:
    """A column of texts, object (n,), None where null; each text is one object, however often it stands there."""
    # Not `dictionary_encode`, for which pyarrow imports all that it can compute.
    texts: dict[str | None, str | None] = {}
    words = [texts.setdefault(text, text) for text in column.to_pylist()]
    result = np.empty(len(words), object)
    result[:] = words
    return result
