"""``mexflow train`` as a process: which folds share a job, being killed, its record, its fingerprint, its errors."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import flow_files
import weight_files
from flow_files import PAIRS, REASON, FlowFiles
from mexflow.cli import train
from mexflow.errors import UserError
from mexflow.papers.recipe import FlowRecipe
from mexflow.papers.trainings import RecognitionTraining
from mexflow.store import records
from mexflow.training import job
from project import mexflow
from training_files import checkpoints_in, folds_in, kill, parsed, written

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
    result = mexflow(
        "train", *files.arguments(folder, files.folds, epochs=EPOCHS, record=record),
        MEXFLOW_RULE="train_made_0_0", MEXFLOW_ATTEMPT="2", MEXFLOW_GIT="0123abc dirty",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (folder / "log").write_text(result.stdout)
    return folder


def made(folder: Path, fold: str) -> dict[str, bytes]:
    return {name: (folds_in(folder) / fold / name).read_bytes() for name in NAMES}


def record_of(folder: Path) -> dict:
    return json.loads((folder / "records" / "train" / "made" / "up" / "0.json").read_text())


def test_same_bits_whichever_folds_share_a_job(files, here, whole, tmp_path):
    files.train(tmp_path, [files.folds[2], files.folds[0]], epochs=EPOCHS)
    for fold in (files.folds[0], files.folds[2]):
        assert made(tmp_path, fold) == made(whole, fold)
    assert not (folds_in(tmp_path) / files.folds[1]).exists()
    assert made(whole, files.folds[0])["model.pt"] != made(whole, files.folds[2])["model.pt"]


def test_killed_job_goes_on_and_ends_at_the_same_bits(files, whole, tmp_path):
    """SIGKILL in the second of two folds; the next run finds both folds' states."""
    folds = files.folds[:2]
    folder = tmp_path / "killed"
    saved = checkpoints_in(folder)
    arguments = files.arguments(folder, folds, epochs=EPOCHS, checkpoint_seconds=0)
    kill(arguments, saved / f"{folds[1]}.pt")
    left = [path for path in written(folder) if not Path(path).name.startswith(".")]
    assert left == [f"checkpoints/made/up/{fold}.pt" for fold in folds]

    result = mexflow("train", *arguments)
    assert result.returncode == 0, result.stderr
    for fold in folds:
        assert made(folder, fold) == made(whole, fold)
    trained, total = map(int, re.search(r"made/up: (\d+)/(\d+) in", result.stderr).groups())
    assert (total, trained < EPOCHS) == (2 * EPOCHS, True), "the first fold's epochs were not done again"
    assert not (folder / "checkpoints").exists()
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
    assert record["command"].startswith("python -m mexflow train --fold casme2-01 ")
    assert record["recipe"] == parsed(flow_files.RECIPE, epochs=EPOCHS).model_dump(mode="json")
    tables = [path.with_suffix(".parquet") for path in files.arrays]
    read = [path.relative_to(files.root) for path in [files.index, *files.arrays, *tables]]
    assert set(record["inputs"]) == {f"{whole}/{path.as_posix()}" for path in read}
    assert set(record["outputs"]) == {f"{folds_in(whole)}/{fold}/{name}" for fold in files.folds for name in NAMES}
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
    assert pq.read_table(folds_in(whole) / "casme2-04" / "predictions.parquet").num_rows == 0
    assert pq.read_table(folds_in(whole) / "casme2-02" / "predictions.parquet").num_rows == 2
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
    assert written(tmp_path) == []


# The fingerprint: which checkpoint fits which job


class Stopped(Exception):
    """The fingerprint is known; no training is needed."""


