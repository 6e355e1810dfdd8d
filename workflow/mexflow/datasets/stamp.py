"""Whether a copy of a dataset has changed, without reading it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def stamp(root: Path, places: list[str]) -> str:
    """A text that changes when a file is added to, removed from or renamed in one of these folders, or a file changes.

    Args:
        root: a dataset's root.
        places: folders and files, relative to it; the folders above them count as well.
    """
    every = {Path(".")}
    for place in places:
        every |= {Path(place), *Path(place).parents}
    sha = hashlib.sha256()
    for place in sorted(every):
        try:
            status = os.stat(root / place)
            sha.update(f"{place} {status.st_mtime_ns} {status.st_size}\n".encode())
        except OSError:
            sha.update(f"{place} missing\n".encode())
    return sha.hexdigest()
