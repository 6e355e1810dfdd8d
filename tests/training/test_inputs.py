"""Samples of residual images, of aligned frames and of LBP-TOP features; and what trains on them beside flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

import flow_files
from mexflow.errors import UserError
from mexflow.evaluation import recognition
from mexflow.evaluation.folds import five_subject_folds, validation_subjects
from mexflow.models import build
from mexflow.preprocess.key_frames import thirteen
from mexflow.preprocess.table_schemas import CLIP_FEATURES, FACES, RESIDUAL
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Clips, CrossEntropy
from mexflow.training.loop import Settings, fit, recompute_batch_norm
from mexflow.training.recognition.fold import Split, run_fold, split
from mexflow.training.recognition.levels import LEVELS
from mexflow.training.recognition.loaders import load_flow, load_frames, load_lbp_top, load_residual
from mexflow.training.recognition.normalisation import normalised
from mexflow.training.recognition.samples import Samples, labelled
from training_files import parsed

CLASSES = ["down", "up"]
CPU = torch.device("cpu")


def row(subject: str, clip: str, label: str, **more: object) -> dict:
    common = {"dataset": "mmew", "subject": subject, "video": clip, "clip": clip, "label": label, "excluded": None}
    return {**common, "onset": 10, "apex": 16, "offset": 28, **more}


def store(folder: Path, subject: str, array: np.ndarray, rows: list[dict], schema: pa.Schema) -> Path:
    path = folder / f"{subject}.npy"
    np.save(path, array)
    blank = dict.fromkeys(schema.names)
    pq.write_table(
        pa.Table.from_pylist([{**blank, **one} for one in rows], schema=schema), path.with_suffix(".parquet")
    )
    return path


# Thirteen frames


@pytest.mark.parametrize(
    ("onset", "apex", "offset", "expected"),
    [
        (10, 16, 22, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]),
        (0, 12, 60, [0, 2, 4, 6, 8, 10, 12, 20, 28, 36, 44, 52, 60]),
        (5, 5, 5, [5] * 13),
        (0, 2, 4, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]),
    ],
)
def test_thirteen_frames(onset, apex, offset, expected):
    assert thirteen({"onset": onset, "apex": apex, "offset": offset}) == expected


def test_frames_of_a_clip(tmp_path):
    rng = np.random.default_rng(1)
    faces = rng.integers(0, 256, (40, 112, 112, 1), np.uint8)
    common = {"dataset": "mmew", "subject": "S01"}
    entries = [{**common, "video": "a", "frame": 5 + i, "state": "tracked"} for i in range(30)]
    entries += [
        {**common, "video": "b", "frame": 10 + i, "state": "interpolated" if i == 6 else "tracked"} for i in range(10)
    ]
    path = store(tmp_path, "S01", faces, entries, FACES)
    rows = [row("S01", "a", "up"), row("S01", "b", "down"), row("S02", "c", "up")]
    found, left_out = load_frames(Inputs(), [path], rows, "label", CLASSES, 112)
    assert left_out == ["mmew b: frame_unseen: frame 16 is interpolated"]
    assert found.images.shape == (1, 13, 112, 112) and found.images.dtype == np.uint8
    assert [clip["clip"] for clip in found.clips] == ["a"] and found.labels.tolist() == [1]
    for image, frame in zip(found.images[0], thirteen(rows[0]), strict=True):
        np.testing.assert_array_equal(image, faces[frame - 5, ..., 0])
    small, _ = load_frames(Inputs(), [path], rows, "label", CLASSES, 90)
    assert small.images.shape == (1, 13, 90, 90)


# Images and features


def test_residual_images(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), np.uint8)
    common = {"dataset": "mmew", "subject": "S01"}
    entries = [{**common, "clip": "b"}, {**common, "clip": "a"}, {**common, "clip": "c", "excluded": "no_face: none"}]
    path = store(tmp_path, "S01", images, entries, RESIDUAL)
    rows = [row("S01", name, label) for name, label in (("a", "up"), ("b", "down"), ("c", "up"))]
    found, left_out = load_residual(Inputs(), [path], rows, "label", CLASSES, None)
    assert left_out == ["mmew c: no_face: none"] and [clip["clip"] for clip in found.clips] == ["a", "b"]
    np.testing.assert_array_equal(found.images, images[[1, 0]].transpose(0, 3, 1, 2))
    small, _ = load_residual(Inputs(), [path], rows, "label", CLASSES, 16)
    np.testing.assert_allclose(small.images[0].mean((1, 2)), images[1].mean((0, 1)), atol=1)
    with pytest.raises(UserError, match="3 rows, its table has 2"):
        store(tmp_path, "S01", images, entries[:2], RESIDUAL)
        load_residual(Inputs(), [path], rows, "label", CLASSES, None)


@pytest.fixture
def features(tmp_path) -> Samples:
    """LBP-TOP features, as they are stored, of six subjects whose classes are far apart."""
    rng = np.random.default_rng(3)
    rows, paths = [], []
    for number in range(6):
        own = [row(f"S{number}", f"S{number}-{i}", CLASSES[i % 2]) for i in range(4)]
        values = np.array([[i % 2, 1.0] for i in range(4)]) + rng.normal(0, 0.05, (4, 2))
        entries = [{key: one[key] for key in ("dataset", "subject", "video", "clip")} for one in own]
        paths.append(store(tmp_path, f"S{number}", values.astype(np.float32), entries, CLIP_FEATURES))
        rows += own
    found, left_out = load_lbp_top(Inputs(), paths, rows, "label", CLASSES)
    assert not left_out and found.images.shape == (24, 2)
    return found


COMMON = {
    "paper": "made", "experiment": "lbp-top", "index": "mmew", "reads": ["lbp_top/made"], "label": "label",
    "classes": CLASSES, "protocol": "leave_one_subject_out", "options": {}, "seed": 1,
}  # fmt: skip
FITTED = {"kind": "lbp_top", "model": "linear_svm", **COMMON}
TRAINED = {
    "kind": "residual", "model": "shallow_cnn", **COMMON, "epochs": 1,
    "training": {"batch_size": 8, "optimizer": "rmsprop", "learning_rate": 0.1, "early_stopping": 1},
}  # fmt: skip
TESTING = frozenset(["S0"])


def test_machine_that_is_fitted_at_once(features, tmp_path):
    with Outputs() as outputs:
        said = run_fold(
            parsed(FITTED), "one", TESTING, features, CPU, tmp_path / "fold", outputs, Checkpoints(None, "", 0)
        )
        outputs.commit()
    table = pq.read_table(tmp_path / "fold" / "predictions.parquet").to_pylist()
    assert [one["predicted"] for one in table] == [one["label"] for one in table] and len(table) == 4
    assert said["final_loss"] is None and said["test_subjects"] == ["S0"] and "S0" not in said["training_subjects"]
    state = torch.load(tmp_path / "fold" / "model.pt", weights_only=True)
    assert state["network.weights"].shape == (1, 2)


# Validation


def test_validation_subjects_are_training_subjects(features):
    def used(share: float, seed: int = 1) -> Split:
        return split(features, parsed(TRAINED, validation_share=share, seed=seed), "one", TESTING)

    parts = used(0.4)
    groups = [set(part.subjects) for part in (parts.train, parts.validation, parts.test)]
    assert [len(group) for group in groups] == [3, 2, 1] and len(set.union(*groups)) == 6
    assert used(0.4).validation.subjects == parts.validation.subjects
    others = {tuple(used(0.4, seed).validation.subjects) for seed in range(9)}
    assert len(others) > 1, "the choice follows from the seed"
    assert validation_subjects(["a", "b"], 0.01, 1) < {"a", "b"}
    with pytest.raises(UserError, match="needs two training subjects or more; add subjects"):
        few = features.subset(np.array([clip["subject"] in ("S0", "S1") for clip in features.clips]))
        split(few, parsed(TRAINED, validation_share=0.5), "one", TESTING)


def test_machines_and_networks_are_not_taken_for_each_other(features, tmp_path):
    for used, message in (
        (parsed(FITTED, model="shallow_cnn", options={"layers": 1}), "the model shallow_cnn is trained, and features"),
        (parsed(TRAINED, model="linear_svm", validation_share=0.4), "the model linear_svm is fitted, not trained"),
    ):
        with pytest.raises(UserError, match=message), Outputs() as outputs:
            run_fold(used, "one", TESTING, features, CPU, tmp_path, outputs, Checkpoints(None, "", 0))


def images(count: int, seed: int, noise: float = 0.3) -> Samples:
    """Images whose class is the sign of their mean."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    values = rng.normal(0, noise, (count, 1, 64, 64)) + (2 * labels - 1)[:, None, None, None] * 0.2
    clips = [{"dataset": "d", "subject": f"{i}", "clip": f"{i}", "pair": ""} for i in range(count)]
    return Samples(values.astype(np.float32), labels.astype(np.int64), clips, CLASSES)


