"""SMIC-HS: rows from folder names, on a tiny copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import project
from dataset_files import smic_frames
from mexflow.datasets.reading import read
from mexflow.errors import UserError

CLIP = "s3/micro/negative/s3_ne_03"


def index(root: Path):
    return read("smic", {"smic": root})


def test_row(tmp_path):
    smic_frames(tmp_path, CLIP, range(1000, 1036))
    listing = index(tmp_path)
    assert listing.rows == [
        {
            "dataset": "smic",
            "subject": "s03",
            "video": "s3_ne_03",
            "clip": "s03_ne_03",
            "type": "micro",
            "onset": 1000,
            "apex": 1017,
            "offset": 1035,
            "fps": 100.0,
            "action_units": None,
            "emotion": "negative",
            "megc2019": "negative",
            "path": f"SMIC_all_raw/HS/{CLIP}",
            "repairs": ["apex_missing: none is annotated, the middle of onset and offset (1017) is used"],
            "excluded": None,
        }
    ]
    assert listing.annotation_files == []
    assert listing.notes == ["frames are read from SMIC_all_raw/HS"]
    assert listing.videos[0]["annotated"]


def test_emotions_and_subjects(tmp_path):
    for clip in (
        "s1/micro/positive/s1_po_01",
        "s1/micro/surprise/s1_sur_01",
        "s11/micro/negative/s11_ne_02",
        "s2/micro/negative/s2_ne_10",
    ):
        smic_frames(tmp_path, clip, range(5, 9))
    for other in ("s1/non_micro/negative/s1_ne_09", "s1/micro/negative", "extra/micro/negative/s4_ne_01"):
        (tmp_path / "SMIC_all_raw" / "HS" / other).mkdir(parents=True)
    rows = index(tmp_path).rows
    assert [(row["subject"], row["clip"], row["emotion"], row["megc2019"]) for row in rows] == [
        ("s01", "s01_po_01", "positive", "positive"),
        ("s01", "s01_sur_01", "surprise", "surprise"),
        ("s11", "s11_ne_02", "negative", "negative"),
        ("s02", "s02_ne_10", "negative", "negative"),
    ]


def test_raw_frames_are_preferred(tmp_path):
    smic_frames(tmp_path, CLIP, range(1, 9))
    smic_frames(tmp_path, CLIP, range(1, 5), "SMIC_all_cropped/HS")
    assert index(tmp_path).rows[0]["path"] == f"SMIC_all_raw/HS/{CLIP}"


@pytest.mark.parametrize("place", ["SMIC_all_cropped/HS", "smic_all_RAW/hs", "HS", ""])
def test_places(tmp_path, place):
    smic_frames(tmp_path, CLIP, range(1, 9), place)
    (row,) = index(tmp_path).rows
    assert (row["path"], row["onset"], row["offset"], row["excluded"]) == ((Path(place) / CLIP).as_posix(), 1, 8, None)


def test_names_in_any_case_and_padding(tmp_path):
    smic_frames(tmp_path, "S03/Micro/Negative/S03_NE_3", range(1, 9))
    (row,) = index(tmp_path).rows
    assert (row["subject"], row["video"], row["clip"]) == ("s03", "S03_NE_3", "s03_ne_03")


def test_a_gap_in_the_middle(tmp_path):
    smic_frames(tmp_path, CLIP, [1, 2, 3, 7, 9])
    (row,) = index(tmp_path).rows
    assert (row["onset"], row["apex"], row["offset"], row["excluded"]) == (1, 3, 9, None)
    assert row["repairs"] == [
        "apex_missing: none is annotated, the frame nearest to the middle of onset and offset (3) is used"
    ]


def test_an_empty_folder(tmp_path):
    smic_frames(tmp_path, CLIP, [])
    (row,) = index(tmp_path).rows
    assert (row["onset"], row["apex"], row["offset"]) == (None, None, None)
    assert row["excluded"] == f"folder_empty: SMIC_all_raw/HS/{CLIP} holds no frame"
    assert index(tmp_path).rows_table().num_rows == 1


def test_the_folder_says_the_emotion(tmp_path):
    smic_frames(tmp_path, "s3/micro/positive/s3_ne_03", range(1, 9))
    smic_frames(tmp_path, "s3/micro/surprise/s3_sur_01", range(1, 9))
    listing = index(tmp_path)
    assert [row["emotion"] for row in listing.rows] == ["positive", "surprise"]
    assert listing.notes[1:] == [
        "the emotion is that of the folder, the name says another: SMIC_all_raw/HS/s3/micro/positive/s3_ne_03"
    ]


def test_listing_without_annotation_files(tmp_path):
    smic_frames(tmp_path / "raw", CLIP, range(1, 9))
    output = tmp_path / "listing.json"
    done = project.mexflow("listing", "--dataset", "smic", "--root", tmp_path / "raw", "--output", output)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert (found["annotations"], found["subjects"], len(found["rows"])) == ([], ["s03"], 1)


def test_no_frames(tmp_path):
    with pytest.raises(
        UserError, match="no frames found; SMIC-HS has its folders of frames in one of: SMIC_all_raw/HS"
    ):
        index(tmp_path)
