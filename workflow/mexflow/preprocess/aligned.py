"""What may be measured of aligned faces: the one place that says which states of a frame are a face that was seen.

A face that was guessed between its neighbours, carried on, or not found at all has an image all the same. Whatever is
measured of it (flow, residual sums, features, scores) is not of the person: nothing is.

A reason why a frame cannot be measured begins, as all reasons do, with a stable code:

``frame_absent``   the video has no frame of that number
``frame_unseen``   it has, but the face was not seen there: the frame is ``interpolated``, ``missing`` or ``unreadable``
``gap``            two frames that were to follow each other have other numbers
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

SEEN = ("detected", "tracked", "openface")
"""States of a frame in which the followed face was seen: what may be measured."""

UNSEEN = ("interpolated", "missing", "unreadable")
"""States of a frame in which it was not."""

COLUMNS = ("video", "frame", "state", "excluded")
"""What :func:`by_video` needs of a table of faces."""


@dataclass
class VideoFrames:
    """The frames of one video, as its table of faces has them.

    `rows` is the row of each frame in the table, and in its array, by frame number; `states` its state likewise.
    `excluded`, where not None, says why the whole video is left out.
    """

    rows: dict[int, int] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    excluded: str | None = None

    @property
    def numbers(self) -> list[int]:
        """The numbers of all frames, seen or not, in the order of the table."""
        return list(self.rows)

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
            if frame not in self.rows:
                return f"frame_absent: no aligned face of frame {frame}"
            if self.states[frame] not in SEEN:
                return f"frame_unseen: frame {frame} is {self.states[frame]}"
        if steps:
            for first, second in zip(wanted, wanted[1:], strict=False):
                if second != first + 1:
                    return f"gap: frame {first} is not followed by frame {first + 1}, but by frame {second}"
        return None


NOWHERE = VideoFrames()
"""A video without a frame."""


def by_video(table: pa.Table, keys: Sequence[str] = ("video",)) -> dict[Any, VideoFrames]:
    """The videos of a table of faces, in its order.

    Args:
        table: with :data:`COLUMNS` and `keys`.
        keys: the columns that tell videos apart. One of them makes a key of itself, several a tuple.
    """
    names: Iterable[Hashable] = zip(*(table[key].to_pylist() for key in keys), strict=True)
    if len(keys) == 1:
        names = table[keys[0]].to_pylist()
    found: dict[Any, VideoFrames] = {}
    columns = (table[name].to_pylist() for name in ("frame", "state", "excluded"))
    for row, (name, frame, state, excluded) in enumerate(zip(names, *columns, strict=True)):
        video = found.setdefault(name, VideoFrames())
        video.rows[frame], video.states[frame] = row, state
        video.excluded = video.excluded or excluded
    return found


def are_seen(states: Iterable[str]) -> np.ndarray:
    """In which frames of these states the face was seen: bool (n,)."""
    return np.array([state in SEEN for state in states], bool)


def stretches(frames: np.ndarray) -> list[tuple[int, int]]:
    """Where frames follow each other without a gap: first position and one past the last, of each stretch in order.

    Args:
        frames: numbers of frames, int64 (n,), ascending.
    """
    if not len(frames):
        return []
    cuts = (np.flatnonzero(np.diff(frames) != 1) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, len(frames)], strict=True))
