"""Intervals over subjects: each method written out, and where there is none."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from scipy import stats

from mexflow.errors import UserError
from mexflow.evaluation import recognition
from mexflow.evaluation.uncertainty import (
    LENGTH,
    METHODS,
    SHARE,
    SIGNED,
    Bounds,
    over_subjects,
    percentiles,
    resample,
)
from mexflow.papers.interval_methods import DEFAULT, LABELS, IntervalMethod

SUBJECTS = 18


def clips() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Subjects, labels and predictions of clips; some subjects are recognised better than others."""
    rng = np.random.default_rng(3)
    subjects = np.concatenate([np.arange(SUBJECTS), rng.integers(0, SUBJECTS, 120)])
    labels = rng.integers(0, 5, len(subjects))
    predicted = np.where(rng.random(len(subjects)) < 0.2 + 0.03 * subjects, labels, rng.integers(0, 5, len(subjects)))
    return subjects, labels, predicted


def parts() -> np.ndarray:
    subjects, labels, predicted = clips()
    return recognition.confusion_by_group(labels, predicted, subjects, SUBJECTS, 5)


def accuracy(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
    """Accuracy of subjects, each given as (right, clips)."""
    sums = drawn.sum(axis)
    return sums[..., 0] / sums[..., 1]


def test_every_method_has_a_label_and_may_be_set():
    assert set(METHODS) == set(LABELS) == set(get_args(IntervalMethod)) and DEFAULT in METHODS


def test_percentiles_agree_with_a_plain_loop():
    subjects, labels, predicted = clips()
    low, high = over_subjects(parts(), recognition.accuracy, 7, "percentile").interval
    rng, values = np.random.default_rng(1), []
    for _ in range(2000):
        drawn = np.concatenate([np.flatnonzero(subjects == s) for s in rng.integers(0, SUBJECTS, SUBJECTS)])
        values.append((labels[drawn] == predicted[drawn]).mean())
    assert (low, high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.015)
    assert over_subjects(parts(), recognition.accuracy, 7, "percentile").interval == (low, high)
    assert over_subjects(parts(), recognition.accuracy, 8, "percentile").interval != (low, high)


def test_bca_agrees_with_scipy():
    counts = parts()
    pairs = np.stack([np.trace(counts, axis1=1, axis2=2), counts.sum((1, 2))], -1)
    rng = np.random.default_rng(0)

    def statistic(right, clips, axis):
        return right.sum(axis) / clips.sum(axis)

    theirs = stats.bootstrap(
        tuple(pairs.T.astype(float)), statistic, paired=True, vectorized=True, n_resamples=20000, method="BCa", rng=rng
    ).confidence_interval
    ours = over_subjects(counts, recognition.accuracy, 7, "bca").interval
    assert ours == pytest.approx(tuple(theirs), abs=0.012)
    assert ours != over_subjects(counts, recognition.accuracy, 7, "percentile").interval


@pytest.mark.parametrize("bounds", [SHARE, SIGNED, LENGTH, Bounds(0, 5)])
def test_t_is_the_jackknife_written_out(bounds):
    subjects, labels, predicted = clips()
    right = labels == predicted
    without = [right[subjects != subject].mean() for subject in range(SUBJECTS)]
    error = np.sqrt((SUBJECTS - 1) * np.var(without))

    def to_scale(x):
        return np.log(x - bounds.low) - (np.log(bounds.high - x) if np.isfinite(bounds.high) else 0)

    value = right.mean()
    step = 1e-6
    slope = (to_scale(value + step) - to_scale(value - step)) / (2 * step)
    reach = stats.t.ppf(0.975, SUBJECTS - 1) * error * slope
    low, high = over_subjects(parts(), recognition.accuracy, 7, "t", bounds).interval
    assert (to_scale(low), to_scale(high)) == pytest.approx(
        (to_scale(value) - reach, to_scale(value) + reach), abs=1e-6
    )
    # No chance is in it.
    assert over_subjects(parts(), recognition.accuracy, 8, "t", bounds).interval == (low, high)


@pytest.mark.parametrize("method", list(METHODS))
def test_intervals_stay_in_their_range_and_hold_the_number(method):
    counts = np.zeros((16, 2, 2), int)
    counts[:, 0, 0], counts[3, 0, 1], counts[7, 0, 1] = 9, 8, 3
    low, high = over_subjects(counts, recognition.accuracy, 1, method).interval
    assert 0 < low < recognition.accuracy(counts.sum(0)) < high <= 1


@pytest.mark.parametrize(("method", "least"), [(name, METHODS[name].least) for name in METHODS])
def test_too_few_subjects_have_no_interval_and_the_reason_says_so(method, least):
    counts = parts()
    enough = np.zeros_like(counts)
    enough[:least] = counts[:least]  # subjects that add nothing do not count
    assert over_subjects(enough, recognition.accuracy, 1, method).interval
    spread = over_subjects(enough[1:], recognition.accuracy, 1, method)
    assert spread.interval is None and spread.percent is None
    assert spread.notes == [f"no interval: {least - 1} subjects, fewer than {least}"]
    assert "one subject, fewer than" in over_subjects(enough[least - 1 :], recognition.accuracy, 1, method).reason
    assert "no subjects" in over_subjects(counts[:0], recognition.accuracy, 1, method).reason


@pytest.mark.parametrize("method", list(METHODS))
def test_subjects_that_are_alike_tell_nothing_of_their_spread(method):
    same = np.tile([[3, 1], [0, 2]], (20, 1, 1))
    perfect = np.random.default_rng(1).integers(1, 9, (20, 1, 1)) * np.eye(2, dtype=int)
    for counts in (same, perfect):
        spread = over_subjects(counts, recognition.accuracy, 1, method)
        assert spread.interval is None and spread.notes == ["no interval: no spread over subjects"]


def test_a_value_that_leaving_one_out_takes_away_does_not_count():
    """Of three subjects, one alone holds what is divided by: without it there is no number."""
    counts = np.array([[2, 4], [1, 0], [3, 0]])
    spread = over_subjects(counts, lambda sums: np.where(sums[..., 1] > 0, sums[..., 0] / 10, np.nan), 1, "t")
    assert spread.reason == "no interval: 2 subjects, fewer than 3"


def test_resamples_without_a_value_are_left_out():
    weights = resample(3, seed=1)
    assert weights.shape == (2000, 3) and (weights.sum(axis=1) == 3).all()
    assert percentiles(np.array([np.nan, 1.0, np.nan])) == (1.0, 1.0)
    assert percentiles(np.array([np.nan])) is None


def test_an_unknown_method_is_told():
    with pytest.raises(UserError, match="did you mean 'bca'"):
        over_subjects(parts(), recognition.accuracy, 1, "bcaa")
