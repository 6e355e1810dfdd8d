"""Metrics of spotting: of frames and of intervals, over the folds of an experiment (elface2021, tables 2 to 4).

A place of a table is about one type of expression, the column's `part` (``micro`` or ``macro``; none pools both), and
one variant of testing, the row's `variant` (none where an experiment has one).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError, choose
from mexflow.evaluation import intervals, spotted, spotting
from mexflow.evaluation.intervals import Counts
from mexflow.evaluation.uncertainty import Interval, bootstrap, percentiles, seed_of
from mexflow.tables.evidence import Evidence

if TYPE_CHECKING:
    import pyarrow as pa

    from mexflow.tables.cells import Cell
    from mexflow.tables.metrics import Measurement, Place

SHIFTS = 200
"""How often the predicted intervals are moved to random places for the null control."""

TABLE = "spotting_controls"
TITLE = "Null controls of spotting: intervals moved to random places"
ABOVE, NOT_ABOVE = "above its null control", "not above its null control"


def interval_f1(evidence: Evidence, place: Place) -> list[Measurement]:
    """F1 of intervals, in [0, 1], TP, FP and FN pooled over all test videos; `n` counts true intervals."""
    from mexflow.tables.metrics import Measurement

    experiment, kind = place.experiment, place.column.part
    tables, absent = _tables(evidence, experiment, "intervals", "interval_f1")
    if absent:
        return [absent]
    videos = evidence.test_videos(experiment)
    _require_variant(place, {row["variant"] for row in videos})
    counts: dict[str, Counts] = {subject: Counts() for subject in evidence.folds[experiment]}
    truths = 0
    for row in _counted(evidence, tables, kind, place.row.variant):
        predicted = row["source"] == "predicted"
        truths += not predicted
        if predicted:
            own = Counts(tp=1) if row["matched"] else Counts(fp=1)
        else:
            own = Counts() if row["matched"] else Counts(fn=1)
        counts[row["subject"]] = counts.get(row["subject"], Counts()) + own
    pooled = sum(counts.values(), Counts())
    seed = seed_of(evidence.seed, evidence.paper.paper, experiment, kind, place.row.variant, "interval_f1")
    found = spotting.pooled_f1_interval(counts, seed)
    notes = [*evidence.notes(experiment), *_videos_note(evidence), *_said_of_videos(evidence, place)]
    notes.append(f"TP {pooled.tp}, FP {pooled.fp}, FN {pooled.fn}")
    value = pooled.f1 if np.isfinite(pooled.f1) else None
    return [Measurement("interval_f1", value, found, truths, _without_interval(value, found) + notes)]


def frame_auc(evidence: Evidence, place: Place) -> list[Measurement]:
    """Area under the ROC curve of the raw scores of all test frames with one, pooled (decided); `n` counts these."""
    from mexflow.tables.metrics import Measurement

    tables, absent = _test_scores(evidence, place, "frame_auc")
    if absent:
        return [absent]
    raw, labels = (np.concatenate([table[name].to_numpy() for _, table in tables]) for name in ("score", "label"))
    subjects = np.concatenate([table["subject"].to_numpy() for _, table in tables])
    measured = ~np.isnan(raw)
    raw, labels, subjects = raw[measured], labels[measured], subjects[measured]
    value = spotting.auc(raw, labels)
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, place.column.part, "frame_auc")
    found = spotting.auc_interval(raw, labels, subjects, seed) if np.isfinite(value) else None
    notes = [*evidence.notes(place.experiment), *_said_of_videos(evidence, place)]
    if count := int((~measured).sum()):
        notes.append(f"{count} {'frame' if count == 1 else 'frames'} not measured (the face was not seen)")
    area = float(value) if np.isfinite(value) else None
    return [Measurement("frame_auc", area, found, len(raw), _without_interval(area, found) + notes)]


def frame_auc_percent(evidence: Evidence, place: Place) -> list[Measurement]:
    """As :func:`frame_auc`, in per cent."""
    (found,) = frame_auc(evidence, place)
    value, ends = (None if one is None else 100 * np.asarray(one) for one in (found.value, found.interval))
    interval = None if ends is None else (float(ends[0]), float(ends[1]))
    percent = None if value is None else float(value)
    return [replace(found, metric="frame_auc_percent", value=percent, interval=interval)]


def intensity_correlation(evidence: Evidence, place: Place) -> list[Measurement]:
    """Pearson's correlation of a test clip's intensity with its target, the mean over clips; `n` counts clips.

    A clip whose intensity or target does not change has none, and is counted in a note.
    """
    from mexflow.tables.metrics import Measurement

    tables, absent = _tables(evidence, place.experiment, "states", "intensity_correlation")
    if absent:
        return [absent]
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    constant = 0
    for _, table in tables:
        rows = table.to_pandas()
        for (_, subject, _), own in rows.groupby(["dataset", "subject", "clip"]):
            found = spotting.correlation(own["intensity"].to_numpy(), own["target"].to_numpy())
            constant += not np.isfinite(found)
            sums[str(subject)] += (found, 1) if np.isfinite(found) else (0, 0)
    notes = [*evidence.notes(place.experiment)]
    if constant:
        notes.append(f"{_counted_text(constant, 'clip')} without a change, which has no correlation")
    totals = np.array([sums[name] for name in sorted(sums)]).reshape(-1, 2)
    clips = int(totals[:, 1].sum())
    if not clips:
        return [Measurement("intensity_correlation", n=0, notes=["no test clip", *notes])]
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, "intensity_correlation")
    with np.errstate(invalid="ignore"):  # a resample may hold no clip
        found = bootstrap(totals, lambda sums: sums[..., 0] / sums[..., 1], seed)
    value = float(totals[:, 0].sum() / clips)
    return [Measurement("intensity_correlation", value, found, clips, _without_interval(value, found) + notes)]


def frame_f1(evidence: Evidence, place: Place) -> list[Measurement]:
    """F1 of all test frames, pooled; a frame is predicted where its smoothed score reaches its fold's threshold."""
    from mexflow.tables.metrics import Measurement

    videos, absent = _test_videos(evidence, place, "frame_f1")
    if absent:
        return [absent]
    tables, absent = _tables(evidence, place.experiment, "thresholds", "frame_f1")
    if absent:
        return [absent]
    wanted = (place.column.part, place.row.variant)
    limits = {
        (fold, row["variant"], row["type"]): row["threshold"] for fold, table in tables for row in table.to_pylist()
    }
    counts: dict[str, Counts] = defaultdict(Counts)
    for key, one in videos:
        measured = ~np.isnan(one.scores)
        counts[one.video[1]] += spotting.count_frames(one.scores[measured] >= limits[key], one.labels[measured])
    pooled = sum(counts.values(), Counts())
    seed = seed_of(evidence.seed, evidence.paper.paper, place.experiment, *wanted, "frame_f1")
    frames = sum(len(one.frames) for _, one in videos)
    notes = [*evidence.notes(place.experiment), *_said_of_videos(evidence, place)]
    value = pooled.f1 if np.isfinite(pooled.f1) else None
    found = spotting.pooled_f1_interval(counts, seed)
    return [Measurement("frame_f1", value, found, frames, _without_interval(value, found) + notes)]


