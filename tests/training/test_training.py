"""Training in one process: the split, the loop, seeds, checkpoints, and what a user is told."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import flow_files
from flow_files import CLASSES, PAIRS, REASON
from mexflow.errors import UserError
from mexflow.models import build
from mexflow.papers.recipe import FlowRecipe
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Clips, CrossEntropy
from mexflow.training.loop import Settings, fit, make_deterministic, predict
from mexflow.training.recognition.fold import run_fold, split
from mexflow.training.recognition.loaders import load_flow
from mexflow.training.recognition.samples import Samples, labelled, permute_within_subject
from training_files import parsed

pytestmark = pytest.mark.usefixtures("deterministic")
CPU = torch.device("cpu")
FOLD, TESTING = "casme2-01", frozenset(["casme2/01"])


def recipe(**changes: Any) -> FlowRecipe:
    return parsed(flow_files.RECIPE, **{"seed": 7, **changes})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return flow_files.write(tmp_path_factory.mktemp("flow"))


@pytest.fixture(scope="module")
def samples(files) -> Samples:
    return files.samples()


def store(folder, fingerprint="same", seconds=0.0) -> Checkpoints:
    return Checkpoints(folder, fingerprint, seconds)


def trained(
    used, samples, folder, checkpoints=None, after_epoch=lambda: None, fold=FOLD, testing=TESTING
) -> dict[str, bytes]:
    """Train one fold; the bytes of its files by name."""
    with Outputs() as outputs:
        run_fold(used, fold, testing, samples, CPU, folder, outputs, checkpoints or store(None), after_epoch)
        outputs.commit()
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# The samples


def test_flow_is_joined_to_its_labels(files):
    found = files.samples(["M", "Vx"])
    assert found.images.shape == (24, 2, 64, 64) and found.images.dtype == np.float32
    fields = {path.stem: np.load(path) for path in files.arrays}
    for image, label, clip in zip(found.images, found.labels, found.clips, strict=True):
        subject, name, _ = clip["clip"].split("_")
        field = fields[subject][2 * CLASSES.index(name) + PAIRS.index(clip["pair"])]
        np.testing.assert_array_equal(image[1], field[0])
        np.testing.assert_allclose(image[0], np.hypot(*field), rtol=1e-6)
        assert CLASSES[label] == name
        assert clip["subject"] == f"casme2/{subject}"
    keys = [(clip["dataset"], clip["clip"], clip["pair"]) for clip in found.clips]
    assert keys == sorted(keys), "the order is that of names, not of files"


def test_the_order_of_the_arrays_changes_nothing(files, samples):
    other = replace(files, arrays=files.arrays[::-1]).samples()
    assert other.clips == samples.clips
    np.testing.assert_array_equal(other.images, samples.images)


def test_excluded_pairs_are_reported_and_left_out(tmp_path):
    files = flow_files.write(tmp_path, without_flow=["02_anger"])
    inputs = Inputs()
    rows = labelled(inputs.table(files.index).to_pylist(), "label", CLASSES)
    found, left_out = load_flow(inputs, files.arrays, rows, "label", CLASSES, set(PAIRS), ["Vx"])
    assert left_out == sorted(f"casme2 02_anger_0 {pair}: {REASON}" for pair in PAIRS)
    assert len(found) == 22 and not any(clip["clip"].startswith("02_anger") for clip in found.clips)


def test_channels_are_scaled_after_they_are_computed(files, samples):
    inputs = Inputs()
    rows = labelled(inputs.table(files.index).to_pylist(), "label", CLASSES)
    load = lambda size: load_flow(inputs, files.arrays, rows, "label", CLASSES, set(PAIRS), ["M", "Vy"], size)[0]  # noqa: E731
    stored, small = load(None), load(8)
    side = stored.images.shape[-1]
    assert small.images.shape[2:] == (8, 8) and small.images.dtype == np.float32 and small.clips == stored.clips
    blocks = stored.images.reshape(len(stored), 2, 8, side // 8, 8, side // 8).mean((3, 5))
    np.testing.assert_allclose(small.images, blocks, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(load(side).images, stored.images)
    with pytest.raises(UserError, match=rf"cannot be enlarged to {side + 1}x{side + 1}"):
        load(side + 1)


def test_an_unknown_channel(files):
    with pytest.raises(UserError, match=r"unknown channel of flow 'Vz'"):
        load_flow(Inputs(), files.arrays, [], "label", CLASSES, set(PAIRS), ["Vz"])


def test_table_that_does_not_fit_its_array(files, tmp_path):
    copied = files.copy(tmp_path)
    np.save(copied.arrays[1], np.load(copied.arrays[1])[:-1])
    with pytest.raises(UserError, match=r"02\.npy: 5 rows, its table has 6; delete both and run again"):
        copied.samples()


def test_unknown_label():
    rows = [{"dataset": "casme2", "clip": "a", "label": "joy", "excluded": None}]
    with pytest.raises(UserError, match=r"clip a of casme2: label is 'joy', not one of \['happiness'"):
        labelled(rows, "label", CLASSES)
    assert labelled([{**rows[0], "excluded": "frames_missing"}], "label", CLASSES) == []


def index_rows(counts: dict[str, list[str]]) -> list[dict]:
    return [
        {"dataset": "casme2", "subject": subject, "clip": f"{subject}{i}", "label": label, "excluded": None}
        for subject, labels in counts.items()
        for i, label in enumerate(labels)
    ]


def test_permutation_keeps_each_subjects_labels():
    rows = index_rows({"b": ["anger"] * 6 + ["surprise"] * 6, "a": ["happiness"] * 5 + ["anger"] * 2, "c": ["anger"]})
    permuted = permute_within_subject(rows, "label", 3)
    assert sorted(row["clip"] for row in permuted) == sorted(row["clip"] for row in rows)
    for subject in "abc":
        own, other = ([row["label"] for row in some if row["subject"] == subject] for some in (rows, permuted))
        assert sorted(own) == sorted(other)
    by_clip = {row["clip"]: row["label"] for row in permuted}
    assert [by_clip[row["clip"]] for row in rows] != [row["label"] for row in rows]


def test_permutation_is_a_function_of_seed_and_subject():
    rows = index_rows({subject: ["anger"] * 6 + ["surprise"] * 6 for subject in "abc"})
    permuted = permute_within_subject(rows, "label", 3)
    assert permuted == permute_within_subject(rows, "label", 3)
    assert permuted != permute_within_subject(rows, "label", 4)
    alone = permute_within_subject([row for row in rows if row["subject"] == "b"], "label", 3)
    assert alone == [row for row in permuted if row["subject"] == "b"]


# The split


def test_test_subjects_are_never_trained_on(samples):
    used = split(samples, recipe(), FOLD, TESTING)
    train, test = used.train, used.test
    assert train.subjects == ["casme2/02", "casme2/03", "casme2/04"]
    assert test.subjects == ["casme2/01"]
    assert {clip["pair"] for clip in train.clips} == set(PAIRS)
    assert {clip["pair"] for clip in test.clips} == {"onset-apex"}
    assert (len(train), len(test)) == (18, 3)


def test_nothing_of_the_test_subject_reaches_the_network(samples, tmp_path):
    """Other images and other labels of the test subject: the same network, to the bit."""
    mine = np.array([clip["subject"] == "casme2/01" for clip in samples.clips])
    images, labels = samples.images.copy(), samples.labels.copy()
    images[mine], labels[mine] = 1e6, 0
    spoilt = replace(samples, images=images, labels=labels)
    first, second = trained(recipe(), samples, tmp_path / "a"), trained(recipe(), spoilt, tmp_path / "b")
    assert first["model.pt"] == second["model.pt"]
    assert first["history.parquet"] == second["history.parquet"]
    assert first["predictions.parquet"] != second["predictions.parquet"]


def test_class_absent_from_training(samples, tmp_path):
    kept = np.array([c["subject"] == "casme2/01" or "anger" not in c["clip"] for c in samples.clips])
    with pytest.raises(UserError) as caught:
        trained(recipe(), samples.subset(kept), tmp_path / "fold")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("fold casme2-01 of made/up: no training clip of anger (of 12 training samples)")
    assert not (tmp_path / "fold").exists()


def test_subject_without_a_usable_clip_has_empty_predictions(tmp_path):
    files = flow_files.write(tmp_path / "flow", without_flow=["01"])
    made = trained(recipe(keep_features=True), files.samples(), tmp_path / "fold")
    predictions = pq.read_table(io.BytesIO(made["predictions.parquet"]))
    assert predictions.num_rows == 0 and "probabilities" in predictions.column_names
    full = trained(
        recipe(keep_features=True), files.samples(), tmp_path / "b", fold="b", testing=frozenset(["casme2/02"])
    )
    empty, other = (np.load(io.BytesIO(some["features.npy"])) for some in (made, full))
    assert empty.shape == (0, other.shape[1]) and other.shape == (3, 16 * 32 * 32)


# The loop


def test_what_a_fold_writes(samples, tmp_path):
    made = trained(recipe(), samples, tmp_path / "fold")
    assert sorted(made) == ["history.parquet", "model.pt", "predictions.parquet"]
    state = torch.load(io.BytesIO(made["model.pt"]), weights_only=True)
    assert {"network.features.conv1.weight", "network.classifier.weight", "divisor"} <= set(state)
    history = pq.read_table(io.BytesIO(made["history.parquet"])).to_pylist()
    assert [row["epoch"] for row in history] == [1, 2, 3]
    rows = pq.read_table(io.BytesIO(made["predictions.parquet"])).to_pylist()
    assert [row["clip"] for row in rows] == sorted(f"01_{name}_0" for name in CLASSES)
    for row in rows:
        assert row["label"] == row["clip"].split("_")[1]
        assert (row["paper"], row["experiment"], row["fold"]) == ("made", "up", "casme2-01")
        assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert row["predicted"] == CLASSES[int(np.argmax(row["probabilities"]))]


def test_predictions_are_those_of_the_stored_network(samples, tmp_path):
    made = trained(recipe(), samples, tmp_path / "fold")
    state = torch.load(io.BytesIO(made["model.pt"]), weights_only=True)
    network = build("shallow_cnn", {"layers": 1}, 1, len(CLASSES))
    network.load_state_dict({name.removeprefix("network."): v for name, v in state.items() if name != "divisor"})
    used = split(samples, recipe(), FOLD, TESTING)
    train, test = used.train, used.test
    scale = np.sqrt(np.mean(np.square(train.images, dtype=np.float64)))
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(test.images / np.float32(scale))).softmax(1).numpy()
    rows = pq.read_table(io.BytesIO(made["predictions.parquet"])).to_pylist()
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected, rtol=1e-5, atol=1e-7)


def test_same_bits_twice(samples, tmp_path):
    first = trained(recipe(), samples, tmp_path / "a")
    torch.rand(17), np.random.default_rng().random()  # nothing that ran before has a say
    assert first == trained(recipe(), samples, tmp_path / "b")
    assert first["model.pt"] != trained(recipe(seed=8), samples, tmp_path / "c")["model.pt"]


def test_same_bits_with_two_threads_twice(samples, tmp_path):
    make_deterministic(2)
    assert torch.get_num_threads() == 2
    assert trained(recipe(), samples, tmp_path / "a") == trained(recipe(), samples, tmp_path / "b")
    assert torch.get_num_threads() == 2


def test_learns_what_can_be_learnt(samples, tmp_path):
    used = recipe(epochs=12)
    made = trained(used, samples, tmp_path / "fold")
    history = pq.read_table(io.BytesIO(made["history.parquet"])).to_pylist()
    assert history[-1]["accuracy"] == 1.0
    assert history[-1]["loss"] < 0.1 * history[0]["loss"]
    rows = pq.read_table(io.BytesIO(made["predictions.parquet"])).to_pylist()
    assert all(row["predicted"] == row["label"] for row in rows), "the unseen subject too: the patch tells the class"


def test_loss_that_is_not_a_number(samples, tmp_path):
    spoilt = replace(samples, images=np.where(samples.images > 1, np.nan, samples.images).astype(np.float32))
    with pytest.raises(UserError, match=r"^fold casme2-01: the loss is nan in epoch 1; lower the learning rate$"):
        trained(recipe(), spoilt, tmp_path / "fold", store(tmp_path / "checkpoints"))
    assert not (tmp_path / "fold").exists() and not (tmp_path / "checkpoints").exists()


def test_determinism_is_asked_of_the_gpu_too(monkeypatch):
    """Torch raises an error in matrix products on a GPU unless this is set before the first of them."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    make_deterministic(1)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark


