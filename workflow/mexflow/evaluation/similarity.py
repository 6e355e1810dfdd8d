"""Cosine similarity of a network's features within and between classes (Belaiche et al., Tables 5 to 7).

Each fold trains its own network, and features of different networks share no axes: only pairs of test clips of one
fold are ever compared. Two numbers are made for a pair of classes:

*the paper's form* (`choose`): two test samples a class. For one class the similarity of its two samples, for two
classes the mean over the four pairs. Fold and samples are drawn by a seed made from the base seed, paper,
experiment and the unordered pair of classes, hence the same for (a, b) and (b, a). The fold is drawn among those that
hold two samples of each class; if there is none, for two classes, among those that hold at least one of each (then
one sample stands for such a class); if there is none either, there is no number.

*the full average* (`all_pairs`): the mean over every pair of test samples within a fold.

Both intervals are over folds, which are subjects under leave-one-subject-out. That of the full average is made by the
method that is asked for (:mod:`mexflow.evaluation.uncertainty`). That of the paper's form is the percentiles of a
bootstrap in which the choice is made anew in every resample, so it shows how much hangs on the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mexflow.evaluation.uncertainty import RESAMPLES, SIGNED, Spread, over_subjects, percentiles, resample
from mexflow.papers.interval_methods import DEFAULT


@dataclass(frozen=True)
class FoldSimilarity:
    """One fold's test samples: cosine similarities float64 ``(N, N)``, class numbers ``(N,)`` and clip names."""

    fold: str
    matrix: np.ndarray
    labels: np.ndarray
    clips: tuple[str, ...]

    def of_class(self, number: int) -> np.ndarray:
        """Rows of the samples of a class."""
        return np.flatnonzero(self.labels == number)


@dataclass(frozen=True)
class Similarity:
    """A similarity in [-1, 1], its 95 % interval or why it has none, the number of pairs, and the samples chosen."""

    value: float
    spread: Spread
    pairs: int
    fold: str | None = None
    clips: tuple[str, ...] = ()


