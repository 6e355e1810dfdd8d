"""Scores over time as the line of a drawing, small however long the video is."""

from __future__ import annotations

import numpy as np

WIDTH, HEIGHT = 1000, 100
"""Units of the drawing: a video is as wide as the drawing, scores go from 0 to its height."""
_POINTS = 300


def path(at: np.ndarray, scores: np.ndarray, points: int = _POINTS) -> str:
    """Scores as the path of a drawing, `WIDTH` by `HEIGHT`, in whole units.

    Of a long video the lowest and the highest score of each piece are drawn, so that no peak is lost. Where nothing was
    measured (NaN) the line is broken.

    Args:
        at: int64 or float64 (n,), rising: frames or seconds.
        scores: float64 (n,), of [0, 1]; what smoothing carries beyond is drawn at the edge.
        points: at most so many are drawn.
    """
    pieces = np.array_split(np.arange(len(scores)), min(len(scores), points // 2))
    across = WIDTH / (float(at[-1] - at[0]) or 1.0)
    parts, pen = [], "M"
    for piece in pieces:
        known = piece[np.isfinite(scores[piece])]
        if not len(known):
            pen = "M"
            continue
        for place in sorted({int(known[np.argmin(scores[known])]), int(known[np.argmax(scores[known])])}):
            x = round(float(at[place] - at[0]) * across)
            y = round(HEIGHT * (1 - min(1.0, max(0.0, float(scores[place])))))
            parts.append(f"{pen}{x} {y}")
            pen = "L"
    return "".join(parts)
