"""Flow as colours: the hue says where a pixel moves, the saturation how far.

The wheel of hues is that of Baker et al., *A Database and Evaluation Methodology for Optical Flow*, 2011, which the
field's flow figures use: 55 colours, unevenly spaced so that they look evenly spread. White stands still; what moves
farther than the scale's end is shown at full saturation, darkened.
"""

from __future__ import annotations

import numpy as np

_ARCS = (15, 6, 4, 11, 13, 6)
"""Steps from red to yellow, green, cyan, blue, magenta and back to red."""

_CORNERS = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)], float)
_BEYOND = 0.75


def _hues() -> np.ndarray:
    """The 55 colours of the wheel, float64 (55, 3) in [0, 1]."""
    return np.concatenate(
        [
            start + (end - start) * (np.arange(steps) / steps)[:, None]
            for steps, start, end in zip(_ARCS, _CORNERS[:-1], _CORNERS[1:], strict=True)
        ]
    )


def colours(flow: np.ndarray, scale: float) -> np.ndarray:
    """The flow's colours.

    Args:
        flow: float (2, h, w), Vx to the right and Vy down, pixels.
        scale: the magnitude of full saturation, pixels, above 0.

    Returns:
        uint8 (h, w, 3) RGB. Motion to the right is red, downwards yellow, to the left cyan, upwards blue-violet.
        Pixels whose flow is not finite are black.
    """
    vx, vy = np.asarray(flow, np.float64)
    finite = np.isfinite(vx) & np.isfinite(vy)
    vx, vy = np.where(finite, vx, 0), np.where(finite, vy, 0)
    hues = _hues()
    position = np.arctan2(vy, vx) / (2 * np.pi) % 1 * len(hues)
    low = np.floor(position).astype(int) % len(hues)
    share = (position - np.floor(position))[..., None]
    hue = (1 - share) * hues[low] + share * hues[(low + 1) % len(hues)]
    length = (np.hypot(vx, vy) / scale)[..., None]
    rgb = np.where(length <= 1, 1 - length * (1 - hue), _BEYOND * hue)
    return np.where(finite[..., None], np.round(255 * rgb), 0).astype(np.uint8)


def wheel(size: int) -> np.ndarray:
    """The legend: a disc whose every point has the colour of the motion from its centre to there.

    Returns:
        uint8 (size, size, 3) RGB, white outside the disc; its rim is the scale's end.
    """
    radius = size / 2
    y, x = np.mgrid[:size, :size] + 0.5 - radius
    disc = np.hypot(x, y) <= radius
    flow = np.where(disc, np.stack([x, y]), 0)
    return colours(flow, radius)


def scale_of(flow: np.ndarray, least: float) -> float:
    """Where a flow's colour scale ends: the first of 1, 2 and 5 times a power of ten that all but 1 % stay below.

    Args:
        flow: float (2, h, w), pixels.
        least: the smallest scale, so that a flow of almost nothing looks like almost nothing; a round number, pixels.
    """
    magnitude = np.hypot(*np.asarray(flow, np.float64))
    magnitude = magnitude[np.isfinite(magnitude)]
    reached = float(np.percentile(magnitude, 99)) if magnitude.size else 0.0
    return least if reached <= least else rounded_up(reached)


def rounded_up(value: float) -> float:
    """The first of 1, 2 and 5 times a power of ten that is not below a value above 0."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))
