"""Null controls of spotting: what was spotted, moved to where it was not.

The intervals of a video go to random places of it; the scores of its frames are moved on in time. Nothing is trained.
An experiment is above its control if its number is above 95 % of the repetitions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mexflow.evaluation import intervals
from mexflow.evaluation.frame_skips import TYPES
from mexflow.evaluation.intervals import Counts
from mexflow.evaluation.uncertainty import percentiles, seed_of
from mexflow.papers.metrics import MOVED_FRAMES
from mexflow.papers.parts import Column, Row
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import Measurement
from mexflow.tables.paper_cells import measure
from mexflow.tables.spotting_metrics import counted_intervals, fold_tables, video_of

SHIFTS = 200
"""How often the predicted intervals are moved to random places for the null control."""

PARTS = (None, *TYPES)
"""Parts of an experiment whose F1 of intervals is controlled: all types of expression, and each."""

TABLE = "spotting_controls"
TITLE = "Null controls of spotting: intervals and scores moved in time"
ABOVE, NOT_ABOVE, NO_VERDICT = "above its null control", "not above its null control", "no verdict"
WHOLLY_ABOVE = f"{ABOVE}, with its whole interval"


@dataclass(frozen=True)
class ShiftedControl:
    """A number of an experiment and what it is with its predictions moved in time: two cells.

    Attributes:
        experiment: its name and the variant of testing.
        part: the type of expression, None for all.
    """

    experiment: str
    metric: str
    part: str | None
    cells: list[Cell]
    verdict: str


def shifted_controls(evidence: Evidence) -> list[ShiftedControl]:
    """The null controls of each spotting experiment that asks for them, under each variant of testing.

    Of F1 of intervals, of all and of each type, then of F1 and AUC of frames of each type. The cells of all types are
    ``<experiment>, <variant>/experiment/interval_f1`` and ``…/shifted/interval_f1``, those of one
    ``<experiment>, <variant>, <type>/…``, and so with ``frame_f1`` and ``frame_auc``.
    """
    found = []
    for name in evidence.paper.controlled(evidence.source.budget):
        if not evidence.paper.kind(name).every_video:
            continue
        names = evidence.repeats(name)
        for variant in evidence.paper.variants(name):
            pairs = [("interval_f1", part, *control(evidence, name, variant, part)[:2]) for part in PARTS]
            for metric, moved in MOVED_FRAMES.items():
                pairs += [
                    (metric, part, *_frames_moved(evidence, name, variant, part, metric, moved)) for part in TYPES
                ]
            for metric, part, real, null in pairs:
                said = verdict(real, null)
                real.notes.append(said)
                row = ", ".join([name, variant, *([part] if part else [])])
                # One metric of both, so that they stand side by side.
                cells = [
                    cell_from(evidence.paper.paper, TABLE, row, column, replace(number, metric=metric), names)
                    for column, number in (("experiment", real), ("shifted", null))
                ]
                found.append(ShiftedControl(f"{name}, {variant}", metric, part, cells, said))
    return found


def verdict(real: Measurement, null: Measurement) -> str:
    """Whether a number, and where it has an interval that too, is above 95 % of the repetitions of its control."""
    if real.value is None or null.value is None:
        return NO_VERDICT
    if null.interval is None or real.value <= null.interval[1]:
        return NOT_ABOVE
    return WHOLLY_ABOVE if real.interval and real.interval[0] > null.interval[1] else ABOVE


def control(
    evidence: Evidence, experiment: str, variant: str | None, part: str | None = None
) -> tuple[Measurement, Measurement, str]:
    """The null control of F1 of intervals, and what is said of the two.

    It has as many intervals, each as long, anywhere in their videos. Of one type of expression, `part`, or overall. The
    null's interval holds 95 % of :data:`SHIFTS` repetitions. Of several seeds it is that of the mean over these, the
    intervals of all moved by the same draws, as the seeds may well agree in what they spot.
    """
    place = Place(Row(name=experiment, variant=variant), Column(name=part or "overall", part=part), experiment)
    (real,) = measure("interval_f1", evidence, place)
    if real.value is None:
        return real, Measurement("interval_f1", notes=list(real.notes), seeds=real.seeds), NO_VERDICT
    scores = np.array([_moved(evidence, experiment, name, variant, part) for name in evidence.repeats(experiment)])
    values = scores.mean(0)
    null = Measurement("interval_f1", float(values.mean()), percentiles(values), SHIFTS, [f"{SHIFTS} repetitions"])
    if real.seeds:
        null = replace(null, seeds=real.seeds, seed_sd=float(scores.mean(1).std(ddof=1)))
    return real, null, verdict(real, null)


def _moved(evidence: Evidence, experiment: str, name: str, variant: str | None, part: str | None = None) -> list[float]:
    """F1 of each repetition, of one repeat of an experiment, by its name."""
    tables, _ = fold_tables(evidence, name, "intervals", "interval_f1")
    extents = {video_of(row): (row["first"], row["last"]) for row in evidence.test_videos(name)}
    groups: dict[tuple[Any, ...], dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in counted_intervals(evidence, name, tables, part, variant):
        key = (*video_of(row), row["variant"], row["type"])
        groups[key][row["source"]].append((row["first"], row["last"]))
    scores = []
    for repetition in range(SHIFTS):
        total = Counts()
        for key, of_source in groups.items():
            first, last = extents[key[:3]]
            seed = seed_of(evidence.seed, evidence.paper.paper, experiment, *key, repetition, "shifted")
            moved = intervals.shifted(of_source["predicted"], last - first + 1, seed, first)
            total += intervals.count(moved, of_source["truth"], evidence.paper.intervals.iou)
        scores.append(total.f1)
    return scores


def _frames_moved(
    evidence: Evidence, experiment: str, variant: str, part: str, metric: str, moved: str
) -> tuple[Measurement, Measurement]:
    """A metric of frames, measured and with the scores moved in time."""
    place = Place(Row(name=experiment, variant=variant), Column(name=metric, part=part), experiment)
    ((real,), (null,)) = (measure(name, evidence, place) for name in (metric, moved))
    return real, null
