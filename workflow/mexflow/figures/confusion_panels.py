"""Panels of confusion matrices, in per cent of the true class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from mexflow.figures.drawing import ALARM, INK, QUIET, SHARES, WIDTH, canvas

_IN_A_ROW = 3


@dataclass(frozen=True)
class Panel:
    """One matrix: per cent ``(C, C)`` with NaN rows for absent classes, or a text in its place; clips a true class."""

    title: str
    matrix: np.ndarray | None
    classes: Sequence[str]
    instead: str = ""
    counts: Sequence[int] = ()
    decimals: int = 1


def published_panel(matrix: Sequence[Sequence[float]], classes: Sequence[str]) -> Panel:
    """The panel of a printed matrix, with as many decimals as it has."""
    values = np.array(matrix, dtype=float)
    return Panel("published", values, classes, decimals=int((values != values.round()).any()))


def confusion_figure(panels: Sequence[Panel], title: str, foot: str, alarm: bool) -> Figure:
    """Confusion matrices side by side, three in a row at most, under one colour scale, 0 to 100 %."""
    width = WIDTH if len(panels) > 1 else 0.6 * WIDTH
    columns = min(len(panels), _IN_A_ROW if len(panels) > 2 else 2)
    rows = -(-len(panels) // columns)
    figure = canvas(3.7 if len(panels) == 2 else 3.95 if rows == 1 else 2.75 * rows, title, foot, alarm, width)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    image = None
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes, panels, strict=False):
        axis.set_title(panel.title)
        axis.set_box_aspect(1)
        if panel.matrix is None:
            axis.set(xticks=[], yticks=[], facecolor="#f4f4f4")
            axis.text(
                0.5, 0.5, panel.instead, transform=axis.transAxes, ha="center", va="center", fontsize=10, color=ALARM
            )
            continue
        image = _draw(axis, panel)
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes), pad=0.015, fraction=0.03, aspect=22, shrink=0.8)
        bar.set_label("% of the true class")
        bar.outline.set_linewidth(0.5)
    return figure


def _draw(axis: Axes, panel: Panel) -> AxesImage:
    classes = panel.classes
    matrix = np.asarray(panel.matrix, dtype=np.float64)
    axis.set_facecolor("#eeeeee")
    image = axis.imshow(np.ma.masked_invalid(matrix), cmap=SHARES, vmin=0, vmax=100)
    names = list(classes)
    if panel.counts:
        names = [f"{name}\n(n = {count})" for name, count in zip(classes, panel.counts, strict=True)]
    axis.set_xticks(range(len(classes)), classes, rotation=35, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(classes)), names)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.tick_params(length=0)
    edges = np.arange(1, len(classes)) - 0.5
    axis.hlines(edges, -0.5, len(classes) - 0.5, color="white", linewidth=0.8)
    axis.vlines(edges, -0.5, len(classes) - 0.5, color="white", linewidth=0.8)
    for (row, column), value in np.ndenumerate(matrix):
        known = np.isfinite(value)
        text = f"{value:.{panel.decimals}f}" if known else "–"
        colour = "white" if known and value > 55 else (INK if known and value > 0 else QUIET)
        weight = "bold" if row == column else "normal"
        axis.text(column, row, text, ha="center", va="center", color=colour, fontweight=weight)
    return image