@dataclass(frozen=True)
class Shifted:
    """An experiment's overall interval F1 and what it is with its predictions moved to random places: two cells."""

    experiment: str
    cells: list[Cell]
    verdict: str


def controls(evidence: Evidence) -> list[Shifted]:
    """The null control of each spotting experiment that asks for one, under each variant of testing.

    Its cells are ``<experiment>, <variant>/experiment/interval_f1`` and ``…/shifted/interval_f1``.
    """
    from mexflow.tables.cells import cell_from

    found = []
    for name, experiment in evidence.paper.experiments.items():
        if not (experiment.videos and experiment.null_control):
            continue
        for variant in evidence.paper.spotting[evidence.paper.data_name(name)].test_skips:
            real, null, verdict = control(evidence, name, variant)
            real.notes.append(verdict)
            row = f"{name}, {variant}"
            places = (("experiment", real), ("shifted", null))
            cells = [cell_from(evidence.paper, TABLE, row, column, one, [name]) for column, one in places]
            found.append(Shifted(row, cells, verdict))
    return found


def control(evidence: Evidence, experiment: str, variant: str | None) -> tuple[Measurement, Measurement, str]:
    """The null control of spotting: as many intervals, each as long, anywhere in their videos.

    The null's interval holds 95 % of :data:`SHIFTS` repetitions.
    """
    from mexflow.tables.metrics import Measurement

    (real,) = interval_f1(evidence, _place(experiment, variant, None))
    tables, absent = _tables(evidence, experiment, "intervals", "interval_f1")
    if absent or real.value is None:
        return real, Measurement("interval_f1", notes=list(real.notes)), "no verdict"
    extents = {_video(row): (row["first"], row["last"]) for row in evidence.test_videos(experiment)}
    groups: dict[tuple[Any, ...], dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in _counted(evidence, tables, None, variant):
        key = (row["dataset"], row["subject"], row["video"], row["variant"], row["type"])
        groups[key][row["source"]].append((row["first"], row["last"]))
    scores = []
    for repetition in range(SHIFTS):
        total = Counts()
        for key, found in groups.items():
            first, last = extents[key[:3]]
            seed = seed_of(evidence.seed, evidence.paper.paper, experiment, *key, repetition, "shifted")
            moved = intervals.shifted(found["predicted"], last - first + 1, seed, first)
            total += intervals.count(moved, found["truth"], evidence.paper.intervals.iou)
        scores.append(total.f1)
    values = np.array(scores)
    null = Measurement("interval_f1", float(values.mean()), percentiles(values), SHIFTS, [f"{SHIFTS} repetitions"])
    above = null.interval is not None and real.value > null.interval[1]
    return real, null, ABOVE if above else NOT_ABOVE


def _place(experiment: str, variant: str | None, kind: str | None) -> Place:
    from mexflow.papers.parts import Column, Row
    from mexflow.tables.metrics import Place

    return Place(Row(name=experiment, variant=variant), Column(name=kind or "overall", part=kind), experiment)


def _tables(evidence: Evidence, experiment: str, name: str, metric: str, role: str | None = None):
    """A table of each fold, or the measurement that stands for one that is not there."""
    from mexflow.tables.metrics import NOT_RUN, Measurement

    expected = evidence.folds.get(experiment, ())
    if not expected:
        return [], Measurement(metric, notes=[NOT_RUN])
    tables = evidence.tables(experiment, name, role)
    if len(tables) < len(expected):
        found = f"INCOMPLETE {len(tables)}/{len(expected)}"
        return [], Measurement(metric, notes=[found, *evidence.notes(experiment)])
    return tables, None


def _counted(evidence: Evidence, tables, kind: str | None, variant: str | None) -> list[dict[str, Any]]:
    """The intervals that count: of the type and variant, in the videos that count."""
    rows = [
        row
        for _, table in tables
        for row in table.to_pylist()
        if kind in (None, row["type"]) and variant in (None, row["variant"])
    ]
    key = lambda row: (*_video(row), row["variant"], row["type"])  # noqa: E731
    truth: dict[Any, list[Any]] = {key(row): [] for row in rows}
    for row in rows:
        if row["source"] == "truth":
            truth[key(row)].append((row["first"], row["last"]))
    counted = set(spotting.leave_out(truth, evidence.paper.intervals.videos))
    return [row for row in rows if key(row) in counted]


def _video(row: dict[str, Any]) -> spotted.Video:
    return row["dataset"], row["subject"], row["video"]


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


def _test_scores(
    evidence: Evidence, place: Place, metric: str
) -> tuple[list[tuple[str, pa.Table]], Measurement | None]:
    """The scores of the place's type and variant in test videos, a table a fold, or what stands for missing ones."""
    import pyarrow.compute as pc

    _, absent = _tables(evidence, place.experiment, "scores", metric, "test")
    if absent:
        return [], absent
    _require_variant(place, {row["variant"] for row in evidence.test_videos(place.experiment)})
    tables = []
    for fold, table in evidence.tables(place.experiment, "scores", "test"):
        for column, wanted in (("type", place.column.part), ("variant", place.row.variant)):
            table = table if wanted is None else table.filter(pc.equal(table[column], wanted))
        tables.append((fold, table))
    return tables, None


def _test_videos(evidence: Evidence, place: Place, metric: str):
    """The test videos of the place, each with its fold, variant and type, or what stands for missing ones."""
    tables, absent = _test_scores(evidence, place, metric)
    if absent:
        return [], absent
    rows = evidence.rows[evidence.paper.data_name(place.experiment)]
    videos = []
    for fold, table in tables:
        k = {kind: half_length(rows, kind).k for kind in table["type"].unique().to_pylist()}
        for key, own in spotted.scored(table, k, evidence.paper.intervals.order).items():
            videos += [((fold, *key), one) for one in own]
    return videos, None


def _videos_note(evidence: Evidence) -> list[str]:
    return [] if evidence.paper.intervals.videos == "all" else ["videos without an expression of the type left out"]


def _said_of_videos(evidence: Evidence, place: Place) -> list[str]:
    """How many test videos there are, and which of them are unlike the others."""
    kind, variant = place.column.part, place.row.variant
    rows = [
        row
        for row in evidence.test_videos(place.experiment)
        if kind in (None, row["type"]) and variant in (None, row["variant"])
    ]
    of_subject: dict[tuple[str, str], bool] = {}
    with_one: dict[spotted.Video, bool] = {}
    frames = {_video(row): row["frames"] for row in rows}
    for row in rows:
        with_one[_video(row)] = with_one.get(_video(row), False) or row["expression"]
        of_subject[_video(row)[:2]] = of_subject.get(_video(row)[:2], False) or row["expression"]
    called = "an expression" if kind not in ("micro", "macro") else f"a {kind}-expression"
    notes = [_counted_text(len(with_one), "test video")]
    for found, noun in ((with_one, "video"), (of_subject, "subject")):
        if without := sum(not own for own in found.values()):
            notes.append(f"{_counted_text(without, noun)} without {called}")
    skips = evidence.paper.spotting.get(evidence.paper.data_name(place.experiment))
    longest = max(skips.test_skips.get(variant, (0,))) if skips and variant else 0
    if short := sum(count <= longest for count in frames.values()):
        notes.append(f"{_counted_text(short, 'video')} no longer than the longest skip, {longest} frames")
    return notes


def _without_interval(value: float | None, found: Interval | None) -> list[str]:
    return ["no interval: one subject"] if value is not None and found is None else []


def _counted_text(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
