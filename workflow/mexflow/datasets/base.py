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
from mexflow.datasets.cell_values import emotion, subject
from mexflow.datasets.columns import Label
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

    `name` is that of its module, `title` how texts call the dataset; `fps` is in frames per second, `subjects` how many
    there are with a clip; `release` says what the owners' release contains; `subject_form` is how a subject's number is
    written in the index, as a format; `places` are the layouts it knows, the preferred one
    first. `first_frame` is the number of a video's first frame where the owners number every video from it, else None;
    `emotions` are the emotions that the owners' table has, none where it has no such column, and `misspelt` what copies
    write for one of them, which is repaired. `labels` are the label columns that its rows have beside the emotion,
    `composites` those that it is a member of. `long_videos` says that expressions are to be found in its videos: every
    video counts then, annotated or not.
    """

    name: str
    title: str
    fps: float
    subjects: int
    release: str
    subject_form: str
    places: tuple[FramePlace, ...]
    first_frame: int | None = None
    emotions: tuple[str, ...] = ()
    misspelt: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    composites: tuple[str, ...] = ()
    long_videos: bool = False

    @property
    def summary(self) -> str:
        """The dataset in a line: title, frame rate, number of subjects."""
        return f"{self.title} ({self.fps:g} fps, {self.subjects} subjects)."

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
                f"{root / place}: this is {some.title}, not {self.title}; set datasets.{self.name}.root in "
                f"config.yaml, or --root {self.name}=DIR, to the folder that holds {self.release}"
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
            if folder and (files := files_named(folder, pattern)):
                chosen = max(files, key=lambda path: rank(path.name))
                return chosen, [path for path in files if path != chosen]
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
            if folder and (matches := matching_folders(folder, place.levels.split("/"))):
                self._refuse_other_set(root, _relative(folder.relative_to(root)))
                folders = [self._frame_folder(path, root, digits, place) for digits, path in matches]
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
            labels=self.labels,
            long_videos=self.long_videos,
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
            word = emotion(record.cells["emotion"])
            if self.misspelt.get(word, word) not in self.emotions:
                what = f"the emotion {word!r} is none of {self.title}'s" if word else "there is no emotion"
                notes.append(
                    f"{table.where(record)}: {what}{nearest(word or '', self.emotions)}; the row is in no class of it"
                )
        return notes


def _relative(place: Path) -> str:
    return "" if place == Path(".") else place.as_posix()
