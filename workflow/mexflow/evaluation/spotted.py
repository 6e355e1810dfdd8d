"""From the scores of a fold to its intervals (elface2021): smooth, choose thresholds, cut, match with the truth.

A threshold is a function of the fold's training and validation videos alone; the test subject's scores do not move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mexflow.evaluation import intervals, spotting
from mexflow.evaluation.intervals import Interval
from mexflow.preprocess.aligned import stretches

Video = tuple[str, str, str]
"""Dataset, subject and name."""

ORDER = 2
LEAST = 2

FRAME_SCORES = ("normalised", "raw")
"""What metrics of frames can be of, see :func:`frames`."""


@dataclass(frozen=True)
class Scored:
    """A video's scores of one type under one variant: frame numbers, processed and raw scores, labels, each (n,).

    Both scores are NaN where nothing was measured.
    """

    video: Video
    role: str
    frames: np.ndarray
    scores: np.ndarray
    raw: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Spotted:
    """What was spotted of one type under one variant in the test videos of a fold.

    `threshold` is that of the smoothed scores, `youden` its J; the two others are those of scores not smoothed.
    """

    variant: str
    type: str
    threshold: float
    youden: float
    normalised_threshold: float
    raw_threshold: float
    chosen_on: int
    subjects: list[str]
    predicted: dict[Video, list[Interval]] = field(default_factory=dict)
    truth: dict[Video, list[Interval]] = field(default_factory=dict)
    pairs: dict[Video, list[tuple[int, int, float]]] = field(default_factory=dict)


def scored(table: pa.Table, k: Mapping[str, int], order: int = ORDER) -> dict[tuple[str, str], list[Scored]]:
    """The videos of a scores table by (variant, type); scores are normalised and smoothed with Wn = 1/k of the type."""
    videos: dict[tuple[str, str], list[Scored]] = {}
    for part in by_video(table):
        variant, kind, role = (part[name][0].as_py() for name in ("variant", "type", "role"))
        raw = part["score"].to_numpy()
        smooth = processed(raw, k[kind], order)
        labels = part["label"].to_numpy(zero_copy_only=False)
        scored_video = Scored(_video(part), role, part["frame"].to_numpy(), smooth, raw, labels)
        videos.setdefault((variant, kind), []).append(scored_video)
    return videos


def processed(raw: np.ndarray, k: int, order: int = ORDER) -> np.ndarray:
    """Scores of one video (n,) normalised and smoothed with Wn = 1/k, float64.

    What was not measured (NaN) is as low as the lowest score while it is smoothed, so that no peak can come of it, and
    NaN again afterwards.
    """
    smooth = spotting.smooth(normalised(raw, lowest=0.0), 1 / k, order)
    smooth[np.isnan(raw)] = np.nan
    return smooth


def by_video(table: pa.Table) -> Iterator[pa.Table]:
    """The rows of a scores table in its order, cut where another video, role, variant or type begins."""
    keys = [table[name].combine_chunks() for name in ("variant", "type", "role", "dataset", "subject", "video")]
    codes = np.stack([_codes(column) for column in keys])
    cuts = (np.flatnonzero((codes[:, 1:] != codes[:, :-1]).any(0)) + 1).tolist()
    for start, end in zip([0, *cuts], [*cuts, table.num_rows], strict=True):
        if start < end:
            yield table.slice(start, end - start)


@dataclass(frozen=True)
class Frames:
    """Scores of frames of one video and type under one variant, not smoothed, NaN where nothing was measured: (n,)."""

    variant: str
    type: str
    video: Video
    scores: np.ndarray
    labels: np.ndarray


def frames(table: pa.Table, scores: str) -> list[Frames]:
    """The frames of a scores table as metrics of frames take them; no score is smoothed.

    Args:
        scores: ``normalised`` min-max within their video (float64), or ``raw``, as the network gives them (float32).

    Raises:
        ValueError: for another word.
    """
    if scores not in FRAME_SCORES:
        raise ValueError(f"scores of frames are {scores!r}, not one of {', '.join(FRAME_SCORES)}")
    result = []
    for part in by_video(table):
        raw = part["score"].to_numpy()
        values = normalised(raw) if scores == "normalised" else raw
        labels = part["label"].to_numpy(zero_copy_only=False)
        result.append(Frames(part["variant"][0].as_py(), part["type"][0].as_py(), _video(part), values, labels))
    return result


def normalised(raw: np.ndarray, lowest: float = np.nan) -> np.ndarray:
    """Scores of one video brought to [0, 1] by those measured; `lowest` where nothing was (NaN). float64 ``(n,)``."""
    result = np.full(len(raw), lowest)
    result[~np.isnan(raw)] = spotting.normalise(raw[~np.isnan(raw)])
    return result


def spot(
    videos: Sequence[Scored], truth: Mapping[Video, Sequence[Interval]], variant: str, kind: str,
    least: int = LEAST, iou: float = intervals.THRESHOLD,
) -> Spotted:  # fmt: skip
    """The intervals of one type in the test videos.

    Each threshold is the one of the largest Youden J over all measured frames of the training and validation videos;
    infinite, so that nothing is spotted, where they hold no frame of the type, or none outside.

    Args:
        videos: all videos of the fold under one variant.
        truth: the true intervals of the type, frame numbers.
    """
    known = [video for video in videos if video.role != "test"]
    labels = np.concatenate([np.zeros(0, bool), *(video.labels for video in known)])
    smoothed, scaled, raw = (
        np.concatenate([np.zeros(0), *scores])
        for scores in (
            [video.scores for video in known],
            [normalised(video.raw) for video in known],
            [video.raw for video in known],
        )
    )
    measured = ~np.isnan(raw)
    smoothed, scaled, raw, labels = smoothed[measured], scaled[measured], raw[measured], labels[measured]
    threshold, normalised_threshold, raw_threshold, gain = *(3 * [float("inf")]), 0.0
    if 0 < labels.sum() < len(labels):
        threshold, normalised_threshold, raw_threshold = (
            spotting.youden(scores, labels) for scores in (smoothed, scaled, raw)
        )
        above = smoothed >= threshold
        gain = float(above[labels].mean() - above[~labels].mean())
    subjects = sorted({video.video[1] for video in known})
    result = Spotted(variant, kind, threshold, gain, normalised_threshold, raw_threshold, len(labels), subjects)
    for video in videos:
        if video.role != "test":
            continue
        predicted = predicted_intervals(video, threshold, least)
        true = sorted(truth.get(video.video, ()))
        result.predicted[video.video], result.truth[video.video] = predicted, true
        result.pairs[video.video] = intervals.match(predicted, true, iou)
    return result


def predicted_intervals(video: Scored, threshold: float, least: int = LEAST) -> list[Interval]:
    """The runs of at least so many frames at or above a threshold, as frame numbers; none goes on across a gap."""
    return [
        Interval(int(video.frames[run.first]), int(video.frames[run.last]))
        for start, end in stretches(video.frames)
        for run in intervals.runs(video.scores[start:end], threshold, least, start)
    ]


def truths(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[Video, list[Interval]]]:
    """The true intervals of an index, by type and video; rows that are excluded do not count."""
    by_type: dict[str, dict[Video, list[Interval]]] = {}
    for row in rows:
        if row["excluded"] is None:
            video = (row["dataset"], row["subject"], row["video"])
            by_type.setdefault(row["type"], {}).setdefault(video, []).append(Interval(row["onset"], row["offset"]))
    return by_type


def interval_rows(fold: str, spotted: Spotted) -> list[dict[str, Any]]:
    """The rows of :data:`mexflow.evaluation.scores.INTERVALS` of what was spotted."""
    rows = []
    for video in sorted(spotted.predicted):
        names = dict(zip(("dataset", "subject", "video"), video, strict=True))
        partners = {
            (source, pair[i]) for pair in spotted.pairs[video] for i, source in enumerate(("predicted", "truth"))
        }
        for source, spans in (("predicted", spotted.predicted[video]), ("truth", spotted.truth[video])):
            rows += [
                {
                    "fold": fold,
                    **names,
                    "variant": spotted.variant,
                    "type": spotted.type,
                    "source": source,
                    "first": interval.first,
                    "last": interval.last,
                    "matched": (source, number) in partners,
                }
                for number, interval in enumerate(spans)
            ]
    return rows


def _video(part: pa.Table) -> Video:
    dataset, subject, video = (part[name][0].as_py() for name in ("dataset", "subject", "video"))
    return dataset, subject, video


def _codes(column: pa.Array) -> np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return pc.dictionary_encode(column).indices.to_numpy()
