"""Metrics of how alike a network's features are, one number for all classes (Belaiche et al., tables 5 to 7).

Both are of the matrix of mean cosine similarities between the test samples of two classes, pairs within a fold alone;
its diagonal is of different samples of one class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mexflow.evaluation import similarity
from mexflow.evaluation.uncertainty import DIFFERENCE, SIGNED, by_weights, seed_of
from mexflow.registries import Registry
from mexflow.tables.evidence import Evidence, Measure, Place
from mexflow.tables.measurement import NOT_RUN, Measurement, Weighted

MEASURES: Registry[Measure] = Registry("metric of similarity", __name__)


def of_matrix(metric: str) -> Callable[[np.ndarray], np.ndarray]:
    """The metric as a function of matrices of similarities ``(..., C, C)``, symmetric: also of printed ones."""
    return {"mean_similarity": similarity.mean_of_pairs, "similarity_margin": similarity.least_margin}[metric]


@MEASURES.entry("mean_similarity")
def mean_similarity(evidence: Evidence, place: Place) -> list[Measurement]:
    """The mean similarity over the pairs of classes, each with itself too; `n` counts folds."""
    return [_measured("mean_similarity", evidence, place)]


@MEASURES.entry("similarity_margin")
def similarity_margin(evidence: Evidence, place: Place) -> list[Measurement]:
    """How much more alike samples of a class are than samples of it and of the nearest other one; `n` counts folds.

    The least over the classes that have two test samples in some fold: above 0, the diagonal is the largest of each
    row.
    """
    return [_measured("similarity_margin", evidence, place)]


def _measured(metric: str, evidence: Evidence, place: Place) -> Measurement:
    compared, notes = evidence.similarities(place.experiment), evidence.notes(place.experiment)
    if not compared.expected or compared.incomplete:
        return Measurement(metric, notes=[compared.incomplete, *notes] if compared.expected else [NOT_RUN])
    classes = evidence.classes(place.experiment)
    sums = similarity.sums_of_pairs(compared.folds, len(classes))
    function = of_matrix(metric)

    def number(weights: np.ndarray) -> np.ndarray:
        return function(similarity.means_of_pairs(np.tensordot(weights, sums, 1)))

    folds = len(compared.folds)
    matrix = similarity.means_of_pairs(sums.sum(0))
    value = float(function(matrix))
    if not np.isfinite(value):
        return Measurement(metric, n=folds, notes=["no fold holds enough test clips", *notes])
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, metric)
    # A mean is one of cosines; a margin is the difference of two.
    bounds = SIGNED if metric == "mean_similarity" else DIFFERENCE
    spread = by_weights(number, np.ones(folds, dtype=bool), seed, evidence.source.intervals, bounds)
    if absent := [name for name, known in zip(classes, np.isfinite(np.diagonal(matrix)), strict=True) if not known]:
        notes = [f"no two test clips in a fold of {', '.join(absent)}", *notes]
    weighted = Weighted([fold.fold for fold in compared.folds], number, bounds=bounds)
    return Measurement(metric, value, spread.interval, folds, [*spread.notes, *notes], weighted)
