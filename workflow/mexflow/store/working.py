"""A folder for what lies between a command's inputs and its outputs: gone when the command ends, however it ends."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mexflow.store.artifacts import writing
from mexflow.store.leftovers import remove, remove_stale


@contextmanager
def working_folder(parent: Path, name: str) -> Iterator[Path]:
    """An empty folder below `parent`, removed in the end; what a killed command left there of the name goes first.

    Raises:
        UserError: if it cannot be made.
    """
    folder = parent / f".{name}.{platform.node()}-{os.getpid()}.partial"
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        remove_stale(parent / name)
        folder.mkdir()
    try:
        yield folder
    finally:
        remove(folder)
