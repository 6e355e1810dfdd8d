"""Scores to thresholds and metrics of spotting, against slow references, scikit-learn and SciPy."""

from __future__ import annotations

import math
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats
from sklearn import metrics

from mexflow.evaluation import intervals, scores, spotted, spotting, uncertainty
from mexflow.evaluation.intervals import Counts

TIED = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({label for _, label in pairs}) == 2
)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


# What was not measured.


def test_what_was_not_measured_makes_no_peak_and_counts_nowhere() -> None:
    """A bump of scores, unseen at its top; the frames around a gap in the numbers, too, are no one interval."""
    frames = np.arange(1, 101)
    values = np.exp(-(((frames - 50) / 8.0) ** 2)).astype(np.float32)
    values[47:52] = np.nan
    names = {"fold": "a", "dataset": "d", "subject": "s", "video": "v", "variant": ""}

    def video(role: str, numbers: np.ndarray) -> spotted.Scored:
        labels = (np.abs(frames - 50) < 9)[:, None]
        table = pa.Table.from_batches(
            scores.rows(names | {"role": role}, numbers, ["micro"], values[:, None], labels), scores.SCORES
        )
        ((one,),) = spotted.scored(table, {"micro": 4}).values()
        return one

    known, tested = video("train", frames), video("test", np.where(frames > 55, frames + 5, frames))
    hidden = np.isnan(values)
    assert (np.isnan(known.scores) == hidden).all() and (np.isnan(known.raw) == hidden).all()
    # The highest frames seen are 1 before, whatever the filter, and smoothing draws them down to the gap.
    assert np.nanmax(known.scores) < 1.1
    found = spotted.spot([known, tested], {}, "", "micro")
    assert found.chosen_on == 95 and np.isfinite(found.threshold)
    cut = spotted.predicted_intervals(tested, 0.3)
    assert len(cut) == 3 and cut[0].last == 47 and cut[1].first == 53 and (cut[1].last, cut[2].first) == (55, 61)
    assert np.isnan(spotted.normalised(np.full(3, np.nan))).all()
    assert spotted.normalised(values, 0.0)[hidden].tolist() == [0] * 5


# Normalising and smoothing.


def test_normalised_scores_reach_zero_and_one_and_equal_ones_are_zero() -> None:
    assert spotting.normalise(np.array([3, 1, 2], dtype=np.float32)).tolist() == [1, 0, 0.5]
    assert spotting.normalise(np.full(4, 0.7)).tolist() == [0] * 4
    assert spotting.normalise(np.array([])).shape == (0,)
    assert spotting.normalise(np.array([1, 2], dtype=np.float32)).dtype == np.float64


@pytest.mark.parametrize("wn", [1 / 6, 1 / 37, 1 / 217])
def test_smoothing_is_scipys_filter_run_both_ways(wn) -> None:
    scores = noise(900)
    assert spotting.smooth(scores, wn) == pytest.approx(signal.filtfilt(*signal.butter(2, wn), scores), abs=1e-9)


def test_smoothing_halves_the_critical_frequency_and_moves_no_peak() -> None:
    frames = np.arange(4000)
    wave = np.cos(np.pi * frames / 20)
    assert spotting.smooth(wave, 1 / 20)[1000:3000] == pytest.approx(wave[1000:3000] / 2, abs=1e-6)
    bump = np.exp(-(((frames - 1500) / 30) ** 2))
    smoothed = spotting.smooth(bump, 1 / 37)
    assert smoothed.argmax() == 1500
    assert smoothed[1400:1500] == pytest.approx(smoothed[1501:1601][::-1], abs=1e-9)


def test_smoothing_keeps_a_constant_and_its_input_and_filters_nothing_from_one_on() -> None:
    assert spotting.smooth(np.full(50, 0.3), 1 / 19) == pytest.approx(np.full(50, 0.3))
    scores = noise(40)
    before = scores.copy()
    for wn in (1, 1.5):
        unfiltered = spotting.smooth(scores, wn)
        assert np.array_equal(unfiltered, scores) and not np.shares_memory(unfiltered, scores)
    spotting.smooth(scores, 0.1)
    assert np.array_equal(scores, before)


@pytest.mark.parametrize("n", range(14))
def test_a_video_of_any_length_is_smoothed(n) -> None:
    scores = noise(n, seed=n)
    smoothed = spotting.smooth(scores, 1 / 37)
    assert smoothed.shape == (n,) and np.isfinite(smoothed).all()
    if n < 2:
        assert np.array_equal(smoothed, scores)
    else:
        padded = np.pad(scores, min(9, n - 1), mode="reflect", reflect_type="odd")
        expected = signal.sosfiltfilt(signal.butter(2, 1 / 37, output="sos"), padded, padlen=0)
        assert smoothed == pytest.approx(expected[min(9, n - 1) :][:n], abs=1e-9)


