"""Null controls of spotting: the intervals that were spotted, moved to random places of their videos.

Nothing is trained for them. An experiment is above its control if its F1 is above 95 % of the repetitions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from mexflow.evaluation import intervals
from mexflow.evaluation.intervals import Counts
from mexflow.evaluation.uncertainty import percentiles, seed_of
from mexflow.papers.parts import Column, Row
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import Measurement
from mexflow.tables.spotting_metrics import MEASURES, counted_intervals, fold_tables, video_of

SHIFTS = 200
"""How often the predicted intervals are moved to random places for the null control."""

TABLE = "spotting_controls"
TITLE = "Null controls of spotting: intervals moved to random places"
ABOVE, NOT_ABOVE = "above its null control", "not above its null control"


@dataclass(frozen=True)
class ShiftedControl:
    """An experiment's overall interval F1 and what it is with its predictions moved to random places: two cells.

    Attributes:
        experiment: its name and the variant of testing.
    """

    experiment: str
    cells: list[Cell]
    verdict: str


def shifted_controls(evidence: Evidence) -> list[ShiftedControl]:
    """The null control of each spotting experiment that asks for one, under each variant of testing.

    Its cells are ``<experiment>, <variant>/experiment/interval_f1`` and ``…/shifted/interval_f1``.
    """
    controls = []
    for name in evidence.paper.controlled(evidence.source.budget):
        if not evidence.paper.kind(name).every_video:
            continue
        for variant in evidence.paper.spotting[evidence.paper.data_name(name)].test_skips:
            real, null, verdict = control(evidence, name, variant)
            real.notes.append(verdict)
            row = f"{name}, {variant}"
            places = (("experiment", real), ("shifted", null))
            cells = [
                cell_from(evidence.paper.paper, TABLE, row, column, measurement, [name])
                for column, measurement in places
            ]
            controls.append(ShiftedControl(row, cells, verdict))
    return controls


def control(
    evidence: Evidence, experiment: str, variant: str | None, part: str | None = None
) -> tuple[Measurement, Measurement, str]:
    """The null control of spotting: as many intervals, each as long, anywhere in their videos.

    Of one type of expression, `part`, or overall. The null's interval holds 95 % of :data:`SHIFTS` repetitions.
    """
    place = Place(Row(name=experiment, variant=variant), Column(name=part or "overall", part=part), experiment)
    (real,) = MEASURES["interval_f1"](evidence, place)
    tables, absent = fold_tables(evidence, experiment, "intervals", "interval_f1")
    if absent or real.value is None:
        return real, Measurement("interval_f1", notes=list(real.notes)), "no verdict"
    extents = {video_of(row): (row["first"], row["last"]) for row in evidence.test_videos(experiment)}
    groups: dict[tuple[Any, ...], dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in counted_intervals(evidence, experiment, tables, part, variant):
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
    values = np.array(scores)
    null = Measurement("interval_f1", float(values.mean()), percentiles(values), SHIFTS, [f"{SHIFTS} repetitions"])
    above = null.interval is not None and real.value > null.interval[1]
    return real, null, ABOVE if above else NOT_ABOVE