def test_unknown_optimiser_and_network(samples, tmp_path):
    with pytest.raises(UserError, match=r"unknown optimizer 'rmsprob' \(did you mean 'rmsprop'\?\)"):
        recipe(optimizer="rmsprob")
    with pytest.raises(UserError, match=r"unknown optimizer 'rmsprob' \(did you mean 'rmsprop'\?\)"):
        fit(
            build("shallow_cnn", {"layers": 1}, 1, len(CLASSES)), Clips(samples, CPU), CrossEntropy(),
            Settings(1, 8, "rmsprob", 0.1), 1, CPU, fold=FOLD, checkpoints=store(None),
        )  # fmt: skip
    with pytest.raises(UserError, match=r"unknown network 'shalow_cnn' \(did you mean 'shallow_cnn'\?\)"):
        trained(recipe(model="shalow_cnn"), samples, tmp_path / "b")


# Checkpoints


class Killed(BaseException):
    """Stands for the end of a process: nothing catches it."""


def killed_after(epochs: int):
    """An `after_epoch` that ends training in the epoch after `epochs`, whose state is then lost."""
    seen = []

    def after_epoch() -> None:
        seen.append(1)
        if len(seen) > epochs:
            raise Killed

    return after_epoch


@pytest.fixture(scope="module")
def undisturbed(samples, tmp_path_factory) -> dict[str, bytes]:
    make_deterministic(1)
    return trained(recipe(epochs=5), samples, tmp_path_factory.mktemp("whole") / "a")


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_killed_and_resumed_ends_at_the_same_bits(samples, undisturbed, tmp_path, epochs):
    used, folder = recipe(epochs=5), tmp_path / "checkpoints"
    with pytest.raises(Killed):
        trained(used, samples, tmp_path / "fold", store(folder), killed_after(epochs))
    assert not (tmp_path / "fold").exists()
    assert (folder / "casme2-01.pt").is_file()
    again = []
    made = trained(used, samples, tmp_path / "fold", store(folder), lambda: again.append(1))
    assert len(again) == 5 - epochs, "it went on; it did not begin anew"
    assert made == undisturbed


