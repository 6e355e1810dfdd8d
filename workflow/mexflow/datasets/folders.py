"""Folders of frames, listed by file name: no frame is opened, and no file's status is asked for."""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mexflow.errors import UserError

IMAGE = r"\.(?:jpe?g|png|bmp)"
"""The ending of a frame's file name, as a pattern (to be matched without case)."""

_SYSTEM_FILES = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class FrameFolder:
    """A folder of frames.

    `path` is relative to the dataset's root, with ``/``; `numbers` are the frame numbers in increasing order
    (int64, each once); `ignored` counts the files that are neither frames nor a system's own; `repeated` counts
    the files whose number another file has too.
    """

    subject: str
    video: str
    path: str
    numbers: array = field(default_factory=lambda: array("q"))
    ignored: int = 0
    repeated: int = 0

    @property
    def missing(self) -> int | None:
        """How many numbers between the first and the last frame have no file; None without frames."""
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers) if self.numbers else None

    def holds(self, frame: int) -> bool:
        """Whether there is a file of this frame number."""
        place = bisect_left(self.numbers, frame)
        return place < len(self.numbers) and self.numbers[place] == frame

    def nearest(self, frame: int) -> int:
        """The frame number next to `frame` that has a file, the lower of two; `frame` itself without frames."""
        place = bisect_left(self.numbers, frame)
        return min(self.numbers[max(place - 1, 0) : place + 1], key=lambda held: abs(held - frame), default=frame)

    def span(self) -> str:
        """The frames it holds, for messages."""
        gaps = f", {self.missing} missing between" if self.missing else ""
        return f"{self.numbers[0]} to {self.numbers[-1]}{gaps}"


def entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """The entries of a folder in the order of their names, hidden ones and a system's own left out.

    Raises:
        UserError: if the folder cannot be read.
    """
    return sorted(_entries(folder), key=lambda entry: entry.name)


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return [entry for entry in found if entry.name[0] != "." and entry.name.lower() not in _SYSTEM_FILES]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}); check its permissions and the disk") from None


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files whose whole name matches `pattern`, without case, in the order of their names."""
    match = re.compile(pattern, re.IGNORECASE).fullmatch
    return [Path(entry.path) for entry in entries(folder) if match(entry.name) and entry.is_file()]


def folder_at(root: Path, place: str) -> Path | None:
    """The folder at the relative `place` (``a/b``; empty for the root), in any case, exact names first."""
    folder = root
    for part in filter(None, place.split("/")):
        names = [entry.name for entry in entries(folder) if entry.name.casefold() == part.casefold() and entry.is_dir()]
        if not names:
            return None
        folder /= part if part in names else names[0]
    return folder


def frame_folder(folder: Path, root: Path, subject: str, pattern: re.Pattern[str]) -> FrameFolder:
    """List the frames of one folder.

    Args:
        folder: the folder.
        root: the dataset's root, that `FrameFolder.path` is relative to.
        subject: whose frames they are.
        pattern: matches a frame's whole file name; its first group is the frame number.

    Raises:
        UserError: if the folder cannot be read.
    """
    # os.scandir gives names only, in one pass: a status call per file would dominate on a network disk.
    names = [entry.name for entry in _entries(folder)]
    numbers = [int(match[1]) for match in map(pattern.fullmatch, names) if match]
    unique = array("q", sorted(set(numbers)))
    path = folder.relative_to(root).as_posix()
    return FrameFolder(subject, folder.name, path, unique, len(names) - len(numbers), len(numbers) - len(unique))


def matching_folders(folder: Path, levels: Sequence[str]) -> list[tuple[str, Path]]:
    """The folders a number of levels below `folder`, in the order of their paths.

    Args:
        folder: where to start.
        levels: a pattern for the whole folder name at each level, matched without case; one of them has a group
            ``subject``.

    Returns:
        For each folder of the last level the text of the group ``subject``, and the path.

    Raises:
        UserError: if a folder cannot be read.
    """
    found = [("", folder)]
    for level in levels:
        match = re.compile(level, re.IGNORECASE).fullmatch
        found = [
            (name.groupdict().get("subject", subject), Path(entry.path))
            for subject, parent in found
            for entry in entries(parent)
            if (name := match(entry.name)) and entry.is_dir()
        ]
    return found
