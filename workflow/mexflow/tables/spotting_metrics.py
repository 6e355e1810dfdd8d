"""Metrics of spotting: of frames and of intervals, over the folds of an experiment (elface2021, tables 2 to 4).

A place of a table is about one type of expression, the column's `part` (``micro`` or ``macro``; none pools both), and
one variant of testing, the row's `variant` (none where an experiment has one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mexflow.errors import UserError, choose
from mexflow.evaluation import spotted, spotting
from mexflow.evaluation.frame_skips import fitted
from mexflow.evaluation.intervals import Counts
from mexflow.evaluation.uncertainty import SIGNED, Spread, over_subjects, percentiles, seed_of
from mexflow.papers import repeats
from mexflow.papers.trainings import FrameSkips
from mexflow.registries import Registry
from mexflow.tables.evidence import Evidence, Measure, Place
from mexflow.tables.measurement import NOT_RUN, Measurement, Weighted

if TYPE_CHECKING:
    import pyarrow as pa

MEASURES: Registry[Measure] = Registry("metric of spotting", __name__)

ROTATIONS = 200
"""How often the scores of videos are moved in time for a control."""


@MEASURES.entry("interval_f1")
def interval_f1(evidence: Evidence, place: Place) -> list[Measurement]:
    """F1 of intervals, in [0, 1], TP, FP and FN pooled over all test videos; `n` counts true intervals."""
    experiment, expression = place.experiment, place.column.part
    tables, absent = fold_tables(evidence, experiment, "intervals", "interval_f1")
    if absent:
        return [absent]
    videos = evidence.test_videos(experiment)
    _require_variant(place, {row["variant"] for row in videos})
    counts: dict[str, Counts] = {subject: Counts() for subject in evidence.folds[experiment]}
    truths = 0
    for row in counted_intervals(evidence, experiment, tables, expression, place.row.variant):
        predicted = row["source"] == "predicted"
        truths += not predicted
        if predicted:
            count = Counts(tp=1) if row["matched"] else Counts(fp=1)
        else:
            count = Counts() if row["matched"] else Counts(fn=1)
        counts[row["subject"]] = counts.get(row["subject"], Counts()) + count
    pooled = sum(counts.values(), Counts())
    seed = seed_of(evidence.seed, evidence.paper.paper, experiment, expression, place.row.variant, "interval_f1")
    spread = spotting.pooled_f1_interval(counts, seed, evidence.source.intervals)
    notes = [*evidence.notes(experiment), *_video_notes(evidence, place)]
    notes.append(f"TP {pooled.tp}, FP {pooled.fp}, FN {pooled.fn}")
    value = pooled.f1 if np.isfinite(pooled.f1) else None
    weighted = _weighted_f1(counts)
    return [Measurement("interval_f1", value, spread.interval, truths, _reason(value, spread) + notes, weighted)]


@MEASURES.entry("frame_auc")
def frame_auc(evidence: Evidence, place: Place) -> list[Measurement]:
    """Area under the ROC curve of all test frames with a score, pooled (decided); `n` counts these.

    Scores are not smoothed; `frame_scores` of the paper's `intervals` says whether they are normalised.
    """
    folds, unmeasured, absent = _test_frames(evidence, place, "frame_auc")
    if absent:
        return [absent]
    parts = [part for _, frames in folds for part in frames]
    scores = np.concatenate([np.zeros(0, np.float32), *(part.scores for part in parts)])
    labels = np.concatenate([np.zeros(0, bool), *(part.labels for part in parts)])
    subjects = np.repeat([part.video[1] for part in parts], np.array([len(part.scores) for part in parts], np.int64))
    value = spotting.auc(scores, labels)
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, place.column.part, "frame_auc")
    spread = Spread(None)
    if np.isfinite(value):
        spread = spotting.auc_interval(scores, labels, subjects, seed, evidence.source.intervals)
    notes = [*evidence.notes(place.experiment), *_video_notes(evidence, place), *unmeasured]
    area = float(value) if np.isfinite(value) else None
    weighted = Weighted(*spotting.auc_by_subject(scores, labels, subjects))
    return [Measurement("frame_auc", area, spread.interval, len(scores), spread.notes + notes, weighted)]


@MEASURES.entry("frame_auc_percent")
def frame_auc_percent(evidence: Evidence, place: Place) -> list[Measurement]:
    """As :func:`frame_auc`, in per cent."""
    (share,) = frame_auc(evidence, place)
    percent = None if share.value is None else float(100 * np.asarray(share.value))
    bounds = None
    if share.interval is not None:
        low, high = 100 * np.asarray(share.interval)
        bounds = float(low), float(high)
    weighted = share.weighted and replace(share.weighted, scale=100)
    return [replace(share, metric="frame_auc_percent", value=percent, interval=bounds, weighted=weighted)]


@MEASURES.entry("shifted_auc")
def shifted_auc(evidence: Evidence, place: Place) -> list[Measurement]:
    """As :func:`frame_auc`, of scores that are moved in time: a control.

    Each test video's scores are moved on by a random number of frames, the last ones to its beginning, so that they are
    the same scores in the same order and know nothing of the frames that they stand at. The mean of
    :data:`ROTATIONS` repetitions; the interval holds 95 % of them.
    """
    return [_moved_auc(evidence, place, "shifted_auc", 1)]


@MEASURES.entry("shifted_auc_percent")
def shifted_auc_percent(evidence: Evidence, place: Place) -> list[Measurement]:
    """As :func:`shifted_auc`, in per cent."""
    return [_moved_auc(evidence, place, "shifted_auc_percent", 100)]


@MEASURES.entry("shifted_frame_f1")
def shifted_frame_f1(evidence: Evidence, place: Place) -> list[Measurement]:
    """As :func:`frame_f1`, of scores that are moved in time as for :func:`shifted_auc`: a control."""
    metric = "shifted_frame_f1"
    folds, absent = _frames(evidence, place, metric)
    if absent:
        return [absent]
    limits, absent = _frame_thresholds(evidence, place, metric)
    if absent:
        return [absent]
    parts = [(part, limits[fold, part.variant, part.type]) for fold, frames in folds for part in frames]
    thresholds = np.repeat([limit for _, limit in parts], [len(part.scores) for part, _ in parts])

    def f1(scores: np.ndarray, labels: np.ndarray, scored: np.ndarray) -> float:
        return spotting.f1_frames(scores[scored] >= thresholds[scored], labels[scored])

    return [_moved(evidence, place, metric, [part for part, _ in parts], f1)]


def _moved_auc(evidence: Evidence, place: Place, metric: str, scale: float) -> Measurement:
    folds, absent = _frames(evidence, place, metric)
    if absent:
        return absent

    def area(scores: np.ndarray, labels: np.ndarray, scored: np.ndarray) -> float:
        return scale * spotting.auc(scores[scored], labels[scored])

    return _moved(evidence, place, metric, [part for _, frames in folds for part in frames], area)


def _moved(
    evidence: Evidence,
    place: Place,
    metric: str,
    parts: Sequence[spotted.Frames],
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
) -> Measurement:
    """A metric of frames whose scores are moved in time, video by video: the mean and range of the repetitions.

    Args:
        measure: the number of scores (n,), labels (n,) and, of which frames there is a score, bool (n,).
    """
    raw = np.concatenate([np.zeros(0, np.float32), *(part.scores for part in parts)])
    labels = np.concatenate([np.zeros(0, bool), *(part.labels for part in parts)])
    lengths = np.array([len(part.scores) for part in parts], np.int64)
    beginnings = np.cumsum(lengths) - lengths
    measured = ~np.isnan(raw)
    # Repeats are moved by the same numbers of frames, as they may well agree with each other in what they score high.
    experiment = repeats.first_of(place.experiment)
    rng = np.random.default_rng(
        seed_of(evidence.seed, evidence.paper.paper, experiment, place.column.part, "shifted_auc")
    )
    start, length = np.repeat(beginnings, lengths), np.repeat(lengths, lengths)
    numbers = []
    for _ in range(ROTATIONS):
        steps = np.repeat(rng.integers(lengths), lengths)
        moved = raw[start + (np.arange(len(raw)) - start - steps) % length]
        numbers.append(measure(moved, labels, ~np.isnan(moved) & measured))
    values = np.array(numbers)
    value = float(values.mean()) if np.isfinite(values).all() else None
    bounds = percentiles(values) if value is not None else None
    notes = [*evidence.notes(place.experiment), f"{ROTATIONS} repetitions"]
    return Measurement(metric, value, bounds, int(measured.sum()), notes, draws=values)


@MEASURES.entry("intensity_correlation")
def intensity_correlation(evidence: Evidence, place: Place) -> list[Measurement]:
    """Pearson's correlation of a test clip's intensity with its target, the mean over clips; `n` counts clips.

    A clip whose intensity or target does not change has none, and is counted in a note.
    """
    tables, absent = fold_tables(evidence, place.experiment, "states", "intensity_correlation")
    if absent:
        return [absent]
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    constant = 0
    for _, table in tables:
        for (_, subject, _), frames in table.to_pandas().groupby(["dataset", "subject", "clip"]):
            correlation = spotting.correlation(frames["intensity"].to_numpy(), frames["target"].to_numpy())
            constant += not np.isfinite(correlation)
            sums[str(subject)] += (correlation, 1) if np.isfinite(correlation) else (0, 0)
    notes = [*evidence.notes(place.experiment)]
    if constant:
        notes.append(f"{_counted_text(constant, 'clip')} without a change, which has no correlation")
    totals = np.array([sums[name] for name in sorted(sums)]).reshape(-1, 2)
    clips = int(totals[:, 1].sum())
    if not clips:
        return [Measurement("intensity_correlation", n=0, notes=["no test clip", *notes])]
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, "intensity_correlation")

    def mean(sums: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # a resample may hold no clip
            return sums[..., 0] / sums[..., 1]

    spread = over_subjects(totals, mean, seed, evidence.source.intervals, SIGNED)
    value = float(totals[:, 0].sum() / clips)
    weighted = Weighted(sorted(sums), lambda weights: mean(weights @ totals), bounds=SIGNED, adds=totals[:, 1] > 0)
    return [Measurement("intensity_correlation", value, spread.interval, clips, spread.notes + notes, weighted)]


@MEASURES.entry("frame_f1")
def frame_f1(evidence: Evidence, place: Place) -> list[Measurement]:
    """F1 of all test frames with a score, pooled; `n` counts these.

    A frame is predicted where its score, the same as for :func:`frame_auc`, reaches the fold's threshold for these.
    """
    folds, unmeasured, absent = _test_frames(evidence, place, "frame_f1")
    if absent:
        return [absent]
    limits, absent = _frame_thresholds(evidence, place, "frame_f1")
    if absent:
        return [absent]
    counts: dict[str, Counts] = defaultdict(Counts)
    for fold, frames in folds:
        for part in frames:
            predicted = part.scores >= limits[fold, part.variant, part.type]
            counts[part.video[1]] += spotting.count_frames(predicted, part.labels)
    pooled = sum(counts.values(), Counts())
    variant = place.row.variant
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, place.column.part, variant, "frame_f1")
    count = sum(len(part.scores) for _, frames in folds for part in frames)
    notes = [*evidence.notes(place.experiment), *_video_notes(evidence, place), *unmeasured]
    value = pooled.f1 if np.isfinite(pooled.f1) else None
    spread = spotting.pooled_f1_interval(counts, seed, evidence.source.intervals)
    weighted = _weighted_f1(counts)
    return [Measurement("frame_f1", value, spread.interval, count, _reason(value, spread) + notes, weighted)]


def _frame_thresholds(
    evidence: Evidence, place: Place, metric: str
) -> tuple[dict[tuple[str, str, str], float], Measurement | None]:
    """The threshold of scores of frames by fold, variant and type; then what stands for a fold that is missing."""
    tables, absent = fold_tables(evidence, place.experiment, "thresholds", metric)
    column = f"{evidence.paper.intervals.frame_scores}_threshold"
    rows = ((fold, row) for fold, table in tables for row in table.to_pylist())
    return {(fold, row["variant"], row["type"]): row[column] for fold, row in rows}, absent


def fold_tables(
    evidence: Evidence, experiment: str, name: str, metric: str, role: str | None = None
) -> tuple[list[tuple[str, pa.Table]], Measurement | None]:
    """A table of each fold, with the fold's name, or the measurement that stands for one that is not there."""
    expected = evidence.folds.get(experiment, ())
    if not expected:
        return [], Measurement(metric, notes=[NOT_RUN])
    tables = evidence.tables(experiment, name, role)
    if len(tables) < len(expected):
        incomplete = f"INCOMPLETE {len(tables)}/{len(expected)}"
        return [], Measurement(metric, notes=[incomplete, *evidence.notes(experiment)])
    return tables, None