def test_finished_folds_of_a_killed_job_are_not_trained_again(samples, undisturbed, tmp_path):
    used, kept = recipe(epochs=5), store(tmp_path / "checkpoints")
    trained(used, samples, tmp_path / "a", kept)
    again = []
    made = trained(used, samples, tmp_path / "b", store(tmp_path / "checkpoints"), lambda: again.append(1))
    assert again == [] and made == undisturbed


def test_checkpoint_of_other_work_is_not_used(samples, undisturbed, tmp_path):
    used, folder = recipe(epochs=5), tmp_path / "checkpoints"
    with pytest.raises(Killed):
        trained(recipe(epochs=5, seed=99), samples, tmp_path / "fold", store(folder, "other"), killed_after(3))
    assert store(folder, "other").load("casme2-01") is not None
    assert store(folder).load("casme2-01") is None
    assert trained(used, samples, tmp_path / "fold", store(folder)) == undisturbed


@pytest.mark.parametrize("damage", ["empty", "truncated", "text", "another object"])
def test_damaged_checkpoint_is_ignored(samples, undisturbed, tmp_path, damage):
    used, folder = recipe(epochs=5), tmp_path / "checkpoints"
    with pytest.raises(Killed):
        trained(used, samples, tmp_path / "fold", store(folder), killed_after(3))
    path = folder / "casme2-01.pt"
    another = io.BytesIO()
    torch.save([torch.zeros(2)], another)
    path.write_bytes(
        {"empty": b"", "truncated": path.read_bytes()[:-40], "text": b"hello", "another object": another.getvalue()}[
            damage
        ]
    )
    assert trained(used, samples, tmp_path / "fold", store(folder)) == undisturbed


