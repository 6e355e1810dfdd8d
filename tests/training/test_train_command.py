"""``mexflow train`` as a process: which folds share a job, being killed, its record, its fingerprint, its errors."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import flow_files
from flow_files import PAIRS, REASON, FlowFiles
from mexflow.cli import train
from mexflow.errors import UserError
from mexflow.store import records
from mexflow.training import checkpoints
from project import WORKFLOW, mexflow

EPOCHS = 20
NAMES = ("predictions.parquet", "history.parquet", "model.pt")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> FlowFiles:
    return flow_files.write(tmp_path_factory.mktemp("flow"), without_flow=["02_anger", "04"])


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory) -> Path:
    """All folds, trained in one job that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    record = folder / "records" / "train" / "made" / "up" / "0.json"
    options = {"epochs": EPOCHS, "record": record, "checkpoints": folder / "checkpoints"}
    result = mexflow(
        "train", *files.arguments(folder, files.folds, **options),
        MEXFLOW_RULE="train_made_0_0", MEXFLOW_ATTEMPT="2", MEXFLOW_GIT="0123abc dirty",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (folder / "log").write_text(result.stdout)
    return folder


def made(folder: Path, fold: str) -> dict[str, bytes]:
    return {name: (folder / fold / name).read_bytes() for name in NAMES}


def record_of(folder: Path) -> dict:
    return json.loads((folder / "records" / "train" / "made" / "up" / "0.json").read_text())


def test_same_bits_whichever_folds_share_a_job(files, whole, tmp_path):
    result = mexflow("train", *files.arguments(tmp_path, [files.folds[2], files.folds[0]], epochs=EPOCHS))
    assert result.returncode == 0, result.stderr
    for fold in (files.folds[0], files.folds[2]):
        assert made(tmp_path, fold) == made(whole, fold)
    assert not (tmp_path / files.folds[1]).exists()
    assert made(whole, files.folds[0])["model.pt"] != made(whole, files.folds[2])["model.pt"]


def test_killed_job_goes_on_and_ends_at_the_same_bits(files, whole, tmp_path):
    """SIGKILL in the second of two folds; the next run finds both folds' states."""
    folds = files.folds[:2]
    folder, saved = tmp_path / "killed", tmp_path / "checkpoints"
    arguments = files.arguments(folder, folds, epochs=EPOCHS, checkpoints=saved, checkpoint_seconds=0)
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}
    process = subprocess.Popen(
        [sys.executable, "-m", "mexflow", "train", *arguments],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (saved / f"{folds[1]}.pt").exists():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]

    result = mexflow("train", *arguments)
    assert result.returncode == 0, result.stderr
    for fold in folds:
        assert made(folder, fold) == made(whole, fold)
    trained, total = map(int, re.search(r"made/up: (\d+)/(\d+) in", result.stderr).groups())
    assert (total, trained < EPOCHS) == (2 * EPOCHS, True), "the first fold's epochs were not done again"
    assert not saved.exists()
    assert not list(folder.rglob("*.partial"))


def test_record_of_training(files, whole):
    record = record_of(whole)
    assert record["job"] == "train/made/up/0"
    assert record["rule"] == "train_made_0_0"
    assert (record["seed"], record["threads"], record["device"]) == (1, 1, "cpu")
    assert record["observed"]["attempt"] == 2
    assert (record["code"]["git_commit"], record["code"]["git_dirty"]) == ("0123abc", True)
    assert {"mexflow.cli.train", "mexflow.models.shallow_cnn", "mexflow.training.loop"} <= set(
        record["code"]["modules"]
    )
    assert "mexflow.models.reduced_resnet" not in record["code"]["modules"]
    assert set(record["versions"]) >= {"python", "torch", "numpy", "pyarrow"}
    assert record["command"].startswith("python -m mexflow train --paper made ")
    tables = [path.with_suffix(".parquet") for path in files.arrays]
    assert set(record["inputs"]) == {path.as_posix() for path in [files.index, *files.arrays, *tables]}
    assert set(record["outputs"]) == {f"{whole}/{fold}/{name}" for fold in files.folds for name in NAMES}
    for path, stated in (record["inputs"] | record["outputs"]).items():
        data = Path(path).read_bytes()
        assert stated == {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_record_shows_that_no_test_subject_was_trained_on(files, whole):
    for fold, stated in record_of(whole)["folds"].items():
        assert stated["test_subjects"] == [fold.replace("-", "/", 1)]
        assert stated["training_subjects"] == [
            name for name in ("casme2/01", "casme2/02", "casme2/03") if name not in stated["test_subjects"]
        ]
        assert stated["training_samples"] == {"01": 10, "02": 12, "03": 10, "04": 16}[fold[-2:]]


def test_left_out_pairs_are_reported(whole):
    expected = sorted(
        f"casme2 {clip} {pair}: {REASON}"
        for clip in ("02_anger_0", "04_happiness_0", "04_surprise_0", "04_anger_0")
        for pair in PAIRS
    )
    assert record_of(whole)["left_out"] == expected
    log = (whole / "log").read_text().splitlines()
    assert [line for line in log if line.startswith("left out: ")] == [f"left out: {line}" for line in expected]


def test_fold_of_a_subject_without_flow_is_empty(whole):
    assert pq.read_table(whole / "casme2-04" / "predictions.parquet").num_rows == 0
    assert pq.read_table(whole / "casme2-02" / "predictions.parquet").num_rows == 2
    assert record_of(whole)["folds"]["casme2-04"]["test_clips"] == 0


def test_checkpoints_are_gone(whole):
    assert not (whole / "checkpoints").exists()


def test_mistake_ends_in_one_line_and_leaves_nothing(files, tmp_path):
    """As a process; no GPU is to be seen."""
    arguments = files.arguments(tmp_path / "out", files.folds[:1], device="cuda", record=tmp_path / "r.json")
    result = mexflow("train", *arguments, CUDA_VISIBLE_DEVICES="")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "mexflow: error: device cuda: no GPU is usable here; set training.device: auto or cpu in config.yaml\n"
    )
    assert list(tmp_path.iterdir()) == []