def counted_intervals(
    evidence: Evidence,
    experiment: str,
    tables: list[tuple[str, pa.Table]],
    expression: str | None,
    variant: str | None,
) -> list[dict[str, Any]]:
    """The intervals that count, rows of the tables: of the type and variant, in the videos that count."""
    rows = [
        row
        for _, table in tables
        for row in table.to_pylist()
        if expression in (None, row["type"]) and variant in (None, row["variant"])
    ]
    counted = _counted_videos(evidence, experiment)
    return [row for row in rows if (row["type"], video_of(row)) in counted]


def video_of(row: dict[str, Any]) -> spotted.Video:
    """The video that a row of a table is about."""
    return row["dataset"], row["subject"], row["video"]


def _weighted_f1(counts: dict[str, Counts]) -> Weighted:
    """The pooled F1 of what each subject adds."""
    subjects, number = spotting.f1_by_subject(counts)
    return Weighted(subjects, number, adds=np.array([counts[name] != Counts() for name in subjects], bool))


def _require_variant(place: Place, known: set[str]) -> None:
    """Check that a place is about one way of testing: numbers of two must not be pooled.

    Raises:
        UserError: if its row names one that was not tested, or none where there are several.
    """
    if place.row.variant is not None and known:
        choose(f"variant of {place.experiment}", place.row.variant, sorted(known))
    elif len(known) > 1:
        raise UserError(
            f"{place.experiment} was tested in several ways ({', '.join(sorted(known))}); row {place.row.name!r} of "
            "the paper's table must name one as its `variant`"
        )


