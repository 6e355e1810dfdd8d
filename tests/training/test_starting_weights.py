"""``mexflow train`` from weights of a file: what the fold, its record and its table say, and what it starts from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

import flow_files
import sequence_files
import weight_files
from flow_files import FlowFiles
from mexflow.errors import UserError
from mexflow.evaluation.starts import in_words, starts_of
from project import mexflow
from training_files import folds_in

RESNET = {"model": "reduced_resnet", "options": {"layers": 1}, "channels": ["Vx", "Vy", "M"], "epochs": 1}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> FlowFiles:
    return flow_files.write(tmp_path_factory.mktemp("flow"))


def train(files: FlowFiles, results: Path, fold: str, **changes: object) -> None:
    """The command, in a process of its own as a job has one."""
    result = mexflow("train", *files.arguments(results, [fold], **changes))
    assert result.returncode == 0, result.stderr


def made(folder: Path) -> dict[str, bytes]:
    fold = folds_in(folder) / "casme2-01"
    return {path.name: path.read_bytes() for path in sorted(fold.iterdir())}


def test_a_fold_starts_from_the_file_and_says_so(files, here, tmp_path):
    """A learning rate near 0 leaves the network as it started: the file's numbers are in what was saved."""
    state = weight_files.state("resnet18")
    still = {**RESNET, "learning_rate": 1e-30, "optimizer_options": {}, "weights": {"features": "resnet18"}}
    runs = {}
    for name in ("here", "there"):
        path = weight_files.write(tmp_path / name / "resnet18.pth", state)
        record = tmp_path / name / "records" / "0.json"
        place = {"weight_files": [f"resnet18={path}"], "record": record}
        if name == "here":
            train(files, tmp_path / name / "results", files.folds[0], **still, **place)
        else:
            files.train(tmp_path / name / "results", files.folds[:1], **still, **place)
        runs[name] = json.loads(record.read_text())
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        assert runs[name]["inputs"][path.as_posix()] == {"sha256": sha256, "size": path.stat().st_size}
    stated = {"features": {"weights": "resnet18", "file": "resnet18.pth", "sha256": sha256}}
    assert runs["here"]["weights"] == runs["there"]["weights"] == stated
    assert {"mexflow.models.backbones.resnet18", "mexflow.papers.pretrained"} <= set(runs["here"]["code"]["modules"])
    here = made(tmp_path / "here" / "results")
    assert here == made(tmp_path / "there" / "results"), "where the file lies changes nothing"
    table = pq.read_table(folds_in(tmp_path / "here" / "results") / "casme2-01" / "predictions.parquet")
    assert starts_of(table) == stated
    assert in_words(["features"], stated) == f"resnet18.pth (sha256 {sha256[:12]})"
    (path,) = (folds_in(tmp_path / "here" / "results") / "casme2-01").glob("model.pt")
    saved = torch.load(path, weights_only=True)
    torch.testing.assert_close(saved["network.features.0.weight"], state["conv1.weight"])
    torch.testing.assert_close(saved["network.features.1.bias"], state["bn1.bias"])


def test_without_weights_a_fold_says_nothing(files, tmp_path):
    record = tmp_path / "0.json"
    train(files, tmp_path / "results", files.folds[0], **RESNET, record=record)
    contents = json.loads(record.read_text())
    assert "weights" not in contents and '"weights"' not in contents["command"]
    schema = pq.read_schema(folds_in(tmp_path / "results") / "casme2-01" / "predictions.parquet")
    assert schema.metadata is None
    assert in_words(["features"], {}) == "from scratch"


def test_a_file_that_is_none_of_the_network_leaves_nothing(files, here, tmp_path):
    path = weight_files.write(tmp_path / "vgg16.pth", weight_files.state("mpnet"))
    started = {**RESNET, "weights": {"features": "resnet18"}, "weight_files": [f"resnet18={path}"]}
    with pytest.raises(UserError) as caught:
        files.train(tmp_path / "results", files.folds[:1], **started)
    said = f"{path}: not the weights of ResNet-18: 4,636,225 parameters, not 11,689,512; of 102 "
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "results" / "folds").exists()


def test_both_networks_of_nag2019_start_from_their_files(here, tmp_path):
    sequences = sequence_files.write(tmp_path / "sequences")
    names = {"spatial.backbone": "deeplab", "temporal": "mpnet"}
    states = {name: weight_files.state(name, seed) for seed, name in enumerate(names.values(), start=3)}
    paths = {name: weight_files.write(tmp_path / f"{name}.pth", state) for name, state in states.items()}
    still = {"learning_rate": 1e-30, "optimizer_options": {}, "normalise": "rms", "weights": names}
    given = [f"{name}={path}" for name, path in paths.items()]
    sequences.train(tmp_path / "results", ["01"], **still, weight_files=given)
    saved = torch.load(folds_in(tmp_path / "results") / "01" / "model.pt", weights_only=True)
    for part, name in names.items():
        for entry, value in states[name].items():
            if not entry.startswith("classifier."):
                torch.testing.assert_close(saved[f"network.{part}.{entry}"], value)
    starts = starts_of(pq.read_table(folds_in(tmp_path / "results") / "01" / "predictions.parquet"))
    assert {part: of["file"] for part, of in starts.items()} == {
        "spatial.backbone": "deeplab.pth", "temporal": "mpnet.pth"
    }  # fmt: skip
    alone = {"temporal": starts["temporal"]}
    text = in_words(list(names), alone)
    assert text == f"spatial.backbone from scratch, temporal mpnet.pth (sha256 {alone['temporal']['sha256'][:12]})"