def compare(fold: str, features: np.ndarray, labels: np.ndarray, clips: Sequence[str]) -> FoldSimilarity:
    """Cosine similarities of a fold's features ``(N, D)``.

    A sample whose features are all zero has no direction and is left out. Computed in float64 by a sum in fixed order,
    so that the result does not depend on the number of threads.
    """
    rows = np.asarray(features, dtype=np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    keep = np.flatnonzero(norms > 0)
    unit = rows[keep] / norms[keep, None]
    matrix = np.einsum("id,jd->ij", unit, unit).clip(-1, 1)
    return FoldSimilarity(fold, matrix, np.asarray(labels)[keep], tuple(clips[row] for row in keep))


def all_pairs(folds: Sequence[FoldSimilarity], a: int, b: int, seed: int, method: str = DEFAULT) -> Similarity | None:
    """Mean over all pairs of a sample of class `a` and another one of class `b` within a fold; None without a pair."""
    sums, mean = mean_of_all_pairs(folds, a, b)
    total, pairs = sums.sum(axis=0)
    if not pairs:
        return None
    spread = over_subjects(sums, mean, seed, method, SIGNED)
    return Similarity(float(total / pairs), spread, int(pairs))


def mean_of_all_pairs(
    folds: Sequence[FoldSimilarity], a: int, b: int
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """What each fold adds to the mean of :func:`all_pairs`, float64 ``(F, 2)``, and the mean as a function of its sum.

    That takes ``(..., 2)`` to ``(...)``, NaN where there is no pair.
    """
    a, b = min(a, b), max(a, b)
    return np.array([_sum_and_count(fold, a, b) for fold in folds]).reshape(-1, 2), _ratio


def choose(folds: Sequence[FoldSimilarity], a: int, b: int, seed: int) -> Similarity | None:
    """The similarity of two samples a class, chosen by `seed` as the module says; None if no fold has enough."""
    a, b = min(a, b), max(a, b)
    ranks = np.array([_rank(fold, a, b) for fold in folds], dtype=np.int64)
    if not (ranks > 0).any():
        return None
    rng = np.random.default_rng(seed)
    fold = folds[_draw_folds(ranks, np.ones((1, len(folds)), dtype=np.int64), rng)[0]]
    first, second = _draw_samples(fold, a, b, 1, rng)
    value, pairs = _mean_over_pairs(fold, first, second, a == b)
    chosen = dict.fromkeys([*first[0], *second[0]])
    spread = Spread(None, "no interval: one subject")
    if np.count_nonzero(ranks) > 1:
        values = np.full(RESAMPLES, np.nan)
        drawn = _draw_folds(ranks, resample(len(folds), seed), rng)
        for number in np.unique(drawn[drawn >= 0]):
            where = np.flatnonzero(drawn == number)
            samples = _draw_samples(folds[number], a, b, len(where), rng)
            values[where] = _mean_over_pairs(folds[number], *samples, a == b)[0]
        spread = Spread(percentiles(values))
    return Similarity(float(value[0]), spread, pairs, fold.fold, tuple(fold.clips[row] for row in chosen))


def sums_of_pairs(folds: Sequence[FoldSimilarity], classes: int) -> np.ndarray:
    """The sum of similarities and the number of pairs for each two classes in each fold, float64 ``(F, C, C, 2)``."""
    result = np.zeros((len(folds), classes, classes, 2))
    for fold, sums in zip(folds, result, strict=True):
        for a in range(classes):
            for b in range(a, classes):
                sums[a, b] = sums[b, a] = _sum_and_count(fold, a, b)
    return result


def means_of_pairs(sums: np.ndarray) -> np.ndarray:
    """Sums and counts ``(..., C, C, 2)`` to means ``(..., C, C)``; NaN where there is no pair."""
    total, pairs = np.moveaxis(np.asarray(sums, dtype=np.float64), -1, 0)
    return np.divide(total, pairs, out=np.full(total.shape, np.nan), where=pairs > 0)


def mean_of_pairs(matrix: np.ndarray) -> np.ndarray:
    """The mean over the pairs of classes that have one, each pair once: ``(..., C, C)`` to ``(...)``."""
    values = matrix[(..., *np.triu_indices(matrix.shape[-1]))]
    known = np.isfinite(values)
    return _ratio(np.stack([np.where(known, values, 0).sum(-1), known.sum(-1)], -1))


def least_margin(matrix: np.ndarray) -> np.ndarray:
    """The diagonal less the largest other value of its row, the least over rows: ``(..., C, C)`` to ``(...)``.

    A class without a pair of its own, or without one with another class, takes no part; NaN if none does.
    """
    own = np.diagonal(matrix, axis1=-2, axis2=-1)
    others = np.where(np.isfinite(matrix) & ~np.eye(matrix.shape[-1], dtype=bool), matrix, -np.inf).max(-1)
    known = np.isfinite(own) & np.isfinite(others)
    least = np.where(known, np.where(known, own, 0) - np.where(known, others, 0), np.inf).min(-1)
    return np.where(np.isfinite(least), least, np.nan)


def _ratio(sums: np.ndarray) -> np.ndarray:
    return np.divide(sums[..., 0], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0)


def _sum_and_count(fold: FoldSimilarity, a: int, b: int) -> tuple[float, int]:
    rows, columns = fold.of_class(a), fold.of_class(b)
    block = fold.matrix[np.ix_(rows, columns)]
    if a != b:
        return float(block.sum()), block.size
    upper = block[np.triu_indices(len(rows), 1)]
    return float(upper.sum()), upper.size


def _rank(fold: FoldSimilarity, a: int, b: int) -> int:
    """2 if the fold has two samples of each class, 1 if it has at least one of each of two classes, else 0."""
    least = min(len(fold.of_class(a)), len(fold.of_class(b)))
    return 2 if least >= 2 else int(least == 1 and a != b)


def _draw_folds(ranks: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each row of `weights` ``(B, F)`` a fold of the best rank present, drawn by weight; -1 where there is none."""
    present = np.where(weights > 0, ranks, 0)
    best = present.max(axis=1, keepdims=True)
    usable = np.where((present == best) & (best > 0), weights, 0)
    ends = usable.cumsum(axis=1)
    ticket = rng.random((len(weights), 1)) * ends[:, -1:]
    return np.where(best[:, 0] > 0, (ends > ticket).argmax(axis=1), -1)


def _draw_samples(
    fold: FoldSimilarity, a: int, b: int, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of up to two different samples of `a` and of `b`, ``(draws, 1 or 2)`` each; the same ones if a is b."""
    first = _draw_two(fold.of_class(a), draws, rng)
    return first, (first if a == b else _draw_two(fold.of_class(b), draws, rng))


def _draw_two(rows: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    if len(rows) == 1:
        return np.tile(rows, (draws, 1))
    first = rng.integers(len(rows), size=draws)
    second = (first + 1 + rng.integers(len(rows) - 1, size=draws)) % len(rows)
    return rows[np.stack([first, second], axis=1)]


def _mean_over_pairs(
    fold: FoldSimilarity, first: np.ndarray, second: np.ndarray, same_class: bool
) -> tuple[np.ndarray, int]:
    """Means ``(draws,)`` over the pairs of each draw, and the number of pairs in one."""
    if same_class:
        return fold.matrix[first[:, 0], first[:, 1]], 1
    block = fold.matrix[first[:, :, None], second[:, None, :]]
    return block.mean(axis=(1, 2)), first.shape[1] * second.shape[1]
