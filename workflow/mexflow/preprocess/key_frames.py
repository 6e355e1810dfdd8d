"""Frames of a clip by the shape of its expression: onset, apex, offset, and frames between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def thirteen(clip: Mapping[str, Any]) -> list[int]:
    """Onset, five frames to the apex, apex, five to the offset, offset (upadhy2025).

    The i-th frame between two is at a sixth of the way each, rounded to the nearest frame (halves to the even one);
    where a rise or fall has fewer than six frames, frames repeat. Token 0 is the onset, 6 the apex, 12 the offset.

    Args:
        clip: a row of the index, with `onset`, `apex` and `offset`.

    Returns:
        Thirteen frame numbers in increasing order.
    """
    onset, apex, offset = clip["onset"], clip["apex"], clip["offset"]
    rise = [round(onset + i * (apex - onset) / 6) for i in range(6)]
    fall = [round(apex + i * (offset - apex) / 6) for i in range(7)]
    return rise + fall