@pytest.mark.parametrize("wn", [0, -0.1, math.nan])
def test_a_critical_frequency_of_nothing_is_refused(wn) -> None:
    with pytest.raises(ValueError, match="critical frequency"):
        spotting.smooth(noise(20), wn)


def test_scores_that_are_not_finite_are_refused_everywhere() -> None:
    scores, labels = np.array([0.1, np.nan, 0.3]), np.array([True, False, True])
    calls = [
        lambda: spotting.normalise(scores),
        lambda: spotting.smooth(scores, 0.5),
        lambda: spotting.youden(scores, labels),
        lambda: spotting.auc(scores, labels),
        lambda: spotting.auc_interval(scores, labels, np.array(list("abc")), 1),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="not finite, at position 1"):
            call()


# The threshold.


def slow_youden(scores: np.ndarray, labels: np.ndarray) -> float:
    """Every score and infinity tried from the highest down, J in whole numbers."""
    best, found = None, None
    for threshold in [math.inf, *sorted(set(scores.tolist()), reverse=True)]:
        positive = scores >= threshold
        j = int((positive & labels).sum()) * int((~labels).sum()) - int((positive & ~labels).sum()) * int(labels.sum())
        if best is None or j > best:
            best, found = j, threshold
    return found


@given(TIED)
@settings(max_examples=400, deadline=None)
def test_the_threshold_has_the_largest_j_and_is_the_highest_such(pairs) -> None:
    scores, labels = np.array([score for score, _ in pairs], float), np.array([label for _, label in pairs])
    threshold = spotting.youden(scores, labels)
    assert threshold == slow_youden(scores, labels)
    alarms, hits, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    reached = (scores >= threshold)[labels].mean() - (scores >= threshold)[~labels].mean()
    assert reached == pytest.approx((hits - alarms).max(), abs=1e-12)


def test_thresholds_by_hand() -> None:
    labels = np.array([False, False, True, True, False])
    assert spotting.youden(np.array([0.1, 0.2, 0.7, 0.8, 0.3]), labels) == 0.7
    # J is 1/2 from 0.8 and again from 0.4: the higher one.
    assert spotting.youden(np.array([0.8, 0.6, 0.5, 0.4]), np.array([True, False, False, True])) == 0.8
    assert spotting.youden(np.full(5, 0.4), labels) == math.inf, "no better than chance"
    assert spotting.youden(np.array([0.8, 0.9, 0.1, 0.2, 0.7]), labels) == math.inf, "the wrong way round"


def test_a_threshold_needs_both_classes_and_as_many_labels_as_scores() -> None:
    for labels in (np.zeros(3, bool), np.ones(3, bool)):
        with pytest.raises(ValueError, match="no threshold can be chosen"):
            spotting.youden(np.arange(3.0), labels)
    with pytest.raises(ValueError, match="labels"):
        spotting.youden(np.arange(3.0), np.array([True, False]))


def test_scores_become_the_intervals_that_made_them() -> None:
    truth = [intervals.Interval(120, 190), intervals.Interval(400, 480)]
    labels = intervals.labels(truth, first=1, length=700)
    scores = spotting.smooth(spotting.normalise(labels + 0.3 * noise(700)), 1 / 20)
    predicted = intervals.runs(scores, spotting.youden(scores, labels), offset=1)
    counts = intervals.count(predicted, truth)
    assert counts.tp == 2 and counts.fn == 0
    assert spotting.f1_frames(intervals.labels(predicted, 1, 700), labels) > 0.9
    assert spotting.auc(scores, labels) > 0.95


# Metrics of frames.


@given(TIED)
@settings(max_examples=100, deadline=None)
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs) -> None:
    scores, labels = np.array([score for score, _ in pairs], float), np.array([label for _, label in pairs])
    difference = scores[labels][:, None] - scores[~labels][None]
    assert spotting.auc(scores, labels) == pytest.approx(np.mean((difference > 0) + (difference == 0) / 2))


def test_auc_of_one_class_is_not_a_number() -> None:
    assert math.isnan(spotting.auc(np.arange(3.0), np.ones(3, bool)))
    assert math.isnan(spotting.auc(np.array([]), np.array([], bool)))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_f1_of_frames_is_scikit_learns(pairs) -> None:
    predicted, truth = np.array(pairs).T
    expected = metrics.f1_score(truth, predicted, zero_division=np.nan)
    assert spotting.f1_frames(predicted, truth) == pytest.approx(expected, nan_ok=True)


