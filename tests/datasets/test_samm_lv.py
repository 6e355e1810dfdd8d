"""SAMM Long Videos: every rule on a tiny copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import project
from dataset_files import SAMM_LV_CODES, SAMM_LV_HEADER, samm_lv, samm_lv_frames, samm_lv_row, workbook
from mexflow.datasets.reading import read
from mexflow.errors import UserError


def index(root: Path):
    return read("samm_lv", {"samm_lv": root})


@pytest.fixture
def root(tmp_path):
    """Two videos, 006_1 and 006_2, with the frames 1 to 12; an expression in the first."""
    for video in ("006_1", "006_2"):
        samm_lv_frames(tmp_path, video, range(1, 13))
    return samm_lv(tmp_path, [samm_lv_row()])


def only(root: Path, **cells):
    (row,) = index(samm_lv(root, [samm_lv_row(**cells)])).rows
    return row


def test_row(root):
    listing = index(root)
    assert listing.rows == [
        {
            "dataset": "samm_lv",
            "subject": "006",
            "video": "006_1",
            "clip": "006_1_2",
            "type": "macro",
            "onset": 3,
            "apex": 6,
            "offset": 9,
            "fps": 200.0,
            "action_units": "4+7",
            "emotion": None,
            "path": "SAMM_longvideos/006_1",
            "repairs": [],
            "excluded": None,
        }
    ]
    assert listing.notes == ["frames are read from SAMM_longvideos"]
    assert listing.rows_table().num_rows == 1


def test_videos_without_expressions_are_listed(root):
    videos = index(root).videos_table().to_pylist()
    columns = ("subject", "video", "path", "first_frame", "last_frame", "annotated")
    assert [tuple(video[name] for name in columns) for video in videos] == [
        ("006", "006_1", "SAMM_longvideos/006_1", 1, 12, True),
        ("006", "006_2", "SAMM_longvideos/006_2", 1, 12, False),
    ]


def test_listing_names_subjects_without_expressions(root, tmp_path):
    samm_lv_frames(root, "035_1", range(1, 5))
    done = project.mexflow("listing", "--dataset", "samm_lv", "--root", root, "--output", tmp_path / "listing.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "listing.json").read_text())
    assert (found["subjects"], [row["clip"] for row in found["rows"]]) == (["006", "035"], ["006_1_2"])


def test_several_expressions_of_a_video(root):
    rows = [
        samm_lv_row(filename="006_1_1", kind="Micro - 1/2"),
        samm_lv_row(filename="006_1_2"),
        samm_lv_row(filename="006_1_3", onset=2, offset=8),
    ]
    found = index(samm_lv(root, rows)).rows
    assert [(row["clip"], row["video"], row["type"], row["excluded"]) for row in found] == [
        ("006_1_1", "006_1", "micro", None),
        ("006_1_2", "006_1", "macro", None),
        ("006_1_3", "006_1", "macro", None),
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=st.sampled_from(["006", "6", 6, 6.0, " 006", "００６"]),
    filename=st.sampled_from(["006_1_2", "6_1_2", "006_1_2 ", "006\\006_1_2"]),
    onset=st.sampled_from([3, "3", "3.0", 3.0]),
    kind=st.sampled_from(["Macro", "macro", " MACRO ", "Macro - 1"]),
    header_row=st.sampled_from([1, 2, 11, 30]),
    sheet=st.sampled_from(["FACS_Movement_Only", "FACS movement only", "Sheet1"]),
    blanks=st.booleans(),
    trailing=st.sampled_from([(), [("", "* V3")], [("Total", None, None, None, None, None, None, "502")]]),
)
def test_whatever_a_spreadsheet_tool_makes_of_it_the_row_is_the_same(
    root, subject, filename, onset, kind, header_row, sheet, blanks, trailing
):
    table = [SAMM_LV_HEADER, samm_lv_row(subject, filename, onset, kind=kind)]
    if blanks:
        table = [(None, *row[:3], None, *row[3:], "x") for row in table]
    data = workbook({"About": [("SAMM", "Type")], sheet: [("text",)] * (header_row - 1) + [*table, *trailing]})
    listing = read("samm_lv", {"samm_lv": root}, lambda path: data)
    assert listing.rows == index(root).rows
    assert len([note for note in listing.notes if "is no annotation" in note]) == len(trailing)


@pytest.mark.parametrize(("said", "kind"), [("Macro", "macro"), ("Micro - 1/2", "micro"), ("Micro-1", "micro")])
def test_type(root, said, kind):
    assert only(root, kind=said)["type"] == kind


@pytest.mark.parametrize("said", [None, "?", "Microwave"])
def test_type_that_is_neither(root, said):
    with pytest.raises(UserError, match=rf"{SAMM_LV_CODES}: row 12 of sheet .* neither micro nor macro"):
        only(root, kind=said)


def test_fractions_are_dropped(root):
    row = only(root, onset=3.4, apex=6, offset=9.6)
    assert (row["onset"], row["apex"], row["offset"]) == (3, 6, 9)
    assert row["repairs"] == [
        "fraction_dropped: the table says onset 3.4, 3 is used",
        "fraction_dropped: the table says offset 9.6, 9 is used",
    ]


def test_onset_zero(root):
    row = only(root, onset=0)
    assert (row["onset"], row["apex"], row["offset"], row["excluded"]) == (1, 6, 9, None)
    assert row["repairs"] == ["onset_zero: the table says 0, frames are numbered from 1, 1 is used"]


def test_apex_not_annotated(root):
    row = only(root, apex=-1)
    assert (row["apex"], row["excluded"]) == (6, None)
    assert row["repairs"] == ["apex_missing: the table says '-1', the middle of onset and offset (6) is used"]


def test_order_of_repairs(root):
    row = only(root, onset=0.4, apex=-1, offset=9.6)
    assert [repair.split(":")[0] for repair in row["repairs"]] == [
        "fraction_dropped",
        "fraction_dropped",
        "onset_zero",
        "apex_missing",
    ]
    assert (row["onset"], row["apex"], row["offset"]) == (1, 5, 9)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"offset": 0}, f"onset_after_offset: {SAMM_LV_CODES} row 12: onset 3 is after offset 0"),
        ({"offset": "?"}, f"not_a_number: {SAMM_LV_CODES} row 12: offset is '?'"),
        ({"filename": "006_3_1"}, "folder_missing: there is no folder SAMM_longvideos/006_3"),
        (
            {"offset": 13},
            "frames_missing: offset 13 not in SAMM_longvideos/006_1, which holds 1 to 12",
        ),
    ],
)
def test_exclusions(root, cells, reason):
    assert only(root, **cells)["excluded"] == reason


def test_the_highest_release_is_read(root):
    samm_lv(root, [samm_lv_row(filename="006_1_7")], codes="SAMM_LongVideos_V2_Release.xlsx")
    samm_lv(root, [samm_lv_row(filename="006_1_8")], codes="samm_longvideos_v10_release.xlsx")
    listing = index(root)
    assert [row["clip"] for row in listing.rows] == ["006_1_8"]
    assert [note for note in listing.notes if "is not read" in note] == [
        f"{name} is not read: samm_longvideos_v10_release.xlsx is preferred"
        for name in ("SAMM_LongVideos_V2_Release.xlsx", SAMM_LV_CODES)
    ]


@pytest.mark.parametrize("place", ["", "SAMM_LongVideos", "samm_longvideos"])
def test_places(tmp_path, place):
    samm_lv_frames(tmp_path, "006_1", range(1, 13), place)
    samm_lv(tmp_path, [samm_lv_row()])
    row = index(tmp_path).rows[0]
    assert (row["path"], row["excluded"]) == ((Path(place) / "006_1").as_posix(), None)


def test_table_beside_the_videos(root):
    (root / SAMM_LV_CODES).rename(root / "SAMM_longvideos" / SAMM_LV_CODES)
    assert index(root).rows[0]["clip"] == "006_1_2"


def test_unpadded_folder_and_upper_case_endings(tmp_path):
    folder = samm_lv_frames(tmp_path, "6_1", [])
    for number in range(1, 13):
        (folder / f"006_1_{number}.JPG").touch()
    row = only(tmp_path)
    assert (row["subject"], row["video"], row["clip"], row["excluded"]) == ("006", "6_1", "006_1_2", None)


def test_no_table(tmp_path):
    with pytest.raises(UserError, match=rf"SAMM Long Videos needs {SAMM_LV_CODES} \(or its V1 or V2\) there"):
        index(tmp_path)


def test_missing_column(root):
    samm_lv(root, [], header=[name.replace("Apex", "Peak") for name in SAMM_LV_HEADER])
    with pytest.raises(UserError, match=f"{SAMM_LV_CODES}: sheet 'FACS_Movement_Only' lacks the column 'Apex'"):
        index(root)


def test_duplicate_clip(root):
    samm_lv(root, [samm_lv_row(), samm_lv_row(6, "6_1_2", offset=10)])
    with pytest.raises(UserError, match="rows 12 and 13 of sheet 'FACS_Movement_Only' are both subject 006"):
        index(root)
