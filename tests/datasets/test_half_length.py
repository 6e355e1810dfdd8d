"""k, the half length of an expression in spotting, and where `index` prints it."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import project
from dataset_files import cas_me_2, cas_me_2_frames, cas_me_2_row, casme2, casme2_frames, casme2_row
from mexflow.datasets.half_length import half_length
from mexflow.datasets.reading import read
from mexflow.errors import UserError


def row(onset, offset, type="micro", apex=None, repairs=(), excluded=None):
    return {"type": type, "onset": onset, "apex": apex, "offset": offset, "repairs": repairs, "excluded": excluded}


def lengths(*frames):
    return [row(100, 100 + length) for length in frames]


@settings(deadline=None)
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=50))
def test_formula(frames):
    found = half_length(lengths(*frames), "micro")
    assert found.k == math.floor((Fraction(sum(frames), len(frames)) + 1) / 2)
    assert (found.mean, found.count) == (sum(frames) / len(frames), len(frames))


@pytest.mark.parametrize(("frames", "k"), [([73, 73], 37), ([72, 73], 36), ([74, 75], 37), ([75], 38), ([1], 1)])
def test_rounding(frames, k):
    assert half_length(lengths(*frames), "micro").k == k


def test_published_values_of_cas_me_2():
    """The counts of the release: 44 of 300 macro rows have no offset, and their rule decides between 18, 19 and 20."""
    whole = [row(10, 10 + length, "macro") for length in [39] * 256]
    open_end = [row(10, 10 + half, "macro", 10 + half, ["offset_missing: the table says '0'"]) for half in [17] * 44]
    found = half_length(whole + open_end, "macro")
    assert found.mean == pytest.approx((256 * 39 + 44 * 34) / 300)
    assert found.k == 19
    assert half_length(whole, "macro").k == 20
    assert half_length([*whole, *({**one, "repairs": []} for one in open_end)], "macro").k == 18


def test_the_type_alone_counts():
    rows = [*lengths(9, 11), row(0, 500, "macro")]
    assert (half_length(rows, "micro").k, half_length(rows, "macro").k) == (5, 250)


def test_excluded_rows_with_numbers_count():
    rows = [row(0, 10), row(0, 30, excluded="folder_missing: x"), row(None, None, excluded="not_a_number: x")]
    found = half_length(rows, "micro")
    assert (found.mean, found.count) == (20, 2)


def test_rule():
    rows = [row(0, 9), row(0, 10), row(0, 10)]
    assert half_length(rows, "micro").rule == ("floor((N + 1) / 2), N = 9.67 the mean of offset - onset over 3 rows")
    rows.append(row(0, 5, apex=5, repairs=["offset_missing"]))
    assert half_length(rows, "micro").rule == (
        "floor((N + 1) / 2), N = 9.75 the mean of offset - onset over 4 rows; in 1 of them without an offset, "
        "2 * apex - onset stands for it"
    )


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "none has frame numbers"),
        ([row(0, None)], "none has frame numbers"),
        ([row(0, 9, "macro")], "none has frame numbers"),
        (lengths(0), "their mean length is 0.00 frames"),
        ([row(9, 0)], "their mean length is -9.00 frames"),
    ],
)
def test_no_half_length(rows, why):
    with pytest.raises(UserError, match=f"spotting interval of micro-expressions cannot be computed: {why}; check"):
        half_length(rows, "micro")


@pytest.fixture
def root(tmp_path):
    cas_me_2_frames(tmp_path, "s15/15_0101disgustingteeth", range(1, 41))
    rows = [
        cas_me_2_row(clip="disgust1_1", onset=3, apex=9, offset=20),
        cas_me_2_row(clip="disgust1_2", onset=21, apex=30, offset=0),
        cas_me_2_row(clip="disgust1_3", onset=10, apex=12, offset=15, kind="micro-expression"),
    ]
    return cas_me_2(tmp_path, rows)


LINES = [
    "  k macro: 9 = floor((N + 1) / 2), N = 17.50 the mean of offset - onset over 2 rows; in 1 of them without an "
    "offset, 2 * apex - onset stands for it",
    "  k micro: 3 = floor((N + 1) / 2), N = 5.00 the mean of offset - onset over 1 rows",
]


def test_the_command_prints_k(root, tmp_path):
    options = ("--output", tmp_path / "i.parquet", "--videos", tmp_path / "v.parquet", "--summary", tmp_path / "s.txt")
    done = project.mexflow("index", "--dataset", "cas_me_2", "--root", root, *options)
    assert done.returncode == 0, done.stderr
    for text in (done.stdout, (tmp_path / "s.txt").read_text()):
        assert [line for line in text.splitlines() if line.startswith("  k ")] == LINES


def test_a_summary_without_k(root):
    listing = read("cas_me_2", {"cas_me_2": root})
    for one in listing.rows:
        one["offset"] = one["onset"]
    assert "  k micro: the spotting interval of micro-expressions cannot be computed" in listing.summary()


def test_other_datasets_have_no_k(tmp_path):
    casme2_frames(tmp_path, "sub01/EP02_01f", range(1, 13))
    listing = read("casme2", {"casme2": casme2(tmp_path, [casme2_row()])})
    assert not listing.long_videos and "  k " not in listing.summary()
