"""The metrics that a table's row can ask for, by name.

A metric turns one place of a table (an experiment, or a pair of classes of it) into one or more measurements.
A new metric is one function and one entry of `METRICS`; nothing else needs to know of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mexflow.evaluation import recognition, similarity
from mexflow.evaluation.uncertainty import Interval, bootstrap, seed_of
from mexflow.papers.parts import Column, Row
from mexflow.tables import spotting_cells as spotting
from mexflow.tables.evidence import Evidence

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

ALL_PAIRS = "cosine_similarity_all_pairs"
NOT_RUN = "not run"
COUNTED = "counted from the network alone, the same on any data"


@dataclass(frozen=True)
class Place:
    """One place of a table: its row, its column, and the experiment that fills it."""

    row: Row
    column: Column
    experiment: str


@dataclass(frozen=True)
class Measurement:
    """A number, or the reason why there is none (in `notes`)."""

    metric: str
    value: float | None = None
    interval: Interval | None = None
    n: int | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Metric:
    """How a metric is measured and written.

    Attributes:
        measure: makes the measurements of a place; the first is the one that the paper prints.
        text: a value as the paper prints it.
        label: what the Markdown calls it where a table has several.
        unit: what `n` counts.
        interval: what the interval is.
        of_data: whether the number depends on the data at all.
    """

    measure: Callable[[Evidence, Place], list[Measurement]]
    text: Callable[[float], str]
    label: str
    unit: str
    interval: str = "bootstrap over subjects"
    of_data: bool = True


def scored(metric: str) -> Callable[[Evidence, Place], list[Measurement]]:
    """The measure of a score, in per cent over the pooled test clips, bootstrapped over subjects; `n` counts clips."""

    def measure(evidence: Evidence, place: Place) -> list[Measurement]:
        return [score(evidence, place.experiment, metric, place.column.part)]

    return measure


def score(evidence: Evidence, experiment: str, metric: str = "accuracy", part: str | None = None) -> Measurement:
    """One score of an experiment, or of one member dataset of its composite; see `scored`."""
    function = SCORES[metric]
    pooled = evidence.pooled(experiment, part)
    notes = evidence.notes(experiment)
    if not pooled.expected:
        return Measurement(metric, notes=[NOT_RUN])
    if not pooled.complete:
        return Measurement(metric, notes=[pooled.incomplete, *notes])
    if not pooled.clips:
        return Measurement(metric, n=0, notes=["no test clip", *notes])
    seed = seed_of(evidence.seed, evidence.paper.paper, experiment, *([part] if part else []), "bootstrap")
    interval = bootstrap(pooled.confusions, function, seed)
    if interval is None:
        notes.insert(0, "no interval: one subject")
    absent = int((pooled.matrix.sum(1) == 0).sum())
    if absent and metric != "accuracy":  # it is a mean over classes
        notes.append(f"{absent} of {len(pooled.matrix)} classes without a test clip")
    value = 100 * float(function(pooled.matrix))
    return Measurement(metric, value, interval and (100 * interval[0], 100 * interval[1]), pooled.clips, notes)


def class_share(evidence: Evidence, place: Place) -> list[Measurement]:
    """The share of the row's class that was predicted as the column's, in per cent; `n` counts the class's clips."""
    classes = evidence.classes(place.experiment)
    true, predicted = classes.index(place.row.name.lower()), classes.index(place.column.name.lower())
    pooled, notes = evidence.pooled(place.experiment), evidence.notes(place.experiment)
    if not pooled.expected or not pooled.complete:
        return [Measurement("class_share", notes=[pooled.incomplete, *notes] if pooled.expected else [NOT_RUN])]
    count = int(pooled.matrix[true].sum())
    if not count:
        return [Measurement("class_share", n=0, notes=["no test clip of this class", *notes])]
    function = functools.partial(_share_of, true=true, predicted=predicted)
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, classes[true], classes[predicted], "share")
    interval = bootstrap(pooled.confusions, function, seed)
    value = 100 * float(function(pooled.matrix))
    return [Measurement("class_share", value, interval and (100 * interval[0], 100 * interval[1]), count, notes)]


def _share_of(matrix: np.ndarray, true: int, predicted: int) -> np.ndarray:
    return recognition.row_shares(matrix)[..., true, predicted]


def clips(evidence: Evidence, place: Place) -> list[Measurement]:
    """Clips in use of the class that the row names (or ``all``; ``subjects`` counts those), counted from the index.

    The row's name may begin with that of the data.
    """
    data, called = evidence.paper.data_of(place.experiment), evidence.paper.data_name(place.experiment)
    rows = [
        row
        for row in evidence.rows[called]
        if row[data.label] is not None and row["excluded"] is None
        if place.column.part in (None, row["dataset"])
    ]
    wanted = place.row.name.lower().removeprefix(f"{called} ")
    if wanted == "subjects":
        count = len({row["subject"] for row in rows})
    else:
        count = sum(wanted == "all" or row[data.label] == wanted for row in rows)
    return [Measurement("clips", count, None, count, ["counted from the index"])]


