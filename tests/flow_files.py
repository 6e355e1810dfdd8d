"""An index and flow arrays of a few made-up subjects: a class is a bright patch, its place says which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mexflow.preprocess.tables import FLOW
from mexflow.store.artifacts import Inputs
from mexflow.training.recognition.loaders import load_flow
from mexflow.training.recognition.samples import Samples, labelled

CLASSES = ["happiness", "surprise", "anger"]
PAIRS = ["onset-apex", "onset-apex+1"]
INDEX = pa.schema([(name, pa.string()) for name in ("dataset", "subject", "clip", "label", "excluded")])
REASON = "face_missing: no face in 5 of 9 frames"


@dataclass(frozen=True)
class FlowFiles:
    """What was written: the index, and an array a subject."""

    index: Path
    arrays: list[Path]
    subjects: list[str]

    @property
    def folds(self) -> list[str]:
        return [f"casme2-{subject}" for subject in self.subjects]

    def arguments(self, output: Path, folds: Sequence[str], *, epochs: int = 3, **changed: object) -> list[str]:
        """The command line of training these folds; `changed` sets further options, or sets one of these anew."""
        options: dict[str, object] = {
            "paper": "made", "experiment": "up", "fold": list(folds), "index": self.index, "label": "label",
            "class": CLASSES, "protocol": "leave_one_subject_out", "input": "flow", "array": self.arrays,
            "channel": "Vy",
            "train-pair": PAIRS, "test-pair": "onset-apex", "model": "shallow_cnn", "model-option": "layers=1",
            "epochs": epochs, "batch-size": 8, "optimizer": "rmsprop", "learning-rate": 0.001,
            "optimizer-option": ["alpha=0.9", "weight_decay=1e-4"], "normalise": "rms", "seed": 1, "device": "cpu",
            "output": output,
        }  # fmt: skip
        options |= {name.replace("_", "-"): value for name, value in changed.items()}
        result = []
        for name, value in options.items():
            for item in value if isinstance(value, list) else [value]:
                result += [f"--{name}", *([] if item is True else [str(item)])]
        return result

    def samples(self, channels: Sequence[str] = ("Vy",)) -> Samples:
        """The samples as training joins them."""
        inputs = Inputs()
        rows = labelled(inputs.table(self.index).to_pylist(), "label", CLASSES)
        return load_flow(inputs, self.arrays, rows, "label", CLASSES, set(PAIRS), channels)[0]

    def copy(self, folder: Path) -> FlowFiles:
        """The same files in another folder."""
        for path in [self.index, *self.arrays, *(a.with_suffix(".parquet") for a in self.arrays)]:
            (folder / path.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
        return replace(self, index=folder / self.index.name, arrays=[folder / path.name for path in self.arrays])


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
                rows.append({**keys, "subject": f"casme2/{subject}", "label": name, "excluded": None})
                for pair in PAIRS:
                    field = rng.normal(0, 0.1, (2, 64, 64)).astype(np.float32)
                    field[:, 8:24, 20 * place + 2 : 20 * place + 18] += 1
                    reason = REASON if clip.startswith(tuple(without_flow)) else None
                    fields.append(np.zeros_like(field) if reason else field)
                    entry = {"subject": subject, "video": clip, "pair": pair, "first_frame": 1, "second_frame": 5}
                    table.append({**keys, **entry, "excluded": reason})
        arrays.append(folder / f"{subject}.npy")
        np.save(arrays[-1], np.stack(fields))
        pq.write_table(pa.Table.from_pylist(table, schema=FLOW), arrays[-1].with_suffix(".parquet"))
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX), folder / "index.parquet")
    return FlowFiles(folder / "index.parquet", arrays, list(subjects))