# The fingerprint: which checkpoint fits which job


class Stopped(Exception):
    """The fingerprint is known; no training is needed."""


@pytest.fixture
def command(files, tmp_path):
    """Calls the command in this process, with changed options."""
    threads = torch.get_num_threads()
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(train.main).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }

    def call(used: FlowFiles = files, **changed) -> None:
        options = {
            "paper": "made", "experiment": "up", "fold": used.folds[:1], "index": used.index, "label": "label",
            "class_": flow_files.CLASSES, "protocol": "leave_one_subject_out", "input_": "flow",
            "array": used.arrays, "channel": ["Vy"],
            "train_pair": PAIRS, "test_pair": ["onset-apex"], "model": "shallow_cnn", "model_option": ["layers=1"],
            "epochs": 3, "batch_size": 8, "optimizer": "rmsprop", "learning_rate": 0.001, "normalise": "rms",
            "optimizer_option": ["alpha=0.9"], "seed": 1, "device": "cpu", "output": tmp_path / "out",
        }  # fmt: skip
        train.main(**{**defaults, **options, **changed})

    yield call
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fold": ["casme2-1"]}, "unknown fold 'casme2-1' (did you mean 'casme2-01'?)"),
        ({"protocol": "loso"}, "unknown protocol 'loso'"),
        ({"channel": ["vy"]}, "unknown channel 'vy' (did you mean 'Vy'?)"),
        ({"model_option": ["layer=1"]}, "unknown setting of shallow_cnn 'layer' (did you mean 'layers'?)"),
        ({"model_option": ["layers=9"]}, "shallow_cnn: 1-4 layers"),
        ({"normalise": "max"}, "unknown normalisation 'max'"),
        ({"learning_rate": 1e30, "epochs": 30}, "lower the learning rate"),
        ({"class_": [*flow_files.CLASSES, "sadness"]}, "no training clip of sadness (of 10 training samples)"),
        ({"class_": flow_files.CLASSES[:2]}, "clip 01_anger_0 of casme2: label is 'anger', not one of"),
    ],
)
def test_mistakes_are_told(command, tmp_path, changed, message):
    with pytest.raises(UserError) as caught:
        command(**changed)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def fingerprint(command, monkeypatch):
    """A function from changes of the command line to the fingerprint of the job's checkpoints."""

    def stop(folder, fingerprint, seconds):
        raise Stopped(fingerprint)

    monkeypatch.setattr(checkpoints, "Checkpoints", stop)

    def of(*used: FlowFiles, **changed) -> str:
        with pytest.raises(Stopped) as stopped:
            command(*used, **changed)
        return str(stopped.value)

    return of


def test_fingerprint_depends_on_settings(fingerprint):
    changes = [
        {"paper": "other"}, {"experiment": "other"}, {"class_": flow_files.CLASSES[::-1]}, {"channel": ["Vx"]},
        {"train_pair": PAIRS[:1]}, {"test_pair": PAIRS[1:]}, {"model": "reduced_resnet"},
        {"model_option": ["layers=2"]}, {"epochs": 4}, {"batch_size": 9}, {"optimizer": "other"},
        {"learning_rate": 0.01}, {"normalise": "none"},
        {"optimizer_option": ["alpha=0.8"]}, {"seed": 2}, {"permute_labels": True}, {"threads": 2},
    ]  # fmt: skip
    found = [fingerprint(**change) for change in changes]
    assert len({fingerprint(), *found}) == len(changes) + 1


def test_fingerprint_depends_on_inputs_and_code(files, fingerprint, tmp_path, monkeypatch):
    copied = files.copy(tmp_path / "copy")
    first = fingerprint(copied)
    array = np.load(copied.arrays[2])
    array[0, 0, 0, 0] += 1
    np.save(copied.arrays[2], array)
    second = fingerprint(copied)
    monkeypatch.setattr(records.digest, "code_digest", lambda modules: "other code")
    assert len({first, second, fingerprint(copied)}) == 3


def test_fingerprint_is_the_same_for_other_company(files, fingerprint, tmp_path):
    """Which folds share the job, where it writes and how often it saves are not in it."""
    other = fingerprint(fold=files.folds, output=tmp_path / "x", record=tmp_path / "r", checkpoint_seconds=1.0)
    assert other == fingerprint()
