"""The embedded datasets: their plans, their files and the truth that comes with them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mexflow import embedded
from mexflow.embedded import SIZES, plan
from mexflow.embedded.facs import choose_units, parse_units
from mexflow.errors import UserError

DATASETS = ("casme2", "samm")
EVERY = [(dataset, size) for dataset in DATASETS for size in SIZES]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """One subject of each dataset: {dataset: (folder, truth rows)}."""
    root = tmp_path_factory.mktemp("embedded")
    result = {}
    for dataset, subject in (("casme2", "05"), ("samm", "032")):
        folder = root / dataset
        result[dataset] = folder, embedded.render_subject(dataset, "tiny", 7, subject, folder)
    return result


def read(folder: Path, row: dict) -> np.ndarray:
    """The picture of a truth row, as stored."""
    import cv2

    picture = cv2.imread(str(file_of(folder, row)), cv2.IMREAD_UNCHANGED)
    assert picture is not None, row["file"]
    return picture


def file_of(folder: Path, row: dict) -> Path:
    return folder.joinpath(*row["file"].split("/")[-2:])


def still(dataset: str, subject: str, clip: str, nuisance: bool = False):
    from mexflow.embedded.truth import clip_motion

    return clip_motion(dataset, "tiny", 7, subject, clip, nuisance)


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
    assert len({(clip.subject, clip.clip) for clip in result.clips}) == len(result.clips)
    assert len({clip.path for clip in result.clips}) == len(result.clips)
    assert {clip.subject for clip in result.clips} == set(result.subjects)
    for clip in result.clips:
        assert clip.first_frame < clip.onset < clip.apex < clip.offset < clip.last_frame
        assert clip.first_frame >= 1
        assert clip.path.startswith(embedded.subject_directory(dataset, clip.subject) + "/")
        assert clip.units and all(0.5 <= peak <= 1 for _, _, peak in clip.units)
        if clip.in_table:
            assert (clip.annotated_onset, clip.annotated_offset) == (clip.onset, clip.offset)
    for row in result.expected_rows():
        assert row["onset"] <= row["apex"] <= row["offset"]


@pytest.mark.parametrize(("dataset", "size"), EVERY)
def test_a_plan_is_a_function_of_its_arguments(dataset, size):
    first = plan(dataset, size, 3)
    plan.cache_clear()
    assert plan(dataset, size, 3) == first
    assert plan(dataset, size, 4).clips != first.clips


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
    unlisted = [clip.path.split("/", 2)[2] for clip in plan("casme2", "full", 0).clips if not clip.in_table]
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
    rows = [row for dataset in DATASETS for row in plan(dataset, "demo", 0).expected_rows()]
    subjects = {(row["dataset"], row["subject"]) for row in rows}
    assert len(subjects) == 10
    five = Counter(row["objective_class"] for row in rows if row["megc2018"])
    assert sum(five.values()) == 60 and max(five.values()) <= 15 and min(five.values()) >= 10
    for number in range(1, 8):
        holders = {(r["dataset"], r["subject"]) for r in rows if r["objective_class"] == number}
        assert len(holders) >= 4, number


def test_the_quirks_are_there():
    casme2 = plan("casme2", "demo", 0)
    assert casme2.find("04", "sub04_EP12_01f").annotated_apex == "/"
    is_onset = [clip for clip in casme2.clips if clip.annotated_apex == clip.annotated_onset]
    assert [clip.clip for clip in is_onset] == ["sub05_EP09_05f"]
    is_offset = {clip.clip for clip in casme2.clips if clip.annotated_apex == clip.annotated_offset}
    assert is_offset == {"sub05_EP16_04f", "sub12_EP09_06", "sub20_EP16_01"}
    row = next(row for row in casme2.expected_rows() if row["clip"] == "sub04_EP12_01f")
    assert row["repairs"] == ["apex_missing"] and row["megc2019"] is None
    for size in SIZES:
        samm = plan("samm", size, 0)
        repaired = {row["clip"]: row for row in samm.expected_rows() if row["repairs"]}
        assert set(repaired) == {"028_4_1", "032_3_1"}
        first = samm.find("028", "028_4_1")
        assert (first.annotated_apex, first.annotated_offset) == (1143, 1134)
        second = samm.find("032", "032_3_1")
        assert (second.annotated_apex, second.annotated_onset) == (1930, 4896)
        assert any(not clip.in_table for clip in plan("casme2", size, 0).clips)
    texts = [clip.au_text for clip in plan("samm", "full", 0).clips]
    assert all(any(mark in text for text in texts) for mark in ("ref(", "?", "or "))
    numbers = {clip.first_frame for clip in casme2.clips}
    assert 1 in numbers and any(clip.first_frame < 100 <= clip.last_frame for clip in casme2.clips)


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
    listed = [clip for clip in plan("casme2", "demo", 0).clips if clip.in_table]
    assert [(row[0], row[1], row[4]) for row in rows[1:]] == [
        (clip.subject, clip.video, clip.annotated_apex) for clip in listed
    ]
    assert {type(row[7]) for row in rows[1:]} == {int, str}
    objective = list(openpyxl.load_workbook(tmp_path / "CASME2-ObjectiveClasses.xlsx").active.values)
    assert objective[0] == ("Subject", "Filename", "Objective Class")
    assert [row[2] for row in objective[1:]] == [clip.objective_class for clip in listed]


def test_the_sheet_of_samm(tmp_path):
    import openpyxl

    embedded.write_annotations("samm", "tiny", 0, tmp_path)
    sheet = openpyxl.load_workbook(tmp_path / "SAMM_Micro_FACS_Codes_v2.xlsx")["MICRO_ONLY"]
    rows = list(sheet.values)
    assert rows[13][:6] == ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame")
    assert any(isinstance(row[0], str) for row in rows[:13])
    assert len(rows) == 14 + 12 and {row[0] for row in rows[14:]} == {"028", "032"}


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_adapter_reads_what_the_plan_expects(dataset, tmp_path):
    from mexflow import datasets

    result = plan(dataset, "demo", 0)
    embedded.write_annotations(dataset, "demo", 0, tmp_path)
    for clip in result.clips:
        (tmp_path / clip.path).mkdir(parents=True)
        for frame in clip.frames:
            (tmp_path / clip.file(frame)).touch()
    listing = datasets.read(dataset, {dataset: tmp_path})
    rows = [{**row, "repairs": [text.split(":")[0] for text in row["repairs"]]} for row in listing.rows]
    assert sorted(rows, key=lambda row: row["clip"]) == sorted(result.expected_rows(), key=lambda row: row["clip"])
    folders = {(video["path"], video["first_frame"], video["frame_count"]) for video in listing.videos}
    assert folders == {(clip.path, clip.first_frame, clip.frame_count) for clip in result.clips}
    unlisted = {video["path"] for video in listing.videos if not video["annotated"]}
    assert unlisted == {clip.path for clip in result.clips if not clip.in_table}


# The frames


@pytest.mark.parametrize(("dataset", "shape"), [("casme2", (480, 640, 3)), ("samm", (1088, 2040))])
def test_frames_and_truth_rows_agree(rendered, dataset, shape):
    folder, rows = rendered[dataset]
    subject = rows[0]["subject"]
    clips = plan(dataset, "tiny", 7).of_subject(subject)
    assert [row["file"] for row in rows] == [clip.file(n) for clip in clips for n in clip.frames]
    assert len(list(folder.rglob("*.jpg"))) == len(rows)
    assert read(folder, rows[0]).shape == shape
    for row in rows:
        assert hashlib.sha256(file_of(folder, row).read_bytes()).hexdigest() == row["sha256"]
        units = [value for name, value in row.items() if name.startswith("au")]
        assert len(units) == 32 and all(0 <= value <= 1 for value in units)
        inside = row["onset"] < row["frame"] < row["offset"]
        assert (max(units) > 0) == inside
        if row["frame"] == row["apex"]:
            assert max(units) >= 0.6
    # No two frames are the same picture, even where the face is at rest.
    assert len({row["sha256"] for row in rows}) == len(rows)


def test_the_same_bytes_in_a_new_process(rendered, tmp_path):
    _, rows = rendered["casme2"]
    # Another subject first: the order of rendering must not matter.
    code = (
        "import sys; from mexflow import embedded\n"
        "from mexflow.embedded.identity import identity; identity('casme2', 7, '04')\n"
        "rows = embedded.render_subject('casme2', 'tiny', 7, '05', sys.argv[1])\n"
        "print(*(row['sha256'] for row in rows))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [row["sha256"] for row in rows]


def test_progress_is_told(tmp_path, monkeypatch):
    from mexflow.embedded import render

    monkeypatch.setattr(render, "_render_clip", lambda *arguments: [])
    calls = []
    embedded.render_subject("casme2", "tiny", 7, "05", tmp_path, lambda *call: calls.append(call))
    assert [call[1:] for call in calls] == [(n, 7) for n in range(1, 8)]


@pytest.mark.parametrize(("dataset", "scale"), [("casme2", 1), ("samm", 2)])
def test_dlib_finds_every_face_where_it_is(rendered, dataset, scale):
    import cv2
    import dlib

    from mexflow.embedded.textures import landmark_model
    from mexflow.embedded.truth import true_landmarks

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(landmark_model()))
    folder, rows = rendered[dataset]
    for row in rows[::17]:
        picture = read(folder, row)
        picture = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        picture = cv2.resize(picture, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        faces = detector(picture, 0)
        assert len(faces) == 1, row["file"]
        found = np.array([(point.x, point.y) for point in predictor(picture, faces[0]).parts()])
        true = true_landmarks(dataset, "tiny", 7, row["subject"], row["clip"], row["frame"]) / scale
        unit = np.linalg.norm(true[45] - true[36]) / 59
        assert np.linalg.norm(found - true, axis=1).mean() / unit < 2.0


# The truth


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_true_flow_takes_one_frame_to_the_other(dataset):
    import cv2

    from mexflow.embedded.render import warp
    from mexflow.embedded.truth import flow_between

    clip = plan(dataset, "tiny", 7).clips[0]
    motion = still(dataset, clip.subject, clip.clip, nuisance=True)
    first, second = clip.first_frame, clip.apex
    flow = flow_between(motion, first, second)
    person = motion.region.identity
    height, width = person.image.shape[:2]
    assert flow.shape == (2, height, width) and flow.dtype == np.float32
    a, b = (warp(person, motion, frame).astype(np.float32) for frame in (first, second))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    back = cv2.remap(b, x + flow[0], y + flow[1], cv2.INTER_CUBIC)
    moved = np.hypot(*flow) > 0.3
    assert moved.mean() > 0.02
    before, after = np.abs(a - b)[moved].mean(), np.abs(a - back)[moved].mean()
    assert after < 1.0 and after < before / 3
    # At rest beyond the head, and along the border.
    assert not flow[:, 0].any() and not flow[:, :, 0].any() and not flow[:, :, -1].any()


@pytest.mark.parametrize("dataset", DATASETS)
def test_flows_compose_and_undo_each_other(dataset):
    import cv2

    from mexflow.embedded.truth import flow_between

    clip = plan(dataset, "tiny", 7).clips[1]
    motion = still(dataset, clip.subject, clip.clip, nuisance=True)
    there = flow_between(motion, clip.onset, clip.apex)
    again = flow_between(motion, clip.apex, clip.onset)
    y, x = np.mgrid[: there.shape[1], : there.shape[2]].astype(np.float32)
    undone = np.stack([cv2.remap(part, x + there[0], y + there[1], cv2.INTER_LINEAR) for part in again])
    assert np.abs(undone + there).max() < 0.3
    assert np.abs(flow_between(motion, clip.apex, clip.apex)).max() < 0.3


def test_landmarks_follow_the_flow():
    import cv2

    from mexflow.embedded.truth import true_flow, true_landmarks

    clip = plan("casme2", "tiny", 7).clips[2]
    arguments = ("casme2", "tiny", 7, clip.subject, clip.clip)
    flow = true_flow(*arguments, clip.onset, clip.apex)
    start, end = (true_landmarks(*arguments, frame) for frame in (clip.onset, clip.apex))
    x, y = start.astype(np.float32).T
    read_off = np.stack([cv2.remap(part, x, y, cv2.INTER_LINEAR).reshape(-1) for part in flow], -1)
    assert np.abs(start + read_off - end).max() < 0.15


def test_the_face_is_at_rest_outside_the_expression():
    clip = plan("casme2", "tiny", 7).clips[0]
    motion = still("casme2", clip.subject, clip.clip)
    for frame in (clip.first_frame, clip.onset, clip.offset, clip.last_frame):
        assert not motion.forward(frame).any()
    course = [max(motion.unit_intensities(frame).values()) for frame in range(clip.onset, clip.apex + 1)]
    assert course == sorted(course)


@pytest.mark.parametrize("dataset", DATASETS)
def test_action_units_are_of_micro_size_and_fold_nothing(dataset):
    from mexflow.embedded.action_units import PEAK
    from mexflow.embedded.motion import ClipMotion

    clip = plan(dataset, "tiny", 7).clips[0]
    region = still(dataset, clip.subject, clip.clip).region
    for number, peak in PEAK.items():
        motion = ClipMotion(replace(clip, units=((number, "B", 1.0),)), 7, region, nuisance=False)
        field = motion.forward(clip.apex)
        size = np.hypot(field[..., 0], field[..., 1]).max() / region.identity.unit
        assert 0.5 <= size <= 3.0 and size == pytest.approx(peak, rel=0.02), number
        rows, columns = (np.stack(np.gradient(field[..., axis], region.step)) for axis in (1, 0))
        jacobian = (1 + rows[0]) * (1 + columns[1]) - rows[1] * columns[0]
        assert jacobian.min() > 0.2, number


def test_action_units_move_what_they_are_named_for():
    from mexflow.embedded.motion import ClipMotion

    clip = plan("casme2", "tiny", 7).clips[0]
    region = still("casme2", clip.subject, clip.clip).region

    def moves(units: str) -> np.ndarray:
        parts = tuple((number, side, 1.0) for number, side in parse_units(units))
        motion = ClipMotion(replace(clip, units=parts), 7, region, nuisance=False)
        landmarks = region.identity.landmarks
        return (motion.forward_at(clip.apex, landmarks) - landmarks) / region.identity.unit

    assert moves("1")[[21, 22], 1].max() < -1.2
    assert moves("2")[[18, 25], 1].max() < -1.2
    assert moves("4")[[21, 22], 1].min() > 0.8 and moves("4")[21, 0] > 0.5 > -0.5 > moves("4")[22, 0]
    smile = moves("12")
    assert smile[[48, 54], 1].max() < -1 and smile[48, 0] < -1 and smile[54, 0] > 1
    assert moves("15")[[48, 54], 1].min() > 1.2
    assert moves("26")[8, 1] > 1.5
    left = moves("L12")
    assert np.hypot(*left[54]) > 1.5 and np.hypot(*left[48]) < 0.1
