"""``mexflow train`` of what spots in long videos: what it writes, who is trained on, the same bits, its errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import video_files
from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError
from mexflow.evaluation.scores import SCORES
from mexflow.papers.recipe import Recipe, TrainedRecipe, VideosRecipe
from mexflow.papers.trainings import SpottingTraining, Training
from mexflow.store import records
from mexflow.training import job
from mexflow.training.recognition.fold import HISTORY
from project import mexflow
from training_files import checkpoints_in, folds_in, kill, written
from video_files import DATASET, FIRST, VIDEOS, Made, VideoFiles

NAMES = ("scores.parquet", "history.parquet", "model.pt")
FOLDS = ["006", "011", "012", "018"]
VARIANTS = ("k-th", "manual")
VALIDATION = {"006": "011", "011": "012", "012": "018", "018": "006"}
"""The next in sorted order, cyclic."""


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> VideoFiles:
    return video_files.write(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory) -> Path:
    """All folds, in one job that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    record = folder / "records" / "train" / "made" / "up" / "0.json"
    result = mexflow("train", *files.arguments(folder, FOLDS, record=record))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def command(files, tmp_path, monkeypatch):
    """Calls the command in this process, with a changed recipe or options, for the first fold."""
    # This process has loaded what other tests need; that the command needs no more than it says, `whole` shows.
    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: [])
    threads = torch.get_num_threads()

    def call(used: VideoFiles = files, folds=FOLDS[:1], results: Path | None = None, **changes) -> Path:
        results = results or tmp_path / f"out of {used.root.name}"
        used.train(results, folds, **changes)
        return results

    yield call
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def made(folder: Path, fold: str, experiment: str = "up") -> dict[str, bytes]:
    return {name: (folds_in(folder, experiment) / fold / name).read_bytes() for name in NAMES}


def rows(folder: Path, fold: str) -> list[dict]:
    return pq.read_table(folds_in(folder) / fold / "scores.parquet").to_pylist()


# What it writes


@pytest.mark.parametrize("fold", FOLDS)
def test_every_frame_of_every_video_is_scored(whole, fold):
    table = pq.read_table(folds_in(whole) / fold / "scores.parquet")
    assert table.schema.equals(SCORES)
    found: dict[tuple, list[dict]] = {}
    for row in table.to_pylist():
        assert (row["fold"], row["dataset"]) == (fold, DATASET)
        assert 0 < row["score"] < 1
        keys = ("role", "subject", "video", "variant", "type")
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    roles = {name: "test" if name == fold else "validation" if name == VALIDATION[fold] else "train" for name in FOLDS}
    assert set(found) == {
        (roles[subject], subject, name, variant, kind)
        for subject, own in VIDEOS.items()
        for name in own
        for variant in VARIANTS
        for kind in ("micro", "macro")
    }
    for (_, subject, name, _, kind), own in found.items():
        video = VIDEOS[subject][name]
        assert [row["frame"] for row in own] == list(range(FIRST, FIRST + video.frames))
        inside = [any(type == kind and a <= row["frame"] <= b for type, a, b in video.expressions) for row in own]
        assert [row["label"] for row in own] == inside


def test_variants_differ_by_their_skips_alone(files, whole, command):
    """A variant's scores do not depend on which others there are; they are those of the network that is stored."""
    from mexflow.models import build
    from mexflow.training.spotting.samples import Frames

    folder = command(test_skips={"manual": [4, 24]})
    assert made(folder, "006")["model.pt"] == made(whole, "006")["model.pt"]
    alone = rows(folder, "006")
    assert alone == [row for row in rows(whole, "006") if row["variant"] == "manual"]
    assert [row["score"] for row in alone] != [row["score"] for row in rows(whole, "006") if row["variant"] == "k-th"]
    network = build("elface", {}, 1, 2)
    network.load_state_dict(torch.load(folds_in(folder) / "006" / "model.pt", weights_only=True))
    video = files.load()[0][-1]
    scores = network.score_video(Frames(video, True), (4, 24)).sigmoid().numpy()
    for number, kind in enumerate(("micro", "macro")):
        stored = [row["score"] for row in alone if (row["video"], row["type"]) == (video.name, kind)]
        np.testing.assert_array_equal(np.float32(stored), scores[:, number])


