"""Intervals: matching against every possible choice, counts, labels, runs, the null control."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching_brute_force import best_first, most_matches, share
from mexflow.evaluation import intervals
from mexflow.evaluation.intervals import Counts, Interval, count, iou, match, runs

HALF = Fraction(1, 2)
INTERVALS = st.lists(
    st.tuples(st.integers(1, 14), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair))), max_size=5
)


@st.composite
def disjoint(draw: st.DrawFn, gap: int) -> list[tuple[int, int]]:
    """Pairwise disjoint intervals with at least `gap` frames between, in any order."""
    found: list[tuple[int, int]] = []
    start = 0
    for skip, more in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), max_size=6)):
        start += skip + (gap if found else 0)
        found.append((start, start + more))
        start += more + 1
    return draw(st.permutations(found))


# Matching.


@given(INTERVALS, INTERVALS)
@settings(max_examples=2000, deadline=None)
def test_best_first_is_the_literal_rule_and_never_below_half_of_the_best_choice(predicted, truth) -> None:
    found = match(predicted, truth)
    expected = best_first(predicted, truth, HALF)
    assert [(predicted[row], truth[column]) for row, column, _ in found] == [pair[:2] for pair in expected]
    assert [value for *_, value in found] == [float(pair[2]) for pair in expected]
    rows, columns, _ = zip(*found, strict=True) if found else ((), (), ())
    assert len(set(rows)) == len(rows) and len(set(columns)) == len(columns), "one to one"
    best = most_matches(predicted, truth, HALF)
    assert best / 2 <= len(found) <= best


@given(disjoint(gap=1), INTERVALS)
@settings(max_examples=1500, deadline=None)
def test_best_first_finds_the_most_matches_where_one_side_has_gaps(apart, others) -> None:
    assert len(match(apart, others)) == most_matches(apart, others, HALF)
    assert len(match(others, apart)) == most_matches(others, apart, HALF)


@given(disjoint(gap=0), disjoint(gap=0))
@settings(max_examples=1000, deadline=None)
def test_best_first_finds_the_most_matches_where_neither_side_overlaps(predicted, truth) -> None:
    assert len(match(predicted, truth)) == most_matches(predicted, truth, HALF)


@given(disjoint(gap=0), INTERVALS)
@settings(max_examples=500, deadline=None)
def test_above_one_half_one_disjoint_side_is_enough(predicted, truth) -> None:
    threshold = Fraction(51, 100)
    assert len(match(predicted, truth, 0.51)) == most_matches(predicted, truth, threshold)


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [
        # Disjoint but touching predictions, and a truth inside the first: three pairs of exactly 1/2.
        ([(1, 4), (5, 8)], [(1, 8), (3, 4)]),
        # Overlaps on both sides, all shares above 1/2, the best of them in the middle.
        ([(3, 12), (6, 15)], [(4, 13), (1, 10)]),
    ],
)
def test_best_first_can_miss_a_match_where_the_guarantee_ends(predicted, truth) -> None:
    assert most_matches(predicted, truth, HALF) == 2
    assert len(match(predicted, truth)) == 1


@pytest.mark.parametrize(
    ("predicted", "truth", "expected"),
    [
        pytest.param([], [], Counts(0, 0, 0), id="nothing at all"),
        pytest.param([], [(3, 9), (20, 30)], Counts(0, 0, 2), id="empty prediction"),
        pytest.param([(3, 9), (20, 30)], [], Counts(0, 2, 0), id="empty truth"),
        pytest.param([(3, 9)], [(3, 9)], Counts(1, 0, 0), id="the same"),
        pytest.param([(1, 20)], [(1, 8), (11, 20)], Counts(1, 0, 1), id="one prediction over two truths"),
        pytest.param([(1, 20)], [(1, 8), (12, 20)], Counts(0, 1, 2), id="one prediction too long for either truth"),
        pytest.param([(1, 20)], [(1, 10), (11, 20)], Counts(1, 0, 1), id="one prediction, its two halves true"),
        pytest.param([(1, 11), (13, 20)], [(1, 20)], Counts(1, 1, 0), id="two predictions in one truth"),
        pytest.param([(1, 10), (11, 20)], [(1, 20)], Counts(1, 1, 0), id="two halves of one truth"),
        pytest.param([(1, 5), (8, 12)], [(1, 20)], Counts(0, 2, 1), id="two predictions, both too short"),
        pytest.param([(1, 10)], [(1, 20)], Counts(1, 0, 0), id="exactly one half"),
        pytest.param([(1, 10)], [(1, 21)], Counts(0, 1, 1), id="one frame below one half"),
        pytest.param([(1, 10)], [(10, 10)], Counts(0, 1, 1), id="one frame shared"),
        pytest.param([(5, 5)], [(5, 6)], Counts(1, 0, 0), id="one frame of two"),
        pytest.param([(1, 20)], [(1, 20), (1, 18)], Counts(1, 0, 1), id="overlapping truths, one prediction"),
        pytest.param([(1, 12), (14, 30)], [(1, 14), (10, 30)], Counts(2, 0, 0), id="overlapping truths, both found"),
        pytest.param([(4, 9)], [(4, 9), (4, 9)], Counts(1, 0, 1), id="the same truth twice"),
    ],
)
def test_the_cases_the_field_argues_about(predicted, truth, expected) -> None:
    assert count(predicted, truth) == expected


def test_the_best_pair_is_taken_first_and_ties_go_to_the_earlier_whatever_the_order_given() -> None:
    assert match([(1, 20)], [(1, 12), (1, 18)]) == [(0, 1, 0.9)]
    assert match([(11, 20), (1, 10)], [(1, 20)]) == [(1, 0, 0.5)], "the earlier prediction"
    assert match([(1, 20)], [(11, 20), (1, 10)]) == [(0, 1, 0.5)], "the earlier truth"
    both = match([(1, 8), (2, 2)], [(2, 3), (5, 8)])
    assert both == [(1, 0, 0.5), (0, 1, 0.5)], "the earlier truth before the earlier prediction"
    assert match([(4, 9), (4, 9)], [(4, 9)]) == [(0, 0, 1.0)]


def test_equality_with_the_threshold_is_exact_at_any_length() -> None:
    for union in [*range(2, 400), 2**24 - 1, 2**24, 2**25 - 2, 2**25 - 1]:
        for shared in (union // 2, (union + 1) // 2, union // 2 + 1):
            assert (iou((0, shared - 1), (0, union - 1)) >= 0.5) == (2 * shared >= union)
    assert count([(1, 3)], [(1, 10)], 0.3) == Counts(1, 0, 0)
    assert count([(1, 7)], [(1, 10)], 0.7) == Counts(1, 0, 0)
    assert count([(1, 10)], [(1, 10)], 1.0) == Counts(1, 0, 0)


@given(INTERVALS.filter(bool), INTERVALS.filter(bool))
@settings(max_examples=200, deadline=None)
def test_iou_counts_frames(some, others) -> None:
    assert iou(some[0], others[0]) == iou(others[0], some[0]) == float(share(some[0], others[0]))


def test_broken_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="9 to 8"):
        iou((9, 8), (1, 2))
    with pytest.raises(ValueError, match="ends before it begins"):
        match([(1, 2)], [(5, 4)])
    for threshold in (0, -0.1, 1.01, math.nan):
        with pytest.raises(ValueError, match=r"not in \(0, 1\]"):
            match([], [], threshold)


# Counts.


def test_counts_add_up_and_f1_is_pooled() -> None:
    parts = [Counts(1, 2, 3), Counts(0, 4, 0), Counts(2, 0, 0)]
    total = sum(parts, Counts())
    assert total == Counts(3, 6, 3)
    assert (total.precision, total.recall, total.f1) == pytest.approx((3 / 9, 3 / 6, 6 / 15))
    assert total.f1 != pytest.approx(np.mean([part.f1 for part in parts]))


def test_shares_of_nothing_are_not_a_number() -> None:
    assert all(math.isnan(value) for value in (Counts().f1, Counts().precision, Counts().recall))
    assert (Counts(fp=1).f1, Counts(fn=1).f1) == (0, 0)
    assert math.isnan(Counts(fp=1).recall) and math.isnan(Counts(fn=1).precision)


# Labels and runs.


def test_labels_are_the_frames_from_onset_to_offset_inside_the_video() -> None:
    assert intervals.labels([(3, 4), (4, 6)], first=1, length=8).tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert intervals.labels([(7, 12)], first=1, length=8).tolist() == [0] * 6 + [1] * 2, "past the last frame"
    assert intervals.labels([(-1, 1)], first=1, length=4).tolist() == [1, 0, 0, 0], "before the first frame"
    assert not intervals.labels([(9, 12), (-5, -2), (-1, 0)], first=1, length=8).any(), "wholly outside"
    empty = intervals.labels([], first=1, length=4)
    assert empty.dtype == bool and empty.tolist() == [0] * 4
    assert intervals.labels([(1, 2)], first=1, length=0).shape == (0,)


def test_runs_by_hand() -> None:
    scores = np.array([0.5, 0.6, 0.1, 0.9, 0.1, 0.5, 0.5, 0.5])
    assert runs(scores, 0.5) == [Interval(0, 1), Interval(5, 7)], "at the threshold counts, one frame is dropped"
    assert runs(scores, 0.5, least=1) == [Interval(0, 1), Interval(3, 3), Interval(5, 7)]
    assert runs(scores, 0.5, least=3, offset=1) == [Interval(6, 8)]
    assert runs(scores, 0.0) == [Interval(0, 7)]
    assert runs(scores, math.inf) == runs(scores, 0.95) == runs(np.array([]), 0.5) == []
    assert all(type(end) is int for run in runs(scores, 0.5) for end in run)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_runs_are_the_positive_frames_and_never_touch(positive, least) -> None:
    found = runs(np.array(positive, dtype=float), 0.5, least=1, offset=7)
    assert intervals.labels(found, 7, len(positive)).tolist() == positive
    assert all(after.first - before.last >= 2 for before, after in zip(found, found[1:], strict=False))
    kept = [run for run in found if run.last - run.first + 1 >= least]
    assert runs(np.array(positive, dtype=float), 0.5, least, 7) == kept


# The null control.


@given(disjoint(gap=0), st.integers(0, 6), st.integers(0, 2**63))
@settings(max_examples=300, deadline=None)
def test_shifted_intervals_keep_their_lengths_stay_inside_and_do_not_overlap(given_intervals, room, seed) -> None:
    lengths = [last - first + 1 for first, last in given_intervals]
    length = sum(lengths) + room
    moved = intervals.shifted(given_intervals, length, seed, first=5)
    assert sorted(last - first + 1 for first, last in moved) == sorted(lengths)
    assert int(intervals.labels(moved, 5, length).sum()) == sum(lengths), "inside, and no frame twice"
    assert moved == sorted(moved) == intervals.shifted(given_intervals, length, seed, first=5)


def test_shifted_intervals_go_everywhere_evenly_and_lengths_change_places() -> None:
    starts = [intervals.shifted([(3, 5)], 12, seed)[0].first for seed in range(4000)]
    assert np.bincount(starts, minlength=10) == pytest.approx(np.full(10, 400), abs=100), "10 places, each alike"
    first_is_short = np.mean(
        [np.diff(intervals.shifted([(0, 0), (4, 8)], 40, seed)[0])[0] == 0 for seed in range(1000)]
    )
    assert first_is_short == pytest.approx(0.5, abs=0.08)


def test_intervals_that_fill_the_video_stay_and_more_do_not_fit() -> None:
    assert intervals.shifted([(1, 6)], 6, seed=1, first=1) == [(1, 6)]
    assert intervals.shifted([], 6, seed=1) == []
    with pytest.raises(ValueError, match="7 frames together in a video of 6"):
        intervals.shifted([(1, 4), (2, 4)], 6, seed=1)