def parameters(evidence: Evidence, place: Place) -> list[Measurement]:
    """Number of trainable parameters of the network as it is built."""
    from mexflow import models

    return [_count("parameters", models.parameters(_network(evidence, place.experiment)))]


def filters(evidence: Evidence, place: Place) -> list[Measurement]:
    """Number of convolution filters: output channels summed over the network's 2-d convolutions."""
    from mexflow import models

    return [_count("filters", models.filters(_network(evidence, place.experiment)))]


def _count(metric: str, count: int) -> Measurement:
    return Measurement(metric, count, (count, count), 1, [COUNTED])


def _network(evidence: Evidence, experiment: str) -> nn.Module:
    import torch

    from mexflow import models

    settings = evidence.paper.experiments[experiment]
    classes = len(evidence.classes(experiment))
    # On the meta device a network has shapes and no numbers, so counting costs neither memory nor time.
    with torch.device("meta"):
        return models.build(settings.model, settings.options, inputs=settings.input_channels, classes=classes)


def cosine_similarity(evidence: Evidence, place: Place) -> list[Measurement]:
    """Similarity of features between the class of the row and that of the column; `n` counts pairs.

    Two measurements: the paper's form (two chosen samples a class) and the mean over all pairs within a fold; see
    :mod:`mexflow.evaluation.similarity`.

    Raises:
        ValueError: if row or column is not a class of the paper.
    """
    classes = evidence.classes(place.experiment)
    a, b = sorted((classes.index(place.row.name), classes.index(place.column.name)))
    notes = evidence.notes(place.experiment)
    found = evidence.similarities(place.experiment)
    if not found.expected or found.incomplete:
        reason = [found.incomplete, *notes] if found.expected else [NOT_RUN]
        return [Measurement(metric, notes=reason) for metric in ("cosine_similarity", ALL_PAIRS)]
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, classes[a], classes[b])
    return [
        _similarity("cosine_similarity", similarity.choose(found.folds, a, b, seed), notes),
        _similarity(ALL_PAIRS, similarity.all_pairs(found.folds, a, b, seed), notes),
    ]


def _similarity(metric: str, found: similarity.Similarity | None, notes: list[str]) -> Measurement:
    if found is None:
        return Measurement(metric, n=0, notes=["no fold holds enough test clips of these classes", *notes])
    own = [f"fold {found.fold}: {', '.join(found.clips)}"] if found.fold else []
    if found.interval is None:
        own.append("no interval: one subject")
    return Measurement(metric, found.value, found.interval, found.pairs, [*own, *notes])


def _percent(value: float) -> str:
    return f"{value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _fraction(value: float) -> str:
    return f"{value:.4f}"


SCORES = {"accuracy": recognition.accuracy, "uf1": recognition.uf1, "uar": recognition.uar}
"""Scores of a confusion matrix, in [0, 1]."""

METRICS: dict[str, Metric] = {
    "accuracy": Metric(scored("accuracy"), _percent, "accuracy (%)", "test clips"),
    "uf1": Metric(scored("uf1"), _percent, "UF1 (%)", "test clips"),
    "uar": Metric(scored("uar"), _percent, "UAR (%)", "test clips"),
    "class_share": Metric(class_share, _percent, "share of the class (%)", "test clips of the class"),
    "clips": Metric(clips, _whole, "clips", "clips in use", "none: counts"),
    "parameters": Metric(parameters, _whole, "parameters", "networks", of_data=False),
    "filters": Metric(filters, _whole, "filters", "networks", of_data=False),
    "frame_f1": Metric(spotting.frame_f1, _fraction, "F1 of frames", "test frames"),
    "frame_auc": Metric(spotting.frame_auc, _fraction, "AUC of frames", "test frames"),
    "frame_auc_percent": Metric(spotting.frame_auc_percent, _percent, "AUC of frames (%)", "test frames"),
    "intensity_correlation": Metric(spotting.intensity_correlation, _fraction, "correlation", "test clips"),
    "interval_f1": Metric(spotting.interval_f1, _fraction, "F1 of intervals", "true intervals"),
    "cosine_similarity": Metric(
        cosine_similarity,
        _fraction,
        "cosine similarity, two chosen samples a class",
        "pairs",
        "bootstrap over subjects, fold and samples chosen anew each time",
    ),
}

WRITTEN: dict[str, tuple[Callable[[float], str], str]] = {
    **{name: (metric.text, metric.label) for name, metric in METRICS.items()},
    ALL_PAIRS: (_fraction, "cosine similarity, mean over all pairs of test samples"),
    "expected_agreement": (_percent, "expected by chance (%)"),
    "share": (_percent, "majority class (%)"),
    **{f"{name}_difference": (_signed, f"difference of {name} (points)") for name in SCORES},
}
"""How a value of each metric in a cell is written, and what it is called."""
