"""What the Snakefile asks of Python: datasets, subjects, folds, batches, flags; and the listing of licensed copies."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from dataset_files import CASME2_FRAMES, casme2, casme2_frames, casme2_row, samm, samm_frames, samm_row
from mexflow import commands, datasets, enumeration, workflow
from mexflow.config import Config
from mexflow.enumeration import enumerate_dataset, members, rows_of, stamp
from mexflow.errors import UserError
from mexflow.workflow import Workflow, flags, settings
from project import WORKFLOW

PAPER = "belaiche2020"


def make(**values) -> Workflow:
    return Workflow({"embedded": {"size": "demo"}, **values}, WORKFLOW)


@pytest.fixture(scope="module")
def plan() -> Workflow:
    return make()


# Enumeration


def test_indexes_are_what_the_papers_need(plan):
    assert plan.indexes == ["casme2", "megc2018", "samm"]
    assert plan.embedded == ["casme2", "samm"]
    assert set(plan.dataset_targets()) == {
        f"results/index/{index}.{ending}" for index in plan.indexes for ending in ("parquet", "videos.parquet", "txt")
    }


def test_subjects_are_those_with_a_usable_clip(plan):
    rows = rows_of("megc2018", plan.raw)
    expected = {tuple(row["subject"].split("/")) for row in rows if row["excluded"] is None and row["megc2018"]}
    assert plan.subjects("megc2018") == sorted(expected)
    assert {dataset for dataset, _ in plan.subjects("samm")} == {"samm"}
    listed = {subject for _, subject in plan.subjects("casme2")}
    assert listed >= {subject for dataset, subject in expected if dataset == "casme2"}
    assert plan.flow_arrays(PAPER) == [f"results/flow/horn_schunck/{d}/{s}.npy" for d, s in sorted(expected)]
    assert plan.face_arrays(PAPER) == [f"results/faces/{d}/{s}.npy" for d, s in sorted(expected)]


def test_subject_whose_clips_are_all_excluded_has_no_job(plan, monkeypatch):
    rows = [
        {"dataset": "casme2", "subject": "01", "clip": "a", "excluded": "folder_missing", "megc2018": "anger"},
        {"dataset": "casme2", "subject": "02", "clip": "b", "excluded": None, "megc2018": None},
        {"dataset": "casme2", "subject": "03", "clip": "c", "excluded": None, "megc2018": "anger"},
    ]
    other = make()
    raw = {"casme2": enumeration.Enumerated(rows, [], ""), "samm": enumeration.Enumerated([], [], "")}
    monkeypatch.setitem(other.__dict__, "raw", raw)
    assert other.subjects("casme2") == [("casme2", "02"), ("casme2", "03")]
    assert other.subjects("megc2018") == [("casme2", "03")]
    assert other.all_folds(PAPER) == ["casme2-03"]


def test_composite_rows_have_the_dataset_in_the_subject(plan):
    for row in rows_of("megc2018", plan.raw):
        assert row["subject"].startswith(f"{row['dataset']}/") and row["megc2018"] is not None
    assert members("megc2018") == ("casme2", "samm") and members("samm") == ("samm",)
    with pytest.raises(UserError, match=r"unknown dataset 'megc2019'"):
        members("megc2019")


def test_raw_files_of_embedded_data(plan):
    files = plan.raw_files("casme2")
    assert "results/embedded/casme2/CASME2-coding-20140508.xlsx" in files
    for _, subject in plan.subjects("casme2"):
        assert plan.rendered("casme2", subject) in files
    assert set(plan.raw_files("megc2018")) == {*files, *plan.raw_files("samm")}
    assert plan.version("megc2018") == ""


# Folds and batches


@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 10, 99])
def test_folds_are_spread_evenly(plan, monkeypatch, wanted):
    every = [f"f{i:02}" for i in range(10)]
    monkeypatch.setattr(Workflow, "all_folds", lambda self, paper: every)
    effort = plan.papers[PAPER].budgets["demo"].model_copy(update={"folds": wanted})
    monkeypatch.setattr(workflow.Paper, "effort", lambda self, experiment, budget: effort)
    chosen = plan.folds(PAPER, "vx-1cl")
    assert chosen == sorted(set(chosen)) and len(chosen) == min(wanted, 10)
    places = [every.index(fold) for fold in chosen]
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert abs(places[0] - (9 - places[-1])) <= 1, "neither end is favoured"


def test_all_folds_under_the_budget_of_the_paper():
    plan = make(budget="paper")
    assert all(plan.folds(PAPER, name) == plan.all_folds(PAPER) for name in plan.experiments(PAPER))
    assert len(plan.all_folds(PAPER)) == len(plan.subjects("megc2018"))


@pytest.mark.parametrize("step", [1, 2, 4, 100])
@pytest.mark.parametrize("budget", ["demo", "paper"])
def test_every_fold_is_in_one_batch(step, budget):
    plan = make(training={"folds_per_job": step}, budget=budget)
    trained = [(experiment, fold) for batch in plan.batches for experiment in batch.experiments for fold in batch.folds]
    expected = [(name, fold) for name in plan.experiments(PAPER) for fold in plan.folds(PAPER, name)]
    assert sorted(trained) == sorted(expected)
    assert all(len(batch.folds) <= step for batch in plan.batches)
    names = [batch.name for batch in plan.batches]
    assert len(set(names)) == len(names)
    jobs = [(experiment, batch.number) for batch in plan.batches for experiment in batch.experiments]
    assert len(set(jobs)) == len(jobs), "the records of two jobs would have one name"


def test_files_of_the_batches_are_those_asked_for(plan):
    made = {
        path.format(experiment=experiment)
        for batch in plan.batches
        for experiment in batch.experiments
        for path in batch.files("predictions.parquet")
    }
    assert made == set(plan.predictions(PAPER))
    kept = {
        path.format(experiment=experiment)
        for batch in plan.batches if batch.keep_features
        for experiment in batch.experiments
        for path in batch.files("features.npy")
    }  # fmt: skip
    assert kept == set(plan.features(PAPER)) and kept
    assert plan.timed_model(PAPER).replace("model.pt", "predictions.parquet") in made


def test_null_controls_are_trained_if_wanted(plan):
    without = make(null_controls=False)
    extra = set(plan.experiments(PAPER)) - set(without.experiments(PAPER))
    assert extra == {"vy-3cl-null"}
    assert not any("-null" in path for path in without.predictions(PAPER))
    assert "-null" not in without.expected(PAPER)
    assert "--permute-labels" in plan.training_flags(PAPER, "vy-3cl-null").split()
    assert "--permute-labels" not in plan.training_flags(PAPER, "vy-3cl").split()
    assert plan.folds(PAPER, "vy-3cl-null") == plan.folds(PAPER, "vy-3cl")


# Flags


def test_training_flags_hold_everything_the_paper_says(plan):
    text = plan.training_flags(PAPER, "vx-vy-3cl")
    given = shlex.split(text)
    paper = plan.papers[PAPER]

    def values(option: str) -> list[str]:
        return [given[i + 1] for i, word in enumerate(given) if word == option]

    assert values("--class") == paper.data.classes
    assert values("--channel") == ["Vx", "Vy"]
    assert values("--train-pair") == paper.train_pairs and values("--test-pair") == paper.test_pairs
    assert values("--model") == ["shallow_cnn"] and values("--model-option") == ["layers=3"]
    assert values("--epochs") == [str(paper.effort("vx-vy-3cl", "demo").epochs)]
    assert values("--batch-size") == ["64"] and values("--seed") == ["1"]
    assert [float(v) for v in values("--learning-rate")] == [paper.training.learning_rate]
    assert dict(v.split("=") for v in values("--optimizer-option")).keys() == paper.training.optimizer_options.keys()
    assert "--keep-features" in given and "--keep-features" not in plan.training_flags(PAPER, "vx-1cl")
    assert "--epochs 150 " in make(budget="paper").training_flags(PAPER, "vx-vy-3cl")
    assert make(seed=5).training_flags(PAPER, "vx-1cl") != plan.training_flags(PAPER, "vx-1cl")


def test_settings_that_change_no_result_are_not_in_the_science(plan):
    other = make(training={"device": "cpu", "folds_per_job": 1, "checkpoint_seconds": 0})
    for experiment in plan.experiments(PAPER):
        assert other.training_flags(PAPER, experiment) == plan.training_flags(PAPER, experiment)


def test_values_are_quoted_for_the_shell():
    values = ["plain", "my data/CASME II", "it's", "$HOME; rm -r x", "a\nb", ""]
    assert shlex.split(flags("root", values)) == [word for value in values for word in ("--root", value)]
    assert flags("fold", []) == ""
    assert settings({"a": True, "b": 1.0, "c": "last"}) == ["a=true", "b=1.0", "c=last"]


def test_expected_folds(plan):
    given = shlex.split(plan.expected(PAPER))
    found = dict(text.split("=") for text in given[1::2])
    assert {name: folds.split(",") for name, folds in found.items()} == {
        name: plan.folds(PAPER, name) for name in plan.experiments(PAPER)
    }


def test_codes_name_the_network_that_is_trained(plan):
    assert plan.training_code(PAPER, "vx-1cl") == commands.code_digest("train", "mexflow.models.shallow_cnn")
    assert plan.training_code(PAPER, "resnet-1cl") == commands.code_digest("train", "mexflow.models.reduced_resnet")
    assert plan.index_code("samm") != plan.index_code("megc2018") != plan.index_code("casme2")


# Mistakes


def test_wrong_configuration_and_unknown_paper():
    with pytest.raises(UserError, match=r"unknown key 'paper'"):
        make(paper=["x"])
    with pytest.raises(UserError, match=r"unknown paper 'belaiche' \(did you mean 'belaiche2020'\?\)"):
        make(papers=["belaiche"])


def test_paper_named_twice_is_made_once():
    assert list(make(papers=[PAPER, PAPER]).papers) == [PAPER]


def test_network_that_does_not_exist(tmp_path):
    (tmp_path / "papers").mkdir()
    source = (WORKFLOW / "papers" / f"{PAPER}.yaml").read_text()
    (tmp_path / "papers" / f"{PAPER}.yaml").write_text(source.replace("model: shallow_cnn", "model: shalow_cnn", 1))
    with pytest.raises(UserError, match=r"unknown network 'shalow_cnn' \(did you mean 'shallow_cnn'\?\)"):
        Workflow({}, tmp_path)


# Licensed copies


@pytest.fixture
def licensed(tmp_path, monkeypatch) -> Path:
    """The folder of a CASME II of two clips; the working directory is beside it."""
    root = tmp_path / "my CASME II"
    casme2(root, [casme2_row(), casme2_row("02", "EP01_01")], [("01", "EP02_01f", 1), ("02", "EP01_01", 4)])
    casme2_frames(root, "sub01/EP02_01f", range(1, 12))
    casme2_frames(root, "sub02/EP01_01", range(1, 12))
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def listings(monkeypatch) -> list[str]:
    """Grows by one with every listing that is made anew."""
    made, real = [], enumeration.subprocess.run

    def count(command, **options):
        made.append(command[command.index("--root") + 1])
        return real(command, **options)

    monkeypatch.setattr(enumeration.subprocess, "run", count)
    return made


def enumerated(root: Path) -> enumeration.Enumerated:
    config = Config.model_validate({"datasets": {"casme2": {"root": str(root)}}})
    return enumerate_dataset(config, "casme2", Path("results"))


def test_licensed_copy_is_listed(licensed, listings):
    found = enumerated(licensed)
    assert [(row["subject"], row["clip"], row["megc2018"], row["excluded"]) for row in found.rows] == [
        ("01", "sub01_EP02_01f", "happiness", None),
        ("02", "sub02_EP01_01", "disgust", None),
    ]
    assert {Path(path).parent for path in found.annotations} == {licensed} and len(found.annotations) == 2
    assert len(found.version) == 64 and listings == [str(licensed)]
    assert found.rows == datasets.read("casme2", {"casme2": licensed}).rows


def test_licensed_copy_that_has_not_changed_is_not_listed_again(licensed, listings):
    first = enumerated(licensed)
    assert enumerated(licensed) == first and len(listings) == 1


def add_folder(root: Path) -> None:
    casme2_frames(root, "sub02/EP09_09", range(1, 5))


def add_subject(root: Path) -> None:
    casme2_frames(root, "sub03/EP01_01", range(1, 5))


def remove_frame(root: Path) -> None:
    (root / CASME2_FRAMES / "sub01" / "EP02_01f" / "img11.jpg").unlink()


def remove_folder(root: Path) -> None:
    shutil.rmtree(root / CASME2_FRAMES / "sub02")


def edit_annotations(root: Path) -> None:
    casme2(root, [casme2_row(), casme2_row("02", "EP01_01", apex="/")])


@pytest.mark.parametrize("change", [add_folder, add_subject, remove_frame, remove_folder, edit_annotations])
def test_licensed_copy_that_has_changed_is_listed_again(licensed, listings, change):
    first = enumerated(licensed)
    change(licensed)
    second = enumerated(licensed)
    assert len(listings) == 2
    assert second.version != first.version


def test_listing_of_other_code_or_another_place_is_not_used(licensed, listings, monkeypatch):
    enumerated(licensed)
    moved = licensed.rename(licensed.with_name("moved"))
    enumerated(moved)
    assert listings == [str(licensed), str(moved)]
    monkeypatch.setattr(enumeration, "code_digest", lambda *names: "an edited adapter")
    enumerated(moved)
    assert len(listings) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"root": 1}'])
def test_damaged_listing_is_made_again(licensed, listings, content):
    first = enumerated(licensed)
    Path("results/index/.casme2.listing.json").write_text(content)
    assert enumerated(licensed) == first and len(listings) == 2


def test_stamp_sees_names_times_and_sizes(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "x.txt").write_text("1")
    places = ["a/b", "x.txt"]
    seen = [stamp(tmp_path, places)]
    for act in (
        lambda: (tmp_path / "a" / "b" / "frame").touch(),
        lambda: (tmp_path / "a" / "c").mkdir(),
        lambda: (tmp_path / "x.txt").write_text("22"),
        lambda: os.utime(tmp_path / "x.txt", (5, 5)),
        lambda: (tmp_path / "x.txt").unlink(),
    ):
        act()
        seen.append(stamp(tmp_path, places))
    assert len(set(seen)) == len(seen)
    assert stamp(tmp_path, places[::-1]) == seen[-1]


def test_wrong_root_is_told_in_one_line(licensed, tmp_path):
    for root in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError) as caught:
            enumerated(root)
        text = str(caught.value)
        assert "\n" not in text and str(root) in text and "error:" not in text
        assert not Path("results/index/.casme2.listing.json").exists()


def test_workflow_of_licensed_copies(licensed, tmp_path):
    second = tmp_path / "SAMM copy"
    samm(second, [samm_row()])
    samm_frames(second, "006_1_2", range(100, 113))
    plan = make(datasets={"casme2": {"root": str(licensed)}, "samm": {"root": str(second)}})
    assert plan.embedded == []
    assert plan.subjects("megc2018") == [("casme2", "01"), ("casme2", "02"), ("samm", "006")]
    assert plan.all_folds(PAPER) == ["casme2-01", "casme2-02", "samm-006"]
    assert plan.roots("megc2018") == [f"casme2={licensed}", f"samm={second}"]
    assert plan.roots("casme2") == [str(licensed)]
    assert plan.raw_files("casme2") == plan.raw["casme2"].annotations
    assert plan.version("megc2018").split() == [plan.raw["casme2"].version, plan.raw["samm"].version]
    assert plan.data(PAPER) == f"{licensed} (casme2), {second} (samm)"
    half = make(datasets={"samm": {"root": str(second)}})
    assert half.embedded == ["casme2"] and half.data(PAPER) == f"embedded (casme2), {second} (samm)"
    assert json.loads(Path("results/index/.samm.listing.json").read_text())["root"] == str(second)
