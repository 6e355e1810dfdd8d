"""SAMM Long Videos: 200 fps, 2040x1088 grey, 30 subjects, 343 macro-, 159 micro-expressions (Yap et al. 2020)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mexflow.datasets import cell_values
from mexflow.datasets.annotations import annotations, strange_action_units, told_apart, typed
from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Column, Record, Table, read_table

_CODES = "SAMM_LongVideos_V3_Release.xlsx"
_ANY_CODES = r"SAMM_LongVideos_V(\d+)_Release.*\.xlsx"
_SHEET = "FACS_Movement_Only"
_CLIP = r"\d+_\d+_\d+"
_COLUMNS = {
    "subject": Column("Subject"),
    "filename": Column("Filename", ("File",)),
    "onset": Column("Onset", ("Onset Frame",)),
    "apex": Column("Apex", ("Apex Frame",)),
    "offset": Column("Offset", ("Offset Frame",)),
    "type": Column("Type"),
    "action_units": Column("Action Units", ("Action Unit", "AU")),
}
_LEVELS = r"(?P<subject>\d{1,3})_\d+"
_FRAME = r"<video>_(\d+)" + IMAGE
# V1 and V2 say 0 for ten onsets, though frames are numbered from 1; -1 is an apex that is not annotated.
_UNSET = {"onset": 0, "apex": -1}


class SammLv(Adapter):
    """The adapter of SAMM Long Videos; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the videos of SAMM Long Videos under `root`.

        Subjects are ``006``, videos ``006_1``, clips ``006_1_2``. There are no emotions.

        Raises:
            UserError: if the root, the table of codes or the frames are missing, or the table is not as released.
        """
        self.check_root(root)
        codes, others = self.annotation_file(root, _ANY_CODES, f"{_CODES} (or its V1 or V2)", rank=_release)
        notes: list[str] = []
        table = read_table(codes, _COLUMNS, read_bytes, self.release, _SHEET)
        records = typed(table, annotations(table, _CLIP, notes), self._key, notes)
        notes += strange_action_units(table, records.values())
        frames = self.frame_folders(root)
        rows = [self._row(table, record, key[2], frames) for key, record in records.items()]
        told_apart(rows)
        return self.listing(root, rows, frames, [codes], notes, others)

    def same_name(self, name: str) -> str:
        """A video's name with its subject padded; see `Adapter.same_name`."""
        return cell_values.padded(name).casefold()

    def owner(self, name: str) -> str | None:
        """The subject of a video or clip, the first part of its name; see `Adapter.owner`."""
        first, separator, _ = name.partition("_")
        return self.subject(first) if separator and first.isdecimal() else None

    def _key(self, record: Record) -> tuple[str, str]:
        return self.subject(record.cells["subject"]), self.same_name(cell_values.file_name(record.cells["filename"]))

    def _row(self, table: Table, record: Record, kind: str, frames: FrameFolders) -> dict[str, Any]:
        values = record.cells
        subject = self.subject(values["subject"])
        clip = cell_values.padded(cell_values.file_name(values["filename"]))
        name = "_".join(clip.split("_")[:2])
        folder = frames.find(subject, name)
        video = folder.video if folder else name
        return expression(
            values,
            table.where(record),
            folder,
            (frames.place / video).as_posix(),
            _UNSET,
            self.mismatch(subject, clip, table.where(record)),
            dataset=self.name,
            subject=subject,
            video=video,
            clip=clip,
            type=kind,
            fps=self.fps,
            action_units=cell_values.action_units(values["action_units"]),
            emotion=None,
        )


def _release(name: str) -> int:
    return int(re.match(_ANY_CODES, name, re.IGNORECASE)[1])


ADAPTER = SammLv(
    name="samm_lv",
    title="SAMM Long Videos",
    fps=200.0,
    subjects=30,
    release=(
        "the table SAMM_LongVideos_V3_Release.xlsx (sheet FACS_Movement_Only with the columns Subject, Filename, "
        "Onset, Apex, Offset, Type, Action Units) and the frames SAMM_longvideos/NNN_v/NNN_v_FFFF.jpg"
    ),
    subject_form="{:03d}",
    first_frame=1,
    long_videos=True,
    places=(FramePlace("SAMM_longvideos", _LEVELS, _FRAME), FramePlace("", _LEVELS, _FRAME)),
)
