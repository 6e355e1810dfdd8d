"""Clips as nag2019 sees them: consecutive frames, the flow between them, and how strong the expression is in each.

A clip's frames are all those of its raw folder in which the face was seen: those before the onset and after the offset
are the ones without an expression. No video is ever in memory; of the arrays only the rows of a batch are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.errors import UserError
from mexflow.preprocess.aligned import AlignedFaces, by_video, stretches
from mexflow.preprocess.scaling import scaled
from mexflow.store.arrays import Rows
from mexflow.store.artifacts import Inputs

STATES = ("neutral", "onset", "onset-apex", "apex", "apex-offset", "offset")
"""What a frame shows, in the order in which an expression passes through them."""

TYPE = "intensity"
"""What scores of frames are called that mean an expression of any type."""

SIDE = 64
"""Width and height of what nag2019's networks see, pixels."""

LOW, HIGH = 0.2, 0.8
"""Intensities below which it only begins or ends, and from which on it is an apex."""

_CHUNK = 64  # frames in memory at a time


@dataclass(frozen=True)
class Clip:
    """A clip and the frames of its video in which the face was seen, in order.

    `label` is the number of its class. `frames` int64 (n,) are frame numbers, `rows` int64 (n,) where they lie in
    `faces` (uint8, (N, h, w, c)) and `motion` (float32, (N, 2, 64, 64), pixels, from each frame to the next; zero
    where there is no next one; None if it was not loaded). `intensity` float32 (n,) in [0, 1] and `inside` bool (n,)
    are those of all the video's expressions; `expression` bool (n,) says which frames lie in [onset, offset] of this
    clip: at least one does.
    """

    dataset: str
    subject: str
    video: str
    name: str
    label: int
    frames: np.ndarray
    rows: np.ndarray
    intensity: np.ndarray
    inside: np.ndarray
    expression: np.ndarray
    faces: Rows
    motion: Rows | None

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def stretches(self) -> list[tuple[int, int]]:
        """Where frames follow each other: first position and one past the last of each stretch, in order.

        A frame in which the face was not seen, or that is not there, ends one. Nothing is consecutive across it.
        """
        return stretches(self.frames)

    @cached_property
    def moving(self) -> np.ndarray:
        """Positions from which there is flow to the next frame, int64 (m,)."""
        return np.flatnonzero(np.diff(self.frames) == 1)

    def images(self, positions: np.ndarray) -> np.ndarray:
        """RGB frames at these positions, float32 (m, 3, 64, 64) in [0, 1]."""
        return np.ascontiguousarray(scaled(self.faces[self.rows[positions]], SIDE, grey=False).transpose(0, 3, 1, 2))

    @cached_property
    def first(self) -> np.ndarray:
        """The first frame, float32 (3, 64, 64) in [0, 1]: the face before the expression, where the folder has it."""
        return self.images(np.zeros(1, np.int64))[0]

    def flow(self, positions: np.ndarray) -> np.ndarray:
        """Flow from these positions to the next, float32 (m, 2, 64, 64), pixels.

        Raises:
            ValueError: if the clip was loaded without motion.
        """
        if self.motion is None:
            raise ValueError(f"{self.name} was loaded without motion")
        return self.motion[self.rows[positions]]


