"""Folders of frames, listed by file name: no frame is opened, and no file's status is asked for."""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mexflow.errors import UserError

IMAGE = r"\.(?:jpe?g|png|bmp)"
"""The ending of a frame's file name, as a pattern (to be matched without case)."""

# What systems and programs leave in folders that people copy. Anything else that is not used is named.
_CLUTTER = re.compile(
    r"\._.*|\.ds_store|\.localized|icon\r|__macosx|\.appledouble|\.apdisk|\.fseventsd|\.spotlight-v100|\.trashes"
    r"|\.temporaryitems|\.documentrevisions-v100"
    r"|thumbs\.db|ehthumbs(?:_vista)?\.db|desktop\.ini|\$recycle\.bin|system volume information|~\$.*"
    r"|@eadir|@tmp|@recycle|#recycle|#snapshot|\.@__thumb|\.snapshots?|lost\+found|\.nfs[0-9a-f]+"
    r"|\.trash-\d+|\.directory|\.thumbnails|\.~lock\..*#|\.?picasa\.ini|\.nomedia"
    r"|.*:zone\.identifier"
    r"|\.git.*|\.svn|\.snakemake.*|\.ipynb_checkpoints",
    re.IGNORECASE,
)


_MOST_DIGITS = 9


@dataclass(frozen=True)
class FrameFolder:
    """A folder of frames.

    `path` is relative to the dataset's root, with ``/``, and `video` its name without blanks around it; `frame_name`
    is the pattern of its frames' file names, see `numbered`. `numbers` are the frame numbers in increasing order
    (int64, each once); `others` are the names of everything in it that is neither a frame nor clutter. `excluded`
    says why the folder is not used, None if it is.
    """

    subject: str
    video: str
    path: str
    frame_name: str = ""
    numbers: array = field(default_factory=lambda: array("q"))
    others: tuple[str, ...] = ()
    excluded: str | None = None

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


@dataclass(frozen=True)
class Numbered:
    """Files by frame number, as `numbered` finds them.

    `files` has the first by name of each number; `others` are names that are no frame's, in order, and `repeated`
    those whose number another file has too, with that file's name.
    """

    files: dict[int, str]
    others: list[str]
    repeated: list[tuple[str, str]]


def numbered(names: Iterable[str], frame_name: str) -> Numbered:
    """Tell which files are which frames. This is the one place where a file's name is taken for a frame's.

    Args:
        names: file names.
        frame_name: pattern of a frame's whole file name, matched without case; its first group is the frame number.
    """
    match = re.compile(frame_name, re.IGNORECASE).fullmatch
    files: dict[int, str] = {}
    others, repeated = [], []
    for name in sorted(names):
        matched = match(name)
        # A date and time is no frame number; nor would it fit the index.
        if not matched or len(matched[1].lstrip("0")) > _MOST_DIGITS:
            others.append(name)
        elif (number := int(matched[1])) in files:
            repeated.append((files[number], name))
        else:
            files[number] = name
    return Numbered(files, others, repeated)


def is_utf8(name: str) -> bool:
    """Whether a name can be written into tables: what old archives and other systems made may be in no encoding."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is what a system or a program leaves, and never data."""
    return bool(_CLUTTER.fullmatch(name))


def entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """The entries of a folder in the order of their names, clutter left out.

    Raises:
        UserError: if the folder cannot be read.
    """
    return sorted(_entries(folder), key=lambda entry: entry.name)


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return [entry for entry in listing if not _CLUTTER.fullmatch(entry.name)]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}); check its permissions and the disk") from None


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a link that leads nowhere, or to itself, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def numbered_files(folder: Path, frame_name: str) -> Numbered:
    """Which files of a folder are which frames; a folder, or a link that leads nowhere, is no frame whatever its name.

    Raises:
        UserError: if the folder cannot be read.
    """
    names, strange = [], []
    for entry in _entries(folder):
        # A status call per file would dominate on a network disk; these look at what the listing itself says.
        no_file = entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and not os.path.isfile(entry.path))
        (strange if no_file else names).append(entry.name)
    result = numbered(names, frame_name)
    result.others.extend(strange)
    result.others.sort()
    return result


def shown(text: str) -> str:
    """A text from a copy as one line that can be printed: blanks for line ends, escapes for what is not UTF-8."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode().splitlines())


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files whose whole name matches `pattern`, without case, in the order of their names."""
    match = re.compile(pattern, re.IGNORECASE).fullmatch
    return [Path(entry.path) for entry in entries(folder) if match(entry.name) and os.path.isfile(entry.path)]


def folder_at(root: Path, place: str) -> Path | None:
    """The folder at the relative `place` (``a/b``; empty for the root), in any case, exact names first."""
    folder = root
    for part in filter(None, place.split("/")):
        names = [
            entry.name
            for entry in entries(folder)
            if entry.name.strip().casefold() == part.casefold() and is_folder(entry)
        ]
        if not names:
            return None
        folder /= part if part in names else names[0]
    return folder


def frame_folder(folder: Path, root: Path, subject: str, frame_name: str) -> FrameFolder:
    """List the frames of one folder.

    Args:
        folder: the folder.
        root: the dataset's root, that `FrameFolder.path` is relative to.
        subject: whose frames they are.
        frame_name: pattern of a frame's file name, see `numbered`.

    Raises:
        UserError: if the folder cannot be read.
    """
    frames = numbered_files(folder, frame_name)
    path = folder.relative_to(root).as_posix()
    excluded = None
    if frames.repeated:
        first, second = frames.repeated[0]
        more = f", and {len(frames.repeated) - 1} more such pairs" if len(frames.repeated) > 1 else ""
        excluded = f"frames_repeated: {first} and {second} are the same frame in {path}{more}; keep one of them"
    numbers = array("q", sorted(frames.files))
    return FrameFolder(subject, folder.name.strip(), path, frame_name, numbers, tuple(frames.others), excluded)


def matching_folders(folder: Path, levels: Sequence[str]) -> list[tuple[str, Path]]:
    """The folders a number of levels below `folder`, in the order of their paths.

    Args:
        folder: where to start.
        levels: a pattern for the whole folder name at each level, matched without case and without blanks around the
            name; one of them has a group ``subject``. A hidden folder is none of them, nor one whose name is not UTF-8.

    Returns:
        For each folder of the last level the text of the group ``subject``, and the path.

    Raises:
        UserError: if a folder cannot be read.
    """
    folders = [("", folder)]
    for level in levels:
        match = re.compile(level, re.IGNORECASE).fullmatch
        folders = [
            (name.groupdict().get("subject", subject), Path(entry.path))
            for subject, parent in folders
            for entry in entries(parent)
            if (name := match(entry.name.strip())) and entry.name[0] != "." and is_utf8(entry.name) and is_folder(entry)
        ]
    return folders


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names for a message: all of them, or the first `most` and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
