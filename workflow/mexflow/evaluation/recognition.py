"""Recognition metrics, all from the confusion matrix.

A confusion matrix is int64 ``(C, C)``: entry ``[t, p]`` counts the clips of true class `t` predicted as `p`,
classes in the paper's order. The metrics take any number of leading axes, so that one call serves a pooled
matrix and thousands of bootstrap resamples alike. Shares are in [0, 1]; a share of nothing is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Confusion matrix, int64 ``(classes, classes)``, of class numbers ``(N,)``.

    Raises:
        ValueError: if the two differ in length, or a number is not in ``[0, classes)``.
    """
    return confusion_by_group(labels, predicted, np.zeros(len(labels), dtype=np.int64), 1, classes)[0]


def confusion_by_group(
    labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray, group_count: int, classes: int
) -> np.ndarray:
    """One confusion matrix a group (subject), int64 ``(group_count, classes, classes)``; their sum is the pooled one.

    Args:
        labels: true class numbers ``(N,)``.
        predicted: predicted class numbers ``(N,)``.
        groups: group numbers ``(N,)``.

    Raises:
        ValueError: if the three differ in length, or a number is out of range.
    """
    labels, predicted, groups = (np.asarray(values, dtype=np.int64) for values in (labels, predicted, groups))
    if not labels.shape == predicted.shape == groups.shape:
        raise ValueError(f"{labels.shape} labels, {predicted.shape} predictions and {groups.shape} groups")
    for values, end in ((labels, classes), (predicted, classes), (groups, group_count)):
        if values.size and not (values.min() >= 0 and values.max() < end):
            raise ValueError(f"a number in {values.min()}..{values.max()} is not in 0..{end - 1}")
    flat = (groups * classes + labels) * classes + predicted
    return np.bincount(flat, minlength=group_count * classes**2).reshape(group_count, classes, classes)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of clips on the diagonal (cropnet2021, eq. 11): ``(..., C, C)`` to float64 ``(...)``."""
    return _share(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def uf1(matrix: np.ndarray) -> np.ndarray:
    """Unweighted F1 (cropnet2021, eq. 9): the mean over classes of 2TP / (2TP + FP + FN).

    A class that has no clip and was never predicted takes no part in the mean; ``(..., C, C)`` to float64 ``(...)``.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return _mean(_share(2 * hits, matrix.sum(-1) + matrix.sum(-2)))


def uar(matrix: np.ndarray) -> np.ndarray:
    """Unweighted average recall (cropnet2021, eq. 10): the mean over classes of TP / N.

    A class that has no clip takes no part in the mean; ``(..., C, C)`` to float64 ``(...)``.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return _mean(_share(hits, matrix.sum(-1)))


def constant_answer(matrix: np.ndarray) -> np.ndarray:
    """The matrix if every clip were said to be of the most frequent class: int64 ``(C, C)`` to int64 ``(C, C)``."""
    true = matrix.sum(1)
    answered = np.zeros_like(matrix)
    answered[:, true.argmax()] = true
    return answered


def permuted(confusions: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """Pooled confusion matrices of the same predictions, the labels permuted among the clips of each subject.

    They are what predictions give that know no more of a clip's label than whose clip it is.

    Args:
        confusions: int64 ``(S, C, C)``, a subject each.
        permutations: how many.
        seed: the same seed gives the same permutations.

    Returns:
        int64 ``(permutations, C, C)``.
    """
    numbers = np.arange(confusions.shape[-1])
    labels = [np.repeat(numbers, matrix.sum(1)) for matrix in confusions]
    # Which label met which prediction does not matter: they meet anew.
    predicted = [np.repeat(numbers, matrix.sum(0))[None] for matrix in confusions]
    return permuted_together(labels, predicted, len(numbers), permutations, seed)[0]


def permuted_together(
    labels: Sequence[np.ndarray], predicted: Sequence[np.ndarray], classes: int, permutations: int, seed: int
) -> np.ndarray:
    """As :func:`permuted`, of what several networks said of the same clips: each permutation is that of all of them.

    Args:
        labels: class numbers ``(n,)`` of each subject's clips.
        predicted: class numbers ``(R, n)`` that R networks said, of each subject; clips in the same order.
        classes: how many there are.
        permutations: how many.
        seed: the same seed gives the same permutations.

    Returns:
        int64 ``(R, permutations, classes, classes)``; without a subject ``(0, …)``.
    """
    rng = np.random.default_rng(seed)
    networks = len(predicted[0]) if len(predicted) else 0
    pooled = np.zeros((networks, permutations * classes**2), dtype=np.int64)
    starts = np.arange(permutations)[:, None] * classes**2
    for true, said in zip(labels, predicted, strict=True):
        # In an order of their own, so that the order of clips in the files changes nothing.
        said = said[:, np.lexsort(said[::-1])]
        shuffled = rng.permuted(np.tile(np.sort(true), (permutations, 1)), axis=1)
        for counts, one in zip(pooled, said, strict=True):
            counts += np.bincount((starts + shuffled * classes + one).ravel(), minlength=counts.size)
    return pooled.reshape(networks, permutations, classes, classes)


def row_shares(matrix: np.ndarray) -> np.ndarray:
    """Each row divided by its sum, float64 ``(..., C, C)``; the row of a class without clips is NaN."""
    return _share(matrix, matrix.sum(-1, keepdims=True))


def encode(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Class numbers int64 ``(N,)`` of class names.

    Raises:
        KeyError: for a name that is no class.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def _mean(shares: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the shares that are not NaN; NaN of none."""
    known = ~np.isnan(shares)
    return _share(np.where(known, shares, 0).sum(-1), known.sum(-1))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