def trained(
    settings: Settings,
    validation: Samples | None,
    folder: Path | None = None,
    stop_after: int = 10**6,
    augment: Sequence[str] = (),
    oversample: Sequence[str] = (),
):
    torch.manual_seed(4)
    network = build("shallow_cnn", {"layers": 1}, 1, 2)
    epochs = 0

    def count() -> None:
        nonlocal epochs
        epochs += 1
        if epochs == stop_after:
            raise KeyboardInterrupt

    few = images(16, 1).subset(np.array([0, 1, 2, 3, 4, 6, 8, 10, 12, 14]))  # more of one class than of the other
    feed = Clips(few, CPU, 5, Augmentation.of(augment), oversample)
    history = fit(
        network, feed, CrossEntropy(0.1), settings, 5, CPU, fold="f",
        checkpoints=Checkpoints(folder, "x", 0), validation=validation and Clips(validation, CPU), after_epoch=count,
    )  # fmt: skip
    return history, network.state_dict()


EARLY = Settings(
    12, 8, "adam", 0.02, schedule="plateau", schedule_options={"factor": 0.5, "patience": 0}, early_stopping=3,
)  # fmt: skip


def test_early_stopping_keeps_the_best_epoch():
    # Labels the wrong way round: the better the training, the worse the validation.
    wrong = images(8, 2)
    wrong = replace(wrong, labels=1 - wrong.labels)
    history, state = trained(EARLY, wrong)
    losses = [entry["validation_loss"] for entry in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 1 + 3 < 12
    shorter, same = trained(replace(EARLY, epochs=best + 1), wrong)
    assert [entry["loss"] for entry in shorter] == [entry["loss"] for entry in history[: best + 1]]
    assert all(torch.equal(state[name], same[name]) for name in state)
    rates = [entry["learning_rate"] for entry in history]
    assert (
        rates[0] == 0.02 and rates[-1] < 0.02 and all(b in (a, a / 2) for a, b in zip(rates, rates[1:], strict=False))
    )


@pytest.mark.parametrize("settings", [EARLY, Settings(6, 8, "sgd", 0.05, {"momentum": 0.9}, schedule="cosine")])
def test_interrupted_training_ends_at_the_same_bits(tmp_path, settings):
    validation = images(8, 2) if settings.validates else None
    whole_history, whole = trained(settings, validation)
    with pytest.raises(KeyboardInterrupt):
        trained(settings, validation, tmp_path / "saved", stop_after=3)
    history, state = trained(settings, validation, tmp_path / "saved")
    assert history == whole_history and all(torch.equal(whole[name], state[name]) for name in whole)
    if settings.schedule == "cosine":
        rates = [entry["learning_rate"] for entry in history]
        np.testing.assert_allclose(rates, [0.025 * (1 + np.cos(np.pi * i / 6)) for i in range(6)])


def test_interrupted_training_draws_the_same_samples_again(tmp_path):
    """Augmentation and oversampling are functions of the epoch, not of what was drawn before."""
    made = {
        "augment": [{"flip": 0.5}, {"rotation": [-15, 15]}, {"gain": [0.5, 1.5]}],
        "oversample": ["flip", {"salt_and_pepper": 0.1}],
    }
    settings = Settings(5, 4, "adamp", 0.01, {"weight_decay": 0.01}, schedule="cosine")
    whole_history, whole = trained(settings, None, **made)
    with pytest.raises(KeyboardInterrupt):
        trained(settings, None, tmp_path / "saved", stop_after=2, **made)
    history, state = trained(settings, None, tmp_path / "saved", **made)
    assert history == whole_history and all(torch.equal(whole[name], state[name]) for name in whole)
    plain, _ = trained(settings, None)
    assert [entry["loss"] for entry in plain] != [entry["loss"] for entry in history]


def test_batch_normalisation_is_recomputed_from_the_training_samples():
    torch.manual_seed(4)
    network = build("shallow_cnn", {"layers": 2}, 1, 2)
    samples = images(16, 1)
    recompute_batch_norm(network, Clips(samples, CPU), 8)
    norm = next(module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d))
    first = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    with torch.no_grad():
        seen = first(torch.from_numpy(samples.images))
    torch.testing.assert_close(norm.running_mean, seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    halves = torch.stack([half.var((0, 2, 3)) for half in seen.split(8)]).mean(0)
    torch.testing.assert_close(norm.running_var, halves, rtol=1e-4, atol=1e-5)


def test_the_mean_frame_is_taken_off():
    rng = np.random.default_rng(3)
    still, moving = rng.random((6, 1, 8, 8)), rng.normal(0, 0.1, (6, 13, 8, 8))
    clips = [{"dataset": "d", "subject": str(i), "clip": str(i), "pair": ""} for i in range(6)]
    samples = Samples((still + moving).astype(np.float32), np.zeros(6, np.int64), clips, CLASSES)

    class Seen(torch.nn.Module):
        def features(self, values):
            return values

    network = normalised(Seen(), "mean_frame", samples)
    seen = network.features(torch.from_numpy(samples.images))
    assert seen.mean(1).abs().max() < 1e-5 and float(seen.square().mean()) == pytest.approx(1, rel=1e-4)
    other = torch.from_numpy((still * 0.2 + moving).astype(np.float32))
    torch.testing.assert_close(network.features(other), seen, rtol=1e-3, atol=1e-4)


def test_early_stopping_without_validation_is_told():
    with pytest.raises(UserError, match="needs validation samples, and there is none"):
        trained(EARLY, None)


def test_bytes_are_scaled_to_one():
    floats = images(8, 1)
    levels = np.clip(floats.images * 40 + 128, 0, 255).astype(np.uint8)
    torch.manual_seed(4)
    first = build("shallow_cnn", {"layers": 1}, 1, 2)
    second = build("shallow_cnn", {"layers": 1}, 1, 2)
    second.load_state_dict(first.state_dict())
    settings = Settings(1, 8, "rmsprop", 0.01)
    made = [
        fit(
            network,
            Clips(replace(floats, images=values), CPU, 5),
            CrossEntropy(),
            settings,
            5,
            CPU,
            fold="f",
            checkpoints=Checkpoints(None, "", 0),
        )  # fmt: skip
        for network, values in ((first, levels), (second, levels.astype(np.float32) / 255))
    ]
    assert made[0] == made[1]


# Folds and scores


def test_five_folds_share_no_subject_and_even_out_the_classes():
    rng = np.random.default_rng(6)
    counts = {f"S{i:02}": rng.integers(0, 6, 3) for i in range(36)}
    rows = [row(s, f"{s}-{c}-{i}", "abc"[c]) for s, own in counts.items() for c in range(3) for i in range(own[c])]
    folds = five_subject_folds(rows, "label")
    assert [fold.name for fold in folds] == [f"fold{i}" for i in range(1, 6)]
    tested = [subject for fold in folds for subject in fold.test_subjects]
    assert sorted(tested) == sorted({one["subject"] for one in rows})
    total = sum(counts.values())
    for fold in folds:
        share = sum(counts[subject] for subject in fold.test_subjects) / total
        assert (np.abs(share - 0.2) < 0.06).all(), "within a third of a fifth of every class"
    assert five_subject_folds(rows[::-1], "label") == folds


@pytest.mark.parametrize("seed", range(20))
def test_scores_are_those_of_scikit_learn(seed):
    from sklearn.metrics import balanced_accuracy_score, f1_score

    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 6))
    present = rng.choice(classes, rng.integers(1, classes + 1), replace=False)
    labels, predicted = rng.choice(present, 30), rng.choice(present, 30)
    matrix = recognition.confusion(labels, predicted, classes)
    seen = sorted({*labels.tolist(), *predicted.tolist()})
    assert recognition.uf1(matrix) == pytest.approx(f1_score(labels, predicted, labels=seen, average="macro"))
    assert recognition.uar(matrix) == pytest.approx(balanced_accuracy_score(labels, predicted))
    both = np.stack([matrix, 2 * matrix])
    np.testing.assert_allclose(recognition.uf1(both), recognition.uf1(matrix))


