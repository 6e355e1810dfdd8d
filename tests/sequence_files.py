"""An index, aligned faces and motion of a few made-up subjects: a patch brightens with an expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mexflow.datasets.schema import ROWS
from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Inputs
from mexflow.training.memory.clips import Clip, intensities, load
from mexflow.training.recognition.samples import labelled
from training_files import arguments, call, linked

CLASSES = ["happiness", "surprise"]
LABEL = "casme2_5class"
FRAMES = 12
FPS = 200.0
FIRST = 5
"""Number of a video's first frame."""

DIFFERENCE: dict[str, Any] = {
    "kind": "difference", "paper": "made", "experiment": "up", "index": "casme2", "reads": ["faces"], "label": LABEL,
    "classes": CLASSES, "protocol": "leave_one_subject_out", "features": "lbp", "k": 3, "blocks": 6, "edges": "hold",
    "bins": 8, "method": "farneback", "flow_options": {}, "reference": "previous",
}  # fmt: skip
"""A recipe of feature difference, for which nothing is trained; it reads no motion."""


@dataclass(frozen=True)
class SequenceFiles:
    """What was written: the index, and the arrays of each subject, in the order of `subjects`."""

    root: Path
    index: Path
    faces: list[Path]
    motion: list[Path]
    subjects: list[str]

    def clips(self, motion: bool = True) -> tuple[list[Clip], list[str]]:
        """The clips, and the lines on those left out."""
        inputs = Inputs()
        expressions = inputs.table(self.index).to_pylist()
        rows = labelled(expressions, LABEL, CLASSES)
        return load(inputs, self.faces, self.motion if motion else None, rows, expressions, LABEL, CLASSES)

    def arguments(self, results: Path, folds: Sequence[str], **changes: Any) -> list[str]:
        """The command line of training these folds into `results`; see :func:`training_files.arguments`."""
        linked(results, self.root, ("index", "faces", "motion"))
        return arguments(self.recipe, results, folds, **changes)

    def train(self, results: Path, folds: Sequence[str], **changes: Any) -> None:
        """The same, in this process."""
        linked(results, self.root, ("index", "faces", "motion"))
        call(self.recipe, results, folds, **changes)

    recipe: ClassVar[dict[str, Any]] = {
        "kind": "sequences", "paper": "made", "experiment": "up", "index": "casme2", "reads": ["faces", "motion/made"],
        "label": LABEL, "classes": CLASSES, "protocol": "leave_one_subject_out", "model": "time_contrast",
        "options": {}, "seed": 1, "epochs": 2, "samples": 2, "length": 3, "versions": 1, "stage1_epochs": 1,
        "stage1_samples": 2, "stage1_batch_size": 2, "loss_weights": [1, 1],
        "training": {
            "batch_size": 2, "optimizer": "rmsprop", "learning_rate": 1e-4,
            "optimizer_options": {"weight_decay": 0.005}, "normalise": "first_frame",
            "augment": [{"rotation": [-10, 10]}, {"scale": [0.9, 1.1]}, {"shift": [-2, 2]}],
        },
    }  # fmt: skip
    """What it is trained by, unless a test changes it."""


def row(subject: str, video: str, label: str | None, onset: int, apex: int, offset: int, **changed: object) -> dict:
    """A row of an index; its clip has the video's name."""
    return {
        **dict.fromkeys(ROWS.names), "dataset": "casme2", "subject": subject, "video": video,
        "clip": f"{subject}_{video}", "type": "micro", "onset": onset, "apex": apex, "offset": offset, LABEL: label,
        "path": video, "repairs": [], "fps": FPS, **changed,
    }  # fmt: skip


def write(
    folder: Path,
    subjects: Sequence[str] = ("01", "02", "03"),
    frames: int = FRAMES,
    extra: Sequence[dict] = (),
    states: dict[tuple[str, str, int], str] | None = None,
    excluded: dict[tuple[str, str], str] | None = None,
    seed: int = 0,
) -> SequenceFiles:
    """Write a video a class for each subject, `frames` long, an expression in its middle; and rows `extra`.

    Args:
        states: of (subject, video, frame), where not ``tracked``.
        excluded: why videos are left out, by (subject, video).
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, faces, motion = [], [], []
    onset, apex, offset = FIRST + frames // 4, FIRST + frames // 2, FIRST + 3 * frames // 4
    for subject in subjects:
        entries, images = [], []
        for place, name in enumerate(CLASSES):
            rows.append(row(subject, name, name, onset, apex, offset))
            numbers = np.arange(FIRST, FIRST + frames)
            video = rng.integers(90, 110, (frames, 112, 112, 3)).astype(np.float32)
            strength = 120 * intensities(numbers, rows[-1:])
            video[:, 40:80, 10 + 50 * place : 50 + 50 * place] += strength[:, None, None, None]
            images.append(video.astype(np.uint8))
            for frame in numbers.tolist():
                state = (states or {}).get((subject, name, frame), "tracked")
                reason = (excluded or {}).get((subject, name))
                keys = {"dataset": "casme2", "subject": subject, "video": name, "frame": frame}
                entries.append({**dict.fromkeys(FACES.names), **keys, "state": state, "excluded": reason})
        faces.append(folder / "faces" / "casme2" / f"{subject}.npy")
        motion.append(folder / "motion" / "made" / "casme2" / f"{subject}.npy")
        for path in (faces[-1], motion[-1]):
            path.parent.mkdir(parents=True, exist_ok=True)
        np.save(faces[-1], np.concatenate(images))
        pq.write_table(pa.Table.from_pylist(entries, schema=FACES), faces[-1].with_suffix(".parquet"))
        flow = rng.normal(0, 0.05, (len(entries), 2, 64, 64)).astype(np.float32)
        flow[:, 1, 20:40, 20:40] += 0.5
        flow[frames - 1 :: frames] = 0
        np.save(motion[-1], flow)
    index = folder / "index" / "casme2.parquet"
    index.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist([*rows, *extra], schema=ROWS), index)
    return SequenceFiles(folder, index, faces, motion, list(subjects))
