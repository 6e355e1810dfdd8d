"""MMEW: both layouts and every rule on a tiny copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_files import MMEW_HEADER, MMEW_TABLE, mmew, mmew_frames, mmew_row, workbook
from mexflow.datasets.reading import read
from mexflow.errors import UserError

CLIP = "happiness/S01-01-001"


def index(root: Path):
    return read("mmew", {"mmew": root})


@pytest.fixture
def root(tmp_path):
    """One clip, S01-01-001, with the frames 1 to 12."""
    mmew_frames(tmp_path, CLIP, range(1, 13))
    return mmew(tmp_path, [mmew_row()])


def only(root: Path, **cells):
    (row,) = index(mmew(root, [mmew_row(**cells)])).rows
    return row


def test_row(root):
    listing = index(root)
    assert listing.rows == [
        {
            "dataset": "mmew",
            "subject": "S01",
            "video": "S01-01-001",
            "clip": "S01-01-001",
            "type": "micro",
            "onset": 3,
            "apex": 6,
            "offset": 9,
            "fps": 90.0,
            "action_units": "4+7",
            "emotion": "happiness",
            "mmew_5class": "happiness",
            "path": f"Micro_Expression/{CLIP}",
            "repairs": [],
            "excluded": None,
        }
    ]
    assert listing.notes == ["frames are read from Micro_Expression"]
    assert [(video["subject"], video["video"], video["annotated"]) for video in listing.videos] == [
        ("S01", "S01-01-001", True)
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=st.sampled_from([1, 1.0, "1", "01", "S01", "s1", " S01 "]),
    filename=st.sampled_from(["S01-01-001", "s01-01-001", "S1-1-1", "01-01-001", "happiness\\S01-01-001"]),
    onset=st.sampled_from([3, 3.0, "3", "003"]),
    emotion=st.sampled_from(["happiness", "Happiness", "HAPPINESS "]),
    lead=st.integers(0, 3),
    remarks=st.booleans(),
    trailing=st.sampled_from([(), [("Total", "300")]]),
)
def test_whatever_a_spreadsheet_tool_makes_of_it_the_row_is_the_same(
    root, subject, filename, onset, emotion, lead, remarks, trailing
):
    table = [MMEW_HEADER, mmew_row(subject, filename, onset, emotion=emotion)]
    if not remarks:
        table = [row[:-1] for row in table]
    data = workbook({"About": [], "Sheet 2": [("MMEW",)] * lead + [*table, *trailing]})
    listing = read("mmew", {"mmew": root}, lambda path: data)
    assert listing.rows == index(root).rows
    assert len([note for note in listing.notes if "is no annotation" in note]) == len(trailing)


@pytest.mark.parametrize("folder", ["S1-01-001", "s01-1-1", "01-01-001"])
def test_folder_with_other_padding(tmp_path, folder):
    mmew_frames(tmp_path, f"happiness/{folder}", range(1, 13))
    row = only(tmp_path)
    assert (row["subject"], row["video"], row["clip"], row["excluded"]) == ("S01", folder, "S01-01-001", None)


@pytest.mark.parametrize(
    ("place", "clip"),
    [
        ("Micro_Expression", "S01/happiness/S01-01-001"),
        ("micro_expression", "1/Happiness/S01-01-001"),
        ("", "happiness/S01-01-001"),
        ("", "S01/happiness/S01-01-001"),
    ],
)
def test_places(tmp_path, place, clip):
    mmew_frames(tmp_path, clip, range(1, 13), place)
    listing = index(mmew(tmp_path, [mmew_row()]))
    assert (listing.rows[0]["path"], listing.rows[0]["excluded"]) == ((Path(place) / clip).as_posix(), None)
    assert len(listing.notes) == 1


@pytest.mark.parametrize(
    ("emotion", "label"),
    [
        *((name, name) for name in ("happiness", "surprise", "disgust", "fear", "sadness")),
        ("anger", None),
        ("others", None),
    ],
)
def test_labels(root, emotion, label):
    row = only(root, emotion=emotion.title())
    assert (row["emotion"], row["mmew_5class"], row["repairs"]) == (emotion, label, [])


def test_others_called_repression(tmp_path):
    mmew_frames(tmp_path, "Repression/S01-01-001", range(1, 13))
    mmew(tmp_path, [mmew_row(emotion="repression", apex="/")])
    listing = index(tmp_path)
    (row,) = listing.rows
    assert (row["emotion"], row["path"], row["excluded"]) == ("others", "Micro_Expression/Repression/S01-01-001", None)
    assert [repair.split(":")[0] for repair in row["repairs"]] == ["apex_missing", "emotion_renamed"]
    assert row["repairs"][1] == "emotion_renamed: the table says 'repression', the release's 'others' is used"
    assert len(listing.notes) == 1


@pytest.mark.parametrize("said", ["others", "repression"])
@pytest.mark.parametrize("folder", ["others", "repression"])
def test_folder_and_table_that_mean_the_same(tmp_path, folder, said):
    mmew_frames(tmp_path, f"{folder}/S01-01-001", range(1, 13))
    listing = index(mmew(tmp_path, [mmew_row(emotion=said)]))
    assert (listing.rows[0]["excluded"], len(listing.notes)) == (None, 1)


def test_the_table_says_the_emotion(root):
    listing = index(mmew(root, [mmew_row(emotion="fear"), mmew_row(filename="S01-01-002", emotion="fear")]))
    assert [row["emotion"] for row in listing.rows] == ["fear", "fear"]
    assert listing.notes[1:] == [
        "the emotion is that of the table, the folder says another: Micro_Expression/happiness/S01-01-001 (fear)"
    ]


def test_a_clip_in_two_folders(root):
    mmew_frames(root, "others/S01-01-001", range(1, 3))
    listing = index(root)
    assert [video["path"] for video in listing.videos] == [f"Micro_Expression/{CLIP}"]
    assert listing.unused == [
        f"Micro_Expression/others/S01-01-001: its video has another folder, Micro_Expression/{CLIP}"
    ]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            {"filename": "S01-01-009"},
            "folder_missing: there is no folder Micro_Expression/happiness/S01-01-009",
        ),
        ({"offset": "?"}, f"not_a_number: {MMEW_TABLE} row 2: offset is '?'"),
        ({"apex": 6, "offset": 13}, f"frames_missing: offset 13 not in Micro_Expression/{CLIP}, which holds 1 to 12"),
    ],
)
def test_exclusions(root, cells, reason):
    assert only(root, **cells)["excluded"] == reason


def test_missing_folder_by_subject(tmp_path):
    mmew_frames(tmp_path, f"S01/{CLIP}", range(1, 13))
    row = only(tmp_path, filename="S01-01-009")
    assert row["excluded"] == "folder_missing: there is no folder Micro_Expression/S01/happiness/S01-01-009"


def test_missing_column(root):
    with pytest.raises(UserError, match=f"{MMEW_TABLE}: sheet 'Sheet1' lacks the column 'Estimated Emotion'"):
        index(mmew(root, [], header=MMEW_HEADER[:-2]))


def test_no_table(tmp_path):
    with pytest.raises(UserError, match=f"MMEW needs {MMEW_TABLE} there"):
        index(tmp_path)
