"""The aligned faces of a video, by the code of the workflow, and its LCN frames: files in a folder that goes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.preprocess.aligned import AlignedFaces, VideoFaces
from mexflow.preprocess.alignment import SIZE
from mexflow.preprocess.faces import FaceSettings
from mexflow.preprocess.landmarks import Box
from mexflow.preprocess.lcn import grey, lcn
from mexflow.preprocess.table_schemas import FaceRows
from mexflow.preprocess.video_files import VideoFile, align_file
from mexflow.progress import progress
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.store.paths import table_of

DATASET, SUBJECT, VIDEO = "video", "face", "video"
"""The names under which tables of a video's faces know it."""

_CUT, _CUT_RATIO = 0.1, 5.0
"""A cut is where the face changes from one frame to the next by so much of the range of grey levels on average, and by
so many times what it usually changes."""

_BLOCK = 16


@dataclass(frozen=True)
class Faces:
    """The faces of a video.

    Attributes:
        path: their array, uint8 (n, 112, 112, c), and its table beside it.
        inputs: what reads them.
        cuts: the positions at which another shot begins.
        remarks: which of several faces was followed, and the like, a line each.
    """

    path: Path
    inputs: Inputs
    cuts: tuple[int, ...]
    remarks: tuple[str, ...]

    @cached_property
    def table(self) -> AlignedFaces:
        """The faces with their states, by frame number."""
        return AlignedFaces(self.inputs, self.path)

    @property
    def video(self) -> VideoFaces:
        """The frames and states of the one video."""
        return self.table.video(VIDEO)

    def details(self, frames: Collection[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Further columns of the table's rows of some frames, by number; see :class:`AlignedFaces`."""
        rows = self.table.details({VIDEO: frames}, columns)
        return {frame: row for (_, frame), row in rows.items()}


def find(video: VideoFile, settings: FaceSettings, folder: Path, near: Box | None = None) -> Faces:
    """Find, track and align the face in every frame; memory does not grow with the video.

    Args:
        settings: see :class:`mexflow.preprocess.faces.FaceSettings`; `smoothing` is in frames of this video.
        folder: where the array goes, a folder that is removed in the end.
        near: where the face is that is followed, pixels; None for the one that persists.
    """
    path, rows = folder / "faces.npy", FaceRows()
    depth = 3 if len(video.shape) == 3 else 1
    choices, rotated, damages = Counter[str](), 0, []
    changes = np.zeros(len(video), np.float32)
    before: np.ndarray | None = None
    with Outputs() as outputs:
        with (
            outputs.array(path, (len(video), SIZE, SIZE, depth), np.uint8) as append,
            progress(f"faces of {video.path.name}", len(video)) as advance,
        ):
            for position, face in enumerate(align_file(video, settings, near)):
                image = face.image if face.image.ndim == 3 else face.image[..., None]
                append(image[None])
                now = image[..., :1].astype(np.int16) if face.row["matrix"] is not None else None
                if now is not None and before is not None:
                    changes[position] = np.abs(now - before).mean() / 255
                before = now
                if face.row["choice"]:
                    choices[face.row["choice"]] += 1
                rotated += face.rotated
                if face.damage:
                    damages.append(face.damage)
                rows.add({**face.row, "dataset": DATASET, "subject": SUBJECT, "video": VIDEO})
                advance(1)
        rows.end_video(None)
        outputs.table(table_of(path), rows.table())
        outputs.commit()
    remarks = [f"several faces in {count} frames: {choice}" for choice, count in choices.items()]
    remarks += [f"{rotated} frames are turned as their EXIF orientation says"] if rotated else []
    remarks += [f"unreadable: {damage}" for damage in damages[:5]]
    remarks += [f"unreadable: and {len(damages) - 5} frames more"] if len(damages) > 5 else []
    return Faces(path, Inputs(), _cuts(changes), tuple(remarks))


def _cuts(changes: np.ndarray) -> tuple[int, ...]:
    usual = float(np.median(changes[changes > 0])) if (changes > 0).any() else 0.0
    return tuple(np.flatnonzero(changes > max(_CUT, _CUT_RATIO * usual)).tolist())


def normalise(faces: Faces, sigma: float, folder: Path) -> Path:
    """The LCN frames of the faces, float16 (n, 112, 112), in a file of that folder; zero where no face was seen."""
    from threadpoolctl import threadpool_limits

    path, aligned = folder / "lcn.npy", faces.table
    with Outputs() as outputs:
        with (
            threadpool_limits(1),
            outputs.array(path, aligned.shape[:3], np.float16) as append,
            progress("contrast", len(aligned)) as advance,
        ):
            for block, seen in aligned.blocks(_BLOCK):
                frames = lcn(grey(block), sigma).astype(np.float16)
                frames[~seen] = 0
                append(frames)
                advance(len(block))
        outputs.commit()
    return path


def crops(faces: Faces, frames: list[int]) -> dict[int, np.ndarray]:
    """The aligned faces of some frames by number, uint8 (112, 112) or (112, 112, 3) RGB, of those that were seen."""
    video = faces.video
    seen = [frame for frame in dict.fromkeys(frames) if video.row(frame) is not None]
    images: Any = faces.table.images[[video.row(frame) for frame in seen]] if seen else []
    return {frame: image[..., 0] if image.shape[-1] == 1 else image for frame, image in zip(seen, images, strict=True)}
