"""Metrics against scikit-learn and by hand; similarity of features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.metrics.pairwise import cosine_similarity

from mexflow.evaluation import recognition, similarity
from mexflow.evaluation.uncertainty import seed_of

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_confusion_and_accuracy_agree_with_scikit_learn_also_where_classes_are_absent(pairs) -> None:
    labels, predicted = np.array(pairs).T
    matrix = recognition.confusion(labels, predicted, 5)
    assert np.array_equal(matrix, metrics.confusion_matrix(labels, predicted, labels=range(5)))
    assert recognition.accuracy(matrix) == pytest.approx(metrics.accuracy_score(labels, predicted))
    shares = recognition.row_shares(matrix)
    present = np.isin(range(5), labels)
    assert np.isnan(shares[~present]).all()
    normalised = metrics.confusion_matrix(labels, predicted, labels=range(5), normalize="true")
    assert shares[present] == pytest.approx(normalised[present])


def test_permuted_labels_are_those_of_a_plain_loop() -> None:
    """The distribution of each entry of the pooled matrix, against shuffling clip by clip."""
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 4, 40)
    labels, predicted = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    parts = recognition.confusion_by_group(labels, predicted, groups, 4, 3)
    matrices = recognition.permuted(parts, 4000, seed=1)
    loop = []
    for _ in range(4000):
        shuffled = labels.copy()
        for group in range(4):
            shuffled[groups == group] = rng.permutation(labels[groups == group])
        loop.append(recognition.confusion(shuffled, predicted, 3))
    assert matrices.mean(0) == pytest.approx(np.mean(loop, 0), abs=0.12)
    assert matrices.std(0) == pytest.approx(np.std(loop, 0), abs=0.1)
    scores = [np.quantile(recognition.uar(np.asarray(x)), [0.025, 0.5, 0.975]) for x in (matrices, loop)]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)
    assert np.array_equal(matrices, recognition.permuted(parts, 4000, seed=1))
    assert not np.array_equal(matrices, recognition.permuted(parts, 4000, seed=2))


def test_what_several_networks_said_of_a_clip_stays_together_when_labels_are_permuted() -> None:
    rng = np.random.default_rng(2)
    labels = [rng.integers(0, 3, size) for size in (9, 1, 5)]
    alike = [np.stack([said := rng.integers(0, 3, len(true)), said]) for true in labels]
    one, other = recognition.permuted_together(labels, alike, 3, 300, seed=4)
    assert np.array_equal(one, other) and one.sum((1, 2)).tolist() == [15] * 300
    # Of a network alone it is what its confusion matrices give, whatever the order of the clips.
    parts = np.array([recognition.confusion(true, said[0], 3) for true, said in zip(labels, alike, strict=True)])
    assert np.array_equal(one, recognition.permuted(parts, 300, seed=4))
    # Networks that say the opposite are right by turns: the mean of both does not vary.
    two = [rng.integers(0, 2, 12) for _ in range(4)]
    opposite = [np.stack([said := rng.integers(0, 2, 12), 1 - said]) for _ in two]
    scores = recognition.accuracy(recognition.permuted_together(two, opposite, 2, 300, seed=4))
    assert np.ptp(scores[0]) > 0.2 and scores.mean(0) == pytest.approx(0.5)


@given(PAIRS, st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_permuting_keeps_what_there_is_and_what_was_said_of_each_subject(pairs, subjects) -> None:
    labels, predicted = np.array(pairs).T
    parts = recognition.confusion_by_group(labels, predicted, np.arange(len(labels)) % subjects, subjects, 5)
    matrices = recognition.permuted(parts, 20, seed=3)
    assert (matrices.sum(2) == parts.sum((0, 2))).all() and (matrices.sum(1) == parts.sum((0, 1))).all()
    # A subject a clip: there is nothing to permute.
    alone = recognition.confusion_by_group(labels, predicted, np.arange(len(labels)), len(labels), 5)
    assert (recognition.permuted(alone, 20, seed=3) == alone.sum(0)).all()


@given(PAIRS)
@settings(max_examples=30, deadline=None)
def test_the_constant_answer_is_that_of_the_most_frequent_class(pairs) -> None:
    labels = np.array(pairs)[:, 0]
    frequent = np.bincount(labels, minlength=5).argmax()
    constant = recognition.confusion(labels, np.full(len(labels), frequent), 5)
    assert np.array_equal(recognition.constant_answer(recognition.confusion(*np.array(pairs).T, 5)), constant)


def test_metrics_take_leading_axes() -> None:
    matrices = np.random.default_rng(0).integers(0, 9, (3, 4, 5, 5))
    for metric in (recognition.accuracy, recognition.uf1, recognition.uar):
        whole = metric(matrices)
        assert whole.shape == (3, 4)
        assert whole[1, 2] == pytest.approx(metric(matrices[1, 2]))


def test_a_share_of_nothing_is_nan() -> None:
    empty = recognition.confusion(np.array([], int), np.array([], int), 3)
    assert empty.shape == (3, 3) and not empty.any()
    for metric in (recognition.accuracy, recognition.uf1, recognition.uar):
        assert np.isnan(metric(empty))


def test_confusion_by_group_adds_up_and_checks_its_numbers() -> None:
    rng = np.random.default_rng(1)
    labels, predicted, groups = rng.integers(0, 3, 50), rng.integers(0, 3, 50), rng.integers(0, 4, 50)
    parts = recognition.confusion_by_group(labels, predicted, groups, 4, 3)
    assert np.array_equal(parts.sum(axis=0), recognition.confusion(labels, predicted, 3))
    chosen = groups == 2
    assert np.array_equal(parts[2], recognition.confusion(labels[chosen], predicted[chosen], 3))
    with pytest.raises(ValueError, match="not in 0..1"):
        recognition.confusion(labels, predicted, 2)
    with pytest.raises(ValueError, match="labels"):
        recognition.confusion(labels[1:], predicted, 3)


def test_encode_refuses_an_unknown_class() -> None:
    assert recognition.encode(["b", "a", "b"], ["a", "b"]).tolist() == [1, 0, 1]
    with pytest.raises(KeyError):
        recognition.encode(["c"], ["a", "b"])


def test_seeds_depend_on_every_part_and_on_nothing_else() -> None:
    assert seed_of(1, "paper", "experiment") == 6222755416449406781
    assert seed_of("a", "bc") != seed_of("ab", "c")
    assert len({seed_of(1, "x"), seed_of(2, "x"), seed_of(1, "y"), seed_of(1)}) == 4


def folds(seed: int = 0, classes: int = 3) -> list[similarity.FoldSimilarity]:
    """Four folds of random features; the last has one sample of class 2, and fold 0 none."""
    rng = np.random.default_rng(seed)
    per_fold = ([0, 0, 1, 1], [0, 0, 0, 1, 1, 2, 2], [0, 1, 2, 2, 2], [0, 0, 1, 1, 2])
    return [
        similarity.compare(f"fold{i}", rng.normal(size=(len(x), 6)), np.array(x), [f"{i}_{j}" for j in range(len(x))])
        for i, x in enumerate(per_fold)
    ]


def test_compare_agrees_with_scikit_learn_and_leaves_out_zero_features() -> None:
    features = np.random.default_rng(2).normal(size=(6, 9)).astype(np.float32)
    features[4] = 0
    found = similarity.compare("f", features, np.arange(6), list("abcdef"))
    assert found.clips == tuple("abcdf") and found.labels.tolist() == [0, 1, 2, 3, 5]
    assert found.matrix == pytest.approx(cosine_similarity(features[[0, 1, 2, 3, 5]]), abs=1e-6)
    assert found.matrix.dtype == np.float64


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 1), (2, 2), (1, 2)])
def test_all_pairs_is_the_mean_over_pairs_within_folds_only(a: int, b: int) -> None:
    pairs = [
        fold.matrix[i, j]
        for fold in folds()
        for i in range(len(fold.labels))
        for j in range(len(fold.labels))
        if fold.labels[i] == a and fold.labels[j] == b and (a != b or i < j)
    ]
    found = similarity.all_pairs(folds(), a, b, seed=1)
    assert found.pairs == len(pairs) and found.value == pytest.approx(np.mean(pairs))
    if (a, b) == (2, 2):  # two folds alone have two samples of it
        assert found.spread.reason == "no interval: 2 subjects, fewer than 3"
    else:
        assert found.spread.interval[0] <= found.value <= found.spread.interval[1]
    assert similarity.all_pairs(folds(), b, a, seed=1) == found


def test_the_choice_is_symmetric_seeded_and_takes_two_samples_a_class() -> None:
    by_name = {fold.fold: fold for fold in folds()}
    chosen = set()
    for seed in range(40):
        found = similarity.choose(folds(), 0, 2, seed)
        assert found == similarity.choose(folds(), 2, 0, seed)
        fold = by_name[found.fold]
        rows = [fold.clips.index(clip) for clip in found.clips]
        first = [row for row in rows if fold.labels[row] == 0]
        second = [row for row in rows if fold.labels[row] == 2]
        # Only fold 1 holds two of both.
        assert (found.fold, len(first), len(second), found.pairs) == ("fold1", 2, 2, 4)
        assert found.value == pytest.approx(fold.matrix[np.ix_(first, second)].mean())
        chosen.add(found.clips)
    assert len(chosen) > 3


def test_the_choice_within_a_class_is_one_pair_of_different_samples() -> None:
    names = set()
    for seed in range(30):
        found = similarity.choose(folds(), 2, 2, seed)
        fold = next(fold for fold in folds() if fold.fold == found.fold)
        i, j = (fold.clips.index(clip) for clip in found.clips)
        assert i != j and found.pairs == 1 and found.value == fold.matrix[i, j]
        assert found.spread.interval is not None
        names.add(found.fold)
    assert names == {"fold1", "fold2"}


def test_the_choice_falls_back_to_one_sample_and_then_to_none() -> None:
    few = [folds()[3]]
    found = similarity.choose(few, 1, 2, 5)
    assert (found.pairs, len(found.clips), found.spread.interval) == (2, 3, None)
    assert similarity.choose(few, 2, 2, 5) is None and similarity.all_pairs(few, 2, 2, 5) is None
    assert similarity.choose([], 0, 1, 5) is None and similarity.all_pairs([], 0, 1, 5) is None


def test_the_interval_of_the_choice_covers_what_choices_give() -> None:
    values = [similarity.choose(folds(), 0, 0, seed).value for seed in range(400)]
    low, high = similarity.choose(folds(), 0, 0, 1).spread.interval
    assert low == pytest.approx(np.quantile(values, 0.025), abs=0.1)
    assert high == pytest.approx(np.quantile(values, 0.975), abs=0.1)
