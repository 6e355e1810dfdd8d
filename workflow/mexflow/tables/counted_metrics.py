"""Metrics that are counted, of an index or of a network, and need no fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mexflow.registries import Registry
from mexflow.tables.evidence import Evidence, Measure, Place
from mexflow.tables.measurement import Measurement

if TYPE_CHECKING:
    from torch import nn

COUNTED = "counted from the network alone, the same on any data"

MEASURES: Registry[Measure] = Registry("metric that is counted", __name__)


@MEASURES.entry("clips")
def clips(evidence: Evidence, place: Place) -> list[Measurement]:
    """Clips in use of the class that the row names (or ``all``; ``subjects`` counts those), counted from the index.

    The row's name may begin with that of the data.
    """
    data, data_name = evidence.paper.data_of(place.experiment), evidence.paper.data_name(place.experiment)
    rows = [
        row
        for row in evidence.rows[data_name]
        if row[data.label] is not None and row["excluded"] is None
        if place.column.part in (None, row["dataset"])
    ]
    wanted = place.row.name.lower().removeprefix(f"{data_name} ")
    if wanted == "subjects":
        count = len({row["subject"] for row in rows})
    else:
        count = sum(wanted == "all" or row[data.label] == wanted for row in rows)
    return [Measurement("clips", count, None, count, ["counted from the index"])]


@MEASURES.entry("parameters")
def parameters(evidence: Evidence, place: Place) -> list[Measurement]:
    """Number of trainable parameters of the network as it is built."""
    from mexflow import models

    return [_count("parameters", models.parameters(_network(evidence, place.experiment)))]


@MEASURES.entry("filters")
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
