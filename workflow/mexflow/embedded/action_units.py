"""Facial action units as smooth displacement fields anchored at the 68 landmarks.

Everything is in aligned units (an outer eye corner distance of 59, as in an aligned 112-pixel
face); x points to the right of the picture and y down. Each unit is a sum of Gaussian pulls, scaled
so that its largest displacement at intensity 1 is `PEAK[unit]`. "R", the subject's right, is the
left of the picture (landmarks 17-21, 36-41, 48); "L" is its mirror image.
"""

from __future__ import annotations

import numpy as np

from mexflow.embedded.textures import MIRROR

# Largest displacement at intensity 1, in aligned pixels.
PEAK = {
    1: 2.5, 2: 2.5, 4: 2.5, 5: 1.7, 6: 2.2, 7: 1.6, 9: 2.4, 10: 2.3, 12: 2.8, 14: 2.2, 15: 2.5,
    17: 2.5, 20: 2.5, 23: 1.7, 25: 2.2, 26: 2.9,
}  # fmt: skip
UNITS = tuple(PEAK)
SIDES = ("l", "r")

# A pull: weights over landmarks that give the anchor, offset from it, direction, sigma (x, y).
# Written for the subject's right, where inward is +x and outward -x.
_Pull = tuple[dict[int, float], tuple[float, float], tuple[float, float], tuple[float, float]]
_PULLS: dict[int, list[_Pull]] = {
    1: [({21: 1}, (0, -1), (0.1, -1), (6, 6)), ({20: 1}, (0, -1), (0, -0.5), (5, 6))],
    2: [({18: 1}, (0, -1), (0, -1), (6, 6)), ({17: 1, 19: 1}, (0, -1), (-0.1, -0.5), (7, 6))],
    4: [({21: 1}, (0, 0), (0.75, 0.8), (6.5, 6)), ({20: 1}, (0, 0), (0.3, 0.7), (6, 6)),
        ({27: 1, 21: 1}, (0, -6), (0.1, 0.5), (5, 6))],
    5: [({37: 1, 38: 1}, (0, -0.5), (0, -1), (6, 3.2))],
    6: [({41: 1, 36: 1, 48: 0.4}, (0, 8), (-0.05, -1), (8.5, 6.5)),
        ({40: 1, 41: 1}, (0, 0.5), (0, -0.45), (7, 3.2)), ({36: 1}, (-4, 1), (0.45, 0), (4, 5))],
    7: [({40: 1, 41: 1}, (0, 0.5), (0, -1), (6.5, 3.2)),
        ({37: 1, 38: 1}, (0, -1), (0, 0.45), (6.5, 3))],
    9: [({31: 1}, (-1.5, -1), (0.05, -0.9), (5, 5)), ({31: 1, 39: 1, 27: 0.7}, (0, 0), (0, -1), (5, 6)),
        ({21: 1, 27: 0.5}, (0, 0), (0.25, 0.5), (5, 5)), ({50: 1}, (0, -2), (0, -0.5), (5, 4))],
    10: [({50: 1, 49: 0.6}, (0, -1), (0, -1), (6.5, 4.2)), ({31: 1, 49: 1}, (-1, 0), (-0.05, -0.7), (5, 5))],
    12: [({48: 1}, (-0.5, 0), (-0.75, -0.75), (7.5, 6.5)), ({48: 1, 41: 1}, (-3, 2), (-0.1, -0.45), (8, 7)),
         ({49: 1, 59: 1}, (0, 0), (-0.4, -0.15), (5, 5))],
    14: [({48: 1}, (0.5, 0), (-1, 0.1), (5, 4.5)), ({48: 1}, (-8, 0.5), (0.7, 0), (4, 5))],
    15: [({48: 1}, (0, 0.5), (0.05, 1), (6.5, 6)), ({48: 1, 5: 0.5}, (0, 3), (-0.1, 0.6), (6, 6)),
         ({59: 1}, (-1, 0), (0, 0.35), (4, 4))],
    17: [({57: 1, 8: 1}, (-2, 0), (0, -1), (8.5, 6.5)), ({58: 1}, (0, 0), (0, -0.55), (6, 3.5))],
    20: [({48: 1}, (0, 0.5), (-1, 0.25), (8.5, 6)), ({59: 1}, (0, 1), (-0.6, 0.25), (6, 5))],
    23: [({48: 1}, (1.5, 0), (1, 0), (5, 4)), ({50: 1}, (0, 0), (0.1, 0.8), (4.5, 3.2)),
         ({58: 1}, (0, 0), (0.1, -0.8), (4.5, 3.2))],
    25: [({57: 1, 67: 1, 58: 1}, (0, 1), (0, 1), (7, 4)), ({51: 1, 61: 1, 50: 1}, (0, -1), (0, -0.5), (7, 3.5))],
    26: [({8: 1, 7: 1, 57: 1}, (0, 2), (0, 1), (12, 11)), ({57: 1, 58: 1}, (0, 0), (0, 0.5), (7, 5)),
         ({51: 1, 61: 1}, (0, 0), (0, -0.12), (6, 3))],
}  # fmt: skip

