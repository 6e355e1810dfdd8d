"""What tests of tables share: made-up predictions, an index, flow and faces, and the tables of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from measured_files import CLASSES, write_faces, write_flow, write_fold, write_index
from reporting_files import EXPERIMENTS, SUBJECTS, make_tables


@pytest.fixture
def world(tmp_path: Path, pristine: SimpleNamespace) -> SimpleNamespace:
    """A copy of the measured files that a test may change."""
    shutil.copytree(pristine.root, tmp_path, dirs_exist_ok=True)
    moved = {
        "root": tmp_path,
        "index": tmp_path / pristine.index.relative_to(pristine.root),
        "flow_tables": [tmp_path / path.relative_to(pristine.root) for path in pristine.flow_tables],
    }
    return SimpleNamespace(**{**vars(pristine), **moved})


@pytest.fixture(scope="session")
def made(pristine: SimpleNamespace) -> SimpleNamespace:
    """The tables of the unchanged files."""
    return make_tables(pristine)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Predictions of four experiments over four subjects, an index, flow and faces."""
    tmp_path = tmp_path_factory.mktemp("measured")
    rng = np.random.default_rng(0)
    labels = {subject: list(rng.choice(CLASSES, 10, p=[0.2, 0.1, 0.5, 0.2, 0])) for subject in SUBJECTS}
    guesses: dict[str, dict[str, list[str]]] = {}
    folds: dict[str, list[str]] = {}
    for experiment in EXPERIMENTS:
        right = 0.0 if experiment.endswith("null") else 0.9
        for subject in SUBJECTS:
            guess = [str(x if rng.random() < right else rng.choice(CLASSES)) for x in labels[subject]]
            guesses.setdefault(experiment, {})[subject] = guess
            features = rng.normal(size=(10, 8)) if experiment in ("vy-3cl", "resnet-7cl") else None
            folds.setdefault(experiment, []).append(
                write_fold(tmp_path, experiment, subject, labels[subject], guess, features)
            )
    clips, flow_tables, fields = [], [], {}
    for subject in SUBJECTS:
        dataset, number = subject.split("/")
        names = [f"{number}_{i}" for i in range(10)]
        clips += [
            {"dataset": dataset, "subject": subject, "clip": c, "megc2018": x}
            for c, x in zip(names, labels[subject], strict=True)
        ]
        values = rng.normal(size=(20, 2, 64, 64)) * 0.1
        rows = [{"clip": c, "pair": pair} for c in names for pair in ("onset-apex", "onset-apex+1")]
        fields[subject] = values.astype(np.float32)
        flow_tables.append(write_flow(tmp_path, dataset, number, rows, values))
        write_faces(tmp_path, dataset, number, names, rng.integers(0, 255, (10, 112, 112, 3), dtype=np.uint8))
    index = write_index(tmp_path, clips)
    return SimpleNamespace(
        root=tmp_path, labels=labels, guesses=guesses, folds=folds, index=index, clips=clips,
        flow_tables=flow_tables, fields=fields,
    )  # fmt: skip
