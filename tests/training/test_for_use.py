"""``mexflow train --fold all``: networks for use, trained on all subjects, of whom none is tested."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import flow_files
import model_files
import sequence_files
from mexflow.errors import UserError
from mexflow.papers.kinds import KINDS
from mexflow.store.paths import Results
from model_files import ALL, FILES, folder_in, record_in
from training_files import call, checkpoints_in, kill, linked, written

TRAINED = ("flow", "videos", "sequences")
SUBJECTS = {
    "flow": ["casme2/01", "casme2/02", "casme2/03", "casme2/04"],
    "videos": ["006", "011", "012", "018"],
    "sequences": ["01", "02", "03"],
}
pytestmark = pytest.mark.usefixtures("here")


def bits(results: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder_in(results).iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Path]:
    """The results of a training of each kind, begun and ended without a disturbance, made when asked for."""
    return {kind: tmp_path_factory.mktemp(kind) for kind in TRAINED}


def results_of(whole: dict[str, Path], kind: str) -> Path:
    folder = whole[kind]
    return folder / "results" if (folder / "results").exists() else model_files.trained(folder, kind)


@pytest.mark.parametrize("kind", TRAINED)
def test_it_is_trained_on_everybody_and_leaves_what_is_of_use(whole, kind, capsys):
    results = results_of(whole, kind)
    assert set(bits(results)) == set(KINDS[kind].for_use)
    assert not any(name.startswith("folds/") for name in written(results)), "it is no fold"
    stated = json.loads(record_in(results).read_text())
    assert list(stated["folds"]) == [ALL]
    fold = stated["folds"][ALL]
    assert fold["test_subjects"] == []
    assert sorted([*fold["training_subjects"], *fold["validation_subjects"]]) == SUBJECTS[kind]
    assert set(stated["outputs"]) == {f"{folder_in(results)}/{name}" for name in KINDS[kind].for_use}
    assert not checkpoints_in(results).exists()


def test_the_first_subject_validates_where_one_must(whole):
    fold = json.loads(record_in(results_of(whole, "videos")).read_text())["folds"][ALL]
    assert fold["validation_subjects"] == ["006"]
    rows = pq.read_table(folder_in(results_of(whole, "videos")) / "scores.parquet", columns=["subject", "role"])
    assert {(row["subject"], row["role"]) for row in rows.to_pylist()} == {
        ("006", "validation"), ("011", "train"), ("012", "train"), ("018", "train"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", TRAINED)
def test_it_is_the_same_bits_after_a_kill(whole, tmp_path, kind):
    results = tmp_path / "results"
    files = FILES[kind].write(tmp_path / "made")
    begun = checkpoints_in(results) / ("all-memory.pt" if kind == "sequences" else "all.pt")
    kill(files.arguments(results, [ALL], checkpoint_seconds=0), begun)
    assert not folder_in(results).exists()
    files.train(results, [ALL], checkpoint_seconds=0)
    assert bits(results) == bits(results_of(whole, kind))


def test_folds_beside_it_are_what_they_are_without(tmp_path):
    files = flow_files.write(tmp_path / "made")
    files.train(tmp_path / "alone", ["casme2-01"])
    files.train(tmp_path / "both", ["casme2-01", ALL])
    fold = "folds/made/up/casme2-01"
    for path in sorted((tmp_path / "alone" / fold).iterdir()):
        assert path.read_bytes() == (tmp_path / "both" / fold / path.name).read_bytes()
    assert Results(tmp_path / "both").model("made", "up").is_dir()


def test_validation_subjects_are_of_all(tmp_path):
    results = model_files.trained(tmp_path, "flow", early_stopping=2, validation_share=0.25, keep_features=True)
    fold = json.loads(record_in(results).read_text())["folds"][ALL]
    assert len(fold["validation_subjects"]) == 1 and len(fold["training_subjects"]) == 3
    assert set(bits(results)) == {"model.pt", "history.parquet"}, "features are of test clips"


def test_what_is_not_trained_is_refused(tmp_path):
    files = sequence_files.write(tmp_path / "made")
    with pytest.raises(UserError, match="made/up: nothing is trained for it, so there is no network for use"):
        call(sequence_files.DIFFERENCE, linked(tmp_path / "results", files.root, ("index", "faces")), [ALL])


def test_a_subject_of_that_name_is_refused(tmp_path):
    files = sequence_files.write(tmp_path / "made", subjects=("01", ALL))
    with pytest.raises(UserError, match="a fold is called 'all'.*give that subject another name"):
        files.train(tmp_path / "results", [ALL])


def test_one_subject_is_not_enough_where_one_validates(tmp_path):
    import video_files

    files = video_files.write(tmp_path / "made", {"006": video_files.VIDEOS["006"]})
    with pytest.raises(UserError, match="a validation subject needs another to train on; add subjects"):
        files.train(tmp_path / "results", [ALL])
