"""``mexflow train`` of what spots in sequences, with a network or by feature difference: what it writes, who is trained
on, the same bits, its errors.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import sequence_files
from mexflow.errors import UserError
from mexflow.evaluation.scores import SCORES
from mexflow.evaluation.spotting import contrast, swept
from mexflow.preprocess.feature_difference import difference
from mexflow.preprocess.lbp_top import grey_levels, lbp_histograms
from mexflow.training.difference import position
from mexflow.training.memory.clips import states
from mexflow.training.memory.fold import STAGE_HISTORY, STATES_TABLE
from mexflow.training.recognition.fold import PREDICTIONS
from project import mexflow
from sequence_files import CLASSES, DIFFERENCE, FIRST, FRAMES, SequenceFiles
from training_files import arguments, call, checkpoints_in, folds_in, kill, linked, written

FOLDS = ["01", "02", "03"]
NAMES = ("predictions.parquet", "scores.parquet", "states.parquet", "history.parquet", "model.pt")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> SequenceFiles:
    return sequence_files.write(tmp_path_factory.mktemp("sequences"))


def run(folder: Path, files: SequenceFiles, folds: list[str], **changed: object) -> Path:
    """The command, in a process of its own as a job has one."""
    result = mexflow("train", *files.arguments(folder, folds, **changed))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory) -> Path:
    """Two folds, in one job that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    return run(folder, files, FOLDS[:2], record=folder / "records" / "0.json")


def made(folder: Path, fold: str) -> dict[str, bytes]:
    return {name: (folds_in(folder) / fold / name).read_bytes() for name in NAMES}


def table(folder: Path, fold: str, name: str) -> list[dict]:
    return pq.read_table(folds_in(folder) / fold / f"{name}.parquet").to_pylist()


# What it writes


def test_every_frame_of_the_test_clips_has_an_intensity_and_a_state(whole):
    folder = folds_in(whole) / "01"
    assert pq.read_schema(folder / "scores.parquet").remove_metadata().names == SCORES.names
    assert pq.read_schema(folder / "states.parquet").names == STATES_TABLE.names
    scored, shown = table(whole, "01", "scores"), table(whole, "01", "states")
    assert len(scored) == len(shown) == len(CLASSES) * FRAMES
    for clip in CLASSES:
        frames = [row for row in scored if row["video"] == clip]
        assert [row["frame"] for row in frames] == list(range(FIRST, FIRST + FRAMES))
        assert {(row["subject"], row["role"], row["type"]) for row in frames} == {("01", "test", "intensity")}
        assert [row["label"] for row in frames] == [3 <= place <= 9 for place in range(FRAMES)]
        own = [row for row in shown if row["video"] == clip]
        assert [row["intensity"] for row in own] == [row["score"] for row in frames]
        assert [row["state"] for row in own] == states(np.array([row["intensity"] for row in own]))
        assert [row["target"] for row in own] == pytest.approx([0, 0, 0, 0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3, 0, 0, 0])
        assert all(0 <= row["intensity"] <= 1 for row in own)


def test_predictions_and_history(whole):
    predictions = table(whole, "02", "predictions")
    assert pq.read_schema(folds_in(whole) / "02" / "predictions.parquet").names == PREDICTIONS.names
    assert [(row["subject"], row["clip"], row["label"]) for row in predictions] == [
        ("02", f"02_{name}", name) for name in CLASSES
    ]
    for row in predictions:
        assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert row["predicted"] == CLASSES[int(np.argmax(row["probabilities"]))]
    history = table(whole, "02", "history")
    assert pq.read_schema(folds_in(whole) / "02" / "history.parquet").names == STAGE_HISTORY.names
    assert [row["stage"] for row in history] == ["spatial", "temporal", "memory", "memory"]
    assert all(np.isfinite(row["loss"]) for row in history)


