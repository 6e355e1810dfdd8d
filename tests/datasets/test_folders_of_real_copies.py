"""Folders and files of real copies: what is a frame, what is not used, and how frames are numbered."""

from __future__ import annotations

import pytest

import embedded_files
from dataset_files import (
    casme2,
    casme2_frames,
    casme2_row,
    frames,
    samm_lv,
    samm_lv_frames,
    samm_lv_row,
    smic_frames,
)
from mexflow.datasets.folders import is_clutter
from one_clip import index, one_clip

HS = "SMIC_all_raw/HS"


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
