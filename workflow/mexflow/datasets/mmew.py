"""MMEW: 90 fps, 1920x1080 colour, 36 subjects, 300 micro-expressions (Ben et al. 2021)."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mexflow.datasets import cell_values
from mexflow.datasets.annotations import annotations, keyed, strange_action_units
from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes
from mexflow.datasets.columns import Label
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE, listed
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Column, Record, Table, read_table

_TABLE = "MMEW_Micro_Exp.xlsx"
_CLIP = r"S?(\d+)-(\d+)-(\d+)"
_COLUMNS = {
    "subject": Column("Subject"),
    "filename": Column("Filename", ("File",)),
    "onset": Column("OnsetFrame", ("Onset",)),
    "apex": Column("ApexFrame", ("Apex",)),
    "offset": Column("OffsetFrame", ("Offset",)),
    "action_units": Column("Action Units", ("Action Unit", "AU")),
    "emotion": Column("Estimated Emotion", ("Emotion",)),
}
_FIVE_CLASSES = Label("mmew_5class", ("happiness", "surprise", "disgust", "fear", "sadness"))
_RENAMED = {"repression": "others"}
_BY_EMOTION = r"[a-z]+/S?(?P<subject>\d+)-.*"
_BY_SUBJECT = r"[a-z]*(?P<subject>\d+)/[a-z]+/S?\d+-.*"
_FRAME = r"(\d+)" + IMAGE


class Mmew(Adapter):
    """The adapter of MMEW; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders of MMEW under `root`.

        Subjects are ``S01``; clips and their folders are ``S01-01-001``.

        Raises:
            UserError: if the root, the table or the frames are missing, or the table is not as released.
        """
        self.check_root(root)
        path, others = self.annotation_file(root, r"MMEW_Micro_Exp.*\.xlsx", _TABLE)
        notes: list[str] = []
        table = read_table(path, _COLUMNS, read_bytes, self.release)
        records = keyed(table, annotations(table, _CLIP, notes), self._key, notes)
        notes += strange_action_units(table, records.values())
        notes += self.strange_emotions(table, records.values())
        frames = self.frame_folders(root)
        rows = [self._row(table, record, frames) for record in records.values()]
        return self.listing(root, rows, frames, [path], [*notes, *_disagreements(rows, frames)], others)

    def same_name(self, name: str) -> str:
        """A clip's name with its numbers padded; see `Adapter.same_name`."""
        match = re.fullmatch(_CLIP, name, re.IGNORECASE)
        return "S{:02d}-{:02d}-{:03d}".format(*map(int, match.groups())) if match else name.casefold()

    def owner(self, name: str) -> str | None:
        """The subject of a clip, the first part of its name; see `Adapter.owner`."""
        match = re.fullmatch(r"S?(\d+)-.*", name, re.IGNORECASE)
        return self.subject(match[1]) if match else None

    def _key(self, record: Record) -> tuple[str, str]:
        return self.subject(record.cells["subject"]), self.same_name(cell_values.file_name(record.cells["filename"]))

    def _row(self, table: Table, record: Record, frames: FrameFolders) -> dict[str, Any]:
        values = record.cells
        subject, name = self._key(record)
        folder = frames.find(subject, name)
        video = folder.video if folder else name
        written = cell_values.emotion(values["emotion"])
        emotion = _RENAMED.get(written, written)
        row = expression(
            values,
            table.where(record),
            folder,
            (frames.place / _around(subject, emotion, frames) / video).as_posix(),
            mismatch=self.mismatch(subject, name, table.where(record)),
            dataset=self.name,
            subject=subject,
            video=video,
            clip=name,
            type="micro",
            fps=self.fps,
            action_units=cell_values.action_units(values["action_units"]),
            emotion=emotion,
            mmew_5class=emotion if emotion in _FIVE_CLASSES.classes else None,
        )
        if emotion != written:
            row["repairs"].append(f"emotion_renamed: the table says {written!r}, the release's {emotion!r} is used")
        return row


def _around(subject: str, emotion: str | None, frames: FrameFolders) -> str:
    """The folder, below the place of frames, that a clip's folder should be in."""
    by_subject = len(PurePosixPath(frames.folders[0].path).relative_to(frames.place).parts) == 3
    return f"{subject}/{emotion}" if by_subject else f"{emotion}"


def _disagreements(rows: list[dict[str, Any]], frames: FrameFolders) -> list[str]:
    paths = []
    for row in rows:
        if frames.find(row["subject"], row["video"]):
            folder = PurePosixPath(row["path"]).parent.name.strip().casefold()
            if _RENAMED.get(folder, folder) != row["emotion"]:
                paths.append(f"{row['path']} ({row['emotion']})")
    return [f"the emotion is that of the table, the folder says another: {listed(paths, len(paths))}"] if paths else []


ADAPTER = Mmew(
    name="mmew",
    title="MMEW",
    fps=90.0,
    subjects=36,
    release=(
        "the table MMEW_Micro_Exp.xlsx (columns Subject, Filename, OnsetFrame, ApexFrame, OffsetFrame, Action Units, "
        "Estimated Emotion, remarks) and the frames Micro_Expression/EMOTION/Sxx-ee-nnn/F.jpg"
    ),
    subject_form="S{:02d}",
    first_frame=1,
    emotions=(*_FIVE_CLASSES.classes, "anger", "others"),
    misspelt=_RENAMED,
    labels=(_FIVE_CLASSES,),
    places=(
        FramePlace("Micro_Expression", _BY_EMOTION, _FRAME),
        FramePlace("Micro_Expression", _BY_SUBJECT, _FRAME),
        FramePlace("", _BY_SUBJECT, _FRAME),
        FramePlace("", _BY_EMOTION, _FRAME),
    ),
)
