"""What the adapters of the raw datasets have in common."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mexflow.datasets import other_sets
from mexflow.datasets.accounting import Account, Layout
from mexflow.datasets.cells import emotion, expression_type, file_name, is_date, number, subject, text
from mexflow.datasets.folders import (
    FrameFolder,
    entries,
    files_named,
    folder_at,
    frame_folder,
    listed,
    matching_folders,
)
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Record, Table, unreadable_formats
from mexflow.errors import UserError, nearest

_LARGEST_ACTION_UNIT = 99
_NAMES = ("subject", "filename")

ReadBytes = Callable[[Path], bytes]
"""Gives the content of an annotation file, so that a caller can hash it in the same read."""


@dataclass(frozen=True)
class FramePlace:
    """A place where frames may lie.

    `path` is relative to the root. `levels` are patterns for the names of the folders below it, with ``/`` between,
    down to a folder of frames; one of them has a group ``subject``, the digits of the subject's number. `frame`
    is the pattern of a frame's whole file name, its first group being the frame number; ``<subject>`` in it stands for
    the subject's number, ``<video>`` for the name of the folder.
    """

    path: str
    levels: str
    frame: str

    def frame_name(self, subject: str, video: str) -> str:
        """The pattern of a frame's file name in the folder of a video; `subject` are the digits of the subject."""
        # Numbers with or without zeros before them, whatever the folder has.
        name = re.sub(r"(?<!\d)0*(\d+)", r"0*\1", re.escape(video.strip()))
        return self.frame.replace("<subject>", f"0*{int(subject)}").replace("<video>", name)


class FrameFolders:
    """The folders of frames of a dataset, in the order of their paths.

    `place` is the folder, relative to the dataset's root, that they are in, `levels` the patterns of the names below;
    `same_name` gives equal texts for names of the same video. Of several folders of one video the one
    of the least `doubt` is kept; `unread` has, by the path of each of the others, why it is not read.
    """

    def __init__(
        self,
        place: Path,
        levels: str,
        folders: list[FrameFolder],
        same_name: Callable[[str], str],
        doubt: Callable[[FrameFolder], int],
    ) -> None:
        self.place, self.levels = place, levels
        self._exact: dict[tuple[str, str], FrameFolder] = {}
        self.unread: dict[str, str] = {}
        for folder in sorted(folders, key=doubt):
            kept = self._exact.setdefault((folder.subject, folder.video), folder)
            if kept is not folder:
                self.unread[folder.path] = f"its video has another folder, {kept.path}"
        self.folders = [folder for folder in folders if folder.path not in self.unread]
        self._same_name = same_name
        # The first wins, and one that can be used before one that can not.
        ordered = sorted(self.folders, key=lambda folder: folder.excluded is not None)
        self._alike = {(folder.subject, same_name(folder.video)): folder for folder in reversed(ordered)}

    def find(self, subject: str, video: str) -> FrameFolder | None:
        """The folder of a video; one whose name is only alike if there is no other."""
        return self._exact.get((subject, video)) or self._alike.get((subject, self._same_name(video)))

    def leave_out(self, folder: FrameFolder, why: str) -> None:
        """Do not read a folder."""
        self.folders.remove(folder)
        self._exact = {key: kept for key, kept in self._exact.items() if kept is not folder}
        self._alike = {key: kept for key, kept in self._alike.items() if kept is not folder}
        self.unread[folder.path] = why