def _frames(
    evidence: Evidence, place: Place, metric: str
) -> tuple[list[tuple[str, list[spotted.Frames]]], Measurement | None]:
    """The frames of the place's type and variant in the test videos that count, a list a fold, in their order.

    Then what stands for a fold that is missing.
    """
    import pyarrow.compute as pc

    _, absent = fold_tables(evidence, place.experiment, "scores", metric, "test")
    if absent:
        return [], absent
    _require_variant(place, {row["variant"] for row in evidence.test_videos(place.experiment)})
    counted = _counted_videos(evidence, place.experiment)
    folds = []
    for fold, table in evidence.tables(place.experiment, "scores", "test"):
        for column, wanted in (("type", place.column.part), ("variant", place.row.variant)):
            table = table if wanted is None else table.filter(pc.equal(table[column], wanted))
        parts = spotted.frames(table, evidence.paper.intervals.frame_scores)
        folds.append((fold, [part for part in parts if (part.type, part.video) in counted]))
    return folds, None


def _test_frames(
    evidence: Evidence, place: Place, metric: str
) -> tuple[list[tuple[str, list[spotted.Frames]]], list[str], Measurement | None]:
    """As :func:`_frames`, those with a score alone, and how many have none, as a note."""
    every, absent = _frames(evidence, place, metric)
    folds, count = [], 0
    for fold, frames in every:
        parts = []
        for part in frames:
            known = ~np.isnan(part.scores)
            count += int((~known).sum())
            parts.append(replace(part, scores=part.scores[known], labels=part.labels[known]))
        folds.append((fold, parts))
    notes = [f"{_counted_text(count, 'frame')} not measured (the face was not seen)"] if count else []
    return folds, notes, absent


