"""SAMM: 200 fps, 2040x1088 grey, 29 subjects with clips, 159 micro-expressions (Davison et al. 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mexflow.datasets import cell_values
from mexflow.datasets.annotations import annotations, keyed, strange_action_units
from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes
from mexflow.datasets.columns import OBJECTIVE_CLASS
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE, listed
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Column, Record, Table, read_table

_CODES = "SAMM_Micro_FACS_Codes_v2.xlsx"
_ANY_CODES = r"SAMM_(?:\d+_)?Micro_FACS_Codes.*\.xlsx"
_SHEET = "MICRO_ONLY"
_CLIP = r"\d+_\d+_\d+"
_COLUMNS = {
    "subject": Column("Subject"),
    "filename": Column("Filename", ("File",)),
    "onset": Column("Onset Frame", ("Onset",)),
    "apex": Column("Apex Frame", ("Apex",)),
    "offset": Column("Offset Frame", ("Offset",)),
    "action_units": Column("Action Units", ("Action Unit", "AU")),
    "emotion": Column("Estimated Emotion", ("Emotion",)),
    "objective_class": Column("Objective Classes", ("Objective Class",)),
}
_LEVELS = r"(?P<subject>\d{1,3})/.*"
_FRAME = r"<subject>_(\d+)" + IMAGE


class Samm(Adapter):
    """The adapter of SAMM; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders of SAMM under `root`.

        Subjects are ``006``; clips and their folders are ``006_1_2``.

        Raises:
            UserError: if the root, the table of codes or the frames are missing, or the table is not as released.
        """
        self.check_root(root)
        codes, others = self.annotation_file(
            root,
            _ANY_CODES,
            f"{_CODES} (or another SAMM_Micro_FACS_Codes*.xlsx)",
            rank=lambda name: (name.casefold() == _CODES.casefold(), name),
        )
        notes: list[str] = []
        table = read_table(codes, _COLUMNS, read_bytes, self.release, _SHEET)
        records = keyed(table, annotations(table, _CLIP, notes), self._key, notes)
        notes += strange_action_units(table, records.values())
        notes += self.strange_emotions(table, records.values())
        frames = self.frame_folders(root)
        rows = [self._row(table, record, frames) for record in records.values()]
        unclassed = [
            f"{row['clip']} ({cell_values.text(record.cells['objective_class'])!r})"
            for row, record in zip(rows, records.values(), strict=True)
            if row["objective_class"] is None
        ]
        if unclassed:
            names = listed(unclassed, len(unclassed))
            notes.append(f"{len(unclassed)} clips have no objective class from I to VII: {names}")
        return self.listing(root, rows, frames, [codes], notes, others)

    def _key(self, record: Record) -> tuple[str, str]:
        return self.subject(record.cells["subject"]), self.same_name(cell_values.file_name(record.cells["filename"]))

    def same_name(self, name: str) -> str:
        """A clip's name with its subject padded; see `Adapter.same_name`."""
        return cell_values.padded(name).casefold()

    def owner(self, name: str) -> str | None:
        """The subject of a clip, the first part of its name; see `Adapter.owner`."""
        first, separator, _ = name.partition("_")
        return self.subject(first) if separator and first.isdecimal() else None

    def _row(self, table: Table, record: Record, frames: FrameFolders) -> dict[str, Any]:
        values = record.cells
        subject = self.subject(values["subject"])
        clip = cell_values.padded(cell_values.file_name(values["filename"]))
        folder = frames.find(subject, clip)
        video = folder.video if folder else clip
        return expression(
            values,
            table.where(record),
            folder,
            (frames.place / subject / video).as_posix(),
            mismatch=self.mismatch(subject, clip, table.where(record)),
            dataset=self.name,
            subject=subject,
            video=video,
            clip=cell_values.padded(video),
            type="micro",
            fps=self.fps,
            action_units=cell_values.action_units(values["action_units"]),
            emotion=cell_values.emotion(values["emotion"]),
            objective_class=cell_values.objective_class(values["objective_class"]),
        )


ADAPTER = Samm(
    name="samm",
    title="SAMM",
    fps=200.0,
    subjects=29,
    release=(
        "the table SAMM_Micro_FACS_Codes_v2.xlsx (sheet MICRO_ONLY with the columns Subject, Filename, Onset Frame, "
        "Apex Frame, Offset Frame, Action Units, Estimated Emotion, Objective Classes) and the frames "
        "SAMM/NNN/NNN_v_i/NNN_FRAME.jpg"
    ),
    subject_form="{:03d}",
    emotions=("anger", "contempt", "disgust", "fear", "happiness", "other", "sadness", "surprise"),
    labels=(OBJECTIVE_CLASS,),
    composites=("megc2018", "megc2019"),
    places=(FramePlace("SAMM", _LEVELS, _FRAME), FramePlace("", _LEVELS, _FRAME)),
)
