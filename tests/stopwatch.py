"""How long something takes, for ratios of speed."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def best_of(repeats: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs: the least disturbed by what else the machine does."""
    return min(seconds(work) for _ in range(repeats))