def test_scores_of_nothing():
    assert np.isnan(recognition.uf1(np.zeros((3, 3), int))) and np.isnan(recognition.uar(np.zeros((3, 3), int)))


# Flow at another size, and its levels


def test_channels_are_made_before_they_are_scaled(tmp_path):
    files = flow_files.write(tmp_path)
    samples = files.samples(["M"])
    small, left_out = load_flow(*flow_arguments(files, ["M"]), 28)
    assert left_out == [] and small.images.shape == (len(samples), 1, 28, 28)
    for image, made in zip(samples.images, small.images, strict=True):
        np.testing.assert_array_equal(made[0], cv2.resize(image[0], (28, 28), interpolation=cv2.INTER_AREA))
    with pytest.raises(UserError, match="cannot be enlarged to 65x65"):
        load_flow(*flow_arguments(files, ["M"]), 65)


def flow_arguments(files, channels):
    inputs = Inputs()
    rows = labelled(inputs.table(files.index).to_pylist(), "label", flow_files.CLASSES)
    return inputs, files.arrays, rows, "label", flow_files.CLASSES, set(flow_files.PAIRS), channels


@pytest.mark.parametrize("levels", list(LEVELS))
def test_levels(tmp_path, levels):
    files = flow_files.write(tmp_path)
    plain, _ = load_flow(*flow_arguments(files, ["Vx", "Vy"]))
    made, _ = load_flow(*flow_arguments(files, ["Vx", "Vy"]), None, levels)
    assert made.images.dtype == np.float32
    for image, changed in zip(plain.images, made.images, strict=True):
        for channel, wanted in zip(image, changed, strict=True):
            low, high = channel.min(), channel.max()
            expected = {
                "none": channel,
                "minmax": np.rint((channel.astype(np.float64) - low) / (float(high) - float(low)) * 255),
                "shifted": np.clip(np.rint(channel * 16.0 + 128), 0, 255),
                "zscore": (channel - channel.mean()) / channel.std(),
            }[levels]
            np.testing.assert_allclose(wanted, expected, atol=1 if levels == "minmax" else 1e-5)
    still = np.full((4, 4), 0.5, np.float32)
    assert np.isfinite(LEVELS[levels](still)).all()


def test_mean_image_is_of_training_samples_alone(tmp_path):
    samples = flow_files.write(tmp_path).samples()
    training = samples.subset(np.arange(10))
    network = normalised(nn.Flatten(), "mean_image", training)
    np.testing.assert_allclose(network.mean.numpy(), training.images.mean(0), atol=1e-6)
    assert "mean" in network.state_dict() and "mean" not in normalised(nn.Flatten(), "rms", training).state_dict()
