"""Composites of real copies against the official lists of the challenges."""

from __future__ import annotations

import pytest

from dataset_files import (
    casme2,
    casme2_frames,
    casme2_row,
    frames,
    samm,
    samm_frames,
    samm_row,
    smic_frames,
)
from mexflow.datasets.reading import composite, read
from mexflow.datasets.registry import COMPOSITES
from one_clip import index


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


def test_a_composite_names_what_its_members_do_not_use(tmp_path):
    rows = [casme2_row("01", "EP02_01f", emotion="happiness")]
    combined(tmp_path, "megc2019", rows)
    frames(tmp_path / "casme2" / "CASME2_RAW" / "CASME2-RAW" / "sub02" / "EP01_01", (1, 2), "img{}.jpg")
    (tmp_path / "casme2" / "CASME2_RAW" / "CASME2-RAW" / "sub02" / "EP01_01" / "img001.jpg").touch()
    listing = read("megc2019", {member: tmp_path / member for member in ("casme2", "samm", "smic")})
    assert any(
        line.startswith("casme2: CASME2_RAW/CASME2-RAW/sub02/EP01_01: frames_repeated") for line in listing.unused
    )
