"""What the adapters of the raw datasets have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.datasets.cells import expression_type, file_name, number, subject, text
from mexflow.datasets.folders import FrameFolder, files_named, folder_at, frame_folder, matching_folders
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Record, Table
from mexflow.errors import UserError

ReadBytes = Callable[[Path], bytes]
"""Gives the content of an annotation file, so that a caller can hash it in the same read."""


@dataclass(frozen=True)
class FramePlace:
    """A place where frames may lie.

    `path` is relative to the root. `levels` are patterns for the names of the folders below it, with ``/`` between,
    down to a folder of frames; one of them has a group ``subject``, the digits of the subject's number. `frame`
    matches a frame's whole file name, its first group being the frame number.
    """

    path: str
    levels: str
    frame: re.Pattern[str]


class FrameFolders:
    """The folders of frames of a dataset, in the order of their paths.

    `place` is the folder, relative to the dataset's root, that they are in; `same_name` gives equal texts for names
    of the same video. Of several folders of one video the first is kept; `unread` are the paths of the others.
    """

    def __init__(self, place: Path, folders: list[FrameFolder], same_name: Callable[[str], str]) -> None:
        self.place = place
        self._exact: dict[tuple[str, str], FrameFolder] = {}
        for folder in folders:
            self._exact.setdefault((folder.subject, folder.video), folder)
        self.folders = list(self._exact.values())
        self.unread = [folder.path for folder in folders if self._exact[folder.subject, folder.video] is not folder]
        self._same_name = same_name
        self._alike = {(folder.subject, same_name(folder.video)): folder for folder in reversed(self.folders)}

    def find(self, subject: str, video: str) -> FrameFolder | None:
        """The folder of a video; one whose name is only alike if there is no other."""
        return self._exact.get((subject, video)) or self._alike.get((subject, self._same_name(video)))


@dataclass(frozen=True)
class Adapter(ABC):
    """Reads one raw dataset as its owners release it.

    `fps` is in frames per second; `release` says what the owners' release contains; `subject_form` is how a
    subject's number is written in the index, as a format; `places` are the layouts it knows, the preferred one
    first.
    """

    name: str
    title: str
    fps: float
    release: str
    subject_form: str
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

    def annotation_file(
        self, root: Path, pattern: str, accepted: str, rank: Callable[[str], Any] = lambda name: 0
    ) -> tuple[Path, list[str]]:
        """The annotation file whose name matches `pattern`, in the root or beside the frames, and notes on others.

        Of several in one folder it is the one whose name has the highest `rank`, then the first by name.

        Raises:
            UserError: if there is none, with the `accepted` names.
        """
        for place in dict.fromkeys(("", *(place.path for place in self.places))):
            folder = folder_at(root, place)
            if folder and (found := files_named(folder, pattern)):
                chosen = max(found, key=lambda path: rank(path.name))
                unread = [f"{path.name} is not read: {chosen.name} is preferred" for path in found if path != chosen]
                return chosen, unread
        raise UserError(
            f"{root}: no annotation file; {self.title} needs {accepted} there: the owners' release has {self.release}"
        )

    def subject(self, cell: Any) -> str:
        """A subject as the index has it, from a cell or a folder's name."""
        return subject(cell, self.subject_form)

    def same_name(self, name: str) -> str:
        """A text that is equal for two names of the same video: copies differ in case."""
        return name.casefold()

    def frame_folders(self, root: Path) -> FrameFolders:
        """List the folders of frames of the first place that has any.

        Raises:
            UserError: if no place has one.
        """
        for place in self.places:
            folder = folder_at(root, place.path)
            if folder and (found := matching_folders(folder, place.levels.split("/"))):
                listed_folders = [frame_folder(path, root, self.subject(digits), place.frame) for digits, path in found]
                return FrameFolders(folder.relative_to(root), listed_folders, self.same_name)
        known = ", ".join(dict.fromkeys(place.path or "the root itself" for place in self.places))
        raise UserError(
            f"{root}: no frames found; {self.title} has its folders of frames in one of: {known}; "
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
        if frames.unread:
            remarks.append(f"folders of a video that has another folder are not read: {listed(frames.unread)}")
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


def expression_types(table: Table, records: Iterable[Record]) -> list[str]:
    """Whether each record is ``micro`` or ``macro``, by its field ``type``.

    Raises:
        UserError: if one is neither, naming its row.
    """
    types = []
    for record in records:
        kind = expression_type(record.cells["type"])
        if kind is None:
            raise UserError(
                f"{table.path}: row {record.number} of sheet {table.sheet!r} is of the type "
                f"{text(record.cells['type'])!r}, neither micro nor macro; fill it in as in the owners' release"
            )
        types.append(kind)
    return types


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
