"""What figures of optical flow have in common: colour scales, and words where there is no clip.

Values are in pixels of the flow's own grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

_CLIPPED = 99.5


def say_no_clip(figure: Figure) -> Figure:
    """Say that there is nothing to show."""
    axis = figure.subplots()
    axis.set_axis_off()
    axis.text(0.5, 0.5, "no clip to show: all are excluded", transform=axis.transAxes, ha="center", va="center")
    return figure


def limit_of(values: np.ndarray) -> float:
    """Where the colour scale ends: a few pixels at the face's rim must not wash out the rest."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.percentile(finite, _CLIPPED)) or 1.0


def add_bar(figure: Figure, image: AxesImage, values: np.ndarray, **where: Any) -> None:
    """A colour bar in px whose pointed ends tell that some of the values lie beyond it."""
    low, high = image.get_clim()
    below, above = bool(np.nanmin(values) < low), bool(np.nanmax(values) > high)
    ends = {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}
    bar = figure.colorbar(image, extend=ends[below, above], **where)
    bar.set_label("px", labelpad=1)
    bar.outline.set_linewidth(0.5)
    bar.locator = MaxNLocator(nbins=4 if low < 0 else 3, symmetric=low < 0)
    bar.update_ticks()
