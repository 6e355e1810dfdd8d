"""Figures of scores over a setting, each point an experiment, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mexflow.figures.drawing import ALARM, WIDTH, canvas
from mexflow.papers.metrics import METRICS
from mexflow.tables.measurement import Measurement

_COLOURS = ("#1f5fa8", "#c2611f", "#2c7d4f")
_MARKS = ("o", "s", "^")


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
    names = [one.metric for one in points[settings[0]]] if settings else []
    spread = 0.012 * ((settings[-1] - settings[0]) or 1) if settings else 0
    for number, name in enumerate(names):
        found = [points[setting][number] for setting in settings]
        values = np.array([np.nan if one.value is None else one.value for one in found])
        # Side by side, so that one interval does not hide the other.
        places = np.array(settings) + spread * (number - (len(names) - 1) / 2)
        low = [one.interval[0] if one.interval else value for one, value in zip(found, values, strict=True)]
        high = [one.interval[1] if one.interval else value for one, value in zip(found, values, strict=True)]
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
