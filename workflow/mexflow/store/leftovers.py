"""The temporary files of jobs: removing them, and making the renames that end them durable."""

from __future__ import annotations

import glob
import os
import platform
import shutil
from pathlib import Path


def remove_stale(target: Path) -> None:
    """Remove what killed processes of this host left of earlier attempts to write `target`."""
    prefix = f".{target.name}.{platform.node()}-"
    for path in target.parent.glob(f"{glob.escape(prefix)}*.partial"):
        process = path.name.removeprefix(prefix).removesuffix(".partial")
        if process.isdigit() and int(process) != os.getpid() and not _alive(int(process)):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable (a no-op where a folder cannot be opened)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