def intensities(frames: np.ndarray, expressions: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The intensity that frames are trained for (decided): 0 at onset, 1 at apex, 0 at offset, straight between.

    An apex at the onset, or at the offset, has no rising, or no falling, side. Outside of all expressions it is 0; in
    several of them, the largest counts.

    Args:
        frames: frame numbers, int64 (n,).
        expressions: with `onset`, `apex` and `offset`, frame numbers in this order.

    Returns:
        float32 (n,), in [0, 1].
    """
    result = np.zeros(len(frames), np.float32)
    for row in expressions:
        onset, apex, offset = row["onset"], row["apex"], row["offset"]
        rising = np.where(frames < apex, (frames - onset) / max(apex - onset, 1), 1.0)
        falling = np.where(frames > apex, (offset - frames) / max(offset - apex, 1), 1.0)
        strength = np.where((frames >= onset) & (frames <= offset), np.minimum(rising, falling), 0.0)
        result = np.maximum(result, strength.astype(np.float32))
    return result


def states(intensity: np.ndarray, span: int = 2, flat: float = 0.02) -> list[str]:
    """What each frame of a video shows, from its intensity v and whether that rises or falls.

    ``apex`` where v >= 0.8; below, while it rises ``onset`` (v < 0.2) or ``onset-apex``, and while it falls ``offset``
    (v < 0.2) or ``apex-offset``. Where it does neither, v < 0.2 is ``neutral``, and a larger v goes on as before.

    Args:
        intensity: float (n,), in [0, 1], frames in order.
        span: it rises by v at so many frames later minus v at so many earlier (decided; fewer at the ends).
        flat: it does not rise or fall where that is at most this (decided).

    Returns:
        n of :data:`STATES`.
    """
    values = np.asarray(intensity, np.float64)
    places = np.arange(len(values))
    change = values[np.minimum(places + span, len(values) - 1)] - values[np.maximum(places - span, 0)]
    shown, rising = [], True
    for value, step in zip(values, change, strict=True):
        moves = abs(step) > flat
        if moves:
            rising = step > 0
        if value >= HIGH:
            shown.append("apex")
        elif value >= LOW:
            shown.append("onset-apex" if rising else "apex-offset")
        else:
            shown.append("neutral" if not moves else "onset" if rising else "offset")
    return shown


def load(
    inputs: Inputs,
    faces: Sequence[Path],
    motion: Sequence[Path] | None,
    rows: Sequence[Mapping[str, Any]],
    expressions: Sequence[Mapping[str, Any]],
    label: str,
    classes: Sequence[str],
) -> tuple[list[Clip], list[str]]:
    """The clips of some subjects.

    Args:
        faces: aligned faces, an array a subject, each with its table beside it.
        motion: the flow of the same subjects as ``mexflow motion`` writes it, in the same order;
            None for what needs no flow.
        rows: rows of the index that are samples, see :func:`mexflow.training.recognition.samples.labelled`.
        expressions: all rows of the index. Those that are not excluded make the intensity, with or without a class.

    Returns:
        The clips in the order of (dataset, name), and a line for each clip that is left out, saying why.

    Raises:
        UserError: if a table does not fit its arrays.
    """
    samples, annotated = by_video(rows), by_video(row for row in expressions if row["excluded"] is None)
    clips, left_out = [], []
    for number, path in enumerate(faces):
        aligned = AlignedFaces(inputs, path)
        images = aligned.images
        flow = aligned.beside(motion[number]) if motion is not None else None
        if flow is not None and flow.shape[1:] != (2, SIDE, SIDE):
            expected = (len(images), 2, SIDE, SIDE)
            raise UserError(f"{motion[number]}: of shape {flow.shape}, not {expected}; make it anew with 'motion'")
        for video in aligned.videos.values():
            frames, lying = video.frames[video.seen], video.rows[video.seen]
            inside = _inside(frames, annotated.get(video.key, ()))
            for row in samples.get(video.key, ()):
                if reason := video.why_none(row["onset"], row["offset"]):
                    left_out.append(f"{row['dataset']} {row['clip']}: {reason}")
                    continue
                clips.append(
                    Clip(
                        dataset=row["dataset"],
                        subject=row["subject"],
                        video=row["video"],
                        name=row["clip"],
                        label=classes.index(row[label]),
                        frames=frames,
                        rows=lying,
                        intensity=intensities(frames, annotated[video.key]),
                        inside=inside,
                        expression=_inside(frames, [row]),
                        faces=images,
                        motion=flow,
                    )
                )
    return sorted(clips, key=lambda clip: (clip.dataset, clip.name)), sorted(left_out)


def _inside(frames: np.ndarray, expressions: Sequence[Mapping[str, Any]]) -> np.ndarray:
    inside = np.zeros(len(frames), bool)
    for row in expressions:
        inside |= (frames >= row["onset"]) & (frames <= row["offset"])
    return inside


def frame_scale(clips: Sequence[Clip]) -> float:
    """Root mean square of what the clips' expressions differ by from their first frames; 1 where nothing does.

    Args:
        clips: the training clips of one fold; no other may be among them.
    """
    total, count = 0.0, 0
    for clip in clips:
        places = np.flatnonzero(clip.expression)
        for start in range(0, len(places), _CHUNK):
            differing = clip.images(places[start : start + _CHUNK]) - clip.first
            total += float(np.square(differing, dtype=np.float64).sum())
            count += differing.size
    return (total / count) ** 0.5 if total else 1.0


def flow_scale(clips: Sequence[Clip], chunk: int = _CHUNK) -> float:
    """Root mean square of the components of the clips' flow, pixels; 1 where nothing moves.

    One number for both components, so that a turned flow is the flow of a turned face. A frame without a next one,
    which has no flow, does not count.

    Args:
        clips: the training clips of one fold; no other may be among them.
    """
    total, count = 0.0, 0
    for clip in clips:
        for start in range(0, len(clip.moving), chunk):
            flow = clip.flow(clip.moving[start : start + chunk])
            total += float(np.square(flow, dtype=np.float64).sum())
            count += flow.size
    return (total / count) ** 0.5 if total else 1.0


def starts(clip: Clip, length: int) -> np.ndarray:
    """Positions at which so many consecutive frames begin, int64 (m,), m at least 1.

    Where no stretch has as many, the first frame of the longest (of several, the first).
    """
    starting = [np.arange(first, end - length + 1) for first, end in clip.stretches]
    if any(len(positions) for positions in starting):
        return np.concatenate(starting)
    return np.array([max(clip.stretches, key=lambda stretch: stretch[1] - stretch[0])[0]])


def window(clip: Clip, start: int, length: int) -> np.ndarray:
    """Positions of so many consecutive frames and of the one after, int64 (length + 1,).

    Past the end of the stretch that `start` is in, its last.
    """
    end = next(end for _, end in clip.stretches if start < end)
    return np.minimum(start + np.arange(length + 1), end - 1)
