"""Figures of the mean flow of each class. Values are in pixels of the flow's own grid."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mexflow.figures.drawing import DIVERGING, QUIET, SEQUENTIAL, canvas
from mexflow.figures.flow_panels import add_bar, limit_of, say_no_clip
from mexflow.figures.flow_summary import FlowSummary, summary_of
from mexflow.figures.material import Drawn, Material
from mexflow.papers.figure_kinds import MeanFlow

_NAMES = ("$V_x$", "$V_y$", "$M$")


def draw(figure: MeanFlow, material: Material) -> Drawn:
    """The mean flow of each class of the paper's first data.

    Raises:
        UserError: if a file cannot be read, or an array does not fit its table.
    """
    summary = summary_of(material)
    classes = next(iter(material.paper.data.values())).classes
    foot = f"{material.evidence.source.line()} · all clips of the dataset"
    drawn = mean_flow(summary, classes, material.title(figure), foot, material.alarm)
    return Drawn(drawn, foot, f"mean over {int(summary.counts.sum())} clips")


def mean_flow(summary: FlowSummary, classes: Sequence[str], title: str, foot: str, alarm: bool) -> Figure:
    """Mean flow of each class: rows Vx, Vy and magnitude, a column a class, one colour scale a row."""
    figure = canvas(4.95, title, foot, alarm)
    if not summary.counts.any():
        return say_no_clip(figure)
    axes = figure.subplots(3, len(classes), squeeze=False)
    for row, name in enumerate(_NAMES):
        values = summary.mean[:, row]
        high = limit_of(values)
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
        add_bar(figure, image, values, ax=list(axes[row]), pad=0.012, aspect=14, fraction=0.03)
    return figure
