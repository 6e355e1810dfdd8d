"""The datasets in use: what is enumerated of them, and the listing of licensed copies."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dataset_files import CASME2_FRAMES, casme2, casme2_frames, casme2_row, samm, samm_frames, samm_row
from mexflow import embedded
from mexflow.config import Config
from mexflow.datasets.reading import adapter, members, read
from mexflow.datasets.registry import COMPOSITES, DATASETS
from mexflow.datasets.stamp import stamp
from mexflow.errors import UserError
from mexflow.plan import enumeration
from mexflow.plan.enumeration import enumerate_dataset, rows_of
from mexflow.plan.sources import Sources
from mexflow.plan.workflow import Workflow
from project import WORKFLOW

PAPER = "belaiche2020"


def make(**values) -> Workflow:
    return Workflow({"papers": [PAPER], "embedded": {"size": "demo"}, **values}, WORKFLOW)


def only(*names: str) -> dict:
    """A configuration in which the other datasets are left out."""
    return {"datasets": {name: {"root": "none"} for name in DATASETS if name not in names}}


@pytest.fixture(scope="module")
def sources() -> Sources:
    return make().sources


# Enumeration


def test_all_datasets_are_in_use(sources):
    assert sources.in_use == list(DATASETS) == sources.embedded
    assert sources.indexes == [*DATASETS, *COMPOSITES]
    made = [*DATASETS, "megc2018"]
    endings = ("parquet", "videos.parquet", "txt")
    assert set(sources.index_targets) == {f"results/index/{index}.{ending}" for index in made for ending in endings}


def test_dataset_that_is_left_out():
    sources = make(**only("casme2", "samm")).sources
    assert sources.in_use == ["casme2", "samm"] and sources.indexes == ["casme2", "samm", "megc2018"]
    assert {dataset for dataset, _ in sources.renderings} == {"casme2", "samm"}
    with pytest.raises(UserError, match=r"a paper needs megc2018, but datasets\.samm\.root is none; set it to"):
        make(**only("casme2"))


def test_subjects_are_those_with_a_usable_clip(sources):
    rows = sources.rows("megc2018")
    expected = {tuple(row["subject"].split("/")) for row in rows if row["excluded"] is None and row["megc2018"]}
    assert sources.subjects("megc2018") == sorted(expected)
    assert {dataset for dataset, _ in sources.subjects("samm")} == {"samm"}
    listed = {subject for _, subject in sources.subjects("casme2")}
    assert listed >= {subject for dataset, subject in expected if dataset == "casme2"}


def test_subject_whose_clips_are_all_excluded_has_no_job(monkeypatch):
    rows = [
        {"dataset": "casme2", "subject": "01", "clip": "a", "excluded": "folder_missing", "megc2018": "anger"},
        {"dataset": "casme2", "subject": "02", "clip": "b", "excluded": None, "megc2018": None},
        {"dataset": "casme2", "subject": "03", "clip": "c", "excluded": None, "megc2018": "anger"},
    ]
    plan = make()
    raw = {
        "casme2": enumeration.Enumerated(rows, ["01", "02", "03"], [], ""),
        "samm": enumeration.Enumerated([], [], [], ""),
    }
    monkeypatch.setitem(plan.sources.__dict__, "_enumerated", raw)
    assert plan.sources.subjects("casme2") == [("casme2", "02"), ("casme2", "03")]
    assert plan.sources.subjects("megc2018") == [("casme2", "03")]
    assert plan.all_folds(PAPER, "vy-3cl") == ["casme2-03"]


@pytest.mark.parametrize("dataset", [name for name in DATASETS if adapter(name).long_videos])
def test_every_subject_of_long_videos_counts(sources, dataset, monkeypatch):
    every = [(dataset, subject) for subject in embedded.plan(dataset, "demo", 2020).subjects]
    assert sources.subjects(dataset) == every
    assert "--every-video" in sources.faces_flags(dataset)


def test_openface_folder_is_handed_on():
    sources = make(datasets={"smic": {"openface": "/data/my openface"}}).sources
    assert sources.faces_flags("smic") == "--openface '/data/my openface'"
    assert sources.faces_flags("casme2") == ""


def test_composite_rows_have_the_dataset_in_the_subject(sources):
    for row in rows_of("megc2018", {name: sources.enumerated(name) for name in ("casme2", "samm")}):
        assert row["subject"].startswith(f"{row['dataset']}/") and row["megc2018"] is not None
    assert members("megc2018") == ("casme2", "samm") and members("samm") == ("samm",)
    with pytest.raises(UserError, match=r"unknown dataset 'megc2020'"):
        members("megc2020")


def test_raw_files_of_embedded_data(sources):
    files = sources.raw_files("casme2")
    assert "results/embedded/casme2/CASME2-coding-20140508.xlsx" in files
    for _, subject in sources.subjects("casme2"):
        assert set(sources.rendered("casme2", subject)) < set(files)
    assert set(sources.raw_files("megc2018")) == {*files, *sources.raw_files("samm")}
    assert sources.version("megc2018") == ""


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_two_jobs_render_the_same_folder(sources, dataset):
    folders = [
        Path(folder) for name, s in sources.renderings if name == dataset for folder in sources.rendered(name, s)
    ]
    assert len(set(folders)) == len(folders) > 1
    assert not any(a in b.parents for a in folders for b in folders)


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
    assert found.rows == read("casme2", {"casme2": licensed}).rows


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
    sources = plan.sources
    assert not {"casme2", "samm"} & set(sources.embedded)
    assert sources.subjects("megc2018") == [("casme2", "01"), ("casme2", "02"), ("samm", "006")]
    assert plan.all_folds(PAPER, "vy-3cl") == ["casme2-01", "casme2-02", "samm-006"]
    assert sources.roots("megc2018") == [f"casme2={licensed}", f"samm={second}"]
    assert sources.roots("casme2") == [str(licensed)]
    assert sources.raw_files("casme2") == sources.enumerated("casme2").annotations
    versions = [sources.enumerated(name).version for name in ("casme2", "samm")]
    assert sources.version("megc2018").split() == versions
    assert plan.data(PAPER) == f"{licensed} (casme2), {second} (samm)"
    half = make(datasets={"samm": {"root": str(second)}})
    assert "casme2" in half.sources.embedded and "samm" not in half.sources.embedded
    assert half.data(PAPER) == f"embedded (casme2), {second} (samm)"
    assert json.loads(Path("results/index/.samm.listing.json").read_text())["root"] == str(second)
