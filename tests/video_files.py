"""An index, aligned faces and LCN frames of a few made-up long videos: expressions move a part of a textured face.

In a micro-expression the lower part moves to the side and back, in a macro-expression the upper part moves further.
Faces are 32 x 32, for speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.ndimage import gaussian_filter

from mexflow.datasets.schema import ROWS
from mexflow.datasets.schema import VIDEOS as VIDEO_ROWS
from mexflow.preprocess.lcn import grey, lcn
from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Inputs
from mexflow.training.spotting.samples import Video, load
from training_files import arguments, call, linked

DATASET = "samm_lv"
SIDE = 32
SIGMA = 2.0
FPS = 30.0
FIRST = 5
"""Number of a video's first frame."""

_PARTS = {"micro": (slice(20, 32), 2), "macro": (slice(0, 14), 4)}


@dataclass(frozen=True)
class Made:
    """A video: how many frames, its expressions (type, onset, offset: frame numbers), and what is wrong with it.

    `missing` are numbers of frames without a face; `excluded` says why faces left the video out; an expression in
    `dropped` is annotated, but excluded.
    """

    frames: int
    expressions: Sequence[tuple[str, int, int]] = ()
    missing: Sequence[int] = ()
    excluded: str | None = None
    dropped: Sequence[tuple[str, int, int]] = ()


BOTH = [("micro", 20, 31), ("macro", 45, 75)]
VIDEOS: dict[str, dict[str, Made]] = {
    "006": {"006_1": Made(90, BOTH), "006_2": Made(40, [("micro", 15, 26)])},
    "011": {"011_1": Made(90, [("micro", 70, 81), ("macro", 20, 50)])},
    "012": {"012_1": Made(85, [("micro", 30, 41), ("macro", 35, 70)])},
    "018": {"018_1": Made(80), "018_2": Made(12)},
}
"""By subject and name. 006_2 holds no macro-expression, 018 no expression at all; 018_2 is shorter than some skips."""


@dataclass(frozen=True)
class VideoFiles:
    """What was written: the index, and an array of faces and one of LCN frames a subject."""

    root: Path
    index: Path
    faces: list[Path]
    lcn: list[Path]

    def load(self, inputs: Inputs | None = None) -> tuple[list[Video], list[str]]:
        """The videos as training loads them, and what is left out."""
        inputs = inputs or Inputs()
        return load(inputs, self.faces, self.lcn, inputs.table(self.index).to_pylist())

    def arguments(self, results: Path, folds: Sequence[str], **changes: Any) -> list[str]:
        """The command line of spotting these folds into `results`; see :func:`training_files.arguments`."""
        linked(results, self.root, ("index", "faces", "lcn"))
        return arguments(self.recipe, results, folds, **changes)

    def train(self, results: Path, folds: Sequence[str], **changes: Any) -> None:
        """The same, in this process."""
        linked(results, self.root, ("index", "faces", "lcn"))
        call(self.recipe, results, folds, **changes)

    recipe: ClassVar[dict[str, Any]] = {
        "kind": "videos", "paper": "made", "experiment": "up", "index": DATASET, "reads": ["faces", "lcn"],
        "label": "type", "classes": ["micro", "macro"], "protocol": "leave_one_subject_out", "model": "elface",
        "options": {}, "seed": 1, "epochs": 3, "samples": 24, "train_skips": [[3, 6], [15, 30]],
        "test_skips": {"k-th": [5, 15], "manual": [4, 24]}, "stream_weights": [0.1, 0.9], "positive": 0.75,
        "weighted": True, "inside": 0.5, "placement": "centred", "sigma": SIGMA,
        "training": {
            "batch_size": 8, "optimizer": "sgd", "learning_rate": 0.01, "optimizer_options": {"momentum": 0.9},
            "augment": [{"gain": [0.5, 1.5]}, {"flip": 0.5}, {"rotation": [-10, 10]}],
        },
    }  # fmt: skip
    """What it is trained by, unless a test changes it."""


def write(folder: Path, videos: Mapping[str, Mapping[str, Made]] = VIDEOS, channels: int = 1) -> VideoFiles:
    """Write the files of these videos; what a video shows follows from its name alone."""
    folder.mkdir(parents=True, exist_ok=True)
    index, listed, faces, normalised = [], [], [], []
    for subject, own in videos.items():
        images, table = [], []
        for name, made in own.items():
            keys = {"dataset": DATASET, "subject": subject, "video": name}
            index += [
                {
                    **keys, "clip": f"{name}_{number}", "type": kind, "onset": onset, "offset": offset, "repairs": [],
                    "fps": FPS,
                    "excluded": "frames_missing: as made" if (kind, onset, offset) in made.dropped else None,
                }
                for number, (kind, onset, offset) in enumerate([*made.expressions, *made.dropped])
            ]  # fmt: skip
            shown = show(name, made, channels)
            numbers = FIRST + np.arange(made.frames)
            shown[np.isin(numbers, made.missing)] = 0
            images.append(shown)
            table += [
                {
                    **keys, "frame": int(number), "state": "missing" if number in made.missing else "tracked",
                    "excluded": made.excluded,
                }
                for number in numbers
            ]  # fmt: skip
            listed.append({**dict.fromkeys(VIDEO_ROWS.names), **keys, "frame_count": made.frames})
        faces.append(folder / "faces" / DATASET / f"{subject}.npy")
        faces[-1].parent.mkdir(parents=True, exist_ok=True)
        np.save(faces[-1], np.concatenate(images))
        pq.write_table(pa.Table.from_pylist(table, schema=FACES), faces[-1].with_suffix(".parquet"))
        normalised.append(folder / "lcn" / DATASET / f"{subject}.npy")
        normalised[-1].parent.mkdir(parents=True, exist_ok=True)
        np.save(normalised[-1], lcn(grey(np.concatenate(images)), SIGMA).astype(np.float16))
    path = folder / "index" / f"{DATASET}.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(index, schema=ROWS), path)
    pq.write_table(pa.Table.from_pylist(listed, schema=VIDEO_ROWS), path.with_suffix(".videos.parquet"))
    return VideoFiles(folder, path, faces, normalised)


def show(name: str, made: Made, channels: int = 1) -> np.ndarray:
    """uint8 (frames, 32, 32, channels)."""
    rng = np.random.default_rng(list(name.encode()))
    texture = gaussian_filter(rng.normal(size=(SIDE, SIDE, channels)), (2, 2, 0), mode="wrap")
    texture = 128 + 50 * texture / texture.std()
    frames = np.repeat(texture[None], made.frames, 0)
    for kind, onset, offset in made.expressions:
        rows, reach = _PARTS[kind]
        for number in range(max(onset, FIRST), min(offset, FIRST + made.frames - 1) + 1):
            course = 1 - abs(2 * (number - onset) / (offset - onset) - 1)
            frame = frames[number - FIRST]
            frame[rows] = np.roll(frame[rows], round(reach * course), axis=1)
    frames += rng.normal(0, 1, frames.shape)
    return frames.clip(0, 255).astype(np.uint8)