def test_the_record_names_who_was_trained_on(whole):
    record = json.loads((whole / "records" / "0.json").read_text())
    for fold, others in (("01", ["02", "03"]), ("02", ["01", "03"])):
        assert record["folds"][fold]["training_subjects"] == others
        assert record["folds"][fold]["test_subjects"] == [fold]
        assert record["folds"][fold]["test_clips"] == 2 and record["folds"][fold]["normalisation"]["flow"] > 0
        assert record["folds"][fold]["normalisation"]["frames"] > 0
    assert {Path(path).name for path in record["outputs"]} == set(NAMES)


# Nothing about a test subject reaches training


def test_the_test_subject_changes_no_weight(here, whole, tmp_path):
    other = sequence_files.write(tmp_path / "files")
    # Its frames and its motion become others, and it is excluded from nothing.
    for path in (other.faces[0], other.motion[0]):
        np.save(path, np.load(path)[::-1].copy())
    folder = tmp_path / "out"
    other.train(folder, ["01", "02"])
    for name in ("model.pt", "history.parquet"):
        assert made(folder, "01")[name] == made(whole, "01")[name]
        assert made(folder, "02")[name] != made(whole, "02")[name], "there it is trained on"
    assert made(folder, "01")["scores.parquet"] != made(whole, "01")["scores.parquet"]


# The same bits


def test_same_bits_alone(files, here, whole, tmp_path):
    files.train(tmp_path, ["02"])
    assert made(tmp_path, "02") == made(whole, "02")
    assert made(whole, "01")["model.pt"] != made(whole, "02")["model.pt"]


@pytest.mark.campaign  # test_train_command kills one that recognises, in each run of the suite
def test_killed_job_goes_on_and_ends_at_the_same_bits(files, whole, tmp_path):
    """SIGKILL in the last stage of the second of two folds."""
    folder = tmp_path / "killed"
    saved = checkpoints_in(folder)
    words = files.arguments(folder, FOLDS[:2], checkpoint_seconds=0)
    kill(words, saved / "02-memory.pt")
    assert not folds_in(folder).exists() or not [
        path for path in written(folds_in(folder)) if not Path(path).name.startswith(".")
    ]
    result = mexflow("train", *words)
    assert result.returncode == 0, result.stderr
    for fold in FOLDS[:2]:
        assert made(folder, fold) == made(whole, fold)
    assert not (folder / "checkpoints").exists() and not list(folder.rglob("*.partial"))


# Mistakes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "loso"}, "unknown protocol 'loso'"),
        ({"folds": ["04"]}, "unknown fold '04'"),
        ({"model": "time_contrst"}, "unknown network 'time_contrst' (did you mean 'time_contrast'?)"),
        ({"normalise": "mean"}, "the recipe: training.normalise: input should be 'first_frame', 'rms' or 'none'"),
        ({"normalise": "firstframe"}, "not 'firstframe' (did you mean 'first_frame'?)"),
        ({"reads": ["faces"]}, "the recipe: reads: list should have at least 2 items"),
        ({"loss_weights": [1]}, "the recipe: loss_weights.1 is missing"),
        ({"loss_weights": [1, -1]}, "loss_weights.1: input should be greater than or equal to 0, not -1"),
        ({"length": 0}, "the recipe: length: input should be greater than or equal to 1, not 0"),
        ({"stage1_epoch": 2}, "the recipe: unknown key 'stage1_epoch' (did you mean 'stage1_epochs'?)"),
        ({"augment": [{"turn": [1, 2]}]}, "training.augment: unknown augmentation 'turn'"),
        ({"classes": [*CLASSES, "sadness"]}, "no training clip of sadness"),
    ],
    ids=str,
)
def test_mistakes_are_told(files, here, tmp_path, changes, message):
    with pytest.raises(UserError) as caught:
        files.train(tmp_path, **{"folds": ["01"], **changes})
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert written(tmp_path) == []


# Spotting by feature difference


def results_of(files: SequenceFiles, folder: Path) -> Path:
    return linked(folder, files.root, ("index", "faces"))