def test_history_and_record(files, whole):
    history = pq.read_table(folds_in(whole) / "006" / "history.parquet")
    assert history.schema.equals(HISTORY)
    assert [row["epoch"] for row in history.to_pylist()] == [1, 2, 3]
    assert all(row["validation_loss"] > 0 for row in history.to_pylist())
    record = json.loads((whole / "records" / "train" / "made" / "up" / "0.json").read_text())
    assert (record["job"], record["seed"], record["threads"], record["device"]) == ("train/made/up/0", 1, 1, "cpu")
    for fold, stated in record["folds"].items():
        assert stated["test_subjects"] == [fold]
        assert stated["validation_subjects"] == [VALIDATION[fold]]
        assert stated["training_subjects"] == [name for name in FOLDS if name not in (fold, VALIDATION[fold])]
        assert stated["test_videos"] == len(VIDEOS[fold])
    tables = [path.with_suffix(".parquet") for path in files.faces]
    listed = files.index.with_suffix(".videos.parquet")
    read = [path.relative_to(files.root) for path in (files.index, listed, *files.faces, *files.lcn, *tables)]
    assert set(record["inputs"]) == {f"{whole}/{path.as_posix()}" for path in read}
    assert set(record["outputs"]) == {f"{folds_in(whole)}/{fold}/{name}" for fold in FOLDS for name in NAMES}
    assert {"mexflow.models.elface", "mexflow.training.spotting.samples"} <= set(record["code"]["modules"])
    assert not (whole / "checkpoints").exists()


def test_early_stopping_keeps_the_best_epoch(command, whole):
    folder = command(early_stopping=2, epochs=12, learning_rate=0.5)
    history = pq.read_table(folds_in(folder) / "006" / "history.parquet").to_pylist()
    losses = [row["validation_loss"] for row in history]
    best = int(np.argmin(losses))
    assert len(history) == best + 3 < 12
    until = command(early_stopping=None, epochs=best + 1, learning_rate=0.5, results=folder.parent / "until")
    assert made(until, "006")["model.pt"] == made(folder, "006")["model.pt"]


