"""Figures of scores over a setting, each point an experiment, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mexflow.figures.drawing import ALARM, WIDTH, canvas
from mexflow.figures.material import Drawn, Material, mean_over_seeds
from mexflow.papers.figure_kinds import Sweep
from mexflow.papers.metrics import METRICS
from mexflow.tables.measurement import Measurement
from mexflow.tables.paper_cells import score_of

_COLOURS = ("#1f5fa8", "#c2611f", "#2c7d4f")
_MARKS = ("o", "s", "^")


def draw(figure: Sweep, material: Material) -> Drawn:
    """The metrics of each experiment, at its value of the setting.

    Raises:
        UserError: if predictions cannot be read.
    """
    points = {
        setting: [score_of(material.evidence, experiment, metric) for metric in figure.metrics]
        for setting, experiment in figure.points.items()
    }
    foot = material.foot(
        *mean_over_seeds(material.evidence, figure.experiments), *material.evidence.notes_of(figure.experiments)
    )
    drawn = sweep(points, figure.axis, material.title(figure), foot, material.alarm, material.mark)
    texts = {
        setting: first.notes[0] if first.value is None else format(first.value, METRICS[first.metric].form)
        for setting, (first, *_) in points.items()
    }
    summary = f"{figure.metrics[0]} " + ", ".join(f"{setting:g}: {text}" for setting, text in texts.items())
    return Drawn(drawn, foot, summary)


def sweep(
    points: Mapping[float, Sequence[Measurement]], axis: str, title: str, foot: str, alarm: bool, mark: str
) -> Figure:
    """One line a metric.

    Args:
        points: the measurements of each value of the setting, in per cent, always of the same metrics.
        axis: what the setting is.
        mark: what is set behind the name of every measured number.

    Returns:
        A figure in which a point that was not measured is a gap, and says why.
    """
    figure = canvas(3.1, title, foot, alarm, 0.7 * WIDTH)
    axes = figure.subplots()
    settings = sorted(points)
    names = [measured.metric for measured in points[settings[0]]] if settings else []
    spread = 0.012 * ((settings[-1] - settings[0]) or 1) if settings else 0
    for number, name in enumerate(names):
        measured = [points[setting][number] for setting in settings]
        values = np.array([np.nan if point.value is None else point.value for point in measured])
        # Side by side, so that one interval does not hide the other.
        places = np.array(settings) + spread * (number - (len(names) - 1) / 2)
        spans = [point.interval or (value, value) for point, value in zip(measured, values, strict=True)]
        low, high = zip(*spans, strict=True)
        colour = _COLOURS[number % len(_COLOURS)]
        axes.vlines(places, low, high, color=colour, linewidth=0.9, alpha=0.7)
        label = f"{METRICS[name].label}{mark}"
        axes.plot(
            places, values, _MARKS[number % len(_MARKS)] + "-", color=colour, markersize=4, linewidth=1, label=label
        )
    for setting in settings:
        if points[setting][0].value is None:
            reason = points[setting][0].notes[0] if points[setting][0].notes else "not measured"
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            axes.text(setting, 50, reason, rotation=90, ha="center", va="center", color=ALARM, fontsize=6.5, bbox=box)
    axes.set(xticks=settings, xlabel=axis, ylabel="% (bars: 95 % interval)", ylim=(0, 100))
    if settings:
        axes.set_xlim(settings[0] - 8 * spread, settings[-1] + 8 * spread)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    if names:
        axes.legend(frameon=False, fontsize=7)
    return figure
