"""Licensed copies as people have them: doubled names, strange folders, cells that are no numbers, other sets."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

import embedded_files
from dataset_files import (
    cas_me_2,
    cas_me_2_frames,
    cas_me_2_row,
    casme2,
    casme2_frames,
    casme2_row,
    frames,
    mmew,
    mmew_frames,
    mmew_row,
    samm,
    samm_frames,
    samm_lv,
    samm_lv_frames,
    samm_lv_row,
    samm_row,
    smic_frames,
)
from mexflow.datasets.cells import is_date, is_unset
from mexflow.datasets.folders import is_clutter
from mexflow.datasets.reading import composite, read
from mexflow.datasets.registry import COMPOSITES
from mexflow.errors import UserError

HS = "SMIC_all_raw/HS"


def index(dataset: str, root: Path):
    return read(dataset, {dataset: root})


def one_clip(dataset: str, root: Path, **cells):
    """A dataset of one clip, whose frames 1 to 12 are there, and its listing; `cells` are of its row."""
    if dataset == "casme2":
        casme2(root, [casme2_row(**cells)])
        casme2_frames(root, "sub01/EP02_01f", range(1, 13))
    elif dataset == "samm":
        samm(root, [samm_row(**{"onset": 3, "apex": 6, "offset": 9, **cells})])
        samm_frames(root, "006_1_2", range(1, 13))
    elif dataset == "samm_lv":
        samm_lv(root, [samm_lv_row(**cells)])
        samm_lv_frames(root, "006_1", range(1, 13))
    elif dataset == "cas_me_2":
        cas_me_2(root, [cas_me_2_row(**cells), cas_me_2_row(clip="disgust1_9")])
        cas_me_2_frames(root, "s15/15_0101disgustingteeth", range(1, 13))
    else:
        mmew(root, [mmew_row(**cells)])
        mmew_frames(root, "happiness/S01-01-001", range(1, 13))
    return index(dataset, root)


TABLED = ("casme2", "samm", "samm_lv", "cas_me_2", "mmew")


# Keys.


@pytest.mark.parametrize(
    ("dataset", "write", "video", "clip"),
    [
        ("samm_lv", lambda root, rows: samm_lv(root, [samm_lv_row("037", "037_4_1", *row) for row in rows]), "037_4",
         "037_4_1"),
        ("cas_me_2", lambda root, rows: cas_me_2(root, [
            cas_me_2_row(1, "disgust1_2", *row[:3], kind=f"{row[3].split()[0].lower()}-expression") for row in rows
        ]), "s15/15_0101disgustingteeth", "s15_disgust1_2"),
    ],
)  # fmt: skip
class TestOneNameForTwoExpressions:
    def listing(self, root, dataset, write, video, rows):
        write(root, rows)
        (samm_lv_frames if dataset == "samm_lv" else cas_me_2_frames)(root, video, range(1, 40))
        return index(dataset, root)

    def test_of_two_types(self, tmp_path, dataset, write, video, clip):
        rows = [(11, 15, 20, "Micro - 1/2"), (10, 16, 22, "Macro")]
        found = self.listing(tmp_path, dataset, write, video, rows).rows
        assert [(r["clip"], r["type"], r["onset"], r["excluded"]) for r in found] == [
            (clip, "micro", 11, None),
            (f"{clip}-macro", "macro", 10, None),
        ]
        assert found[0]["repairs"] == []
        assert found[1]["repairs"] == [
            f"clip_renamed: the table has two expressions called {clip}, of other types; this is the macro one"
        ]

    def test_alike_in_all_respects(self, tmp_path, dataset, write, video, clip):
        listing = self.listing(tmp_path, dataset, write, video, [(10, 16, 22, "Macro"), (10, 16, 22, "Macro")])
        assert len(listing.rows) == 1
        assert any("once more, and counts once" in note for note in listing.notes)

    def test_of_one_type_with_other_frames(self, tmp_path, dataset, write, video, clip):
        with pytest.raises(UserError, match=r"rows (\d+) and (\d+) of sheet .* type macro, and differ; keep one") as e:
            self.listing(tmp_path, dataset, write, video, [(10, 16, 22, "Macro"), (10, 16, 23, "Macro")])
        assert "\n" not in str(e.value)


def test_a_row_twice_in_a_dataset_without_types(tmp_path):
    casme2(tmp_path, [casme2_row(), casme2_row()], [("01", "EP02_01f", 1), ("01", "EP02_01f", 1)])
    casme2_frames(tmp_path, "sub01/EP02_01f", range(1, 13))
    listing = index("casme2", tmp_path)
    assert len(listing.rows) == 1 and listing.rows[0]["objective_class"] == 1
    assert len([note for note in listing.notes if "counts once" in note]) == 2
    casme2(tmp_path, [casme2_row(), casme2_row(offset=10)])
    with pytest.raises(UserError, match="rows 2 and 3 .* and differ; keep one of them"):
        index("casme2", tmp_path)


# Everything below a root.


@pytest.mark.parametrize(
    ("folder", "clip"),
    [
        ("s3/micro/surprise/s3_su_02", "s03_sur_02"),
        ("s3/micro/positive/s3_pos_01", "s03_po_01"),
        ("s3/micro/negative/s3_neg_4", "s03_ne_04"),
        ("S03/Micro/Negative/S03_NE_4", "s03_ne_04"),
        ("s3/micro/positive/s3_po_08 ", "s03_po_08"),
        ("s3 /micro/positive /s3_po_08", "s03_po_08"),
    ],
)
def test_smic_reads_what_is_unmistakable(tmp_path, folder, clip):
    smic_frames(tmp_path, folder, range(1, 9))
    listing = index("smic", tmp_path)
    (row,) = listing.rows
    assert (row["clip"], row["excluded"], row["path"]) == (clip, None, f"{HS}/{folder}")
    assert listing.unused == []
    spelt = [repair for repair in row["repairs"] if repair.startswith("name_spelling: ")]
    assert bool(spelt) == any(word in folder for word in ("_su_", "_pos_", "_neg_"))
    assert (listing.notes[1:] != []) == (" " in folder)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("s3/micro/negative/s3_ne_03a", "'s3_ne_03a' is no name of SMIC-HS there"),
        ("subject5/micro/negative/s5_ne_01", "'subject5' is no name of SMIC-HS there"),
        ("s3/micro/negtive/s3_ne_09", "'negtive' is no name of SMIC-HS there (did you mean 'negative'?)"),
        ("s8/negative/s8_ne_01", "'negative' is no name of SMIC-HS there"),
        ("s8/micro/negative/s8_ne_01/again/s8_ne_01", "a folder inside a folder of frames"),
    ],
)
def test_smic_names_the_rest(tmp_path, folder, words):
    smic_frames(tmp_path, "s3/micro/negative/s3_ne_01", range(1, 9))
    if folder.startswith("s8/micro"):
        smic_frames(tmp_path, "s8/micro/negative/s8_ne_01", range(1, 9))
    smic_frames(tmp_path, folder, range(1, 9))
    (line,) = (listing := index("smic", tmp_path)).unused
    assert "1 folder with 8 images" in line and f"{HS}/{folder}" in line and line.endswith(f"; {words}")
    assert f"    {line}" in listing.summary().splitlines()


def test_two_folders_of_one_clip(tmp_path):
    for folder in ("s3/micro/surprise/s3_su_02", "s3/micro/surprise/s3_sur_02", "s3/micro/negative/s3_sur_2"):
        smic_frames(tmp_path, folder, range(1, 9))
    listing = index("smic", tmp_path)
    assert [row["clip"] for row in listing.rows] == ["s03_sur_02"]
    kept = listing.rows[0]["path"]
    assert listing.rows[0]["emotion"] == "surprise"
    assert len(listing.unused) == 2 and all(
        line.endswith(f"its clip has another folder, {kept}") for line in listing.unused
    )


@pytest.mark.parametrize(
    ("dataset", "write"),
    [
        ("smic", lambda root: smic_frames(root, "s9/micro/negative/s3_ne_04", range(1, 13))),
        ("samm", lambda root: (samm(root, [samm_row("007", "006_1_2")]), samm_frames(root, "006_1_2", range(1, 13)))),
        ("samm_lv", lambda root: (samm_lv(root, [samm_lv_row("007", "006_1_2")]),
                                  samm_lv_frames(root, "006_1", range(1, 13)))),
        ("cas_me_2", lambda root: (cas_me_2(root, [cas_me_2_row()]),
                                   cas_me_2_frames(root, "s15/16_0101disgustingteeth", range(1, 13)))),
        ("mmew", lambda root: (mmew(root, [mmew_row(2, "S01-01-001")]),
                               mmew_frames(root, "S02/happiness/S01-01-001", range(1, 13)))),
    ],
)  # fmt: skip
def test_a_name_that_says_another_subject_is_an_exclusion(tmp_path, dataset, write):
    write(tmp_path)
    (row,) = index(dataset, tmp_path).rows
    assert row["excluded"].startswith("subject_mismatch: "), row["excluded"]


def test_the_right_folder_is_taken_beside_anothers(tmp_path):
    cas_me_2(tmp_path, [cas_me_2_row(2, "disgust1_2")])
    for video in ("s16/15_0101disgustingteeth", "s16/16_0101disgustingteeth"):
        cas_me_2_frames(tmp_path, video, range(1, 13))
    (row,) = index("cas_me_2", tmp_path).rows
    assert (row["video"], row["excluded"]) == ("16_0101disgustingteeth", None)


@pytest.mark.parametrize(
    ("dataset", "stray"), [("samm", "007_0004.jpg"), ("samm_lv", "007_1_0004.jpg"), ("samm_lv", "006_2_0004.jpg")]
)
def test_frames_of_another_subject_are_not_read(tmp_path, dataset, stray):
    listing = one_clip(dataset, tmp_path)
    place = tmp_path / listing.videos[0]["path"]
    (place / stray).touch()
    listing = index(dataset, tmp_path)
    assert listing.videos[0]["frame_count"] == 12
    assert listing.unused == [f"{listing.videos[0]['path']}: {stray}: an image whose name is no frame's here"]


def test_files_and_folders_are_named_and_clutter_is_not(tmp_path):
    one_clip("casme2", tmp_path)
    clip = "CASME2_RAW/CASME2-RAW/sub01/EP02_01f"
    for name in ("apex_face_20.jpg", "Thumbs.db", "._img1.jpg", ".DS_Store", ".img3.jpg.Zx81aQ"):
        (tmp_path / clip / name).touch()
    for name in ("@eaDir", "__MACOSX"):
        frames(tmp_path / name / "sub01", range(1, 4))
    frames(tmp_path / "Cropped" / "sub01" / "EP02_01f", range(1, 4), "reg_img{}.jpg")
    (tmp_path / "empty").mkdir()
    for name in ("CASME2_RAW.zip", "readme.txt", "~$CASME2-coding-20140508.xlsx"):
        (tmp_path / name).touch()
    listing = index("casme2", tmp_path)
    assert listing.unused == [
        f"{clip}: .img3.jpg.Zx81aQ: left by a copy that was interrupted; copy again; apex_face_20.jpg: an image whose "
        "name is no frame's here",
        "Cropped: 1 folder with 3 images (the first: Cropped/sub01/EP02_01f); frames are read from "
        "CASME2_RAW/CASME2-RAW",
        ".: CASME2_RAW.zip: an archive, not looked into; readme.txt: neither a frame nor a table that is read",
    ]
    assert listing.videos[0]["frame_count"] == 12


def test_links_that_lead_upwards_are_left_alone(tmp_path):
    one_clip("casme2", tmp_path)
    frames(tmp_path / "more", range(3), "{}.png")
    (tmp_path / "more" / "up").symlink_to(tmp_path)
    assert index("casme2", tmp_path).unused == [
        "more: 1 folder with 3 images; no part of CASME II as it was read, from CASME2_RAW/CASME2-RAW"
    ]


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "._img1.jpg", "@eaDir", "__MACOSX", "$RECYCLE.BIN"])
def test_clutter(name):
    assert is_clutter(name) and is_clutter(name.upper())
    assert not is_clutter(f"a{name}")


@pytest.mark.parametrize(
    ("place", "title"),
    [
        ("SMIC_all_raw/VIS", "SMIC-VIS"), ("SMIC_all_raw/NIR", "SMIC-NIR"), ("SMIC-E_raw image/HS_long", "SMIC-E"),
        ("SMIC_all_raw/VIS/HS_long/SMIC-HS-E", "SMIC-E"),
    ],
)  # fmt: skip
def test_other_sets_of_smic_are_refused(tmp_path, place, title):
    smic_frames(tmp_path, "s11/micro/negative/s11_ne_01", range(1, 9), place)
    with pytest.raises(UserError, match=rf"this is {title}.*, not SMIC-HS; set datasets.smic.root") as error:
        index("smic", tmp_path / place)
    assert "\n" not in str(error.value)


def test_hs_below_a_folder_of_another_name_is_read(tmp_path):
    root = tmp_path / "VIS" / "SMIC_all_raw" / "HS"
    smic_frames(root, "s11/micro/negative/s11_ne_01", range(1, 30), "")
    assert len(index("smic", root).rows) == 1


@pytest.mark.parametrize(("subject", "count", "noted"), [(11, 10, True), (11, 34, False), (1, 10, False)])
def test_short_clips_of_the_subjects_filmed_twice_are_noted(tmp_path, subject, count, noted):
    smic_frames(tmp_path, f"s{subject}/micro/negative/s{subject}_ne_01", range(1, count + 1), "")
    notes = index("smic", tmp_path).notes
    assert any(note.startswith("this may be SMIC-VIS or SMIC-NIR (25 fps)") for note in notes) == noted


def test_other_sets_are_told_by_what_they_hold(tmp_path):
    samm_lv(tmp_path, [samm_lv_row()])
    samm_lv_frames(tmp_path, "006_1", range(1, 13))
    with pytest.raises(UserError, match=r"holds SAMM_LongVideos_V3_Release.xlsx, which is SAMM Long Videos; set "):
        index("samm", tmp_path)
    (tmp_path / "mmew").mkdir()
    mmew(tmp_path / "mmew" / "Macro_Expression", [mmew_row()])
    with pytest.raises(UserError, match="this is MMEW's macro-expressions, not MMEW; set datasets.mmew.root"):
        index("mmew", tmp_path / "mmew" / "Macro_Expression")


# Cells.


@pytest.mark.parametrize("dataset", TABLED)
@pytest.mark.parametrize("cell", ["onset", "apex", "offset"])
@pytest.mark.parametrize("said", ["5O", "1,030", "=B5+3", "#REF!", "?", datetime.date(2014, 4, 7)])
def test_a_number_that_cannot_be_read(tmp_path, dataset, cell, said):
    row = one_clip(dataset, tmp_path, **{cell: said}).rows[0]
    assert row["excluded"].startswith("not_a_number: ") and repr(str(said))[:-1] in row["excluded"]
    assert row["repairs"] == []


@pytest.mark.parametrize(
    ("said", "unset"),
    [(None, True), ("", True), (" / ", True), ("\\", True), ("-", True), ("\u2013", True), ("?", False), ("N/A", False),
     (0, False), ("o", False)],
)  # fmt: skip
def test_marks_of_no_number(said, unset):
    assert is_unset(said) == unset


@pytest.mark.parametrize(
    ("dataset", "said", "meant"),
    [
        ("casme2", "other", "others"), ("casme2", "suprise", "surprise"), ("casme2", "happines", "happiness"),
        ("mmew", "suprise", "surprise"), ("samm", "Others", "other"), ("cas_me_2", "disgut", "disgust"),
    ],
)  # fmt: skip
def test_a_label_in_no_class_is_named(tmp_path, dataset, said, meant):
    listing = one_clip(dataset, tmp_path, emotion=said)
    (note,) = (note for note in listing.notes if "is none of" in note)
    assert f"the emotion {said.lower()!r} is none of" in note and f"(did you mean {meant!r}?)" in note
    assert listing.rows[0]["excluded"] is None


@pytest.mark.parametrize("said", ["N/A", None])
def test_no_label(tmp_path, said):
    notes = one_clip("casme2", tmp_path, emotion=said).notes
    assert [note for note in notes if "the row is in no class" in note]


@pytest.mark.parametrize("dataset", ["casme2", "samm", "samm_lv", "cas_me_2", "mmew"])
def test_action_units_that_became_a_date_are_named(tmp_path, dataset):
    listing = one_clip(dataset, tmp_path, units=datetime.datetime(2014, 4, 7))
    assert any("the action units are a date, '2014-04-07" in note for note in listing.notes)


@pytest.mark.parametrize(
    ("said", "date"),
    [("7-Apr", True), ("Apr-12", True), ("2014-04-07", True), ("4月7日", True), ("4/7/2014", True), ("4+7", False),
     ("R12", False), ("L9-10", False), ("ref(4), 7B or 9?", False), (4, False), (None, False)],
)  # fmt: skip
def test_dates(said, date):
    assert is_date(said) == date


def test_frames_numbered_from_0_keep_their_numbers(tmp_path):
    samm_lv(tmp_path, [samm_lv_row("018", "018_3_3", 0, 4, 9), samm_lv_row("006", "006_1_2", 0, 4, 9)])
    samm_lv_frames(tmp_path, "018_3", range(0, 12))
    samm_lv_frames(tmp_path, "006_1", range(1, 12))
    listing = index("samm_lv", tmp_path)
    assert [(row["onset"], len(row["repairs"])) for row in listing.rows] == [(0, 0), (1, 1)]
    (note,) = (note for note in listing.notes if "number from 1" in note)
    assert note.endswith("in SAMM_longvideos/018_3")


@pytest.mark.parametrize("dataset", ["casme2", "samm_lv", "cas_me_2", "mmew"])
def test_a_copy_that_was_numbered_anew_is_noted(tmp_path, dataset):
    listing = one_clip(dataset, tmp_path)
    assert not any("number from 1" in note for note in listing.notes)
    folder = tmp_path / listing.videos[0]["path"]
    first = min(folder.iterdir())
    (folder / "".join(first.name.rpartition("1")[i].replace("1", "0") if i == 1 else first.name.rpartition("1")[i]
                      for i in range(3))).touch()  # fmt: skip
    listing = index(dataset, tmp_path)
    assert listing.videos[0]["first_frame"] == 0
    assert any("number from 1" in note and listing.videos[0]["path"] in note for note in listing.notes)


# Composites.


def combined(tmp_path, name, rows, objective=None):
    casme2(tmp_path / "casme2", rows, objective)
    for row in rows:
        casme2_frames(tmp_path / "casme2", f"sub{row[0]}/{row[1]}", [3, 6, 9])
    samm(tmp_path / "samm", [samm_row()])
    samm_frames(tmp_path / "samm", "006_1_2", [103, 106, 109])
    smic_frames(tmp_path / "smic", "s3/micro/negative/s3_ne_03", [1, 2, 3])
    return read(name, {member: tmp_path / member for member in ("casme2", "samm", "smic")})


def test_named_exceptions_are_left_out_whatever_their_cells_say(tmp_path):
    rows = [
        casme2_row("04", "EP12_01f", emotion="disgust"),
        casme2_row("05", "ep09_05F", emotion="repression"),
        *(casme2_row("24", name, emotion="surprise") for name in ("EP07_01", "EP07_04f", "EP10_03")),
        casme2_row("24", "EP10_02", apex="/", emotion="surprise"),
    ]
    listing = combined(tmp_path, "megc2019", rows)
    assert [row["clip"] for row in listing.rows if row["dataset"] == "casme2"] == ["sub24_EP10_02"]
    left = [note for note in listing.notes if "not_in_megc2019: " in note]
    assert len(left) == 5 and "casme2: not_in_megc2019: sub24_EP07_01: it is sadness in the table of 2014" in left[2]


def test_a_composite_says_whether_it_is_the_official_list(tmp_path):
    from mexflow.datasets import official

    rows = [casme2_row("01", "EP02_01f", emotion="happiness")]
    notes = combined(tmp_path, "megc2019", rows).notes
    assert notes[0].startswith("differs from the official list: 3 clips, 442 there (sha256 ")
    assert notes[1] == (
        "differs from the official list in casme2: 0 negative, 88 there; 1 positive, 32 there; 0 surprise, 25 there; "
        "1 subjects, 24 there"
    )
    lines = ["casme2/01/sub01_EP02_01f/positive", "samm/006/006_1_2/negative", "smic/s03/s03_ne_03/negative"]
    found = read("megc2019", {member: tmp_path / member for member in ("casme2", "samm", "smic")})
    assert official.lines(found.rows, "megc2019") == lines
    members = composite("megc2019").official.members
    this = official.OfficialList(official.digest(lines), official.lower_digest(lines), members)
    assert official.compared(found.rows, "megc2019", this)[0].startswith(
        "equals the official list of 442 clips (sha256"
    )
    (tmp_path / "casme2/CASME2_RAW/CASME2-RAW/sub01/EP02_01f").rename(
        tmp_path / "casme2/CASME2_RAW/CASME2-RAW/sub01/ep02_01F"
    )
    found = read("megc2019", {member: tmp_path / member for member in ("casme2", "samm", "smic")})
    assert "but for the case of names" in official.compared(found.rows, "megc2019", this)[0]


def test_the_canonical_form_of_a_list():
    from mexflow.datasets import official

    rows = [
        {"subject": "samm/006", "clip": "006_1_2", "megc2019": "negative", "excluded": "no_face: x"},
        {"subject": "casme2/01", "clip": "sub01_EP02_01f", "megc2019": "positive", "excluded": None},
        {"subject": "casme2/01", "clip": "sub01_EP03_02", "megc2019": None, "excluded": None},
    ]
    text = official.lines(rows, "megc2019")
    assert text == ["casme2/01/sub01_EP02_01f/positive", "samm/006/006_1_2/negative"]
    import hashlib

    whole = b"casme2/01/sub01_EP02_01f/positive\nsamm/006/006_1_2/negative\n"
    assert official.digest(text) == hashlib.sha256(whole).hexdigest()
    assert {name: composite(name).official.clips for name in COMPOSITES} == {"megc2018": 253, "megc2019": 442}


@pytest.mark.parametrize(("count", "words"), [(246, "as the release of 2014 has"), (249, "as the release of 2019 has")])
def test_the_five_classes_say_their_release(tmp_path, count, words):
    casme2(tmp_path, [casme2_row("01", f"EP{clip:03d}") for clip in range(count)])
    casme2_frames(tmp_path, "sub01/EP000", range(1, 13))
    assert f"casme2_5class: {count} rows, {words}" in index("casme2", tmp_path).notes


# Index and faces agree on what a frame is.


def test_a_file_that_is_no_frame_here_is_none_for_faces(embedded_root, tmp_path):
    import shutil

    import pyarrow.parquet as pq

    subject = embedded_files.SUBJECTS["casme2"]
    root = shutil.copytree(embedded_root["casme2"], tmp_path / "casme2")
    rows = [row for row in index("casme2", root).rows if row["subject"] == subject and row["excluded"] is None]
    first, second = rows[0]["path"], rows[1]["path"]
    for name in ("apex_face_20.jpg", ".img3.jpg.Zx81aQ"):
        (root / first / name).write_bytes(b"no picture")
    # Of two files of one frame number nobody can tell which is meant.
    doubled = min((root / second).glob("img*.jpg"))
    shutil.copy(doubled, doubled.with_name(doubled.name.replace("img", "img0")))
    embedded_files.index("casme2", root, tmp_path)
    done = embedded_files.faces("casme2", subject, root, tmp_path)
    assert done.returncode == 0, done.stderr
    files = pq.read_table(tmp_path / "faces.parquet")["file"].to_pylist()
    assert any(file.startswith(f"{first}/img") for file in files)
    assert not any("apex_face" in file or file.startswith(f"{second}/") for file in files)


# Tables that are no xlsx files.


@pytest.mark.parametrize("dataset", TABLED)
@pytest.mark.parametrize("ending", [".xls", ".csv"])
def test_a_table_in_another_format_is_named(tmp_path, dataset, ending):
    one_clip(dataset, tmp_path)
    (table,) = tmp_path.glob("*.xlsx")
    table.rename(table.with_suffix(ending))
    with pytest.raises(UserError) as error:
        index(dataset, tmp_path)
    text = str(error.value)
    assert f"there is {table.stem}{ending}, " in text and ".xlsx" in text and "\n" not in text


# What nobody means to copy.


def test_names_that_are_no_frames_numbers(tmp_path):
    smic_frames(tmp_path, "s3/micro/negative/s3_ne_01", range(1, 20))
    place = tmp_path / HS / "s3/micro/negative/s3_ne_01"
    for name in ("image20140508123456.jpg", "image20140508123456789012.jpg"):
        (place / name).touch()
    (place / "image000030.jpg").mkdir()
    (place / "image000031.jpg").symlink_to("/nowhere")
    (place / "image000032.jpg").symlink_to("image000032.jpg")
    listing = index("smic", tmp_path)
    assert (listing.rows[0]["offset"], listing.videos[0]["frame_count"]) == (19, 19)
    (line,) = listing.unused
    assert "image20140508123456.jpg" in line and "image000031.jpg, image000032.jpg: a link that leads nowhere" in line


def test_frames_that_are_links_are_frames(tmp_path):
    frames(tmp_path / "store", range(1, 13))
    casme2(tmp_path / "root", [casme2_row()])
    place = casme2_frames(tmp_path / "root", "sub01/EP02_01f", [])
    for file in (tmp_path / "store").iterdir():
        (place / file.name).symlink_to(file)
    assert index("casme2", tmp_path / "root").videos[0]["frame_count"] == 12


def test_links_to_themselves_and_names_in_no_encoding(tmp_path):
    import os

    one_clip("casme2", tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "sub02").symlink_to("/nowhere")
    (tmp_path / "a\nb.txt").touch()
    bad = os.fsencode(tmp_path / "CASME2_RAW" / "CASME2-RAW" / "sub01") + b"/EP\xff"
    os.mkdir(bad)
    open(bad + b"/img1.jpg", "w").close()
    open(os.fsencode(tmp_path) + b"/bad\xff.txt", "w").close()
    listing = index("casme2", tmp_path)
    summary = listing.summary()
    summary.encode()
    assert len(listing.rows_table()) == len(listing.videos_table()) == 1
    assert "sub01/EP\\udcff: 1 folder with 1 image; a name that is not in UTF-8; rename it" in summary
    assert "loop, sub02: a link that leads nowhere" in summary and "a b.txt" in summary and "bad\\udcff.txt" in summary


@pytest.mark.parametrize("above", ["nir", "vis", "part_a", "SAMM_longvideos"])
def test_what_stands_above_a_root_is_no_set(tmp_path, above):
    root = tmp_path / above / "copy"
    smic_frames(root, "s3/micro/negative/s3_ne_01", range(1, 20))
    assert len(index("smic", root).rows) == 1
    one_clip("casme2", tmp_path / above / "db")
    samm(tmp_path / above, [samm_row()])
    samm_frames(tmp_path / above, "006_1_2", range(103, 110))
    assert index("samm", tmp_path / above).rows[0]["excluded"] is None


@pytest.mark.parametrize("name", ["VIS", "SMIC_VIS", "SMIC-NIR"])
def test_a_link_to_another_set_is_refused(tmp_path, name):
    smic_frames(tmp_path / name, "s11/micro/negative/s11_ne_01", range(1, 20), "")
    (tmp_path / "mine").symlink_to(tmp_path / name)
    for root in (tmp_path / name, tmp_path / "mine"):
        with pytest.raises(UserError, match=r"this is SMIC-(VIS|NIR)"):
            index("smic", root)


def test_of_a_clip_in_two_folders_the_one_of_its_emotion_is_read(tmp_path):
    for emotion in ("negative", "positive"):
        smic_frames(tmp_path, f"s3/micro/{emotion}/s3_po_01", range(1, 9))
    listing = index("smic", tmp_path)
    assert [row["emotion"] for row in listing.rows] == ["positive"]
    assert listing.unused == [
        f"{HS}/s3/micro/negative/s3_po_01: its video has another folder, {HS}/s3/micro/positive/s3_po_01"
    ]


def test_dots_between_thousands_are_no_fraction(tmp_path):
    row = one_clip("casme2", tmp_path, onset="1.030", apex="1.050", offset="1.100").rows[0]
    assert row["excluded"].startswith("not_a_number: ") and "'1.030'" in row["excluded"]


def test_a_name_that_is_taken_is_not_given(tmp_path):
    rows = [
        samm_lv_row("006", "006_1_2", kind="Micro - 1/2"), samm_lv_row("006", "006_1_2-macro"),
        samm_lv_row("006", "006_1_2", kind="Macro", offset=8),
    ]  # fmt: skip
    samm_lv(tmp_path, rows)
    samm_lv_frames(tmp_path, "006_1", range(1, 13))
    clips = [row["clip"] for row in index("samm_lv", tmp_path).rows]
    assert len(set(clips)) == 3 and clips[:2] == ["006_1_2", "006_1_2-macro"]


def test_a_row_twice_with_its_padding_lost(tmp_path):
    samm_lv(tmp_path, [samm_lv_row("006", "006_1_2"), samm_lv_row(6, "6_1_2")])
    samm_lv_frames(tmp_path, "006_1", range(1, 13))
    listing = index("samm_lv", tmp_path)
    assert len(listing.rows) == 1 and any("counts once" in note for note in listing.notes)


def test_a_serial_date_is_no_action_unit(tmp_path):
    notes = one_clip("casme2", tmp_path, units=41736).notes
    assert any("no action unit, perhaps a date, '41736'" in note for note in notes)


def test_samm_without_padding_has_the_official_names(tmp_path):
    samm(tmp_path, [samm_row()])
    frames(tmp_path / "SAMM" / "6" / "6_1_2", range(103, 110), "6_{}.jpg")
    (row,) = index("samm", tmp_path).rows
    assert (row["subject"], row["clip"], row["excluded"]) == ("006", "006_1_2", None)


def test_a_composite_names_what_its_members_do_not_use(tmp_path):
    rows = [casme2_row("01", "EP02_01f", emotion="happiness")]
    combined(tmp_path, "megc2019", rows)
    frames(tmp_path / "casme2" / "CASME2_RAW" / "CASME2-RAW" / "sub02" / "EP01_01", (1, 2), "img{}.jpg")
    (tmp_path / "casme2" / "CASME2_RAW" / "CASME2-RAW" / "sub02" / "EP01_01" / "img001.jpg").touch()
    listing = read("megc2019", {member: tmp_path / member for member in ("casme2", "samm", "smic")})
    assert any(
        line.startswith("casme2: CASME2_RAW/CASME2-RAW/sub02/EP01_01: frames_repeated") for line in listing.unused
    )


def test_swapped_roots_are_told_as_what_they_are(tmp_path):
    samm(tmp_path / "samm", [samm_row()])
    samm_frames(tmp_path / "samm", "006_1_2", range(103, 110))
    with pytest.raises(UserError, match=r"no annotation file \(it holds SAMM_Micro_FACS_Codes_v2.xlsx, which is SAMM"):
        read("megc2018", {"casme2": tmp_path / "samm", "samm": tmp_path / "samm"})


def test_neutral_clips_are_no_misspelling(tmp_path):
    smic_frames(tmp_path, "s3/micro/negative/s3_ne_01", range(1, 9))
    smic_frames(tmp_path, "s3/non_micro/s3_non_01", range(1, 9))
    (line,) = index("smic", tmp_path).unused
    assert line.endswith("another set: SMIC's clips without a micro-expression")