def test_frames_are_counted_and_lengths_compared() -> None:
    predicted, truth = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 0, 0, 1, 0, 0])
    assert spotting.count_frames(predicted, truth) == Counts(1, 2, 1)
    with pytest.raises(ValueError, match="predictions"):
        spotting.count_frames(predicted, truth[:1])


# The baselines' contrast.


def test_contrast_is_the_equation_with_the_ends_repeated() -> None:
    distances = noise(30)
    for k in (1, 4, 29, 50):
        expected = [
            distances[i] - (distances[max(i - k, 0)] + distances[min(i + k, 29)]) / 2 for i in range(len(distances))
        ]
        assert spotting.contrast(distances, k) == pytest.approx(expected)
    assert spotting.contrast(np.array([]), 3).shape == (0,)
    with pytest.raises(ValueError, match="at least 1"):
        spotting.contrast(distances, 0)


def test_a_bump_of_a_few_frames_gives_a_contrast_there() -> None:
    distances = np.zeros(60)
    distances[30:35] = 1
    contrasts = spotting.contrast(distances, 10)
    assert (contrasts[30:35] == 1).all() and np.count_nonzero(contrasts > 0) == 5


def test_sweeping_goes_from_the_mean_to_the_greatest() -> None:
    contrasts = np.array([0.0, 1.0, 5.0])
    assert [spotting.sweep(contrasts, p) for p in (0, 0.5, 1)] == [2, 3.5, 5]


def test_pooled_sweeping_is_the_roc_of_the_rescaled_contrasts() -> None:
    videos = [noise(50, 1), 40 * noise(80, 2) + 7]
    labels = [noise(50, 3) > 0.5, noise(80, 4) > 0.5]
    pooled, pooled_labels = np.concatenate([spotting.swept(video) for video in videos]), np.concatenate(labels)
    for p in (-1.03, -0.2, 0.013, 0.31, 0.77):
        marked = np.concatenate([video >= spotting.sweep(video, p) for video in videos])
        assert np.array_equal(marked, pooled >= p)
    alarms, hits, _ = metrics.roc_curve(pooled_labels, pooled)
    assert metrics.auc(alarms, hits) == pytest.approx(spotting.auc(pooled, pooled_labels))
    assert spotting.swept(np.full(3, 2.0)).tolist() == [0] * 3
    assert spotting.swept(np.array([])).shape == (0,)


# Which videos count.


def test_leaving_out_videos_drops_false_positives_alone() -> None:
    truth = {"a": [(1, 5)], "b": [], "c": [(3, 9), (20, 30)], "d": []}
    predicted = {"a": [(1, 5), (9, 11)], "b": [(2, 4)], "c": [(3, 9)], "d": [(2, 4)]}
    types = {"a": {"micro", "macro"}, "b": {"macro"}, "c": {"micro"}, "d": set()}

    def pooled(setting: str) -> Counts:
        counted = spotting.counting(types, "micro", setting)
        return sum((intervals.count(predicted[video], truth[video]) for video in counted), Counts())

    assert spotting.counting(types, "micro") == spotting.counting(types, "micro", "all") == {"a", "b", "c", "d"}
    assert spotting.counting(types, "micro", "annotated") == {"a", "b", "c"}
    assert spotting.counting(types, "micro", "with_expressions") == {"a", "c"}
    assert [pooled(setting) for setting in spotting.VIDEOS] == [Counts(2, 3, 1), Counts(2, 2, 1), Counts(2, 1, 1)]
    with pytest.raises(ValueError, match="'some', not one of all, annotated, with_expressions"):
        spotting.counting(types, "micro", "some")


# Intervals over subjects.


def test_the_interval_of_the_pooled_f1_is_the_bootstrap_written_out() -> None:
    counts = {"s3": Counts(3, 2, 1), "s1": Counts(0, 5, 2), "s2": Counts(), "s4": Counts(6, 1, 1)}
    interval = spotting.pooled_f1_interval(counts, 7, "percentile", least=3).interval
    values = []
    for weights in uncertainty.resample(4, 7):
        total = Counts()
        for name, times in zip(sorted(counts), weights, strict=True):
            total = sum([counts[name]] * int(times), total)
        values.append(total.f1)
    assert np.isnan(values).any(), "subjects that add nothing are drawn alone now and then"
    assert interval == pytest.approx(np.nanquantile(values, [0.025, 0.975]))
    assert interval[0] < sum(counts.values(), Counts()).f1 < interval[1]


