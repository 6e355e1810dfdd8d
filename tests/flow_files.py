"""An index and flow arrays of a few made-up subjects: a class is a bright patch, its place says which."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mexflow.preprocess.table_schemas import FLOW
from mexflow.store.artifacts import Inputs
from mexflow.training.recognition.loaders import load_flow
from mexflow.training.recognition.samples import Samples, labelled
from training_files import arguments, call, linked

CLASSES = ["happiness", "surprise", "anger"]
PAIRS = ["onset-apex", "onset-apex+1"]
INDEX = pa.schema(
    [*((name, pa.string()) for name in ("dataset", "subject", "clip", "label", "excluded")), ("fps", pa.float64())]
)
FPS = 200.0
RECIPE: dict[str, Any] = {
    "kind": "flow", "paper": "made", "experiment": "up", "index": "both", "reads": ["flow/made"], "label": "label",
    "classes": CLASSES, "protocol": "leave_one_subject_out", "model": "shallow_cnn", "options": {"layers": 1},
    "seed": 1, "epochs": 3, "channels": ["Vy"], "train_pairs": PAIRS, "test_pairs": PAIRS[:1],
    "training": {
        "batch_size": 8, "optimizer": "rmsprop", "learning_rate": 0.001, "normalise": "rms",
        "optimizer_options": {"alpha": 0.9, "weight_decay": 1e-4},
    },
}  # fmt: skip
"""What it is trained by, unless a test changes it."""

REASON = "face_missing: no face in 5 of 9 frames"


@dataclass(frozen=True)
class FlowFiles:
    """What was written: the index, and an array a subject."""

    root: Path
    index: Path
    arrays: list[Path]
    subjects: list[str]

    @property
    def folds(self) -> list[str]:
        return [f"casme2-{subject}" for subject in self.subjects]

    def arguments(self, results: Path, folds: Sequence[str], **changes: Any) -> list[str]:
        """The command line of training these folds into `results`; see :func:`training_files.arguments`."""
        return arguments(RECIPE, linked(results, self.root, ("index", "flow")), folds, **changes)

    def train(self, results: Path, folds: Sequence[str], **changes: Any) -> None:
        """The same, in this process."""
        call(RECIPE, linked(results, self.root, ("index", "flow")), folds, **changes)

    def samples(self, channels: Sequence[str] = ("Vy",)) -> Samples:
        """The samples as training joins them."""
        inputs = Inputs()
        rows = labelled(inputs.table(self.index).to_pylist(), "label", CLASSES)
        return load_flow(inputs, self.arrays, rows, "label", CLASSES, set(PAIRS), channels)[0]

    def copy(self, folder: Path) -> FlowFiles:
        """The same files in another folder."""
        shutil.copytree(self.root, folder, dirs_exist_ok=True)
        moved = [folder / path.relative_to(self.root) for path in (self.index, *self.arrays)]
        return replace(self, root=folder, index=moved[0], arrays=moved[1:])


def write(
    folder: Path,
    subjects: Sequence[str] = ("01", "02", "03", "04"),
    repeats: int = 1,
    without_flow: Collection[str] = (),
    seed: int = 0,
) -> FlowFiles:
    """Write an index and flow of `repeats` clips a class and subject, two pairs a clip.

    Clips are named ``<subject>_<class>_<number>``; those whose name starts with a text in `without_flow` have none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows, arrays = [], []
    for subject in subjects:
        table, fields = [], []
        for number in range(repeats):
            for place, name in enumerate(CLASSES):
                clip = f"{subject}_{name}_{number}"
                keys = {"dataset": "casme2", "clip": clip}
                rows.append({**keys, "subject": f"casme2/{subject}", "label": name, "excluded": None, "fps": FPS})
                for pair in PAIRS:
                    field = rng.normal(0, 0.1, (2, 64, 64)).astype(np.float32)
                    field[:, 8:24, 20 * place + 2 : 20 * place + 18] += 1
                    reason = REASON if clip.startswith(tuple(without_flow)) else None
                    fields.append(np.zeros_like(field) if reason else field)
                    entry = {"subject": subject, "video": clip, "pair": pair, "first_frame": 1, "second_frame": 5}
                    table.append({**keys, **entry, "excluded": reason})
        arrays.append(folder / "flow" / "made" / "casme2" / f"{subject}.npy")
        arrays[-1].parent.mkdir(parents=True, exist_ok=True)
        np.save(arrays[-1], np.stack(fields))
        pq.write_table(pa.Table.from_pylist(table, schema=FLOW), arrays[-1].with_suffix(".parquet"))
    index = folder / "index" / "both.parquet"
    index.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX), index)
    return FlowFiles(folder, index, arrays, list(subjects))
