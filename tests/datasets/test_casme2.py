"""CASME II: every rule on a tiny copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_files import (
    CASME2_CODING,
    CASME2_CODING_2019,
    CASME2_FRAMES,
    CASME2_HEADER,
    CASME2_OBJECTIVE,
    casme2,
    casme2_frames,
    casme2_row,
    frames,
    workbook,
    write,
)
from mexflow.datasets.reading import read
from mexflow.errors import UserError


def index(root: Path):
    return read("casme2", {"casme2": root})


@pytest.fixture
def root(tmp_path):
    """One clip, sub01/EP02_01f, with the frames 1 to 12."""
    casme2_frames(tmp_path, "sub01/EP02_01f", range(1, 13))
    return casme2(tmp_path, [casme2_row()])


def only(root: Path, **cells):
    """The single row of a table with the given cells."""
    (row,) = index(casme2(root, [casme2_row(**cells)])).rows
    return row


def test_row(root):
    listing = index(root)
    assert listing.rows == [
        {
            "dataset": "casme2",
            "subject": "01",
            "video": "EP02_01f",
            "clip": "sub01_EP02_01f",
            "type": "micro",
            "onset": 3,
            "apex": 6,
            "offset": 9,
            "fps": 200.0,
            "action_units": "4+7",
            "emotion": "happiness",
            "casme2_5class": "happiness",
            "objective_class": None,
            "megc2018": None,
            "megc2019": "positive",
            "path": f"{CASME2_FRAMES}/sub01/EP02_01f",
            "repairs": [],
            "excluded": None,
        }
    ]
    assert listing.annotation_files == [root / CASME2_CODING]
    assert listing.rows_table().num_rows == 1


def test_videos(root):
    casme2_frames(root, "sub01/EP10", [9, 10, 100])
    (root / CASME2_FRAMES / "sub02" / "EP01").mkdir(parents=True)
    videos = index(root).videos_table().to_pylist()
    columns = ("subject", "video", "first_frame", "last_frame", "frame_count", "missing_frames", "fps", "annotated")
    assert [tuple(video[name] for name in columns) for video in videos] == [
        ("01", "EP02_01f", 1, 12, 12, 0, 200.0, True),
        ("01", "EP10", 9, 100, 3, 89, 200.0, False),
        ("02", "EP01", None, None, 0, None, 200.0, False),
    ]


VARIANTS = {
    "subject": st.sampled_from(["01", "1", 1, 1.0, "1.0", " 01", "\u300001\u3000", "sub01", "０１"]),
    "filename": st.sampled_from(["EP02_01f", "ep02_01F", " EP02_01f ", "sub01\\EP02_01f", "\u3000EP02_01f"]),
    "onset": st.sampled_from([3, 3.0, "3", "3.0", "03", " 3\u3000"]),
    "apex": st.sampled_from([6, 6.0, "6", "６"]),
    "offset": st.sampled_from([9, 9.0, "9", "9 ", "009"]),
    "units": st.sampled_from([4, 4.0, "4", "4 "]),
    "emotion": st.sampled_from(["happiness", "Happiness", "HAPPINESS ", "\u3000happiness"]),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.fixed_dictionaries(VARIANTS),
    lead=st.integers(0, 3),
    blanks=st.booleans(),
    trailing=st.sampled_from([(), [(None,) * 9, ("* apex by two coders",)], [("Total", "255 clips")]]),
)
def test_whatever_a_spreadsheet_tool_makes_of_it_the_row_is_the_same(root, cells, lead, blanks, trailing):
    rows = [("CASME II",)] * lead + [CASME2_HEADER, casme2_row(**cells)]
    if not blanks:
        rows = [tuple(cell for index, cell in enumerate(row) if index not in (2, 6)) for row in rows]
    data = workbook({"Tabelle 1": [*rows, *trailing], "Tabelle 2": []})
    listing = read("casme2", {"casme2": root}, lambda path: data)
    expected = dict(index(root).rows[0], action_units="4")
    assert listing.rows == [expected]
    assert len([note for note in listing.notes if "is no annotation" in note]) == sum(any(row) for row in trailing)


@pytest.mark.parametrize("name", ["EP01_2", "EP09f", "EP06_02_01"])
def test_irregular_names(root, name):
    casme2_frames(root, f"sub01/{name}", range(1, 13))
    row = only(root, filename=name)
    assert (row["video"], row["clip"], row["excluded"]) == (name, f"sub01_{name}", None)


def test_folders_that_differ_in_case_only(root):
    casme2_frames(root, "sub01/ep02_01F", range(100, 112))
    assert only(root)["path"].endswith("EP02_01f")
    assert only(root, filename="ep02_01F", onset=103, apex=105, offset=109)["path"].endswith("ep02_01F")


@pytest.mark.parametrize("said", ["/", None, "\\", "", " ", "\u3000/", "-", "\u2013"])
def test_missing_apex(root, said):
    row = only(root, onset=3, apex=said, offset=10)
    assert row["apex"] == 6
    (repair,) = row["repairs"]
    assert repair.startswith("apex_missing: ") and "(6) is used" in repair
    assert (row["excluded"], row["megc2019"]) == (None, "positive")


def test_missing_apex_quotes_the_table(root):
    assert only(root, apex="/")["repairs"] == [
        "apex_missing: the table says '/', the middle of onset and offset (6) is used"
    ]
    assert only(root, apex=None)["repairs"] == [
        "apex_missing: none is annotated, the middle of onset and offset (6) is used"
    ]


@pytest.mark.parametrize("apex", [2, 10, 0, -1, 5000])
def test_apex_out_of_range(root, apex):
    row = only(root, apex=apex)
    assert row["apex"] == 6 and row["excluded"] is None and row["megc2019"] == "positive"
    assert row["repairs"][0].startswith(f"apex_out_of_range: the table says {apex}, outside onset 3 to offset 9")


@pytest.mark.parametrize("apex", [3, 9])
def test_apex_at_onset_or_offset_is_legal(root, apex):
    row = only(root, apex=apex)
    assert (row["apex"], row["repairs"], row["excluded"], row["megc2019"]) == (apex, [], None, "positive")


def test_fraction(root):
    row = only(root, onset=3.9)
    assert row["onset"] == 3
    assert row["repairs"] == ["fraction_dropped: the table says onset 3.9, 3 is used"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"onset": "x"}, f"not_a_number: {CASME2_CODING} row 2: onset is 'x'"),
        ({"offset": None}, f"not_a_number: {CASME2_CODING} row 2: offset is ''"),
        ({"onset": "?", "offset": "/"}, f"not_a_number: {CASME2_CODING} row 2: onset is '?' and offset is '/'"),
        ({"onset": 10, "apex": "/"}, f"onset_after_offset: {CASME2_CODING} row 2: onset 10 is after offset 9"),
        ({"filename": "EP99"}, f"folder_missing: there is no folder {CASME2_FRAMES}/sub01/EP99"),
        ({"subject": "07"}, f"folder_missing: there is no folder {CASME2_FRAMES}/sub07/EP02_01f"),
        ({"filename": "EMPTY"}, f"folder_empty: {CASME2_FRAMES}/sub01/EMPTY holds no frame"),
        (
            {"onset": 0, "offset": 13},
            f"frames_missing: onset 0, offset 13 not in {CASME2_FRAMES}/sub01/EP02_01f, which holds 1 to 12",
        ),
        (
            {"filename": "GAPS"},
            f"frames_missing: apex 6 not in {CASME2_FRAMES}/sub01/GAPS, which holds 1 to 12, 1 missing between",
        ),
    ],
)
def test_exclusions_keep_the_row(root, cells, reason):
    casme2_frames(root, "sub01/GAPS", [*range(1, 6), *range(7, 13)])
    (root / CASME2_FRAMES / "sub01" / "EMPTY").mkdir()
    row = only(root, **cells)
    assert row["excluded"] == reason
    assert row["emotion"] == "happiness"


@pytest.mark.parametrize(("held", "used"), [([1, 3, 5, 9], 5), ([1, 3, 7, 9], 7), ([3, 5, 7, 9], 5), ([3, 9], 3)])
def test_a_gap_at_the_middle(root, held, used):
    casme2_frames(root, "sub01/GAPS", held)
    row = only(root, filename="GAPS", apex="/")
    assert (row["apex"], row["excluded"]) == (used, None)
    assert row["repairs"] == [
        f"apex_missing: the table says '/', the frame nearest to the middle of onset and offset ({used}) is used"
    ]


def test_a_gap_elsewhere_is_no_exclusion(root):
    casme2_frames(root, "sub01/GAPS", [1, 3, 6, 9])
    assert only(root, filename="GAPS")["excluded"] is None


def test_duplicate_clip(root):
    casme2(root, [casme2_row(), casme2_row(filename="EP03"), casme2_row(1, "ep02_01F", offset=10)])
    with pytest.raises(UserError, match=rf"{CASME2_CODING}: rows 2 and 4 .* subject 01, clip ep02_01F"):
        index(root)


@pytest.mark.parametrize(
    ("emotion", "five", "three"),
    [
        ("happiness", "happiness", "positive"),
        ("disgust", "disgust", "negative"),
        ("repression", "repression", "negative"),
        ("surprise", "surprise", "surprise"),
        ("others", "others", None),
        ("sadness", None, None),
        ("fear", None, None),
        (None, None, None),
    ],
)
def test_labels(root, emotion, five, three):
    row = only(root, emotion=emotion)
    assert (row["emotion"], row["casme2_5class"], row["megc2019"]) == (emotion, five, three)


@pytest.mark.parametrize(
    ("said", "number", "name"),
    [
        (1, 1, "happiness"),
        ("II", 2, "surprise"),
        (3.0, 3, "anger"),
        ("4", 4, "disgust"),
        ("v", 5, "sadness"),
        (6, 6, None),
        (7, 7, None),
    ],
)
def test_objective_class(root, said, number, name):
    write(
        root / CASME2_OBJECTIVE,
        {"Classes": [("Davison et al.",), ("Subject", "Filename", "Objective Class"), (1, "ep02_01f", said)]},
    )
    listing = index(root)
    assert (listing.rows[0]["objective_class"], listing.rows[0]["megc2018"]) == (number, name)
    assert [path.name for path in listing.annotation_files] == [CASME2_CODING, CASME2_OBJECTIVE]


def test_clip_without_objective_class(root):
    casme2(root, [casme2_row(), casme2_row(filename="EP03")], [("01", "EP03", 2), ("01", "EP77", 1)])
    listing = index(root)
    assert [row["objective_class"] for row in listing.rows] == [None, 2]
    assert f"1 clips have no objective class in {CASME2_OBJECTIVE}: sub01_EP02_01f" in listing.notes
    assert f"{CASME2_OBJECTIVE} row 3 is no annotated clip and is ignored: '01 EP77 1'" in listing.notes


def test_objective_classes_of_another_dataset(root):
    casme2(root, [casme2_row()], [("006", "006_1_2", 1)])
    with pytest.raises(UserError, match=f"{CASME2_OBJECTIVE}: none of its rows is a clip of CASME II"):
        index(root)


def test_objective_classes_twice(root):
    casme2(root, [casme2_row()], [("01", "EP02_01f", 1), (1, "EP02_01f", 2)])
    with pytest.raises(UserError, match=f"{CASME2_OBJECTIVE}: rows 2 and 3"):
        index(root)


def test_coding_file_of_2019(root):
    (root / CASME2_CODING).unlink()
    casme2(root, [(*casme2_row(), 5)], header=(*CASME2_HEADER, "Objective Classes"), coding=CASME2_CODING_2019)
    listing = index(root)
    assert listing.rows[0]["objective_class"] is None
    assert any(f"the objective classes in {CASME2_CODING_2019} are not used" in note for note in listing.notes)


def test_both_coding_files(root):
    casme2(root, [casme2_row(emotion="fear")], coding=CASME2_CODING_2019)
    listing = index(root)
    assert listing.rows[0]["emotion"] == "happiness"
    assert f"{CASME2_CODING_2019} is not read: {CASME2_CODING} is preferred" in listing.notes


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("CASME2-RAW", "img{}.jpg"),
        ("casme2_raw/casme2-raw", "IMG{}.JPG"),
        ("CASME2_RAW_selected", "img{}.jpg"),
        ("CASME2_RAW_selected/CASME2_RAW_selected", "img{}.jpg"),
        ("Cropped", "reg_img{}.jpg"),
        (".", "img{}.jpg"),
    ],
)
def test_places_of_frames(tmp_path, place, name):
    frames(tmp_path / place / "sub01" / "EP02_01f", range(3, 10), name)
    listing = index(casme2(tmp_path, [casme2_row()]))
    assert listing.rows[0]["excluded"] is None
    assert listing.rows[0]["path"] == (Path(place) / "sub01/EP02_01f").as_posix()
    assert listing.notes[0] == f"frames are read from {place}"


@pytest.mark.parametrize("folder", ["sub1", "Sub01", "sub001"])
def test_subject_folder_with_other_padding(tmp_path, folder):
    casme2_frames(tmp_path, f"{folder}/EP02_01f", range(1, 13))
    listing = index(casme2(tmp_path, [casme2_row()]))
    assert listing.rows[0]["excluded"] is None
    assert (listing.videos[0]["subject"], listing.videos[0]["annotated"]) == ("01", True)


def test_raw_frames_are_preferred(root):
    frames(root / "Cropped" / "sub01" / "EP02_01f", range(3, 10), "reg_img{}.jpg")
    assert index(root).notes[0] == f"frames are read from {CASME2_FRAMES}"


def test_relative_root(root, monkeypatch):
    expected = index(root).rows
    monkeypatch.chdir(root)
    assert index(Path(".")).rows == expected


def test_ignored_files_are_noted(root):
    folder = root / CASME2_FRAMES / "sub01" / "EP02_01f"
    for name in ("notes.txt", "img1 (copy).jpg", "Thumbs.db", "._img1.jpg"):
        (folder / name).touch()
    listing = index(root)
    assert listing.unused == [
        f"{CASME2_FRAMES}/sub01/EP02_01f: img1 (copy).jpg: an image whose name is no frame's here; notes.txt: neither "
        "a frame nor a table that is read"
    ]
    assert listing.rows[0]["excluded"] is None


def test_two_files_of_one_frame(root):
    path = f"{CASME2_FRAMES}/sub01/EP02_01f"
    (root / path / "img01.jpg").touch()
    listing = index(root)
    reason = f"frames_repeated: img01.jpg and img1.jpg are the same frame in {path}; keep one of them"
    assert (listing.rows[0]["excluded"], listing.videos[0]["excluded"]) == (reason, reason)
    assert f"    sub01_EP02_01f: {reason}" in listing.summary().splitlines()


def test_no_frames_at_all(tmp_path):
    with pytest.raises(UserError, match="no frames found; CASME II has its folders of frames in one of: CASME2_RAW/"):
        index(casme2(tmp_path, [casme2_row()]))


def test_no_coding_file(tmp_path):
    with pytest.raises(
        UserError, match=f"needs {CASME2_CODING} or {CASME2_CODING_2019} there: the owners' release has"
    ):
        index(tmp_path)


def test_missing_column(root):
    casme2(root, [], header=[name and name.replace("ApexFrame", "ApxFrame") for name in CASME2_HEADER])
    with pytest.raises(
        UserError, match=rf"{CASME2_CODING}: sheet 'Sheet1' lacks the column 'ApexFrame' \(did you mean 'ApxFrame'"
    ):
        index(root)


def test_empty_table(root):
    casme2(root, [])
    with pytest.raises(UserError, match="has no annotation below its header"):
        index(root)


@pytest.mark.parametrize("cells", [{"subject": None}, {"filename": " "}])
def test_frames_of_nobody(root, cells):
    casme2(root, [casme2_row(filename="EP03"), casme2_row(**cells)])
    with pytest.raises(UserError, match="row 3 of sheet 'Sheet1' has frame numbers but no subject or no file name"):
        index(root)
