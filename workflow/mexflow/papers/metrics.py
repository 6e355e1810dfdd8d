"""The metrics that a paper's tables may ask for: one row each, of what it is measured and how its numbers are written.

How a metric is measured stands in the module that its row names, as an entry of the same name in the registry
``MEASURES`` there. So a new metric is a row here and an entry there, and jobs that do not ask for it stay as they are.
Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator

from mexflow.errors import choose, nearest
from mexflow.registries import Registry

_RECOGNITION = "mexflow.tables.recognition_metrics"
_SPOTTING = "mexflow.tables.spotting_metrics"
_COUNTED = "mexflow.tables.counted_metrics"
_SIMILARITY = "mexflow.tables.similarity_metrics"

PERCENT, FRACTION, WHOLE = ".2f", ".4f", ",.0f"
"""How a number is written, as format specifications."""


@dataclass(frozen=True)
class Metric:
    """What there is to know of a metric without measuring it.

    Attributes:
        module: the module whose ``MEASURES`` has an entry of the metric's name.
        label: what tables call it where they have several, its unit in brackets.
        unit: what its `n` counts.
        needs: what an experiment must leave for it: tables or arrays of each fold, by their names without ending, or
            ``network``, that there is one. Empty: the index is enough.
        form: how a value is written, a format specification.
        interval: what its interval is, where not one over subjects by the method that the configuration names.
        score: whether it is a function of the confusion matrix, so that sweeps can be about it.
        weighs: whether it can be had for any weights of the subjects, so that claims can be about it.
        of_classes: whether rows and columns of its tables are classes.
        of_data: whether the number depends on the data at all.
        extras: what is measured beside it and the paper does not print: names and labels.
    """

    module: str
    label: str
    unit: str
    needs: tuple[str, ...] = ()
    form: str = PERCENT
    interval: str = ""
    score: bool = False
    weighs: bool = False
    of_classes: bool = False
    of_data: bool = True
    extras: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_folds(self) -> bool:
        """Whether it is measured of what folds leave, so that other seeds give another number."""
        return not set(self.needs) <= {"network"}

    @property
    def of_similarity(self) -> bool:
        """Whether it is a number of the matrix of similarities between classes: of cosines, in [-1, 1], not a share."""
        return self.module == _SIMILARITY


METRICS: Registry[Metric] = Registry("metric", __name__)

_OF_FEATURES = (("predictions", "features"), FRACTION)

METRICS.add("accuracy", Metric(_RECOGNITION, "accuracy (%)", "test clips", ("predictions",), score=True, weighs=True))
METRICS.add("uf1", Metric(_RECOGNITION, "UF1 (%)", "test clips", ("predictions",), score=True, weighs=True))
METRICS.add("uar", Metric(_RECOGNITION, "UAR (%)", "test clips", ("predictions",), score=True, weighs=True))
METRICS.add(
    "class_share",
    Metric(
        _RECOGNITION,
        "share of the class (%)",
        "test clips of the class",
        ("predictions",),
        of_classes=True,
        weighs=True,
    ),
)
METRICS.add(
    "cosine_similarity",
    Metric(
        _RECOGNITION,
        "cosine similarity, two chosen samples a class",
        "pairs",
        ("predictions", "features"),
        FRACTION,
        "percentile bootstrap over subjects, fold and samples chosen anew each time",
        of_classes=True,
        extras={"cosine_similarity_all_pairs": "cosine similarity, mean over all pairs of test samples"},
    ),
)
METRICS.add(
    "mean_similarity",
    Metric(_SIMILARITY, "cosine similarity, mean over the pairs of classes", "folds", *_OF_FEATURES, weighs=True),
)
METRICS.add(
    "similarity_margin",
    Metric(
        _SIMILARITY,
        "cosine similarity within a class less that to the nearest other class, the least",
        "folds",
        *_OF_FEATURES,
        weighs=True,
    ),
)
METRICS.add("clips", Metric(_COUNTED, "clips", "clips in use", (), WHOLE, "none: counts"))
METRICS.add("parameters", Metric(_COUNTED, "parameters", "networks", ("network",), WHOLE, of_data=False))
METRICS.add("filters", Metric(_COUNTED, "filters", "networks", ("network",), WHOLE, of_data=False))
METRICS.add(
    "frame_f1", Metric(_SPOTTING, "F1 of frames", "test frames", ("scores", "thresholds"), FRACTION, weighs=True)
)
METRICS.add("frame_auc", Metric(_SPOTTING, "AUC of frames", "test frames", ("scores",), FRACTION, weighs=True))
METRICS.add("frame_auc_percent", Metric(_SPOTTING, "AUC of frames (%)", "test frames", ("scores",), weighs=True))
METRICS.add(
    "shifted_auc",
    Metric(
        _SPOTTING,
        "AUC of frames, scores moved in time",
        "test frames",
        ("scores",),
        FRACTION,
        interval="95 % of the repetitions",
    ),
)
METRICS.add(
    "shifted_frame_f1",
    Metric(
        _SPOTTING,
        "F1 of frames, scores moved in time",
        "test frames",
        ("scores", "thresholds"),
        FRACTION,
        interval="95 % of the repetitions",
    ),
)
METRICS.add(
    "shifted_auc_percent",
    Metric(
        _SPOTTING,
        "AUC of frames, scores moved in time (%)",
        "test frames",
        ("scores",),
        interval="95 % of the repetitions",
    ),
)
METRICS.add(
    "interval_f1",
    Metric(_SPOTTING, "F1 of intervals", "true intervals", ("scores", "intervals"), FRACTION, weighs=True),
)
METRICS.add("intensity_correlation", Metric(_SPOTTING, "correlation", "test clips", ("states",), FRACTION))


CONTROLLED = ("accuracy", "uf1", "uar")
"""The scores that null controls of recognition are judged by."""

SPOTTED_VIDEOS = ("interval_f1",)
"""What spotting in long videos is judged by, beside its intervals moved to random places."""

MOVED_FRAMES = {"frame_f1": "shifted_frame_f1", "frame_auc": "shifted_auc"}
"""Metrics of frames that null controls of spotting in long videos show, and what measures them with the scores moved in
time."""

SPOTTED_CLIPS = ("frame_auc_percent", "shifted_auc_percent")
"""What spotting in clips is judged by, and the same of its scores moved in time."""


def scores() -> list[str]:
    """The metrics that are functions of the confusion matrix."""
    return [name for name in METRICS if METRICS.declared(name).score]


def check(name: str, left: Collection[str]) -> None:
    """Hold a metric against what an experiment leaves, named as in :attr:`Metric.needs`.

    Raises:
        ValueError: if the experiment lacks what it is measured of.
    """
    if lacking := [need for need in METRICS.declared(name).needs if need not in left]:
        possible = [other for other in METRICS if set(METRICS.declared(other).needs) <= set(left)]
        raise ValueError(
            f"metric {name} is measured of {' and '.join(lacking)}, which this experiment does not have; it can have: "
            f"{', '.join(possible)}"
        )


def class_place(name: str, classes: Sequence[str]) -> int:
    """The place among `classes` of the class that a row or column is named for, in capitals or not.

    Raises:
        ValueError: if it is none of them; the nearest is suggested.
    """
    if name.lower() not in classes:
        raise ValueError(f"no class {name!r}{nearest(name.lower(), classes)}; one of: {', '.join(classes)}")
    return classes.index(name.lower())


def entries(names: Iterable[str]) -> list[str]:
    """The rows of some metrics and what measures them, as code digests name them."""
    chosen = [choose("metric", name, METRICS) for name in dict.fromkeys(names)]
    return [entry for name in chosen for entry in (METRICS.identity(name), f"{METRICS.declared(name).module}:{name}")]


def _named(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"unknown metric {name!r}{nearest(name, METRICS)}; one of: {', '.join(sorted(METRICS))}")
    return name


def claimable() -> list[str]:
    """The metrics that claims can be about."""
    return [name for name in METRICS if METRICS.declared(name).weighs]


def _claimed(name: str) -> str:
    if name not in claimable():
        raise ValueError(
            f"no claim can be about a metric {name!r}{nearest(name, claimable())}; one of: {', '.join(claimable())}"
        )
    return name


def _score(name: str) -> str:
    if name not in scores():
        raise ValueError(f"unknown score {name!r}{nearest(name, scores())}; one of: {', '.join(scores())}")
    return name


MetricName = Annotated[str, AfterValidator(_named)]
"""The name of a metric, in a paper's file."""

ScoreName = Annotated[str, AfterValidator(_score)]
"""The name of a metric that is a score, see :attr:`Metric.score`."""

ClaimedName = Annotated[str, AfterValidator(_claimed)]
"""The name of a metric that a claim can be about, see :attr:`Metric.weighs`."""
