"""A page laid out in pixels from its upper left corner, downwards; its height is known when all of it is placed.

Pictures keep their pixels: nothing is scaled when the page is drawn.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mexflow.figures.drawing import DPI, INK, png

# In units of the size of the font: from line to line, from a line's top to its base, the width of a character.
_LINE, _ASCENT, _CHARACTER = 1.32, 0.98, 0.545


class Page:
    """What is placed on a page; `y` is where the next item of a column of items begins, pixels.

    Args:
        width: width of the page, pixels.
        margin: free space at its left, its right and its upper edge, pixels.
    """

    def __init__(self, width: int, margin: int = 36) -> None:
        self.width, self.margin, self.y = width, margin, margin
        self._items: list[Callable[[Figure, int], None]] = []

    def place_text(self, x: float, y: float, words: str, size: float = 7, **style: Any) -> None:
        """Lines of words from a place downwards; they are taken as they are, a ``$`` among them too."""
        style = {"color": INK, "ha": "left", **style}

        def draw(figure: Figure, height: int) -> None:
            for i, line in enumerate(words.splitlines()):
                # By its base line: where the upper edge of a line of text is depends on its letters.
                base = y + i * line_height(size) + _ASCENT * size * DPI / 72
                figure.text(
                    x / self.width, 1 - base / height, line, va="baseline", fontsize=size, parse_math=False, **style
                )

        self._items.append(draw)

    def place_image(self, x: int, y: int, image: np.ndarray) -> None:
        """A picture, uint8 (h, w, 3), with its upper left corner at a place."""

        def draw(figure: Figure, height: int) -> None:
            figure.figimage(image, xo=x, yo=height - y - image.shape[0])

        self._items.append(draw)

    def place_axes(self, x: float, y: float, width: float, height: float, fill: Callable[[Axes], None]) -> None:
        """Axes whose frame is the given box; `fill` draws into them."""

        def draw(figure: Figure, whole: int) -> None:
            box = (x / self.width, 1 - (y + height) / whole, width / self.width, height / whole)
            fill(figure.add_axes(box))

        self._items.append(draw)

    def paragraph(self, words: str, size: float = 7, **style: Any) -> None:
        """Words over the whole width, wrapped; `y` moves below them."""
        lines = [part for line in words.splitlines() for part in textwrap.wrap(line, self.characters(self.inner, size))]
        self.place_text(self.margin, self.y, "\n".join(lines), size, **style)
        self.y += len(lines) * line_height(size)

    @property
    def inner(self) -> int:
        """Width between the margins, pixels."""
        return self.width - 2 * self.margin

    @staticmethod
    def characters(width: float, size: float) -> int:
        """How many characters of a size (points) a line of so many pixels holds."""
        return max(1, int(width / (_CHARACTER * size * DPI / 72)))

    def png(self) -> bytes:
        """The page, down to `y` and a margin, as PNG; the same bytes for the same items.

        To be called under :func:`mexflow.figures.drawing.style`.
        """
        height = int(np.ceil(self.y)) + self.margin // 2
        figure = Figure(figsize=(self.width / DPI, height / DPI), dpi=DPI)
        FigureCanvasAgg(figure)
        for draw in self._items:
            draw(figure, height)
        return png(figure)


def line_height(size: float) -> int:
    """Height of a line of text of a size (points), pixels."""
    return round(_LINE * size * DPI / 72)
