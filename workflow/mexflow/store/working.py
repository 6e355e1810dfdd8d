"""A folder for what lies between a command's inputs and its outputs: gone when the command ends, however it ends."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from mexflow.store.artifacts import writing
from mexflow.store.leftovers import remove, remove_stale


@contextmanager
def working_folder(parent: Path, name: str) -> Iterator[Path]:
    """An empty folder below `parent`, removed in the end; what a killed command left there of the name goes first.

    Raises:
        UserError: if it cannot be made.
    """
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):  # another thread of this process may have one
            remove_stale(parent / f"{name}-{number}")
            folder = parent / f".{name}-{number}.{platform.node()}-{os.getpid()}.partial"
            try:
                folder.mkdir()
                break
            except FileExistsError:
                continue
    try:
        yield folder
    finally:
        remove(folder)
