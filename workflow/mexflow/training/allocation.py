"""Memory that a process gives back to the system and asks for again, step after step, costs it processor time."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_memory() -> bool:
    """Let this process keep the memory that it has freed, for its next use.

    By default glibc gets each block of more than 32 MB from the system, and gives it back when it is free. The system
    clears each page of it anew. The batches of a training are such blocks, and they are the same in each step: for the
    shallow networks, a third to a half of a step is this clearing. What is computed does not change, nor what is needed
    at the worst moment but for gaps between blocks.

    Returns:
        Whether it does so: where the C library is another one, it stays as it is.
    """
    if sys.platform != "linux":
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    return bool(set_option(_MMAP_MAX, 0)) and bool(set_option(_TRIM_THRESHOLD, _NEVER))