def _counted_videos(evidence: Evidence, experiment: str) -> set[tuple[str, spotted.Video]]:
    """Type of expression and video of the test videos that count for the type."""
    types: dict[spotted.Video, set[str]] = {}
    rows = evidence.test_videos(experiment)
    for row in rows:
        types.setdefault(video_of(row), set()).update([row["type"]] if row["expression"] else [])
    setting = evidence.paper.intervals.videos
    return {
        (kind, video) for kind in {row["type"] for row in rows} for video in spotting.counting(types, kind, setting)
    }


def _video_notes(evidence: Evidence, place: Place) -> list[str]:
    """How many test videos there are, and which of them are unlike the others."""
    expression, variant = place.column.part, place.row.variant
    rows = [
        row
        for row in evidence.test_videos(place.experiment)
        if expression in (None, row["type"]) and variant in (None, row["variant"])
    ]
    subjects: dict[tuple[str, str], bool] = {}
    videos: dict[spotted.Video, bool] = {}
    frames = {video_of(row): row["frames"] for row in rows}
    for row in rows:
        videos[video_of(row)] = videos.get(video_of(row), False) or row["expression"]
        subjects[video_of(row)[:2]] = subjects.get(video_of(row)[:2], False) or row["expression"]
    kind = "an expression" if expression not in ("micro", "macro") else f"a {expression}-expression"
    notes = [_counted_text(len(videos), "test video"), *_left_out_videos(evidence, place.experiment, rows)]
    for with_expression, noun in ((videos, "video"), (subjects, "subject")):
        if without := sum(not any_expression for any_expression in with_expression.values()):
            notes.append(f"{_counted_text(without, noun)} without {kind}")
    skips = _skips(evidence, place.experiment)
    longest = max(skips.test_skips.get(variant, (0,))) if skips and variant else 0
    if short := sum(count <= longest for count in frames.values()):
        notes.append(f"{_counted_text(short, 'video')} no longer than the longest skip, {longest} frames")
    if skips and skips.skips == "measured" and variant in skips.test_skips:
        used = " and ".join(map(str, skips.test_skips[variant]))
        notes.append(f"frame skips {used}, fitted to the embedded expressions")
    return notes


