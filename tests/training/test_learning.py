"""Each network can learn: it is brought to 100 % on sixteen samples of the embedded data, by the loop of all papers.

Takes minutes: ``./run pytest -m campaign tests/training/test_learning.py``.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from mexflow.datasets.casme2 import ADAPTER as CASME2
from mexflow.datasets.mmew import ADAPTER as MMEW
from mexflow.models import build
from mexflow.papers import paper as papers
from mexflow.store.artifacts import Inputs
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Clips, CrossEntropy
from mexflow.training.loop import Settings, fit, make_deterministic, predict, recompute_batch_norm
from mexflow.training.recognition.loaders import load_frames, load_residual
from mexflow.training.recognition.normalisation import normalised
from mexflow.training.recognition.samples import Samples, labelled
from project import ROOT, WORKFLOW

CASME2_5CLASS, MMEW_5CLASS = CASME2.labels[0].classes, MMEW.labels[0].classes
CPU = torch.device("cpu")
SUBJECTS = {"mmew": ["S01", "S02", "S03", "S04"], "casme2": ["04", "05", "09"]}

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces and residual sums of some subjects of the embedded demo data, as the workflow makes them."""
    folder = tmp_path_factory.mktemp("learning")
    faces = [f"results/faces/mmew/{subject}.npy" for subject in SUBJECTS["mmew"]]
    sums = [f"results/residual/ars/casme2/{subject}.npy" for subject in SUBJECTS["casme2"]]
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--cores", "2"]
    subprocess.run([*command, *faces, *sums], check=True, env=os.environ, capture_output=True)
    return folder / "results"


def frames(results: Path) -> Samples:
    inputs = Inputs()
    rows = labelled(inputs.table(results / "index/mmew.parquet").to_pylist(), "mmew_5class", MMEW_5CLASS)
    arrays = [results / f"faces/mmew/{subject}.npy" for subject in SUBJECTS["mmew"]]
    return load_frames(inputs, arrays, rows, "mmew_5class", MMEW_5CLASS, 90)[0]


def sums(results: Path) -> Samples:
    inputs = Inputs()
    rows = labelled(inputs.table(results / "index/casme2.parquet").to_pylist(), "casme2_5class", CASME2_5CLASS)
    arrays = [results / f"residual/ars/casme2/{subject}.npy" for subject in SUBJECTS["casme2"]]
    return load_residual(inputs, arrays, rows, "casme2_5class", CASME2_5CLASS, 64)[0]


@pytest.mark.parametrize(
    ("paper", "experiment", "epochs"),
    [
        ("upadhy2025", "3d", 60),
        ("upadhy2025", "2d", 60),
        ("upadhy2025", "convlstm", 30),
        ("cropnet2021", "ars", 30),
        ("cropnet2021", "ars-whole", 30),
    ],
)
def test_sixteen_samples_are_learned(results, paper, experiment, epochs):
    used = papers.load(WORKFLOW / "papers", paper)
    own, training = used.experiments[experiment], used.training_of(experiment)
    samples = (frames if own.kind == "frames" else sums)(results)
    assert len(samples) >= 16
    samples = samples.subset(np.random.default_rng(1).permutation(len(samples))[:16])
    make_deterministic(1)
    torch.manual_seed(1)
    network = build(own.model, own.options, samples.images.shape[1], len(samples.classes))
    network = normalised(network, training.normalise, samples)
    # The paper's optimiser, without what it has against overfitting: augmentation, smoothing, early stopping.
    settings = Settings(epochs, 16, training.optimizer, training.learning_rate, training.optimizer_options)
    feed = Clips(samples, CPU, 1)
    history = fit(
        network, feed, CrossEntropy(), settings, 1, CPU, fold="f", checkpoints=Checkpoints(None, "", 0)
    )  # fmt: skip
    if training.recompute_batch_norm:
        recompute_batch_norm(network, Clips(samples, CPU), 16)
    found, _ = predict(network, samples, CPU)
    accuracy = float((found.argmax(1) == samples.labels).mean())
    print(f"{paper}/{experiment}: loss {history[-1]['loss']:.4f}, accuracy {100 * accuracy:.0f} % of 16")
    assert accuracy == 1
