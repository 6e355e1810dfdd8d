"""What LCN makes of a change of light: one aligned face under several, and below each its LCN.

Local contrast normalisation takes out any brightness and contrast, as long as no pixel saturates; a gamma curve and
saturated pixels leave a trace. Below each frame stands how much the change moved it, below its LCN how much of that is
left, both as the mean absolute change over the image's own standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mexflow.figures.drawing import ALARM, QUIET, style
from mexflow.figures.layout import Page, line_height
from mexflow.figures.tiles import LCN_LIMIT, TILE, normalised, picture
from mexflow.preprocess.lcn import lcn
from mexflow.tables.source import Source

CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda f: f,
    "brightness × 0.5": lambda f: 0.5 * f,
    "brightness × 1.5": lambda f: 1.5 * f,
    "contrast × 0.5": lambda f: f.mean() + 0.5 * (f - f.mean()),
    "contrast × 1.5": lambda f: f.mean() + 1.5 * (f - f.mean()),
    "gamma 0.5": lambda f: f**0.5,
    "gamma 1.5": lambda f: f**1.5,
    "brightness × 2.5": lambda f: 2.5 * f,
}
"""The changes of light shown, each of grey values in [0, 1]; what leaves that range is cut off. Contrast is about the
frame's mean. The last goes beyond the ranges that the paper draws from, to show what saturation does."""

_GAP, _SMALL, _ROUNDING = 8, 6.2, 1e-6


def changed(face: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """A face under one of :data:`CHANGES`, and the share of pixels that are cut off at 0 or 1.

    Args:
        face: float (h, w), grey in [0, 1].
        name: the change.
    """
    values = CHANGES[name](face)
    return values.clip(0, 1), float(((values < -_ROUNDING) | (values > 1 + _ROUNDING)).mean())


def relative_change(image: np.ndarray, original: np.ndarray) -> float:
    """The mean absolute difference of two images over the standard deviation of the second."""
    return float(np.abs(image - original).mean() / original.std())


def draw(face: np.ndarray, sigma: float, data: str, origin: str) -> bytes:
    """The figure as PNG, 1920 pixels wide.

    Args:
        face: float32 (h, w), the aligned face, grey in [0, 1].
        sigma: LCN's sigma, pixels.
        data: ``embedded``, or the folder of the licensed copy.
        origin: which face it is, in words.
    """
    frames, shares = zip(*(changed(face, name) for name in CHANGES), strict=True)
    results = lcn(np.stack(frames), sigma=sigma)
    page = Page(len(CHANGES) * TILE + (len(CHANGES) - 1) * _GAP + 2 * 36)
    synthetic = " · synthetic face" if Source(data, "paper").embedded else ""
    with style("datasets/lcn"):
        page.paragraph(f"Local contrast normalisation under changed light{synthetic}", 10, fontweight="bold")
        page.paragraph(f"{origin}; sigma {sigma:g} px. Upper row: the frame; lower row: its LCN.", color=QUIET)
        page.y += _GAP
        top = int(page.y)
        step = line_height(_SMALL)
        frames_at = top + line_height(7) + 4
        results_at = frames_at + TILE + 2 * step + 2 * _GAP
        for i, name in enumerate(CHANGES):
            x = page.margin + i * (TILE + _GAP)
            centre = {"x": x + TILE / 2, "ha": "center"}
            page.place_text(y=top, words=name, size=6.6, fontweight="bold", **centre)
            page.place_image(x, frames_at, picture(np.round(255 * frames[i]).astype(np.uint8)))
            page.place_image(x, results_at, normalised(results[i]))
            cut = f"{100 * shares[i]:.1f} % saturated" if shares[i] else "none saturated"
            colour = ALARM if shares[i] else QUIET
            page.place_text(y=frames_at + TILE + 4, words=cut, size=_SMALL, color=colour, **centre)
            for y, image, first in ((frames_at + step, frames[i], frames[0]), (results_at, results[i], results[0])):
                words = f"change {relative_change(image, first):.3f} sd" if i else "–"
                page.place_text(y=y + TILE + 4, words=words, size=_SMALL, **centre)
        page.y = results_at + TILE + step + 2 * _GAP
        page.paragraph(
            "Change: the mean absolute difference from the first column, over that image's standard deviation (sd). "
            f"Grey values in [0, 1], cut off there; LCN: black -{LCN_LIMIT:g}, white {LCN_LIMIT:g}.",
            6.5,
            color=QUIET,
        )
        if synthetic:
            page.paragraph(
                "† Synthetic embedded data: a face rendered from a photograph in the public domain.", 6.5, color=ALARM
            )
        else:
            page.paragraph(
                f"Data: {data}. The licence of the dataset says to whom its frames may be shown.", 6.5, color=ALARM
            )
        return page.png()
