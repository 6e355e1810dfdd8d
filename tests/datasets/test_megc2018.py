"""MEGC2018: the composite of CASME II and SAMM."""

from __future__ import annotations

import pytest

from dataset_files import CASME2_OBJECTIVE, casme2, casme2_frames, casme2_row, samm, samm_frames, samm_row
from mexflow.datasets.reading import read
from mexflow.errors import UserError


@pytest.fixture
def roots(tmp_path):
    """Four clips with a class from I to V (one excluded, one repaired) and two of the classes VI and VII."""
    first, second = tmp_path / "casme2", tmp_path / "samm"
    names = ("EP01", "EP02", "EP03")
    for name in names:
        casme2_frames(first, f"sub06/{name}", range(1, 13))
    rows = [casme2_row("06", "EP01", apex="/"), casme2_row("06", "EP02"), casme2_row("06", "EP03", onset=0)]
    casme2(first, rows, [("06", "EP01", 1), ("06", "EP02", 7), ("06", "EP03", 2)])
    for name in ("006_1_1", "006_1_2"):
        samm_frames(second, name, range(100, 113))
    samm(second, [samm_row(filename="006_1_1", objective=6), samm_row(), samm_row("007", "007_1_1", objective=5)])
    return {"casme2": first, "samm": second}


def test_rows(roots):
    rows = read("megc2018", roots).rows
    columns = ("dataset", "subject", "clip", "megc2018")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("casme2", "casme2/06", "sub06_EP01", "happiness"),
        ("casme2", "casme2/06", "sub06_EP03", "surprise"),
        ("samm", "samm/006", "006_1_2", "anger"),
        ("samm", "samm/007", "007_1_1", "sadness"),
    ]
    assert [bool(row["repairs"]) for row in rows] == [True, False, False, False]
    assert [row["excluded"] and row["excluded"].split(":")[0] for row in rows] == [
        None,
        "frames_missing",
        None,
        "folder_missing",
    ]


def test_videos_files_and_summary(roots):
    listing = read("megc2018", roots)
    assert [(video["dataset"], video["subject"], video["video"]) for video in listing.videos] == [
        ("casme2", "casme2/06", "EP01"),
        ("casme2", "casme2/06", "EP03"),
        ("samm", "samm/006", "006_1_2"),
    ]
    assert len(listing.annotation_files) == 3
    lines = listing.summary().splitlines()
    assert lines[0] == "megc2018: 4 rows (2 in use), 2 subjects, 3 folders, 37 frames"
    assert "  objective_class: I 1, III 1" in lines
    assert "  megc2018: anger 1, happiness 1" in lines
    assert "    casme2: 2 of 3 rows have a class of megc2018" in lines
    assert listing.rows_table().num_rows == 4


def test_members_are_left_as_they_are(roots):
    assert {row["subject"] for row in read("casme2", roots).rows} == {"06"}


@pytest.mark.parametrize("absent", ["casme2", "samm"])
def test_root_not_given(roots, absent):
    del roots[absent]
    with pytest.raises(UserError, match=f"megc2018: no folder is given for {absent}; add --root {absent}=DIR"):
        read("megc2018", roots)


def test_root_missing(roots, tmp_path):
    with pytest.raises(UserError, match="gone: no such folder"):
        read("megc2018", {**roots, "casme2": tmp_path / "gone"})


def test_without_objective_classes(roots):
    (roots["casme2"] / CASME2_OBJECTIVE).unlink()
    with pytest.raises(UserError, match=f"{roots['casme2']}: MEGC2018 needs {CASME2_OBJECTIVE}, a table with") as e:
        read("megc2018", roots)
    assert "put it there" in str(e.value)
    assert read("casme2", roots).rows[0]["objective_class"] is None
