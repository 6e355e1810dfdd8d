"""Figures of a confusion matrix that the paper prints, quoted."""

from __future__ import annotations

from mexflow.figures.confusion_panels import confusion_figure, published_panel
from mexflow.figures.material import Drawn, Material
from mexflow.papers.figure_kinds import PublishedConfusion

_QUOTED = "published numbers, quoted; nothing here was measured"


def draw(figure: PublishedConfusion, material: Material) -> Drawn:
    """The printed matrix, over the classes of the paper's first data."""
    classes = next(iter(material.paper.data.values())).classes
    panels = [published_panel(figure.published, classes)]
    return Drawn(confusion_figure(panels, material.title(figure), _QUOTED, False), _QUOTED, "published numbers")
