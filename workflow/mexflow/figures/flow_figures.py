"""Figures of optical flow: one sample in four views, and the mean of each class.

Values are in pixels of the flow's own grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from mexflow.figures.drawing import DIVERGING, INK, QUIET, SEQUENTIAL, canvas
from mexflow.figures.flow_summary import FlowSummary, Sample

_ARROWS = 16
_CLIPPED = 99.5
_SEEN = 0.08
_NAMES = ("$V_x$", "$V_y$", "$M$")


def flow_sample(sample: Sample | None, face: np.ndarray | None, title: str, foot: str, alarm: bool) -> Figure:
    """Vectors over the aligned first face, Vx, Vy and magnitude of one clip.

    Args:
        sample: the clip; None draws a figure that says there is none.
        face: grey image of the first frame, any size; it is spread over the flow's grid.
        title: title of the figure.
        foot: the line at its foot.
        alarm: whether that line is a warning.
    """
    figure = canvas(3.0, title, foot, alarm)
    if sample is None or face is None:
        return _nothing(figure)
    vx, vy = sample.flow.astype(np.float64)
    height, width = vx.shape
    axes = figure.subplots(1, 4)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes[0].imshow(face, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="bilinear")
    step = max(1, height // _ARROWS)
    ys, xs = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    magnitude = np.hypot(vx, vy)
    longest = float(magnitude[ys, xs].max())
    factor = _round(1.6 * step / longest) if longest > 0 else 1.0
    # Arrows too short to be seen would be drawn as dots.
    seen = magnitude[ys, xs] > _SEEN * longest
    xs, ys = xs[seen], ys[seen]
    axes[0].quiver(
        xs, ys, factor * vx[ys, xs], factor * vy[ys, xs],
        angles="xy", scale_units="xy", scale=1, color="#ffd23f", width=0.009, headwidth=4, headlength=4.5,
        headaxislength=4, minlength=0.6, edgecolor=INK, linewidth=0.25,
    )  # fmt: skip
    axes[0].set_title("flow on the onset face")
    axes[0].set_xlabel(f"arrows {factor:g} × their length", color=QUIET)
    axes[0].set(xlim=extent[:2], ylim=extent[2:])
    limit = _limit(np.stack([vx, vy]))
    for axis, values, name, low, high in (
        (axes[1], vx, "$V_x$ (to the right)", -limit, limit),
        (axes[2], vy, "$V_y$ (down)", -limit, limit),
        (axes[3], magnitude, "$M$ (magnitude)", 0.0, _limit(magnitude)),
    ):
        image = axis.imshow(values, cmap=DIVERGING if low < 0 else SEQUENTIAL, vmin=low, vmax=high)
        axis.set_title(name)
        _bar(figure, image, values, cax=axis.inset_axes((0.03, -0.1, 0.94, 0.055)), orientation="horizontal")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    return figure


def mean_flow(summary: FlowSummary, classes: Sequence[str], title: str, foot: str, alarm: bool) -> Figure:
    """Mean flow of each class: rows Vx, Vy and magnitude, a column a class, one colour scale a row."""
    figure = canvas(4.95, title, foot, alarm)
    if not summary.counts.any():
        return _nothing(figure)
    axes = figure.subplots(3, len(classes), squeeze=False)
    for row, name in enumerate(_NAMES):
        values = summary.mean[:, row]
        high = _limit(values)
        low = -high if row < 2 else 0.0
        for column, label in enumerate(classes):
            axis = axes[row, column]
            axis.set(xticks=[], yticks=[])
            if row == 0:
                count = summary.counts[column]
                axis.set_title(f"{label}\n({count} {'clip' if count == 1 else 'clips'})")
            if summary.counts[column]:
                colours = DIVERGING if row < 2 else SEQUENTIAL
                image = axis.imshow(values[column], cmap=colours, vmin=low, vmax=high)
            else:
                axis.set_facecolor("#eeeeee")
                axis.set_box_aspect(1)
                axis.text(0.5, 0.5, "no clip", transform=axis.transAxes, ha="center", va="center", color=QUIET)
        axes[row, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, labelpad=4)
        _bar(figure, image, values, ax=list(axes[row]), pad=0.012, aspect=14, fraction=0.03)
    return figure


def _nothing(figure: Figure) -> Figure:
    axis = figure.subplots()
    axis.set_axis_off()
    axis.text(0.5, 0.5, "no clip to show: all are excluded", transform=axis.transAxes, ha="center", va="center")
    return figure


def _limit(values: np.ndarray) -> float:
    """Where the colour scale ends: a few pixels at the face's rim must not wash out the rest."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.percentile(finite, _CLIPPED)) or 1.0


def _bar(figure: Figure, image: AxesImage, values: np.ndarray, **where: Any) -> None:
    """A colour bar in px whose pointed ends tell that some of the values lie beyond it."""
    low, high = image.get_clim()
    below, above = bool(np.nanmin(values) < low), bool(np.nanmax(values) > high)
    ends = {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}
    bar = figure.colorbar(image, extend=ends[below, above], **where)
    bar.set_label("px", labelpad=1)
    bar.outline.set_linewidth(0.5)
    bar.locator = MaxNLocator(nbins=4 if low < 0 else 3, symmetric=low < 0)
    bar.update_ticks()


def _round(value: float) -> float:
    """The nearest of 1, 2 and 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step for step in (1, 2, 5) if step * power <= value) * power)
