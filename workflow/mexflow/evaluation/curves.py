"""The scores of a test video, frame by frame, with its threshold and its true and spotted intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mexflow.errors import UserError
from mexflow.evaluation import spotted
from mexflow.evaluation.intervals import Interval


@dataclass(frozen=True)
class Curve:
    """The scores of one type of expression over a video.

    Attributes:
        type: ``micro`` or ``macro``.
        frames: int64 (n,), their numbers.
        raw: float64 (n,), normalised to [0, 1], not smoothed.
        scores: float64 (n,), normalised and smoothed.
        threshold: of the fold; infinite where none could be chosen.
        truth: the true intervals, first and last frame.
        predicted: the spotted intervals, and whether each is matched with a true one.
    """

    type: str
    frames: np.ndarray
    raw: np.ndarray
    scores: np.ndarray
    threshold: float
    truth: Sequence[Interval]
    predicted: Sequence[tuple[Interval, bool]]


def curves(
    scores: pa.Table,
    thresholds: pa.Table,
    intervals: pa.Table,
    video: spotted.Video,
    variant: str,
    k: Mapping[str, int],
    types: Sequence[str] = ("micro", "macro"),
    order: int = spotted.ORDER,
) -> list[Curve]:
    """The curves of a test video, one a type.

    Args:
        scores: of its fold, see :mod:`mexflow.evaluation.scores`; likewise `thresholds` and `intervals`.
        video: dataset, subject and name.
        variant: of testing.
        k: by type, see :func:`mexflow.datasets.half_length.half_length`.
        types: in the order in which they are shown.
        order: of the smoothing, as the intervals were made with.

    Raises:
        UserError: if the fold has no scores of the video.
    """
    limits = {(row["variant"], row["type"]): row["threshold"] for row in thresholds.to_pylist()}
    spans: dict[tuple[str, str], list[tuple[Interval, bool]]] = {}
    for row in intervals.to_pylist():
        if (row["dataset"], row["subject"], row["video"], row["variant"]) == (*video, variant):
            span = (Interval(row["first"], row["last"]), row["matched"])
            spans.setdefault((row["source"], row["type"]), []).append(span)
    chosen = pc.equal(scores["role"], "test")
    for name, value in zip(("dataset", "subject", "video", "variant"), (*video, variant), strict=True):
        chosen = pc.and_(chosen, pc.equal(scores[name], value))
    videos = spotted.scored(scores.filter(chosen), k, order)
    result = []
    for kind in types:
        if (variant, kind) not in videos:
            raise UserError(
                f"no scores of {kind}-expressions in test video {video[2]} under {variant!r}; spot it first"
            )
        (video_scores,) = videos[variant, kind]
        truth = [span for span, _ in spans.get(("truth", kind), ())]
        result.append(
            Curve(
                kind,
                video_scores.frames,
                spotted.normalised(video_scores.raw),
                video_scores.scores,
                limits[variant, kind],
                truth,
                spans.get(("predicted", kind), []),
            )
        )
    return result