@dataclass(frozen=True)
class Adapter(ABC):
    """Reads one raw dataset as its owners release it.

    `fps` is in frames per second; `release` says what the owners' release contains; `subject_form` is how a
    subject's number is written in the index, as a format; `places` are the layouts it knows, the preferred one
    first. `first_frame` is the number of a video's first frame where the owners number every video from it, else None;
    `emotions` are the emotions that the owners' table has, none where it has no such column, and `misspelt` what copies
    write for one of them, which is repaired.
    """

    name: str
    title: str
    fps: float
    release: str
    subject_form: str
    places: tuple[FramePlace, ...]
    first_frame: int | None = None
    emotions: tuple[str, ...] = ()
    misspelt: Mapping[str, str] = field(default_factory=dict)

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

    def _refuse_other_set(self, root: Path, place: str = "") -> None:
        if some := other_sets.taken_for(self.name, root, place):
            raise UserError(
                f"{root / place}: this is {some.title}, not {self.title}; set datasets.{self.name}.root in config.yaml, "
                f"or --root {self.name}=DIR, to the folder that holds {self.release}"
            )

    def annotation_file(
        self, root: Path, pattern: str, accepted: str, rank: Callable[[str], Any] = lambda name: 0
    ) -> tuple[Path, list[Path]]:
        """The annotation file whose name matches `pattern`, in the root or beside the frames, and others beside it.

        Of several in one folder it is the one whose name has the highest `rank`, then the first by name.

        Raises:
            UserError: if there is none, with the `accepted` names.
        """
        seen, other = [], []
        for place in dict.fromkeys(("", *(place.path for place in self.places))):
            folder = folder_at(root, place)
            if folder and (found := files_named(folder, pattern)):
                chosen = max(found, key=lambda path: rank(path.name))
                return chosen, [path for path in found if path != chosen]
            if folder:
                seen += [entry.name for entry in entries(folder)]
                other += [words] if (words := unreadable_formats(folder, pattern)) else []
        if other:
            raise UserError(f"{root}: no annotation file that can be read, but {other[0]}")
        raise UserError(
            f"{root}: no annotation file{other_sets.recognised(seen, self.name)}; {self.title} needs {accepted} "
            f"there: the owners' release has {self.release}"
        )

    def subject(self, cell: Any) -> str:
        """A subject as the index has it, from a cell or a folder's name."""
        return subject(cell, self.subject_form)

    def same_name(self, name: str) -> str:
        """A text that is equal for two names of the same video: copies differ in case."""
        return name.casefold()

    def doubt(self, folder: FrameFolder) -> int:
        """Of several folders of one video the one of the least doubt is read, and of several such the first."""
        return 0

    def owner(self, name: str) -> str | None:
        """The subject that the name of a clip or video says it is of, as the index has it; None if it says none."""
        return None

    def mismatch(self, subject: str, name: str, where: str) -> str | None:
        """Why a clip or video called `name` cannot be of `subject`, as `where` says: its name is another's."""
        owner = self.owner(name)
        if owner is None or owner == subject:
            return None
        return f"subject_mismatch: {where} is of subject {subject}, its name {name} says {owner}"

    def frame_folders(self, root: Path) -> FrameFolders:
        """List the folders of frames of the first place that has any.

        Raises:
            UserError: if no place has one, or if it is a place of another set.
        """
        for place in self.places:
            folder = folder_at(root, place.path)
            if folder and (found := matching_folders(folder, place.levels.split("/"))):
                self._refuse_other_set(root, _relative(folder.relative_to(root)))
                folders = [self._frame_folder(path, root, digits, place) for digits, path in found]
                return FrameFolders(folder.relative_to(root), place.levels, folders, self.same_name, self.doubt)
        self._refuse_other_set(root)
        known = ", ".join(dict.fromkeys(place.path or "the root itself" for place in self.places))
        seen = other_sets.recognised((entry.name for entry in entries(root)), self.name)
        raise UserError(
            f"{root}: no frames found{seen}; {self.title} has its folders of frames in one of: {known}; "
            f"the owners' release has {self.release}"
        )

    def _frame_folder(self, path: Path, root: Path, digits: str, place: FramePlace) -> FrameFolder:
        subject = self.subject(digits)
        folder = frame_folder(path, root, subject, place.frame_name(digits, path.name))
        mismatch = self.mismatch(subject, folder.video, folder.path)
        return replace(folder, excluded=mismatch) if mismatch else folder

    def listing(
        self,
        root: Path,
        rows: list[dict[str, Any]],
        frames: FrameFolders,
        annotation_files: list[Path],
        notes: list[str],
        others: Sequence[Path] = (),
    ) -> Listing:
        """Put rows and folders together, with what is not used and every doubt about this copy.

        `others` are tables beside the first of the annotation files that it was preferred to.
        """
        annotated = {row["path"] for row in rows}
        videos = [
            {
                "dataset": self.name,
                "subject": folder.subject,
                "video": folder.video,
                "path": folder.path,
                "frame_name": folder.frame_name,
                "first_frame": folder.numbers[0] if folder.numbers else None,
                "last_frame": folder.numbers[-1] if folder.numbers else None,
                "frame_count": len(folder.numbers),
                "missing_frames": folder.missing,
                "fps": self.fps,
                "annotated": folder.path in annotated,
                "excluded": folder.excluded,
            }
            for folder in frames.folders
        ]
        known = {path.relative_to(root).as_posix(): "" for path in (*annotation_files, *others)}
        notes = [*(f"{path.name} is not read: {annotation_files[0].name} is preferred" for path in others), *notes]
        layout = Layout(
            self.title, self.name, _relative(frames.place), frames.levels, tuple(place.path for place in self.places)
        )
        account = Account(root, layout, frames.folders, {**known, **frames.unread})
        where = f"frames are read from {frames.place.as_posix()}"
        return Listing(
            self.name,
            rows,
            videos,
            annotation_files,
            [where, *notes, *self._doubts(frames)],
            unused=account.unused,
            folders=account.folders,
        )

    def _doubts(self, frames: FrameFolders) -> list[str]:
        """Notes on names and numbers that are not the owners'."""
        doubts = []
        if blank := [folder.path for folder in frames.folders if any(p != p.strip() for p in folder.path.split("/"))]:
            doubts.append(f"blanks around the name of a folder are left out of account: {listed(blank, len(blank))}")
        if self.first_frame:
            early = [f.path for f in frames.folders if f.numbers and f.numbers[0] < self.first_frame]
            if early:
                doubts.append(
                    f"the first frame is 0 where the owners number from {self.first_frame}: if this copy was numbered "
                    f"anew, its frames are one off against the table, in {listed(early, len(early))}"
                )
        return doubts

    def strange_emotions(self, table: Table, records: Iterable[Record]) -> list[str]:
        """Notes on rows whose emotion is none of the owners': they are in no class."""
        notes = []
        for record in records:
            said = emotion(record.cells["emotion"])
            if self.misspelt.get(said, said) not in self.emotions:
                what = f"the emotion {said!r} is none of {self.title}'s" if said else "there is no emotion"
                notes.append(
                    f"{table.where(record)}: {what}{nearest(said or '', self.emotions)}; the row is in no class of it"
                )
        return notes