def test_the_interval_of_the_pooled_f1_depends_on_the_seed_and_not_on_the_order_of_subjects() -> None:
    random = np.random.default_rng(2)
    counts = {f"s{subject}": Counts(*map(int, random.integers(0, 20, 3))) for subject in range(12)}
    for method, least in (("t", 3), ("percentile", 3)):
        interval = spotting.pooled_f1_interval(counts, 7, method, least).interval
        assert interval == spotting.pooled_f1_interval(dict(sorted(counts.items())), 7, method, least).interval
        assert interval == spotting.pooled_f1_interval(dict(reversed(counts.items())), 7, method, least).interval
        other = spotting.pooled_f1_interval(counts, 8, method, least).interval
        assert (interval == other) == (method == "t")


def test_the_t_interval_of_the_auc_is_the_jackknife_written_out() -> None:
    random = np.random.default_rng(3)
    subjects = random.choice(["s1", "s2", "s10", "s3"], 150)
    labels = random.random(150) < 0.3
    scores = np.round(random.normal(size=150) + labels, 1)
    without = [spotting.auc(scores[subjects != name], labels[subjects != name]) for name in np.unique(subjects)]
    area = spotting.auc(scores, labels)
    reach = stats.t.ppf(0.975, 3) * np.sqrt(3 * np.var(without)) / (area * (1 - area))
    centre = np.log(area / (1 - area))
    low, high = spotting.auc_interval(scores, labels, subjects, 11).interval
    assert [low, high] == pytest.approx([1 / (1 + np.exp(reach - centre)), 1 / (1 + np.exp(-reach - centre))])


def test_one_subject_gives_no_interval() -> None:
    alone = (
        spotting.pooled_f1_interval({"s1": Counts(1, 1, 1)}, 1),
        spotting.pooled_f1_interval({"s1": Counts(1, 1, 1), "s2": Counts()}, 1),
        spotting.auc_interval(np.arange(4.0), np.arange(4) > 1, np.array(["s1"] * 4), 1),
    )
    assert {spread.notes[0] for spread in alone} == {"no interval: one subject, fewer than 3"}
    assert not any(spread.interval for spread in alone)
    assert spotting.pooled_f1_interval({}, 1).interval is None
    without_negatives = spotting.auc_interval(np.arange(6.0), np.ones(6, bool), np.array(list("aabbcc")), 1)
    assert without_negatives.interval is None and without_negatives.reason


def test_the_interval_of_the_auc_is_the_bootstrap_written_out(monkeypatch) -> None:
    resample = uncertainty.resample
    monkeypatch.setattr(uncertainty, "resample", lambda subjects, seed: resample(subjects, seed, 200))
    random = np.random.default_rng(3)
    subjects = random.choice(["s1", "s2", "s10", "s3"], 150)
    labels = (random.random(150) < 0.3) & (subjects != "s2")
    scores = np.round(random.normal(size=150) + labels, 1)  # ties among and across the subjects
    values = []
    for weights in uncertainty.resample(4, 11):
        times = weights[np.unique(subjects, return_inverse=True)[1]]
        values.append(spotting.auc(np.repeat(scores, times), np.repeat(labels, times)))
    interval = spotting.auc_interval(scores, labels, subjects, 11, "percentile", least=3).interval
    assert interval == pytest.approx(np.nanquantile(values, [0.025, 0.975]), abs=1e-12)
    shuffled = random.permutation(150)
    again = spotting.auc_interval(scores[shuffled], labels[shuffled], subjects[shuffled], 11, "percentile", least=3)
    assert again.interval == interval
    with pytest.raises(ValueError, match="subjects"):
        spotting.auc_interval(scores, labels, subjects[1:], 11)


def test_a_resample_without_a_positive_frame_is_left_out() -> None:
    # Only s1 and s2 have positives: the resamples that draw neither have no AUC.
    scores, labels = np.array([0.9, 0.1, 0.3, 0.4, 0.2, 0.3]), np.array([1, 0, 1, 0, 0, 0], bool)
    spread = spotting.auc_interval(scores, labels, np.array([1, 1, 2, 2, 3, 3]), 5, "percentile", least=3)
    assert 0 <= spread.interval[0] < spotting.auc(scores, labels) < spread.interval[1] <= 1


def test_the_auc_of_long_videos_and_many_subjects_has_its_interval_in_seconds() -> None:
    random = np.random.default_rng(0)
    subjects = random.integers(0, 30, 200_000)
    labels = random.random(200_000) < 0.1
    scores = random.normal(size=200_000) + labels
    start = time.perf_counter()
    low, high = spotting.auc_interval(scores, labels, subjects, 1, "percentile").interval
    assert time.perf_counter() - start < 20
    assert low < spotting.auc(scores, labels) < high