@pytest.fixture
def command(files, tmp_path):
    """Calls the command in this process, with a changed recipe or options."""
    threads = torch.get_num_threads()

    def call(used: FlowFiles = files, folds=None, results: Path | None = None, **changes) -> None:
        used.train(results or tmp_path / f"out of {used.root.name}", folds or used.folds[:1], **changes)

    yield call
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": ["casme2-1"]}, "unknown fold 'casme2-1' (did you mean 'casme2-01'?)"),
        ({"protocol": "loso"}, "unknown protocol 'loso'; one of: five_subject_folds, leave_one_subject_out"),
        ({"protocol": "five_folds"}, "unknown protocol 'five_folds' (did you mean 'five_subject_folds'?)"),
        ({"kind": "flows"}, "the recipe: kind: unknown kind 'flows' (did you mean 'flow'?)"),
        ({"chanels": ["Vy"]}, "the recipe: unknown key 'chanels' (did you mean 'channels'?)"),
        ({"channels": None}, "the recipe: channels is missing"),
        ({"channels": ["vy"]}, "channels 'vy' (did you mean 'Vy'?)"),
        ({"train_pairs": []}, "the recipe: train_pairs: list should have at least 1 item"),
        ({"model": "shallow_cn"}, "unknown network 'shallow_cn' (did you mean 'shallow_cnn'?)"),
        ({"weights": {"features": "resnet18"}}, "the recipe: weights: 'features' is no such part of shallow_cnn; none"),
        (
            {"weights": {"features": "resnt18"}},
            "weights.features: unknown 'resnt18' (did you mean 'resnet18'?)",
        ),
        (
            {"model": "reduced_resnet", "weights": {"features": "resnet18"}},
            "the recipe starts from the weights resnet18; give --weights resnet18=FILE",
        ),
        ({"weight_files": ["rexnet=x.pth"]}, "--weights rexnet: the recipe does not start from it"),
        (
            {"model": "reduced_resnet", "weights": {"features": "resnet18"}, "weight_files": ["resnet18=none.pth"]},
            "none.pth: ",
        ),
        (
            {"model": "reduced_resnet", "weights": {"features": "resnet18"}, "normalise": "none"},
            "they need training.normalise rms, not none",
        ),
        ({"options": {"layer": 1}}, "unknown setting of shallow_cnn 'layer' (did you mean 'layers'?)"),
        ({"options": {"layers": 9}}, "shallow_cnn: 1-4 layers"),
        ({"model": "linear_svm", "options": {}}, "made/up: the model linear_svm is fitted, not trained"),
        ({"normalise": "max"}, "the recipe: training.normalise: input should be 'rms', "),
        ({"normalise": "mean_frames"}, "not 'mean_frames' (did you mean 'mean_frame'?)"),
        ({"optimizer": "rmsprob"}, "training: unknown optimizer 'rmsprob' (did you mean 'rmsprop'?)"),
        ({"optimizer_options": {"alfa": 1}}, "unknown key 'optimizer_options.alfa' (did you mean 'alpha'?)"),
        ({"schedule": "cosin"}, "training: unknown schedule 'cosin' (did you mean 'cosine'?)"),
        ({"early_stopping": 3}, "training: early stopping and the schedule plateau need validation_share"),
        ({"augment": [{"flop": 0.5}]}, "training.augment: unknown augmentation 'flop' (did you mean 'flip'?)"),
        ({"oversample": ["flop"]}, "unknown operation of oversampling 'flop' (did you mean 'flip'?)"),
        (
            {"augment": [{"flip": 0.5}]},
            "the recipe: training.augment: its operations are on images, and this input is flow",
        ),
        ({"oversample": ["flip"]}, "the recipe: training.oversample: its operations are on images"),
        ({"epochs": 0}, "the recipe: epochs: input should be greater than or equal to 1, not 0"),
        ({"learning_rate": -1}, "training.learning_rate: input should be greater than 0, not -1"),
        ({"learning_rate": 1e30, "epochs": 30}, "lower the learning rate"),
        ({"classes": [*flow_files.CLASSES, "sadness"]}, "no training clip of sadness (of 10 training samples)"),
        ({"classes": flow_files.CLASSES[:2]}, "clip 01_anger_0 of casme2: label is 'anger', not one of"),
    ],
    ids=str,
)
def test_mistakes_are_told(command, tmp_path, changes, message):
    with pytest.raises(UserError) as caught:
        command(**changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert [path for folder in tmp_path.iterdir() for path in written(folder)] == []


def test_a_recipe_may_be_a_file(files, here, whole, tmp_path):
    *_, words = files.arguments(tmp_path / "out", files.folds[1:2], epochs=EPOCHS)
    recipe = tmp_path / "recipe.json"
    recipe.write_text(words)
    train.main(recipe=str(recipe), fold=files.folds[1:2], results=tmp_path / "out", device="cpu")
    assert made(tmp_path / "out", files.folds[1]) == made(whole, files.folds[1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("recipe.json", "recipe.json: no recipe and no file with one ("),
        ('{"kind": "flow", ', "the recipe: not readable JSON (Expecting property name"),
        ('{"seed": 1, "seed": 2}', "the recipe: not readable JSON ('seed' is given twice)"),
        ("{}", "the recipe: `kind` is missing"),
    ],
)
def test_what_is_no_recipe(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        train.main(recipe=words, fold=["casme2-01"], results=Path("out"))
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.fixture
def fingerprint(command, monkeypatch):
    """A function from changes of the recipe, or of options, to the fingerprint of the job's checkpoints."""

    def stop(folder, fingerprint, seconds):
        raise Stopped(fingerprint)

    monkeypatch.setattr(job, "Checkpoints", stop)

    def of(*used: FlowFiles, **changes) -> str:
        with pytest.raises(Stopped) as stopped:
            command(*used, **changes)
        return str(stopped.value)

    return of


@pytest.fixture
def other_names(files, tmp_path) -> FlowFiles:
    """The same files, the index and the flow under another name as well, and its label in another column too."""
    copied = files.copy(tmp_path / "copy")
    table = pq.read_table(copied.index)
    pq.write_table(table.append_column("other", table["label"]), copied.index)
    shutil.copy(copied.index, copied.index.with_stem("other"))
    shutil.copytree(copied.root / "flow" / "made", copied.root / "flow" / "other")
    return copied


def test_fingerprint_depends_on_every_key_of_the_recipe(fingerprint, other_names, tmp_path):
    file = weight_files.write(tmp_path / "weights.pth", {"a": torch.ones(1)})
    validated = {"early_stopping": 2, "validation_share": 0.4}
    images = {"kind": "residual", "channels": None, "train_pairs": None, "test_pairs": None}
    changes = [
        {"paper": "other"}, {"experiment": "other"}, {"index": "other"}, {"reads": ["flow/other"]}, {"label": "other"},
        {"classes": flow_files.CLASSES[::-1]}, {"protocol": "five_subject_folds", "folds": ["fold1"]},
        {"channels": ["Vx"]}, {"train_pairs": PAIRS[:1]}, {"test_pairs": PAIRS[1:]}, {"size": 32}, {"levels": "minmax"},
        {"model": "reduced_resnet"}, {"options": {"layers": 2}}, {"seed": 2}, {"epochs": 4}, {"samples": 5},
        {"permute_labels": True},
        {"keep_features": True}, {"batch_size": 9}, {"optimizer": "sgd", "optimizer_options": {"weight_decay": 1e-4}},
        {"learning_rate": 0.01}, {"normalise": "none"}, {"optimizer_options": {"alpha": 0.8}},
        {**images, "augment": [{"flip": 0.5}]}, {**images, "augment": [{"flip": 0.6}]},
        {**images, "oversample": ["flip"]}, images, validated,
        {**validated, "early_stopping": 3}, {**validated, "validation_share": 0.5}, {"schedule": "cosine"},
        {"schedule": "cosine", "schedule_options": {"eta_min": 1e-5}}, {"label_smoothing": 0.1},
        {"recompute_batch_norm": True}, {"mixed_precision": True}, {"threads": 2},
        {"model": "reduced_resnet", "weights": {"features": "resnet18"}, "weight_files": [f"resnet18={file}"]},
    ]  # fmt: skip
    known = {*FlowRecipe.model_fields, *RecognitionTraining.model_fields}
    assert known - {name for change in changes for name in change} == {"training"}, "a key is not looked at"
    found = [fingerprint(other_names, **change) for change in changes]
    assert len({fingerprint(other_names), *found}) == len(changes) + 1


def test_fingerprint_depends_on_inputs_and_code(files, fingerprint, tmp_path, monkeypatch):
    copied = files.copy(tmp_path / "copy")
    first = fingerprint(copied)
    array = np.load(copied.arrays[2])
    array[0, 0, 0, 0] += 1
    np.save(copied.arrays[2], array)
    second = fingerprint(copied)
    monkeypatch.setattr(records.digest, "code_digest", lambda modules: "other code")
    assert len({first, second, fingerprint(copied)}) == 3


def test_fingerprint_depends_on_the_weights_and_not_on_where_they_lie(fingerprint, tmp_path):
    started = {"model": "reduced_resnet", "options": {"layers": 1}, "weights": {"features": "resnet18"}}
    prints = []
    for place, value in (("here", 1.0), ("there", 1.0), ("here", 2.0)):
        file = weight_files.write(tmp_path / place / "weights.pth", {"a": torch.full((1,), value)})
        prints.append(fingerprint(**started, weight_files=[f"resnet18={file}"]))
    first, elsewhere, another = prints
    assert first == elsewhere != another


def test_fingerprint_is_the_same_for_other_company(files, fingerprint, tmp_path):
    """Which folds share the job, where the results are and how often it saves are not in it."""
    elsewhere = {"results": tmp_path / "x", "record": tmp_path / "r", "checkpoint_seconds": 1.0}
    assert fingerprint(folds=files.folds, **elsewhere) == fingerprint()