def test_checkpoints_are_saved_no_more_often_than_asked(samples, tmp_path, monkeypatch):
    from mexflow.training import checkpoints

    now = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    kept = store(tmp_path / "checkpoints", seconds=2.5)
    saved = []
    monkeypatch.setattr(kept, "_write", lambda fold, data: saved.append(now[0]))

    def tick() -> None:
        now[0] += 1

    trained(recipe(epochs=8), samples, tmp_path / "fold", kept, tick)
    assert saved == [3, 6]


def test_checkpoints_are_removed_with_their_empty_folders(tmp_path):
    folder = tmp_path / "checkpoints" / "paper" / "experiment"
    kept = store(folder)
    for fold in ("a", "b"):
        kept.epoch(fold, lambda: {"network": {}})
    kept.remove(["a"])
    assert [path.name for path in folder.iterdir()] == ["b.pt"]
    kept.remove(["a", "b"])
    assert list(tmp_path.iterdir()) == []


def test_no_checkpoints_without_a_folder(samples, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(recipe(), samples, tmp_path / "fold", store(None))
    assert [path.name for path in tmp_path.iterdir()] == ["fold"]


def test_features_are_what_the_classifier_gets(samples):
    network = build("shallow_cnn", {"layers": 1}, 1, len(CLASSES))
    test = split(samples, recipe(), FOLD, TESTING).test
    probabilities, features = predict(network, test, CPU, 2, keep_features=True)
    logits = torch.from_numpy(features) @ network.classifier.weight.T + network.classifier.bias
    np.testing.assert_allclose(logits.softmax(1).detach().numpy(), probabilities, rtol=1e-4, atol=1e-6)
    assert predict(network, test, CPU)[1] is None
