"""CAS(ME)²: every rule on a tiny copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_files import (
    CAS_ME_2_CODES,
    CAS_ME_2_SUBJECTS,
    CAS_ME_2_TABLE,
    cas_me_2,
    cas_me_2_frames,
    cas_me_2_row,
    workbook,
)
from mexflow.datasets.reading import read
from mexflow.errors import UserError

VIDEO = "s15/15_0101disgustingteeth"


def index(root: Path):
    return read("cas_me_2", {"cas_me_2": root})


@pytest.fixture
def root(tmp_path):
    """One video, 15_0101disgustingteeth, with the frames 1 to 12."""
    cas_me_2_frames(tmp_path, VIDEO, range(1, 13))
    return cas_me_2(tmp_path, [cas_me_2_row()])


def only(root: Path, **cells):
    (row,) = index(cas_me_2(root, [cas_me_2_row(**cells)])).rows
    return row


def test_row(root):
    listing = index(root)
    assert listing.rows == [
        {
            "dataset": "cas_me_2",
            "subject": "s15",
            "video": "15_0101disgustingteeth",
            "clip": "s15_disgust1_2",
            "type": "macro",
            "onset": 3,
            "apex": 6,
            "offset": 9,
            "fps": 30.0,
            "action_units": "4+7",
            "emotion": "disgust",
            "path": f"rawpic/{VIDEO}",
            "repairs": [],
            "excluded": None,
        }
    ]
    assert listing.notes == ["frames are read from rawpic"]
    assert listing.annotation_files == [root / CAS_ME_2_TABLE]


VARIANTS = {
    "subject": st.sampled_from([1, 1.0, "1", "01", " 1 ", "s15", "S15"]),
    "clip": st.sampled_from(["disgust1_2", "Disgust1_2", " disgust1_2", "disgust 1_2", "x\\disgust1_2"]),
    "onset": st.sampled_from([3, 3.0, "3", "003", "3 "]),
    "offset": st.sampled_from([9, "9", "９"]),
    "emotion": st.sampled_from(["disgust", "Disgust ", "DISGUST"]),
    "kind": st.sampled_from(["macro-expression", "Macro-expression ", "macro - expression", "macro"]),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.fixed_dictionaries(VARIANTS),
    lead=st.sampled_from([(), [("CAS(ME)2", "see the paper")], [("subject", "video", "onset", "apex")]]),
    blanks=st.lists(st.integers(0, 9), max_size=3),
    trailing=st.sampled_from([(), [(None, None, "* by two coders")], [("Total", 357)]]),
    sheet=st.sampled_from(["CASFEcode_final", "casfecode final", "Sheet1"]),
    order=st.permutations(["annotations", "naming rule1", "naming rule2", "notes"]),
)
def test_whatever_a_spreadsheet_tool_makes_of_it_the_row_is_the_same(root, cells, lead, blanks, trailing, sheet, order):
    rows = [cas_me_2_row(**cells), cas_me_2_row(**{**cells, "clip": "disgust1_3"}, units=None)]
    for place in blanks:
        rows = [(*row[:place], None, *row[place:]) for row in rows]
    sheets = {
        "annotations": (sheet, [*lead, *rows, *trailing]),
        "naming rule1": ("naming rule1", CAS_ME_2_SUBJECTS),
        "naming rule2": ("naming rule2", CAS_ME_2_CODES),
        "notes": ("notes", [("macro-expression", "an expression of 0.5 s or more")]),
    }
    data = workbook(dict(sheets[name] for name in order))
    listing = read("cas_me_2", {"cas_me_2": root}, lambda path: data)
    (expected,) = index(root).rows
    assert listing.rows == [expected, {**expected, "clip": "s15_disgust1_3", "action_units": None}]
    assert len([note for note in listing.notes if "is no annotation" in note]) == len(lead) + len(trailing)


def test_no_action_units_at_all(root):
    row = only(root, units=None)
    assert (row["action_units"], row["emotion"], row["apex"], row["offset"]) == (None, "disgust", 6, 9)


def test_micro(root):
    assert only(root, kind="micro-expression")["type"] == "micro"


@pytest.mark.parametrize(
    "name",
    [
        "code_final.xlsx",
        "CAS(ME)^2code_final(Updated).xlsx",
        "code_final (Updated).xlsx",
        "CAS(ME)2code_final.xlsx",
        "CAS(ME)²code_final.xlsx",
    ],
)
def test_names_of_the_table(tmp_path, name):
    cas_me_2_frames(tmp_path, VIDEO, range(1, 13))
    assert index(cas_me_2(tmp_path, [cas_me_2_row()], table=name)).rows[0]["excluded"] is None


def test_a_spreadsheet_that_is_open_is_no_table(root):
    (root / "~$code_final.xlsx").touch()
    assert len(index(root).notes) == 1


def test_the_updated_table_is_preferred(root):
    cas_me_2(root, [cas_me_2_row(clip="disgust1_9")], table="CAS(ME)^2code_final(Updated).xlsx")
    listing = index(root)
    assert listing.rows[0]["clip"] == "s15_disgust1_9"
    assert f"{CAS_ME_2_TABLE} is not read: CAS(ME)^2code_final(Updated).xlsx is preferred" in listing.notes


@pytest.mark.parametrize("said", [0, "0", None, "/"])
def test_offset_not_annotated(root, said):
    # A column that is empty in all rows could not be told from one that is not there.
    cas_me_2(root, [cas_me_2_row(offset=said), cas_me_2_row(clip="disgust1_3")])
    row = index(root).rows[0]
    assert (row["onset"], row["apex"], row["offset"], row["excluded"]) == (3, 6, 6, None)
    (repair,) = row["repairs"]
    assert repair.startswith("offset_missing: ") and repair.endswith("the apex (6) is used")


def test_apex_not_annotated(root):
    row = only(root, apex=0)
    assert (row["apex"], row["offset"], row["excluded"]) == (6, 9, None)
    assert row["repairs"] == ["apex_missing: the table says '0', the middle of onset and offset (6) is used"]


def test_neither_apex_nor_offset(root):
    row = only(root, apex=0, offset=0)
    assert row["excluded"] == f"not_a_number: {CAS_ME_2_TABLE} row 1: offset is '0'"
    assert (row["onset"], row["apex"], row["offset"], row["repairs"]) == (3, None, None, [])


def test_apex_after_offset(root):
    """As in 11 disgust1_5: onset, apex and offset out of order."""
    row = only(root, onset=3, apex=11, offset=9)
    assert (row["apex"], row["excluded"]) == (6, None)
    assert row["repairs"] == [
        "apex_out_of_range: the table says 11, outside onset 3 to offset 9, their middle (6) is used"
    ]


def test_onset_after_offset(root):
    row = only(root, onset=10, apex=11)
    assert row["excluded"] == f"onset_after_offset: {CAS_ME_2_TABLE} row 1: onset 10 is after offset 9"


def test_onset_after_apex_without_offset(root):
    row = only(root, onset=7, offset=0)
    assert row["excluded"] == f"onset_after_offset: {CAS_ME_2_TABLE} row 1: onset 7 is after offset 6"


def test_emotion_misspelt(root):
    row = only(root, emotion="happyiness", apex=0)
    assert row["emotion"] == "happiness"
    assert [repair.split(":")[0] for repair in row["repairs"]] == ["apex_missing", "emotion_spelling"]
    assert row["repairs"][1] == "emotion_spelling: the table says 'happyiness', 'happiness' is used"


@pytest.mark.parametrize("said", ["NULL", "null", " Null"])
def test_action_units_null(root, said):
    assert only(root, units=said)["action_units"] is None


def test_overlapping_macro_expressions_are_kept(root):
    rows = [cas_me_2_row(clip="disgust1_1", onset=1, offset=8), cas_me_2_row(clip="disgust1_2", onset=5, offset=12)]
    found = index(cas_me_2(root, rows)).rows
    assert [(row["onset"], row["offset"], row["excluded"]) for row in found] == [(1, 8, None), (5, 12, None)]


def test_the_folder_of_s23_that_says_another_code(root):
    cas_me_2_frames(root, "s23/23_0503funnyerrors", range(1, 13))
    listing = index(cas_me_2(root, [cas_me_2_row(7, "happy1_1"), cas_me_2_row(1)]))
    row = listing.rows[0]
    assert (row["subject"], row["video"], row["path"]) == ("s23", "23_0502", "rawpic/s23/23_0502")
    assert row["excluded"] == (
        "folder_missing: there is no folder rawpic/s23/23_0502 with the video's title after it; the folder of this "
        "video says 0503 in place of 0502: rawpic/s23/23_0503funnyerrors"
    )
    assert [(video["path"], video["annotated"]) for video in listing.videos] == [
        (f"rawpic/{VIDEO}", True),
        ("rawpic/s23/23_0503funnyerrors", False),
    ]


@pytest.mark.parametrize(("subject", "folder"), [(7, None), (2, "s16/16_0503funnyerrors")])
def test_other_missing_folders(root, subject, folder):
    if folder:
        cas_me_2_frames(root, folder, range(1, 13))
    row = only(root, subject=subject, clip="happy1_1")
    number = {7: 23, 2: 16}[subject]
    assert row["excluded"] == (
        f"folder_missing: there is no folder rawpic/s{number}/{number}_0502 with the video's title after it"
    )


def test_s23_in_order(root):
    """Where the folder has its right code, nothing is missing, and happy2 keeps its own folder."""
    for video in ("23_0502funnyerrors", "23_0503unknown"):
        cas_me_2_frames(root, f"s23/{video}", range(1, 13))
    rows = index(cas_me_2(root, [cas_me_2_row(7, "happy1_1"), cas_me_2_row(7, "happy2_1")])).rows
    assert [(row["video"], row["excluded"]) for row in rows] == [
        ("23_0502funnyerrors", None),
        ("23_0503unknown", None),
    ]


def test_naming_sheets_come_before_the_known_naming(root):
    cas_me_2_frames(root, "s16/16_0999other", range(1, 13))
    (row,) = index(cas_me_2(root, [cas_me_2_row()], [("x", "S16", "1")], [(999, "Disgust1")])).rows
    assert (row["subject"], row["video"], row["excluded"]) == ("s16", "16_0999other", None)


@pytest.mark.parametrize(
    ("subjects", "codes"),
    [
        ([("subject", "folder", "number"), (101, "s15", 1)], [("code", "video"), (101, "disgust1")]),
        ([(1, "s15")], [("disgust1", "0101")]),
        ([("1", "s 15", "woman")], [(None, 101.0, "Disgust 1", "teeth")]),
    ],
)
def test_layouts_of_the_naming_sheets(root, subjects, codes):
    listing = index(cas_me_2(root, [cas_me_2_row()], subjects, codes))
    assert (listing.rows[0]["video"], len(listing.notes)) == ("15_0101disgustingteeth", 1)


def test_known_naming_where_the_sheets_are_absent(root):
    cas_me_2_frames(root, "s40/40_0508funnydunkey", range(1, 13))
    listing = index(cas_me_2(root, [cas_me_2_row(), cas_me_2_row(22, "happy5_1")], None, None))
    assert [(row["video"], row["excluded"]) for row in listing.rows] == [
        ("15_0101disgustingteeth", None),
        ("40_0508funnydunkey", None),
    ]
    assert listing.notes[1:] == [
        f"{CAS_ME_2_TABLE} has no sheet naming rule1: the numbers of the subjects are those of the owners' release",
        f"{CAS_ME_2_TABLE} has no sheet naming rule2: the codes of the videos are those of the owners' release",
    ]


def test_subject_without_a_name(root):
    cas_me_2(root, [cas_me_2_row(), cas_me_2_row(5)])
    with pytest.raises(UserError, match=r"row 2 is of subject 5, which its sheet naming rule1 does not name"):
        index(root)


def test_video_without_a_code(root):
    row = only(root, clip="fear1_1")
    assert row["excluded"] == (
        "folder_missing: there is no folder rawpic/s15/15_fear1 (naming rule2 has no code for this video)"
    )


def test_no_annotations(root):
    with pytest.raises(UserError, match=r"code_final\.xlsx: no sheet \(CASFEcode_final, naming rule1, naming rule2\)"):
        index(cas_me_2(root, [("subject", "video", "onset")]))


def test_type_that_is_neither(root):
    cas_me_2(root, [cas_me_2_row(), cas_me_2_row(clip="disgust1_3", kind="?")])
    with pytest.raises(UserError, match=r"row 2 of sheet 'CASFEcode_final' is of the type '\?'"):
        index(root)


def test_duplicate_clip(root):
    with pytest.raises(UserError, match="rows 1 and 2 of sheet 'CASFEcode_final' are both subject s15"):
        index(cas_me_2(root, [cas_me_2_row(), cas_me_2_row("1", "Disgust1_2", offset=10)]))


def test_two_folders_of_one_code(root):
    cas_me_2_frames(root, "s15/15_0101again", range(1, 5))
    listing = index(root)
    assert listing.rows[0]["video"] == "15_0101again"
    assert "s15 has several folders of the code 0101, the first is used: 15_0101again, 15_0101disgustingteeth" in (
        listing.notes
    )


@pytest.mark.parametrize("place", ["RAWPIC", "rawpic/rawpic", ""])
def test_places(tmp_path, place):
    cas_me_2_frames(tmp_path, VIDEO, range(1, 13), place)
    cas_me_2(tmp_path, [cas_me_2_row()])
    assert index(tmp_path).rows[0]["path"] == (Path(place) / VIDEO).as_posix()


def test_numbers_of_any_width(root):
    folder = cas_me_2_frames(root, VIDEO, [999, 1000, 2500])
    (folder / "img7000.JPG").touch()
    video = index(root).videos[0]
    assert (video["first_frame"], video["last_frame"], video["frame_count"]) == (1, 7000, 16)
