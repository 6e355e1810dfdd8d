"""Figures of the flow of one clip: vectors, Vx, Vy and magnitude. Values are in pixels of the flow's own grid."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mexflow.figures.drawing import DIVERGING, INK, QUIET, SEQUENTIAL, canvas
from mexflow.figures.flow_panels import add_bar, limit_of, say_no_clip
from mexflow.figures.flow_summary import Sample, backdrop, summary_of
from mexflow.figures.material import Drawn, Material
from mexflow.papers.figure_kinds import FlowSample

_ARROWS = 16
_SEEN = 0.08


def draw(figure: FlowSample, material: Material) -> Drawn:
    """The clip of the strongest local motion.

    Raises:
        UserError: if a file cannot be read, or an array does not fit its table.
    """
    sample = summary_of(material).sample
    foot, summary, face = material.evidence.source.line(), "no clip", None
    if sample is not None:
        assert material.shown.faces is not None
        summary = f"{sample.dataset} {sample.clip}, {sample.label}"
        foot = f"{foot} · {summary} (the clip of the strongest local motion)"
        faces = material.array(material.shown.faces, sample.dataset, sample.subject)
        face = backdrop(sample, faces, material.inputs)
    return Drawn(flow_sample(sample, face, material.title(figure), foot, material.alarm), foot, summary)


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
        return say_no_clip(figure)
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
    limit = limit_of(np.stack([vx, vy]))
    for axis, values, name, low, high in (
        (axes[1], vx, "$V_x$ (to the right)", -limit, limit),
        (axes[2], vy, "$V_y$ (down)", -limit, limit),
        (axes[3], magnitude, "$M$ (magnitude)", 0.0, limit_of(magnitude)),
    ):
        image = axis.imshow(values, cmap=DIVERGING if low < 0 else SEQUENTIAL, vmin=low, vmax=high)
        axis.set_title(name)
        add_bar(figure, image, values, cax=axis.inset_axes((0.03, -0.1, 0.94, 0.055)), orientation="horizontal")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    return figure


def _round(value: float) -> float:
    """The nearest of 1, 2 and 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step for step in (1, 2, 5) if step * power <= value) * power)
