"""What the adapters of the raw datasets have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.datasets.cells import file_name, number, subject, text
from mexflow.datasets.folders import FrameFolder, files_named, folder_at, subject_folders, video_folders
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Record, Table
from mexflow.errors import UserError

ReadBytes = Callable[[Path], bytes]
"""Gives the content of an annotation file, so that a caller can hash it in the same read."""


@dataclass(frozen=True)
class FramePlace:
    """A place where frames may lie: `path` relative to the root, and a pattern for a frame's whole file name."""

    path: str
    frame: re.Pattern[str]


class FrameFolders:
    """The folders of frames of a dataset, in the order of their paths.

    `place` is the folder, relative to the dataset's root, that the subjects' folders are in.
    """

    def __init__(self, place: Path, folders: list[FrameFolder]) -> None:
        self.place = place
        self.folders = folders
        self._exact = {(folder.subject, folder.video): folder for folder in folders}
        self._any_case = {(folder.subject, folder.video.casefold()): folder for folder in reversed(folders)}

    def find(self, subject: str, video: str) -> FrameFolder | None:
        """The folder of a video; one whose name differs in case only if there is no other."""
        return self._exact.get((subject, video)) or self._any_case.get((subject, video.casefold()))


@dataclass(frozen=True)
class Adapter(ABC):
    """Reads one raw dataset as its owners release it.

    `fps` is in frames per second; `subject_folder` matches the whole name of a subject's folder, its first group
    being the subject's number; `places` are the layouts it knows, the preferred one first; `release` says what
    the owners' release contains.
    """

    name: str
    title: str
    fps: float
    release: str
    subject_folder: str
    subject_width: int
    places: tuple[FramePlace, ...]

    @abstractmethod
    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders under `root`.

        Raises:
            UserError: if the root or an annotation file is missing or unusable.
        """

    def check_root(self, root: Path) -> None:
        """Check that `root` is a folder.

        Raises:
            UserError: if it is not, with what it should hold.
        """
        if not root.is_dir():
            what = "a file, a folder is expected" if root.exists() else "no such folder"
            raise UserError(
                f"{root}: {what}; set datasets.{self.name}.root in config.yaml, or --root {self.name}=DIR, to the "
                f"folder that holds {self.release}"
            )

    def annotation_files(self, root: Path, pattern: str, accepted: str) -> list[Path]:
        """The files in `root` whose name matches `pattern`, at least one.

        Raises:
            UserError: if there is none, with the `accepted` names.
        """
        if found := files_named(root, pattern):
            return found
        raise UserError(
            f"{root}: no annotation file; {self.title} needs {accepted} there: the owners' release has {self.release}"
        )

    def frame_folders(self, root: Path) -> FrameFolders:
        """List every ``subject/video`` folder of the first place that has a subject's folder.

        Raises:
            UserError: if no place has one.
        """
        for place in self.places:
            folder = folder_at(root, place.path)
            subjects = subject_folders(folder, self.subject_folder) if folder else []
            if folder and subjects:
                videos = [
                    video
                    for digits, path in subjects
                    for video in video_folders(path, root, subject(digits, self.subject_width), place.frame)
                ]
                return FrameFolders(folder.relative_to(root), videos)
        known = ", ".join(place.path or "the root itself" for place in self.places)
        raise UserError(
            f"{root}: no frames found; {self.title} has a folder for each subject in one of: {known}; "
            f"the owners' release has {self.release}"
        )

    def listing(
        self, rows: list[dict[str, Any]], frames: FrameFolders, annotation_files: list[Path], notes: list[str]
    ) -> Listing:
        """Put rows and folders together; where frames are read from, and files that were ignored, are noted."""
        annotated = {row["path"] for row in rows}
        videos = [
            {
                "dataset": self.name,
                "subject": folder.subject,
                "video": folder.video,
                "path": folder.path,
                "first_frame": folder.numbers[0] if folder.numbers else None,
                "last_frame": folder.numbers[-1] if folder.numbers else None,
                "frame_count": len(folder.numbers),
                "missing_frames": folder.missing,
                "fps": self.fps,
                "annotated": folder.path in annotated,
            }
            for folder in frames.folders
        ]
        remarks = []
        if ignored := [f"{folder.path} ({folder.ignored})" for folder in frames.folders if folder.ignored]:
            remarks.append(f"files that are no frames of {self.title} are ignored in {listed(ignored)}")
        if repeated := [f"{folder.path} ({folder.repeated})" for folder in frames.folders if folder.repeated]:
            remarks.append(f"files repeat the frame number of another file in {listed(repeated)}")
        where = f"frames are read from {frames.place.as_posix()}"
        return Listing(self.name, rows, videos, annotation_files, [where, *notes, *remarks])


def annotations(table: Table, clip_name: str, notes: list[str]) -> list[Record]:
    """The records of a table that are annotations; every other is noted, none is dropped silently.

    An annotation has the fields ``subject`` and ``filename``, and either a file name that matches `clip_name` or a
    number for the onset or the offset.

    Raises:
        UserError: if a record has frame numbers but no subject or file name, or if there is no annotation at all.
    """
    matches = re.compile(clip_name, re.IGNORECASE).fullmatch
    kept = []
    for record in table.records:
        named = bool(text(record.cells["subject"]) and text(record.cells["filename"]))
        frames = [number(record.cells[name]) is not None for name in ("onset", "offset")]
        if named and (any(frames) or matches(file_name(record.cells["filename"]))):
            kept.append(record)
        elif all(frames):
            raise UserError(
                f"{table.path}: row {record.number} of sheet {table.sheet!r} has frame numbers but no subject or no "
                f"file name; fill them in as in the owners' release"
            )
        else:
            notes.append(f"{table.where(record)} is no annotation and is ignored: {record.words[:80]!r}")
    if not kept:
        raise UserError(f"{table.path}: sheet {table.sheet!r} has no annotation below its header; copy the file again")
    return kept


def keyed(
    table: Table, records: list[Record], key: Callable[[Record], tuple[str, str]]
) -> dict[tuple[str, str], Record]:
    """The records by (subject, file name).

    Raises:
        UserError: if two have the same key, naming both rows.
    """
    found: dict[tuple[str, str], Record] = {}
    for record in records:
        pair = key(record)
        if pair in found:
            raise UserError(
                f"{table.path}: rows {found[pair].number} and {record.number} of sheet {table.sheet!r} are both "
                f"subject {pair[0]}, clip {text(record.cells['filename'])}; keep one of them"
            )
        found[pair] = record
    return found


def listed(names: list[str], most: int = 5) -> str:
    """Some names for a message: all of them, or the first `most` and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