# Eyelids and eyes, which move without any action unit: a blink and a glance.
_BLINK: list[_Pull] = [
    ({37: 1, 38: 1}, (0, -1.2), (0, 1), (7.5, 3.4)),
    ({40: 1, 41: 1}, (0, 1.2), (0, -0.16), (7.5, 3.2)),
]
_GLANCE: list[_Pull] = [({36: 1, 37: 1, 38: 1, 39: 1, 40: 1, 41: 1}, (0, 0), (1, 0), (3.4, 2.6))]
BLINK_PEAK = 3.4
GLANCE_PEAK = 1.0


# How much wider the pulls of a macro-expression are than those of a micro-expression.
MACRO_WIDTH = 1.7


def _field(
    pulls: list[_Pull], peak: float, shape: np.ndarray, x: np.ndarray, y: np.ndarray, width: float = 1.0
) -> np.ndarray:
    field = np.zeros((*np.broadcast_shapes(x.shape, y.shape), 2))
    for weights, offset, direction, sigma in pulls:
        anchor = np.average(shape[list(weights)], axis=0, weights=list(weights.values())) + offset
        reach_x, reach_y = width * sigma[0], width * sigma[1]
        bump = np.exp(-0.5 * (((x - anchor[0]) / reach_x) ** 2 + ((y - anchor[1]) / reach_y) ** 2))
        field += bump[..., None] * direction
    return field * (peak / np.hypot(field[..., 0], field[..., 1]).max())


def _both(
    pulls: list[_Pull], peak: float, shape: np.ndarray, x: np.ndarray, y: np.ndarray, width: float = 1.0
) -> dict[str, np.ndarray]:
    right = _field(pulls, peak, shape, x, y, width)
    left = _field(pulls, peak, shape[MIRROR] * (-1, 1), -x, y, width) * (-1, 1)
    return {"l": left, "r": right}


def unit_fields(
    shape: np.ndarray, unit: int, x: np.ndarray, y: np.ndarray, width: float = 1.0
) -> dict[str, np.ndarray]:
    """Displacement of an action unit at intensity 1, for each side.

    `shape` is float `(68, 2)`, `x` `(w,)` and `y` `(h, 1)` the grid, all in aligned units; `width` widens the
    pulls without a larger peak. Returns
    {"l", "r"}: float64 `(h, w, 2)`, aligned units. Their sum has the peak `PEAK[unit]`, so where
    they overlap, at the midline (17, 25, 26), one side alone moves less. Raises KeyError for an
    unknown unit.
    """
    halves = _both(_PULLS[unit], PEAK[unit], shape, x, y, width)
    total = halves["l"] + halves["r"]
    # Halves overlap at the midline; a bilateral unit keeps the same peak as one of its sides.
    excess = np.hypot(total[..., 0], total[..., 1]).max() / PEAK[unit]
    return {side: half / excess for side, half in halves.items()}


def blink_field(shape: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Both eyelids at the deepest point of a blink, float64 `(h, w, 2)`, aligned units."""
    return sum(_both(_BLINK, BLINK_PEAK, shape, x, y).values())


def glance_field(shape: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Both eyes turned to the right of the picture by one unit, float64 `(h, w, 2)`."""
    halves = _both(_GLANCE, GLANCE_PEAK, shape, x, y)
    return halves["r"] - halves["l"]
