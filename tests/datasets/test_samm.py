"""SAMM: what differs from CASME II, on a tiny copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_files import SAMM_CODES, SAMM_HEADER, frames, samm, samm_frames, samm_row, workbook
from mexflow.datasets.reading import read
from mexflow.errors import UserError


def index(root: Path):
    return read("samm", {"samm": root})


@pytest.fixture
def root(tmp_path):
    """One clip, 006_1_2, with the frames 100 to 112."""
    samm_frames(tmp_path, "006_1_2", range(100, 113))
    return samm(tmp_path, [samm_row()])


def only(root: Path, **cells):
    (row,) = index(samm(root, [samm_row(**cells)])).rows
    return row


def test_row(root):
    assert index(root).rows == [
        {
            "dataset": "samm",
            "subject": "006",
            "video": "006_1_2",
            "clip": "006_1_2",
            "type": "micro",
            "onset": 103,
            "apex": 106,
            "offset": 109,
            "fps": 200.0,
            "action_units": "ref(4), 7B or 9?",
            "emotion": "anger",
            "objective_class": 3,
            "megc2018": "anger",
            "megc2019": "negative",
            "path": "SAMM/006/006_1_2",
            "repairs": [],
            "excluded": None,
        }
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=st.sampled_from(["006", "6", 6, 6.0, " 006", "００６"]),
    filename=st.sampled_from(["006_1_2", "6_1_2", "006_1_2 ", "006\\006_1_2"]),
    onset=st.sampled_from([103, "103", "103.0", 103.0]),
    objective=st.sampled_from([3, 3.0, "3", "III", "iii", "Ⅲ"]),
    header_row=st.sampled_from([1, 2, 14, 30]),
    sheet=st.sampled_from(["MICRO_ONLY", "Micro_Only", "micro only", "Sheet1"]),
)
def test_whatever_a_spreadsheet_tool_makes_of_it_the_row_is_the_same(
    root, subject, filename, onset, objective, header_row, sheet
):
    row = samm_row(subject, filename, onset, objective=objective)
    data = workbook({"About": [("SAMM",)], sheet: [("text",)] * (header_row - 1) + [SAMM_HEADER, row]})
    assert read("samm", {"samm": root}, lambda path: data).rows == index(root).rows


def test_subject_folder_directly_in_the_root(root, tmp_path):
    listing = index(samm(root, [samm_row()]))
    inner = root / "SAMM"
    shutil.copy(root / SAMM_CODES, inner)
    assert index(inner).rows[0] == {**listing.rows[0], "path": "006/006_1_2"}
    assert index(inner).notes == ["frames are read from ."]
    (root / SAMM_CODES).unlink()
    assert index(root).rows == listing.rows


@pytest.mark.parametrize(
    ("clip", "onset", "apex", "offset", "used"),
    [("028_4_1", 1120, 1143, 1134, 1127), ("032_3_1", 4896, 1930, 4970, 4933)],
)
def test_apex_out_of_range(root, clip, onset, apex, offset, used):
    samm_frames(root, clip, range(onset - 2, offset + 3))
    row = only(root, subject=clip[:3], filename=clip, onset=onset, apex=apex, offset=offset)
    assert (row["apex"], row["excluded"], row["megc2019"]) == (used, None, "negative")
    assert row["repairs"] == [
        f"apex_out_of_range: the table says {apex}, outside onset {onset} to offset {offset}, "
        f"their middle ({used}) is used"
    ]


@pytest.mark.parametrize(
    ("emotion", "label"),
    [
        ("Happiness", "positive"),
        ("Surprise", "surprise"),
        ("Other", None),
        *((name, "negative") for name in ("Anger", "Contempt", "Disgust", "Fear", "Sadness")),
    ],
)
def test_megc2019(root, emotion, label):
    row = only(root, emotion=emotion)
    assert (row["emotion"], row["megc2019"]) == (emotion.lower(), label)


@pytest.mark.parametrize(("said", "number", "label"), [("VII", 7, None), (6, 6, None), (1, 1, "happiness")])
def test_objective_class(root, said, number, label):
    row = only(root, objective=said)
    assert (row["objective_class"], row["megc2018"]) == (number, label)


def test_objective_class_unreadable_is_noted(root):
    samm(root, [samm_row(objective="?")])
    listing = index(root)
    assert listing.rows[0]["objective_class"] is None
    assert "1 clips have no objective class from I to VII: 006_1_2 ('?')" in listing.notes


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"onset": "?"}, f"not_a_number: {SAMM_CODES} row 15: onset is '?'"),
        ({"onset": 110}, f"onset_after_offset: {SAMM_CODES} row 15: onset 110 is after offset 109"),
        ({"filename": "006_1_3"}, "folder_missing: there is no folder SAMM/006/006_1_3"),
        ({"offset": 113}, "frames_missing: offset 113 not in SAMM/006/006_1_2, which holds 100 to 112"),
    ],
)
def test_exclusions(root, cells, reason):
    assert only(root, **cells)["excluded"] == reason


def test_release_files(root):
    samm(root, [samm_row(emotion="Fear")], codes="SAMM_Micro_FACS_Codes_v3.xlsx")
    (root / "~$SAMM_Micro_FACS_Codes_v2.xlsx").touch()
    listing = index(root)
    assert listing.rows[0]["emotion"] == "anger"
    assert f"SAMM_Micro_FACS_Codes_v3.xlsx is not read: {SAMM_CODES} is preferred" in listing.notes
    (root / SAMM_CODES).unlink()
    assert index(root).rows[0]["emotion"] == "fear"


def test_dated_name_of_the_codes(root):
    (root / SAMM_CODES).rename(root / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx")
    assert index(root).rows[0]["excluded"] is None


def test_no_codes(tmp_path):
    with pytest.raises(UserError, match=rf"SAMM needs {SAMM_CODES} \(or another SAMM_Micro_FACS_Codes\*\.xlsx\) there"):
        index(tmp_path)


def test_missing_column(root):
    samm(root, [samm_row()[:-2]], header=SAMM_HEADER[:-2])
    with pytest.raises(UserError, match=f"{SAMM_CODES}: sheet 'MICRO_ONLY' lacks the column 'Objective Classes'"):
        index(root)


def test_folders_without_a_row(root):
    frames(root / "SAMM" / "007" / "007_3_1", [5], "007_{:05d}.JPG")
    listing = index(root)
    assert [(video["path"], video["annotated"]) for video in listing.videos] == [
        ("SAMM/006/006_1_2", True),
        ("SAMM/007/007_3_1", False),
    ]
    assert "  folders without annotation: 1\n    SAMM/007/007_3_1\n" in listing.summary()
