"""On a GPU, a fold of each kind of network gives what it gives on the CPU; several at once, what each gives alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import flow_files
import sequence_files
import video_files
from mexflow.training.devices import visible

pytestmark = pytest.mark.gpu
FILES = {"flow": flow_files, "videos": video_files, "sequences": sequence_files}
FOLDS = {"flow": ["casme2-01", "casme2-02"], "videos": ["006", "011"], "sequences": ["01", "02"]}
COLUMNS = {"predictions.parquet": "probabilities", "scores.parquet": "score"}


@pytest.fixture(autouse=True, scope="module")
def gpu() -> None:
    if not visible():
        pytest.skip("no GPU is usable here")


def train(kind: str, folder: Path, device: str, folds: Sequence[str]) -> list[np.ndarray]:
    """The probabilities and the scores of folds that are trained on a device, float64 (n, …), fold by fold."""
    FILES[kind].write(folder / "data").train(folder / "results", folds, device=device)
    return [
        np.array(pq.read_table(path, columns=[COLUMNS[path.name]])[COLUMNS[path.name]].to_pylist(), np.float64)
        for fold in folds
        for path in sorted((folder / "results" / "folds").rglob("*.parquet"))
        if path.parent.name == fold and path.name in COLUMNS
    ]


@pytest.mark.parametrize("kind", list(FILES))
def test_a_fold_agrees_with_that_of_the_cpu(kind: str, tmp_path: Path) -> None:
    results = [train(kind, tmp_path / device, device, FOLDS[kind][:1]) for device in ("cpu", "cuda")]
    assert results[0] and all(len(values) for values in results[0])
    for on_cpu, on_gpu in zip(*results, strict=True):
        np.testing.assert_allclose(on_gpu, on_cpu, atol=0.05)


@pytest.mark.parametrize("kind", list(FILES))
def test_folds_at_once_have_the_bits_of_each_alone(kind: str, tmp_path: Path) -> None:
    folds = FOLDS[kind]
    at_once = train(kind, tmp_path / "at_once", "cuda", folds)
    alone = [values for fold in folds for values in train(kind, tmp_path / fold, "cuda", [fold])]
    for one, other in zip(at_once, alone, strict=True):
        np.testing.assert_array_equal(one, other)
