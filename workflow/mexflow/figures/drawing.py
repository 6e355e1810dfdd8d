"""Figures as PNG and SVG bytes: one style, no global state, the same bytes for the same numbers.

Every figure carries at its foot a line that says what its numbers were made from. Lengths are in inches, sized for
the two-column width of a journal page. SVG text is drawn as paths, so that it looks alike on a machine without the
font; its words are repeated in the file's description.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH = 7.2
DPI = 250
INK, QUIET, ALARM = "#222222", "#6b6b6b", "#a3262a"
DIVERGING, SEQUENTIAL, SHARES = "RdBu_r", "magma", "Blues"

SHADES = {"micro": "#f6a04d", "macro": "#9cc9e8"}
"""Colours of annotated intervals, by the type of expression."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "image.interpolation": "nearest",
}


@contextmanager
def style(salt: str) -> Iterator[None]:
    """Draw under this project's style; `salt` makes the identifiers in an SVG the same every time."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": salt})
        yield


def canvas(height: float, title: str, foot: str, alarm: bool, width: float = WIDTH) -> Figure:
    """An empty figure with its title and the line at its foot (red where `alarm`)."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    title = textwrap.fill(title, int(11.5 * width))
    foot = "\n".join(textwrap.fill(line, int(19 * width)) for line in foot.splitlines())
    figure.suptitle(title, x=0.012, ha="left", fontsize=9, fontweight="bold")
    figure.supxlabel(foot, x=0.012, ha="left", fontsize=6.5, color=ALARM if alarm else QUIET)
    figure.get_layout_engine().set(w_pad=0.05, h_pad=0.06, wspace=0.02, hspace=0.02)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG, without a time or a version in it."""
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def rendered(figure: Figure, title: str, foot: str) -> dict[str, bytes]:
    """The figure's files by ending: ``{".png": …, ".svg": …}``."""
    drawn, svg = png(figure), io.BytesIO()
    # The layout is fixed by now; to find it again for the second file would only take time.
    figure.set_layout_engine("none")
    about = f"{title}. {foot}".replace("\n", " ")
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Title": title, "Description": about})
    return {".png": drawn, ".svg": svg.getvalue()}