def _reason(value: float | None, spread: Spread) -> list[str]:
    """Why a number has no interval; nothing where there is no number."""
    return [] if value is None else spread.notes


def _skips(evidence: Evidence, experiment: str) -> FrameSkips | None:
    """The frame skips of a spotting experiment, as its networks were trained and tested with."""
    data = evidence.paper.data_name(experiment)
    skips = evidence.paper.spotting.get(data)
    if skips is None or skips.k is None or not evidence.source.synthetic(evidence.paper.data[data].index):
        return skips
    return fitted(skips.model_copy(update={"skips": "measured"}), evidence.rows[data])


def _left_out_videos(evidence: Evidence, experiment: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Which of the test videos do not count, a note for each type of expression that they are left out for."""
    setting = evidence.paper.intervals.videos
    if setting == "all":
        return []
    counted = _counted_videos(evidence, experiment)
    notes = []
    for kind in sorted({row["type"] for row in rows}):
        videos = {video_of(row) for row in rows if row["type"] == kind}
        without = "any expression" if setting == "annotated" else f"a {kind}-expression"
        left_out = sum((kind, video) not in counted for video in videos)
        notes.append(f"left out {left_out} of {_counted_text(len(videos), 'video')} without {without} ({setting})")
    return list(dict.fromkeys(notes))


def _counted_text(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
