"""Metrics of recognition: of predicted classes, and of the features that they were predicted from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mexflow.evaluation import recognition, similarity
from mexflow.evaluation.uncertainty import SIGNED, over_subjects, seed_of
from mexflow.papers.metrics import class_place
from mexflow.registries import Registry
from mexflow.tables.evidence import Evidence, Measure, Place, Pooled
from mexflow.tables.measurement import NOT_RUN, Measurement, Weighted

ALL_PAIRS = "cosine_similarity_all_pairs"


@dataclass(frozen=True)
class Score:
    """The measure of a score, in per cent over the pooled test clips, its interval over subjects; `n` counts clips.

    Attributes:
        metric: its name.
        function: the score, in [0, 1], of confusion matrices ``(..., C, C)``.
    """

    metric: str
    function: Callable[[np.ndarray], np.ndarray]

    def __call__(self, evidence: Evidence, place: Place) -> list[Measurement]:
        return [score(evidence, place.experiment, self.metric, place.column.part)]


MEASURES: Registry[Measure] = Registry("metric of recognition", __name__)

MEASURES.add("accuracy", Score("accuracy", recognition.accuracy))
MEASURES.add("uf1", Score("uf1", recognition.uf1))
MEASURES.add("uar", Score("uar", recognition.uar))


def score_function(metric: str) -> Callable[[np.ndarray], np.ndarray]:
    """A score as a function of confusion matrices ``(..., C, C)``, in [0, 1]."""
    measure = MEASURES[metric]
    assert isinstance(measure, Score), metric
    return measure.function


def score(evidence: Evidence, experiment: str, metric: str = "accuracy", part: str | None = None) -> Measurement:
    """One score of an experiment, or of one member dataset of its composite; see :class:`Score`."""
    function = score_function(metric)
    pooled = evidence.pooled(experiment, part)
    notes = evidence.notes(experiment)
    if not pooled.expected:
        return Measurement(metric, notes=[NOT_RUN])
    if not pooled.complete:
        return Measurement(metric, notes=[pooled.incomplete, *notes])
    if not pooled.clips:
        return Measurement(metric, n=0, notes=["no test clip", *notes])
    seed = seed_of(evidence.seed, evidence.paper.paper, experiment, *([part] if part else []), "bootstrap")
    spread = over_subjects(pooled.confusions, function, seed, evidence.source.intervals)
    notes = [*spread.notes, *notes]
    absent = int((pooled.matrix.sum(1) == 0).sum())
    if absent and metric != "accuracy":  # it is a mean over classes
        notes.append(f"{absent} of {len(pooled.matrix)} classes without a test clip")
    value = 100 * float(function(pooled.matrix))
    return Measurement(metric, value, spread.percent, pooled.clips, notes, _weighted(pooled, function))


def _weighted(pooled: Pooled, function: Callable[[np.ndarray], np.ndarray]) -> Weighted:
    """A function of the pooled confusion matrix, a share, for any weights of the subjects."""
    clips = pooled.confusions.sum((1, 2))
    return Weighted(
        pooled.subjects,
        lambda weights: function(np.tensordot(weights, pooled.confusions, 1)),
        100,
        clips,
        adds=clips > 0,
    )


@MEASURES.entry("class_share")
def class_share(evidence: Evidence, place: Place) -> list[Measurement]:
    """The share of the row's class that was predicted as the column's, in per cent; `n` counts the class's clips."""
    classes = evidence.classes(place.experiment)
    true, predicted = (class_place(named.name, classes) for named in (place.row, place.column))
    pooled, notes = evidence.pooled(place.experiment), evidence.notes(place.experiment)
    if not pooled.expected or not pooled.complete:
        return [Measurement("class_share", notes=[pooled.incomplete, *notes] if pooled.expected else [NOT_RUN])]
    count = int(pooled.matrix[true].sum())
    if not count:
        return [Measurement("class_share", n=0, notes=["no test clip of this class", *notes])]
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, classes[true], classes[predicted], "share")
    # Subjects without a clip of the class tell nothing of it.
    row = pooled.confusions[:, true]

    def share(counts: np.ndarray) -> np.ndarray:
        total = counts.sum(-1)
        return np.divide(counts[..., predicted], total, out=np.full(total.shape, np.nan), where=total > 0)

    spread = over_subjects(row, share, seed, evidence.source.intervals)
    value = 100 * float(share(row.sum(0)))
    clips = row.sum(-1)
    weighted = Weighted(
        pooled.subjects, lambda weights: share(np.tensordot(weights, row, 1)), 100, clips, adds=clips > 0
    )
    return [Measurement("class_share", value, spread.percent, count, [*spread.notes, *notes], weighted)]


@MEASURES.entry("cosine_similarity")
def cosine_similarity(evidence: Evidence, place: Place) -> list[Measurement]:
    """Similarity of features between the class of the row and that of the column; `n` counts pairs.

    Two measurements: the paper's form (two chosen samples a class) and the mean over all pairs within a fold; see
    :mod:`mexflow.evaluation.similarity`.
    """
    classes = evidence.classes(place.experiment)
    a, b = sorted(class_place(named.name, classes) for named in (place.row, place.column))
    notes = evidence.notes(place.experiment)
    compared = evidence.similarities(place.experiment)
    if not compared.expected or compared.incomplete:
        reason = [compared.incomplete, *notes] if compared.expected else [NOT_RUN]
        return [Measurement(metric, notes=reason) for metric in ("cosine_similarity", ALL_PAIRS)]
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, classes[a], classes[b])
    mean = _similarity(ALL_PAIRS, similarity.all_pairs(compared.folds, a, b, seed, evidence.source.intervals), notes)
    if mean.value is not None:
        names = [fold.fold for fold in compared.folds]
        sums, function = similarity.mean_of_all_pairs(compared.folds, a, b)
        weighted = Weighted(
            names, lambda weights: function(np.tensordot(weights, sums, 1)), bounds=SIGNED, adds=sums.any(1)
        )
        mean = replace(mean, weighted=weighted)
    return [_similarity("cosine_similarity", similarity.choose(compared.folds, a, b, seed), notes), mean]


def _similarity(metric: str, measured: similarity.Similarity | None, notes: list[str]) -> Measurement:
    if measured is None:
        return Measurement(metric, n=0, notes=["no fold holds enough test clips of these classes", *notes])
    remarks = [f"fold {measured.fold}: {', '.join(measured.clips)}"] if measured.fold else []
    remarks += measured.spread.notes
    return Measurement(metric, measured.value, measured.spread.interval, measured.pairs, [*remarks, *notes])
