"""The embedded datasets: their plans and their annotation files; the two of short clips, CASME II and SAMM."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from mexflow import embedded
from mexflow.datasets import reading
from mexflow.datasets.registry import DATASETS
from mexflow.embedded import SIZES, plan
from mexflow.embedded.facs import choose_units, parse_units
from mexflow.errors import UserError

SHORT = ("casme2", "samm")
EVERY = [(dataset, size) for dataset in DATASETS for size in SIZES]


# The plan


def test_importing_the_plan_imports_nothing_heavy():
    code = (
        "import sys; from mexflow import embedded; embedded.plan('samm', 'full', 0);"
        "heavy = {'numpy', 'cv2', 'dlib', 'scipy', 'skimage', 'matplotlib', 'openpyxl'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    paths = os.pathsep.join(sys.path)
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(("dataset", "size"), EVERY)
def test_a_plan_is_sound(dataset, size):
    result = plan(dataset, size, 3)
    every = [(video, one) for video in result.videos for one in video.expressions]
    assert len({(video.subject, one.clip) for video, one in every}) == len(every)
    assert len({video.path for video in result.videos}) == len(result.videos)
    assert list(dict.fromkeys(video.subject for video in result.videos)) == list(result.subjects)
    for video in result.videos:
        assert video.first_frame >= 1 and video.fps == result.fps
    for video, one in every:
        assert video.first_frame <= one.onset < one.apex < one.offset <= video.last_frame, one.clip
        assert one.units and all(0.3 <= peak <= (1 if one.type == "micro" else 2.3) for _, _, peak in one.units)
        if dataset in SHORT:
            assert video.first_frame < one.onset and one.offset < video.last_frame
            assert not one.in_table or (one.annotated_onset, one.annotated_offset) == (one.onset, one.offset)
    for row in result.expected_rows():
        assert row["onset"] <= row["apex"] <= row["offset"] or row["excluded"]


@pytest.mark.parametrize(("dataset", "size"), EVERY)
def test_folders_hold_one_subject_each_and_every_frame(dataset, size):
    result = plan(dataset, size, 3)
    folders = {subject: embedded.folders(dataset, size, 3, subject) for subject in result.subjects}
    every = [folder for found in folders.values() for folder in found]
    assert len(set(every)) == len(every)
    assert not any(one != other and f"{one}/".startswith(f"{other}/") for one in every[:60] for other in every[:60])
    for video in result.videos[:200]:
        inside = [folder for folder in folders[video.subject] if f"{video.path}/".startswith(f"{folder}/")]
        assert len(inside) == 1
    with pytest.raises(KeyError, match="nobody"):
        embedded.folders(dataset, size, 3, "nobody")


@pytest.mark.parametrize(("dataset", "size"), EVERY)
def test_a_plan_is_a_function_of_its_arguments(dataset, size):
    first = plan(dataset, size, 3)
    plan.cache_clear()
    assert plan(dataset, size, 3) == first
    assert plan(dataset, size, 4).videos != first.videos


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="casme2"):
        plan("casme3", "demo", 0)
    with pytest.raises(UserError, match="tiny"):
        plan("casme2", "huge", 0)
    with pytest.raises(KeyError, match="077"):
        plan("samm", "tiny", 0).of_subject("077")


def test_the_full_size_has_the_counts_of_casme2():
    rows = plan("casme2", "full", 0).expected_rows()
    assert len(rows) == 255 and len({row["subject"] for row in rows}) == 26
    assert Counter(row["emotion"] for row in rows) == {
        "others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25,
        "sadness": 7, "fear": 2,
    }  # fmt: skip
    classes = Counter(row["objective_class"] for row in rows)
    assert [classes[number] for number in range(1, 6)] == [25, 15, 99, 26, 20]
    three = [row for row in rows if row["megc2019"]]
    assert Counter(row["megc2019"] for row in three) == {"negative": 88, "positive": 32, "surprise": 25}
    assert len({row["subject"] for row in three}) == 24
    assert sum(row["casme2_5class"] is not None for row in rows) == 246
    unlisted = [video.path.split("/", 2)[2] for video in plan("casme2", "full", 0).videos if not video.annotated]
    assert unlisted == ["sub09/EP02_02f", "sub24/EP02_07"]


def test_the_full_size_has_the_counts_of_samm():
    rows = plan("samm", "full", 0).expected_rows()
    assert len(rows) == 159 and len({row["subject"] for row in rows}) == 29
    assert Counter(row["emotion"] for row in rows) == {
        "anger": 57, "other": 26, "happiness": 26, "surprise": 15, "contempt": 12, "disgust": 9,
        "fear": 8, "sadness": 6,
    }  # fmt: skip
    classes = Counter(row["objective_class"] for row in rows)
    assert [classes[number] for number in range(1, 8)] == [24, 13, 20, 8, 3, 7, 84]
    three = [row for row in rows if row["megc2019"]]
    assert Counter(row["megc2019"] for row in three) == {"negative": 92, "positive": 26, "surprise": 15}
    assert len({row["subject"] for row in three}) == 28
    both = rows + plan("casme2", "full", 0).expected_rows()
    assert len({(row["dataset"], row["subject"]) for row in both if row["megc2018"]}) == 47


def test_the_demo_is_balanced():
    rows = [row for dataset in SHORT for row in plan(dataset, "demo", 0).expected_rows()]
    subjects = {(row["dataset"], row["subject"]) for row in rows}
    assert len(subjects) == 10
    five = Counter(row["objective_class"] for row in rows if row["megc2018"])
    assert sum(five.values()) == 60 and max(five.values()) <= 15 and min(five.values()) >= 10
    for number in range(1, 8):
        holders = {(r["dataset"], r["subject"]) for r in rows if r["objective_class"] == number}
        assert len(holders) >= 4, number


def test_the_quirks_are_there():
    casme2 = plan("casme2", "demo", 0)
    expressions = {one.clip: one for video in casme2.videos for one in video.expressions}
    assert expressions["sub04_EP12_01f"].annotated_apex == "/"
    is_onset = [clip for clip, one in expressions.items() if one.annotated_apex == one.annotated_onset]
    assert is_onset == ["sub05_EP09_05f"]
    is_offset = {clip for clip, one in expressions.items() if one.annotated_apex == one.annotated_offset}
    assert is_offset == {"sub05_EP16_04f", "sub12_EP09_06", "sub20_EP16_01"}
    row = next(row for row in casme2.expected_rows() if row["clip"] == "sub04_EP12_01f")
    assert row["repairs"] == ["apex_missing"] and row["megc2019"] is None
    for size in SIZES:
        samm = plan("samm", size, 0)
        repaired = {row["clip"]: row for row in samm.expected_rows() if row["repairs"]}
        assert set(repaired) == {"028_4_1", "032_3_1"}
        first = samm.find("028", "028_4_1").expressions[0]
        assert (first.annotated_apex, first.annotated_offset) == (1143, 1134)
        second = samm.find("032", "032_3_1").expressions[0]
        assert (second.annotated_apex, second.annotated_onset) == (1930, 4896)
        assert any(not video.annotated for video in plan("casme2", size, 0).videos)
    texts = [one.au_text for _, one in plan("samm", "full", 0).annotations()]
    assert all(any(mark in text for text in texts) for mark in ("ref(", "?", "or "))
    numbers = {video.first_frame for video in casme2.videos}
    assert 1 in numbers and any(video.first_frame < 100 <= video.last_frame for video in casme2.videos)


def test_action_unit_text():
    import random

    assert parse_units("L12+4") == [(12, "L"), (4, "B")]
    for number in range(1, 8):
        units = choose_units(random.Random(number), number, "")
        assert len(units) >= 1


# The annotation files


@pytest.mark.parametrize("dataset", DATASETS)
def test_annotation_files_have_the_same_bytes(dataset, tmp_path):
    hashes = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        names = embedded.write_annotations(dataset, "demo", 1, tmp_path / name)
        assert names == embedded.annotation_files(dataset)
        hashes.append([hashlib.sha256((tmp_path / name / file).read_bytes()).hexdigest() for file in names])
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == sorted(names)
        for file in names:
            with zipfile.ZipFile(tmp_path / name / file) as archive:
                assert {member.date_time[:3] for member in archive.infolist()} == {(2014, 5, 8)}
                core = archive.read("docProps/core.xml").decode()
                assert core.count("2014-05-08T00:00:00Z") == 2
    assert hashes[0] == hashes[1]


def test_the_sheets_of_casme2(tmp_path):
    import openpyxl

    embedded.write_annotations("casme2", "demo", 0, tmp_path)
    rows = list(openpyxl.load_workbook(tmp_path / "CASME2-coding-20140508.xlsx").active.values)
    assert rows[0] == ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None,
                       "Action Units", "Estimated Emotion")  # fmt: skip
    listed = plan("casme2", "demo", 0).annotations()
    assert [(row[0], row[1], row[4]) for row in rows[1:]] == [
        (video.subject, video.video, one.annotated_apex) for video, one in listed
    ]
    assert {type(row[7]) for row in rows[1:]} == {int, str}
    objective = list(openpyxl.load_workbook(tmp_path / "CASME2-ObjectiveClasses.xlsx").active.values)
    assert objective[0] == ("Subject", "Filename", "Objective Class")
    assert [row[2] for row in objective[1:]] == [dict(one.labels)["objective_class"] for _, one in listed]


def test_the_sheet_of_samm(tmp_path):
    import openpyxl

    embedded.write_annotations("samm", "tiny", 0, tmp_path)
    sheet = openpyxl.load_workbook(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx")["MICRO_ONLY"]
    rows = list(sheet.values)
    assert rows[13][:6] == ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame")
    assert any(isinstance(row[0], str) for row in rows[:13])
    assert len(rows) == 14 + 12 and {row[0] for row in rows[14:]} == {"028", "032"}


@pytest.mark.parametrize("size", ["tiny", "demo"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_adapter_reads_what_the_plan_expects(dataset, size, tmp_path):
    result = plan(dataset, size, 0)
    embedded.write_annotations(dataset, size, 0, tmp_path)
    touch(result, tmp_path)
    listing = reading.read(dataset, {dataset: tmp_path})
    rows = [
        {
            **row,
            "repairs": [text.split(":")[0] for text in row["repairs"]],
            "excluded": row["excluded"] and row["excluded"].split(":")[0],
        }
        for row in listing.rows
    ]
    assert sorted(rows, key=lambda row: row["clip"]) == sorted(result.expected_rows(), key=lambda row: row["clip"])
    columns = ("subject", "video", "path", "frame_count", "annotated")
    videos = [{name: video[name] for name in columns} for video in listing.videos]
    by_path = {video["path"]: video for video in result.expected_videos()}
    assert {video["path"]: video for video in videos} == by_path
    first = {video["path"]: (video["first_frame"], video["missing_frames"]) for video in listing.videos}
    assert first == {video.path: (video.first_frame, 0) for video in result.videos}


def touch(result: embedded.DatasetPlan, root: Path) -> None:
    """Empty files in place of the frames."""
    for video in result.videos:
        (root / video.path).mkdir(parents=True)
        for frame in video.frames:
            (root / video.file(frame)).touch()
