"""Pairs of frames of a clip, by name: between which two frames a paper wants the flow.

A pair is a function of a clip's onset, apex and offset; a new one is one line in :data:`PAIRS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Pair = Callable[[Mapping[str, Any]], tuple[int, int]]

PAIRS: dict[str, Pair] = {
    "onset-apex": lambda clip: (clip["onset"], clip["apex"]),
    "onset-apex+1": lambda clip: (clip["onset"], clip["apex"] + 1),
}
"""Name of a pair to the frame numbers (first, second) of a clip, a row of the index."""