@pytest.mark.parametrize(
    "changed",
    [
        {"sigma": None}, {"weighted": False}, {"options": {"batch_norm": False}}, {"options": {"dropout": 0}},
        {"stream_weights": [0.9, 0.1]}, {"positive": 0.9}, {"inside": 0.0}, {"inside": None}, {"placement": "forward"},
        {"samples": 20}, {"k": "k-th", "skips": "measured"},
        {"train_skips": [[3, 7], [15, 30]]}, {"sigma": 3.0}, {"augment": []}, {"seed": 2}, {"experiment": "other"},
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_counts(command, whole, changed):
    folder = command(epochs=3, **changed)
    assert made(folder, "006", changed.get("experiment", "up"))["model.pt"] != made(whole, "006")["model.pt"]


def test_skips_are_fitted_to_the_index_where_the_recipe_says_so(files, command, whole):
    """Twice k of the made-up expressions is written as printed, and twice all other skips: they are used by half."""
    index = pq.read_table(files.index).to_pylist()
    k = [half_length(index, kind).k for kind in ("micro", "macro")]
    printed = {
        "train_skips": [[2 * low, 2 * high] for low, high in ([3, 6], [15, 30])],
        "test_skips": {"k-th": [2 * own for own in k], "manual": [8, 48]},
    }
    folder = command(k="k-th", skips="measured", **printed)
    used = {"test_skips": {"k-th": k, "manual": [4, 24]}}
    other = command(results=folder.parent / "as printed", **used)
    assert made(folder, "006") == made(other, "006")
    assert made(folder, "006")["model.pt"] == made(whole, "006")["model.pt"]
    record = folder.parent / "record.json"
    command(k="k-th", skips="measured", results=folder.parent / "recorded", record=record, **printed)
    stated = json.loads(record.read_text())
    assert stated["test_skips"] == used["test_skips"] and stated["train_skips"] == [[3, 6], [15, 30]]
    assert stated["recipe"]["test_skips"] == printed["test_skips"]


# Who is trained on


def test_the_test_subject_changes_neither_the_network_nor_other_scores(command, whole, tmp_path):
    """Other frames, other expressions and another number of videos of 006; then of a subject that is trained on."""
    other = {"006_1": Made(50, [("micro", 8, 12), ("macro", 15, 45)]), "006_9": Made(30, [("macro", 10, 30)])}
    used = video_files.write(tmp_path / "files", {**VIDEOS, "006": other})
    folder = command(used)
    assert made(folder, "006")["model.pt"] == made(whole, "006")["model.pt"]
    assert made(folder, "006")["history.parquet"] == made(whole, "006")["history.parquet"]
    before, after = rows(whole, "006"), rows(folder, "006")
    seen = [row for row in after if row["role"] != "test"]
    assert seen and seen == [row for row in before if row["role"] != "test"]
    assert {row["video"] for row in after if row["role"] == "test"} == set(other)

    folder = command(used, folds=["011"], results=tmp_path / "trained")
    assert made(folder, "011")["model.pt"] != made(whole, "011")["model.pt"]


def test_the_validation_subject_changes_no_weight(command, whole, tmp_path):
    """Without early stopping it is only looked at."""
    used = video_files.write(tmp_path / "files", {**VIDEOS, "011": {"011_1": Made(70, [("macro", 30, 60)])}})
    folder = command(used)
    assert made(folder, "006")["model.pt"] == made(whole, "006")["model.pt"]
    assert made(folder, "006")["history.parquet"] != made(whole, "006")["history.parquet"]


def test_a_test_subject_whose_videos_are_left_out_has_an_empty_fold(command, tmp_path, capsys):
    gone = {"006_1": Made(30, excluded="no_face: no face was found")}
    folder = command(video_files.write(tmp_path / "files", {**VIDEOS, "006": gone}))
    assert {row["role"] for row in rows(folder, "006")} == {"train", "validation"}
    assert f"left out: {DATASET} 006_1: no_face: no face was found\n" in capsys.readouterr().out


# The same bits


def test_same_bits_whichever_folds_share_a_job_and_in_any_order(whole, command):
    folder = command(folds=["012", "006"])
    for fold in ("006", "012"):
        assert made(folder, fold) == made(whole, fold)
    assert not (folds_in(folder) / "011").exists()
    assert made(whole, "006")["model.pt"] != made(whole, "012")["model.pt"]


@pytest.mark.campaign  # test_train_command kills one that recognises, in each run of the suite
def test_killed_job_goes_on_and_ends_at_the_same_bits(files, whole, tmp_path):
    """SIGKILL in the second of two folds, with the first one's state saved."""
    folder = tmp_path / "killed"
    saved = checkpoints_in(folder)
    arguments = files.arguments(folder, FOLDS[:2], checkpoint_seconds=0)
    kill(arguments, saved / f"{FOLDS[1]}.pt")
    left = [path for path in written(folder) if not Path(path).name.startswith(".")]
    assert left == [f"checkpoints/made/up/{fold}.pt" for fold in FOLDS[:2]]
    result = mexflow("train", *arguments)
    assert result.returncode == 0, result.stderr
    for fold in FOLDS[:2]:
        assert made(folder, fold) == made(whole, fold)
    assert not (folder / "checkpoints").exists() and not list(folder.rglob("*.partial"))


class Stopped(Exception):
    """The fingerprint is known; no training is needed."""


def test_fingerprint_of_checkpoints(files, command, tmp_path, monkeypatch):
    """It depends on recipe and inputs, not on which folds share the job, where results are and how often it saves."""

    def stop(folder, fingerprint, seconds):
        raise Stopped(fingerprint)

    monkeypatch.setattr(job, "Checkpoints", stop)

    def of(*used: VideoFiles, **changed) -> str:
        with pytest.raises(Stopped) as stopped:
            command(*used, **changed)
        return str(stopped.value)

    changes = [
        {"test_skips": {"k-th": [5, 16]}}, {"train_skips": [[3, 7], [15, 30]]}, {"samples": 25}, {"inside": 0.4},
        {"placement": "forward"}, {"stream_weights": [0.9, 0.1]}, {"positive": 0.9}, {"weighted": False},
        {"inside": None}, {"k": "k-th"}, {"k": "manual", "skips": "measured"},
        {"sigma": None}, {"sigma": 3.0}, {"early_stopping": 5}, {"epochs": 4}, {"batch_size": 9},
        {"learning_rate": 0.1}, {"threads": 2},
    ]  # fmt: skip
    missing = {*VideosRecipe.model_fields, *SpottingTraining.model_fields} - {name for each in changes for name in each}
    assert missing <= {"training", *Recipe.model_fields, *TrainedRecipe.model_fields, *Training.model_fields}
    assert len({of(), *(of(**change) for change in changes)}) == len(changes) + 1
    assert of(folds=FOLDS, results=tmp_path / "x", record=tmp_path / "r", checkpoint_seconds=1.0) == of()
    other = video_files.write(tmp_path / "files")
    first = of(other)
    array = np.load(other.lcn[0])
    array[0, 0, 0] += 1
    np.save(other.lcn[0], array)
    assert of(other) != first


# Errors


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": ["06"]}, "unknown fold '06' (did you mean '006'?)"),
        ({"protocol": "loso"}, "unknown protocol 'loso'; one of: five_subject_folds, "),
        (
            {"protocol": "subject_split"},
            "unknown protocol of long videos 'subject_split' (did you mean 'leave_one_subject_out'?)",
        ),
        ({"placement": "centered"}, "the recipe: placement: input should be 'centred', "),
        ({"placement": "centered"}, "not 'centered' (did you mean 'centred'?)"),
        ({"model": "elfaces"}, "unknown network 'elfaces' (did you mean 'elface'?)"),
        ({"options": {"dropouts": 0}}, "unknown setting of elface 'dropouts' (did you mean 'dropout'?)"),
        ({"model": "shallow_cnn", "options": {"layers": 1}}, "made/up: the network shallow_cnn does not score"),
        ({"reads": ["faces"]}, "the recipe: reads: list should have at least 2 items"),
        ({"train_skips": [[3, 6]]}, "the recipe: train_skips.1 is missing"),
        ({"train_skips": [[3, 6], [30, 15]]}, "train_skips: [30, 15]: the lowest number of frames comes first"),
        ({"train_skips": [[3, 6], [15]]}, "the recipe: train_skips.1.1 is missing"),
        ({"test_skips": {"k-th": [5]}}, "the recipe: test_skips.k-th.1 is missing"),
        ({"test_skips": {"k-th": [5, 1.5]}}, "test_skips.k-th.1: input should be a valid integer, not 1.5"),
        ({"test_skips": {"k-th": [5, -6]}}, "test_skips.k-th.1: input should be greater than or equal to 0, not -6"),
        ({"test_skips": {}}, "the recipe: test_skips: dictionary should have at least 1 item"),
        ({"k": "k-ht"}, "k: no variant 'k-ht' of test_skips (did you mean 'k-th'?)"),
        ({"k": "k-th", "test_skips": {"k-th": [0, 4]}}, "k: half lengths are at least 1 frame, not [0, 4]"),
        ({"skips": "measured"}, "skips: `measured` needs `k`"),
        ({"skips": "measurd"}, "the recipe: skips: input should be 'printed' or 'measured'"),
        ({"stream_weights": [0.1]}, "the recipe: stream_weights.1 is missing"),
        ({"stream_weights": [0.1, float("nan")]}, "stream_weights.1: input should be a finite number, not nan"),
        ({"stream_weights": [0.1, -0.9]}, "stream_weights.1: input should be greater than or equal to 0, not -0.9"),
        ({"positive": 1.5}, "the recipe: positive: input should be less than 1, not 1.5"),
        ({"inside": 1.5}, "the recipe: inside: input should be less than or equal to 1, not 1.5"),
        ({"sigma": 0.0}, "the recipe: sigma: input should be greater than 0, not 0.0"),
        ({"augment": [{"tilt": [1, 2]}]}, "training.augment: unknown augmentation 'tilt'"),
        ({"optimizer": "sdg"}, "training: unknown optimizer 'sdg' (did you mean 'sgd'?)"),
        ({"schedule": "cosine"}, "the recipe: unknown key 'training.schedule'"),
        ({"learning_rate": 1e30, "epochs": 30}, "lower the learning rate"),
    ],
    ids=str,
)
def test_mistakes_are_told(command, tmp_path, changes, message):
    with pytest.raises(UserError) as caught:
        command(**changes)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert [path for folder in tmp_path.iterdir() for path in written(folder)] == []


def test_too_few_subjects_and_types(command, tmp_path):
    two = video_files.write(tmp_path / "two", {name: VIDEOS[name] for name in FOLDS[:2]})
    with pytest.raises(UserError, match="fold 006 of made/up: one test and one validation subject need a third"):
        command(two)
    three = video_files.write(tmp_path / "three", {name: VIDEOS[name] for name in ("006", "011", "018")})
    with pytest.raises(UserError, match="fold 006 of made/up: no frame of a micro or macro-expression in the training"):
        command(three)


def test_an_empty_index_is_no_traceback(command, tmp_path):
    empty = video_files.write(tmp_path / "empty")
    pq.write_table(pq.read_table(empty.index).slice(0, 0), empty.index)
    with pytest.raises(UserError, match="no frame of a micro or macro-expression in the training videos"):
        command(empty)
