"""From a score per frame to spotted intervals and their metrics, for any spotting method.

The way of elface2021: `normalise` each video's scores, `smooth` them, take the threshold with `youden` over the
videos of the fold's training and validation subjects, and turn `intervals.runs` above it into predictions, which
`intervals.count` compares with the truth. Counts are added up over videos first, then F1 is computed: all metrics
are pooled. The way of nag2019's baselines: `contrast` of the distances of features, cut at `sweep`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import numpy as np

from mexflow.evaluation import uncertainty
from mexflow.evaluation.intervals import Counts
from mexflow.papers.interval_methods import DEFAULT

VIDEOS = ("all", "annotated", "with_expressions")
"""Settings of `counting`."""

Key = TypeVar("Key")


def normalise(scores: np.ndarray) -> np.ndarray:
    """Scores ``(n,)`` of one video brought to [0, 1] by its least and greatest, float64; equal scores become 0.

    Raises:
        ValueError: if a score is not finite.
    """
    scores = _finite(scores)
    if not scores.size or (span := scores.max() - scores.min()) == 0:
        return np.zeros_like(scores)
    return (scores - scores.min()) / span


def smooth(scores: np.ndarray, wn: float, order: int = 2) -> np.ndarray:
    """Zero-phase Butterworth low-pass of one video's scores.

    The filter runs forwards and backwards, which moves no peak in time and squares the gain: at `wn` it is 1/2.
    The ends are continued by point reflection over at most 9 frames (order 2), fewer in a video that has no more,
    SciPy's default. That holds the first and last frame near their own scores: within about k frames of an end less
    noise is removed than inside. The result can pass the range of the scores by a little.

    Args:
        scores: ``(n,)``, any n.
        wn: critical frequency as a share of half the frame rate (SciPy's convention), above 0; elface2021: 1/k of
            the stream. From 1 on nothing is filtered.
        order: of the filter run once.

    Returns:
        float64 ``(n,)``.

    Raises:
        ValueError: if `wn` is not above 0 or a score is not finite.
    """
    from scipy.signal import butter, sosfiltfilt

    scores = _finite(scores)
    if not wn > 0:
        raise ValueError(f"a critical frequency of {wn} is not above 0")
    if wn >= 1 or scores.size < 2:
        return scores.copy()
    sections = butter(order, wn, output="sos")
    return sosfiltfilt(sections, scores, padlen=min(3 * (order + 1), scores.size - 1))


def youden(scores: np.ndarray, labels: np.ndarray) -> float:
    """The threshold with the largest Youden J = TPR - FPR, a frame being positive where ``score >= threshold``.

    Candidates are the scores and infinity, where the ROC curve begins; of several with the same J (compared in
    whole numbers) the highest is taken. Infinity, so no positive frame, is the answer for scores that no threshold
    makes better than chance.

    Args:
        scores: ``(n,)``, finite, of all videos that the threshold is chosen on.
        labels: bool ``(n,)``, see :func:`intervals.labels`.

    Raises:
        ValueError: if all labels are the same, the two differ in length, or a score is not finite.
    """
    scores, labels = _pair(scores, labels)
    positives = np.count_nonzero(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        raise ValueError(f"no threshold can be chosen on {positives} positive and {negatives} negative frames")
    order = np.argsort(-scores, kind="stable")
    scores, labels = scores[order], labels[order]
    hits = np.cumsum(labels)
    alarms = np.arange(1, len(labels) + 1) - hits
    # J times positives times negatives, at the last of each run of equal scores: they become positive together.
    last = np.append(scores[1:] != scores[:-1], True)
    gains = (hits * negatives - alarms * positives)[last]
    best = int(gains.argmax())
    return float(scores[last][best]) if gains[best] > 0 else float("inf")


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve of scores ``(n,)`` for labels bool ``(n,)``, in [0, 1]; NaN if all labels are the same.

    Raises:
        ValueError: if the two differ in length, or a score is not finite.
    """
    from sklearn.metrics import roc_auc_score

    scores, labels = _pair(scores, labels)
    return float(roc_auc_score(labels, scores)) if np.unique(labels).size == 2 else float("nan")


def count_frames(predicted: np.ndarray, truth: np.ndarray) -> Counts:
    """Counts of frames, of predictions and truth both bool ``(n,)``.

    Raises:
        ValueError: if the two differ in length.
    """
    predicted, truth = np.asarray(predicted, dtype=bool), np.asarray(truth, dtype=bool)
    if predicted.shape != truth.shape:
        raise ValueError(f"{predicted.shape} predictions and {truth.shape} true labels")
    both = np.count_nonzero(predicted & truth)
    return Counts(both, np.count_nonzero(predicted) - both, np.count_nonzero(truth) - both)


def f1_frames(predicted: np.ndarray, truth: np.ndarray) -> float:
    """F1 of frames, see :func:`count_frames`; NaN where no frame is predicted and none is true."""
    return count_frames(predicted, truth).f1


def contrast(distances: np.ndarray, k: int) -> np.ndarray:
    """``C_i = F_i - (F_{i-k} + F_{i+k}) / 2`` (nag2019's baselines), past the ends the end frames' distances.

    Args:
        distances: F, ``(n,)``, a feature's distance per frame of one video.
        k: frames, half the mean length of an expression.

    Returns:
        float64 ``(n,)``.

    Raises:
        ValueError: if `k` is below 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}, not at least 1")
    distances = np.asarray(distances, dtype=np.float64)
    frames = np.arange(len(distances))
    before = distances[np.maximum(frames - k, 0)]
    after = distances[np.minimum(frames + k, len(frames) - 1)] if len(frames) else before
    return distances - (before + after) / 2


def sweep(contrasts: np.ndarray, p: float) -> float:
    """The threshold ``mean + p (max - mean)`` of one video's contrasts ``(n,)``, n at least 1."""
    mean = np.mean(contrasts, dtype=np.float64)
    return float(mean + p * (np.max(contrasts) - mean))


def swept(contrasts: np.ndarray) -> np.ndarray:
    """For each frame of a video the greatest p at which :func:`sweep` still marks it: ``(C - mean) / (max - mean)``.

    Pooled over videos these are the scores whose ROC curve is the one that sweeping p draws. float64 ``(n,)``, 1 at
    the greatest contrast, 0 at the mean; all 0 where the contrasts are equal.
    """
    contrasts = np.asarray(contrasts, dtype=np.float64)
    if not contrasts.size or contrasts.min() == contrasts.max():
        return np.zeros_like(contrasts)
    mean = contrasts.mean()
    return (contrasts - mean) / (contrasts.max() - mean)


def counting(videos: Mapping[Key, Collection[str]], kind: str, setting: str = "all") -> set[Key]:
    """The videos that count for one type of expression.

    Args:
        videos: the types of expression that each video has.
        kind: the type.
        setting: ``all``; ``annotated``, which leaves out the videos without any expression; or ``with_expressions``,
            which leaves out those without one of the type, and with them all their false positives: F1 can only rise.
            Some published code does so.

    Raises:
        ValueError: for another setting.
    """
    if setting not in VIDEOS:
        raise ValueError(f"videos is {setting!r}, not one of {', '.join(VIDEOS)}")
    if setting == "all":
        return set(videos)
    return {video for video, types in videos.items() if (types if setting == "annotated" else kind in types)}


def pooled_f1_interval(
    counts: Mapping[str, Counts], seed: int, method: str = DEFAULT, least: int | None = None
) -> uncertainty.Spread:
    """The 95 % interval of the pooled F1 over subjects, of intervals or frames.

    Args:
        counts: what each subject adds; the order does not matter.
        seed: see :func:`uncertainty.seed_of`.
        method: an entry of :data:`uncertainty.METHODS`.
        least: see :func:`uncertainty.by_weights`.
    """
    return uncertainty.over_subjects(_added(counts), _pooled_f1, seed, method, least=least)


def f1_by_subject(counts: Mapping[str, Counts]) -> tuple[list[str], Callable[[np.ndarray], np.ndarray]]:
    """The subjects, sorted, and the pooled F1 as a function of their weights, ``(B, S)`` to ``(B,)``."""
    added = _added(counts)
    return sorted(counts), lambda weights: _pooled_f1(weights @ added)


def _added(counts: Mapping[str, Counts]) -> np.ndarray:
    """True positives, false positives and false negatives of each subject in the order of names, int64 ``(S, 3)``."""
    rows = [(counts[name].tp, counts[name].fp, counts[name].fn) for name in sorted(counts)]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _pooled_f1(sums: np.ndarray) -> np.ndarray:
    tp, fp, fn = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0, in a resample of subjects that add nothing, is NaN and left out
        return 2 * tp / (2 * tp + fp + fn)


def auc_interval(
    scores: np.ndarray,
    labels: np.ndarray,
    subjects: np.ndarray,
    seed: int,
    method: str = DEFAULT,
    least: int | None = None,
) -> uncertainty.Spread:
    """The 95 % interval of the pooled AUC over subjects.

    AUC is the share of (positive, negative) pairs of frames in the right order, a tie being half right. The pairs
    are counted once for each two subjects; weights of subjects then weigh that table, and no frame is sorted again.

    Args:
        scores: ``(n,)``, finite.
        labels: bool ``(n,)``.
        subjects: ``(n,)``, the name (or number) of each frame's subject.
        seed: see :func:`uncertainty.seed_of`.
        method: an entry of :data:`uncertainty.METHODS`.
        least: see :func:`uncertainty.by_weights`.

    Raises:
        ValueError: if the three differ in length, or a score is not finite.
    """
    scores, labels = _pair(scores, labels)
    names, area = auc_by_subject(scores, labels, subjects)
    return uncertainty.by_weights(area, np.ones(len(names), bool), seed, method, least=least)


def auc_by_subject(
    scores: np.ndarray, labels: np.ndarray, subjects: np.ndarray
) -> tuple[list[str], Callable[[np.ndarray], np.ndarray]]:
    """The subjects, sorted, and the pooled AUC as a function of their weights, ``(B, S)`` to ``(B,)``.

    See :func:`auc_interval`, whose arguments and errors these are. The frames are sorted when it is first called.
    """
    scores, labels = _pair(scores, labels)
    names, numbers = np.unique(np.asarray(subjects), return_inverse=True)
    if numbers.shape != labels.shape:
        raise ValueError(f"{labels.shape} labels and {numbers.shape} subjects")
    pairs = functools.cache(functools.partial(_pairs, scores, labels, numbers, len(names)))

    def area(weights: np.ndarray) -> np.ndarray:
        doubled, wanted, unwanted = pairs()
        right = ((weights @ doubled) * weights).sum(1) / 2
        with np.errstate(invalid="ignore"):  # 0 / 0, in a resample without positives or negatives, is NaN and left out
            return right / ((weights @ wanted) * (weights @ unwanted))

    return [str(name) for name in names], area


def _pairs(
    scores: np.ndarray, labels: np.ndarray, numbers: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Twice the pairs in the right order, of the positives of a subject (row) with the negatives of another; then the
    positives and the negatives of each.
    """
    wanted, unwanted = (np.bincount(numbers[part], minlength=count) for part in (labels, ~labels))
    order = np.argsort(scores[labels])
    positives, owners = scores[labels][order], numbers[labels][order]
    doubled = np.zeros((count, count))
    for column in range(count):
        negatives = np.sort(scores[~labels & (numbers == column)])
        below = np.searchsorted(negatives, positives, "left") + np.searchsorted(negatives, positives, "right")
        doubled[:, column] = np.bincount(owners, below, count)
    return doubled, wanted, unwanted


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two courses, in [-1, 1]; NaN where one of them does not change.

    Args:
        a, b: ``(n,)``, of the same frames.
    """
    a, b = (np.asarray(course, np.float64) - np.mean(course, dtype=np.float64) for course in (a, b))
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / scale) if scale else float("nan")


def _pair(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = _finite(scores), np.asarray(labels, dtype=bool)
    if scores.shape != labels.shape:
        raise ValueError(f"{scores.shape} scores and {labels.shape} labels")
    return scores, labels


def _finite(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(f"a score is not finite, at position {np.flatnonzero(~np.isfinite(scores))[0]}")
    return scores