def test_difference_scores_the_test_videos(tmp_path):
    files = sequence_files.write(tmp_path / "files", frames=20, excluded={("02", "surprise"): "no_face: none"})
    out, record = results_of(files, tmp_path / "out"), tmp_path / "records" / "0.json"
    result = mexflow("train", *arguments(DIFFERENCE, out, ["01", "02"], record=record))
    assert result.returncode == 0, result.stderr
    assert "left out: casme2 02_surprise: no_face: none" in result.stdout
    assert "01: 2 test videos" in result.stdout and "02: 1 test videos" in result.stdout
    rows = table(out, "01", "scores")
    assert len(rows) == 40 and {row["subject"] for row in rows} == {"01"}
    assert {row["video"] for row in table(out, "02", "scores")} == {"happiness"}
    faces = np.load(files.faces[0])[:20]
    expected = swept(contrast(difference(lbp_histograms(grey_levels(faces), blocks=(6, 6)), 3, "hold"), 3))
    found = [row["score"] for row in rows if row["video"] == "happiness"]
    assert found == pytest.approx(expected.astype(np.float32).tolist())
    stated = json.loads(record.read_text())
    assert stated["k"] == 3 and (stated["threads"], stated["device"]) == (1, "cpu")
    assert stated["folds"]["01"] == {"training_subjects": [], "test_subjects": ["01"], "test_videos": 2}


def test_a_position_alone_is_a_score(here, tmp_path):
    """1 in the middle of the clip, 0 at its ends, whatever its frames show; a frame that is missing moves no other."""
    files = sequence_files.write(tmp_path / "files", frames=9, states={("01", "happiness", FIRST + 2): "missing"})
    call(DIFFERENCE, results_of(files, tmp_path), ["01"], features="position")
    scored = {video: [row["score"] for row in table(tmp_path, "01", "scores") if row["video"] == video]
              for video in sequence_files.CLASSES}  # fmt: skip
    course = [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]
    assert scored == {"happiness": course[:2] + course[3:], "surprise": course}
    assert position(np.array([7])).tolist() == [1]


def test_difference_takes_k_from_the_index(here, tmp_path, capsys):
    files = sequence_files.write(tmp_path / "files", frames=20)
    out, record = results_of(files, tmp_path / "out"), tmp_path / "0.json"
    call(DIFFERENCE, out, ["03"], features="hoof", k=None, record=record)
    assert json.loads(record.read_text())["k"] == 5  # 11 frames from onset to offset
    assert capsys.readouterr().out == "03: 2 test videos\n"
    call(DIFFERENCE, out, ["03"], features="hoof", k=10)
    assert "03: 2 videos of at most 2 k = 20 frames\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"features": "hog"},
            "features: input should be 'lbp', 'hoof' or 'position', not 'hog' (did you mean 'hoof'?)",
        ),
        ({"edges": "clipp"}, "edges: input should be 'hold' or 'clip', not 'clipp' (did you mean 'clip'?)"),
        (
            {"reference": "frist"},
            "input should be 'previous' or 'first', not 'frist' (did you mean 'first'?)",
        ),
        ({"method": "farnebak"}, "unknown flow method 'farnebak' (did you mean 'farneback'?)"),
        ({"flow_options": {"windows": 9}}, "unknown key 'flow_options.windows' (did you mean 'window'?)"),
        ({"k": 0}, "k: input should be greater than or equal to 1, not 0"),
        ({"blocks": 0}, "blocks: input should be greater than or equal to 1, not 0"),
        ({"bins": 1}, "bins: input should be greater than or equal to 2, not 1"),
        ({"protocol": "loso"}, "unknown protocol 'loso'"),
        ({"folds": ["04"]}, "unknown fold '04'"),
        ({"classes": CLASSES[:1]}, "casme2_5class is 'surprise', not one of"),
    ],
    ids=str,
)
def test_mistakes_of_difference_are_told(files, here, tmp_path, changes, message):
    with pytest.raises(UserError) as caught:
        call(DIFFERENCE, results_of(files, tmp_path), **{"folds": ["01"], **changes})
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert written(tmp_path) == []
