"""The cells of a paper's own tables: every place measured by the metric that its row or column asks for."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from mexflow.papers.metrics import METRICS
from mexflow.papers.parts import Column, Row, Table
from mexflow.tables import over_seeds
from mexflow.tables.cells import QUOTED, Cell, cell_from, require_unique
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import Measurement


def paper_cells(evidence: Evidence) -> list[Cell]:
    """The cells of every table of the paper, in the paper's order.

    Raises:
        UserError: if an input cannot be read.
        ValueError: if two cells have one name.
    """
    cells = [
        cell
        for name, table in evidence.paper.tables.items()
        for row in table.rows
        for number in range(len(table.columns))
        for cell in _place_cells(evidence, name, table, row, number)
    ]
    require_unique(cells)
    return cells


def measure(metric: str, evidence: Evidence, place: Place) -> list[Measurement]:
    """What a metric is at a place of a table; the first measurement is the one that the paper prints.

    Of an experiment that was trained from several seeds, its mean over these (:mod:`mexflow.tables.over_seeds`).
    """
    one = import_module(METRICS[metric].module).MEASURES[metric]
    names = evidence.repeats(place.experiment) if METRICS[metric].of_folds else [place.experiment]
    of_repeats = [one(evidence, replace(place, experiment=name)) for name in names]
    return [over_seeds.mean_of(evidence, place, measured) for measured in zip(*of_repeats, strict=True)]


def score_of(evidence: Evidence, experiment: str, metric: str) -> Measurement:
    """A score of an experiment, wherever it stands: the first measurement of its metric, the mean over its seeds."""
    return measure(metric, evidence, Place(Row(name=experiment), Column(name=metric), experiment))[0]


def _place_cells(evidence: Evidence, name: str, table: Table, row: Row, number: int) -> list[Cell]:
    printed = row.published[number] if row.published else None
    experiment = row.experiments[number] if row.experiments else None
    published = None if printed is None or isinstance(printed, str) else float(printed)
    column, metric = table.columns[number], table.columns[number].metric or row.metric
    if experiment is None:
        measurements = [Measurement(metric, notes=[row.pending or QUOTED])]
    else:
        measurements = measure(metric, evidence, Place(row, column, experiment))
    remarks = [f"printed: {printed}"] if isinstance(printed, str) else []
    remarks += [row.note] if row.note else []
    cells = []
    for order, measurement in enumerate(measurements):
        notes = [*measurement.notes, *remarks]
        # An exact count needs no interval: where it differs from print, print is what the table's note is about.
        exact = not METRICS[metric].of_data
        if exact and table.note and published is not None and measurement.value not in (None, published):
            notes.append(table.note)
        cell = cell_from(
            evidence.paper.paper,
            name,
            row.name,
            column.name,
            replace(measurement, notes=notes),
            over_seeds.all_of(evidence, [experiment]) if experiment else [],
            published if order == 0 else None,
        )
        cells.append(replace(cell, extra=order > 0))
    return cells