def strange_action_units(table: Table, records: Iterable[Record]) -> list[str]:
    """Notes on action units that a spreadsheet turned into a date, or into the number that it keeps a date as."""
    notes = []
    for record in records:
        cell = record.cells.get("action_units")
        if is_date(cell) or (number(cell) or 0) > _LARGEST_ACTION_UNIT:
            what = "a date" if is_date(cell) else "no action unit, perhaps a date"
            notes.append(
                f"{table.where(record)}: the action units are {what}, {text(cell)!r}: a spreadsheet program made it of "
                f"a text such as '4+7' or '4-7'"
            )
    return notes


def _relative(place: Path) -> str:
    return "" if place == Path(".") else place.as_posix()


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
    table: Table,
    records: list[Record],
    key: Callable[[Record], tuple[str, ...]],
    notes: list[str],
) -> dict[tuple[str, ...], Record]:
    """The records by their key: subject, file name and, where a dataset has types, the type.

    Records that are alike in all cells are one; a note says so.

    Raises:
        UserError: if two of one key differ, naming both rows.
    """
    found: dict[tuple[str, ...], Record] = {}
    for record in records:
        pair = key(record)
        if pair not in found:
            found[pair] = record
        elif _alike(found[pair], record):
            notes.append(f"{table.where(record)} is row {found[pair].number} once more, and counts once")
        else:
            kind = "".join(f", type {part}" for part in pair[2:])
            raise UserError(
                f"{table.path}: rows {found[pair].number} and {record.number} of sheet {table.sheet!r} are both "
                f"subject {pair[0]}, clip {text(record.cells['filename'])}{kind}, and differ; keep one of them"
            )
    return found


def typed(
    table: Table, records: list[Record], key: Callable[[Record], tuple[str, str]], notes: list[str]
) -> dict[tuple[str, ...], Record]:
    """The records by subject, file name and type (``micro`` or ``macro``, by their field ``type``); see `keyed`.

    One file name may stand for two expressions of other types.

    Raises:
        UserError: if a record is of neither type, naming its row; and as `keyed`.
    """
    for record in records:
        if expression_type(record.cells["type"]) is None:
            raise UserError(
                f"{table.path}: row {record.number} of sheet {table.sheet!r} is of the type "
                f"{text(record.cells['type'])!r}, neither micro nor macro; fill it in as in the owners' release"
            )
    return keyed(table, records, lambda record: (*key(record), str(expression_type(record.cells["type"]))), notes)


def _alike(first: Record, second: Record) -> bool:
    # Subject and file name are alike by the key, however they are padded.
    return all(text(first.cells[name]) == text(second.cells[name]) for name in first.cells if name not in _NAMES)


def told_apart(rows: list[dict[str, Any]]) -> None:
    """Make the clips of rows unique: of two of one name, which differ in type, the second has its type added."""
    taken = {(row["subject"], row["clip"].casefold()) for row in rows}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        name = row["clip"]
        if (row["subject"], name.casefold()) in seen:
            row["repairs"].append(
                f"clip_renamed: the table has two expressions called {name}, of other types; this is the "
                f"{row['type']} one"
            )
            while (row["subject"], row["clip"].casefold()) in taken:
                row["clip"] += f"-{row['type']}"
            taken.add((row["subject"], row["clip"].casefold()))
        seen.add((row["subject"], name.casefold()))
