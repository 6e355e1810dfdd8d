"""SAMM: 200 fps, 2040x1088 grey, 29 subjects with clips, 159 micro-expressions (Davison et al. 2018)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mexflow.datasets import cells
from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes, annotations, keyed, listed
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE, files_named, folder_at
from mexflow.datasets.labels import MEGC2018, MEGC2019_SAMM
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Column, Record, Table, read_table

_CODES = "SAMM_Micro_FACS_Codes_v2.xlsx"
_ANY_CODES = r"SAMM_Micro_FACS_Codes.*\.xlsx"
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
_FRAME = re.compile(r"\d+_(\d+)" + IMAGE, re.IGNORECASE)


class Samm(Adapter):
    """The adapter of SAMM; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders of SAMM under `root`.

        Subjects are ``006``; clips and their folders are ``006_1_2``.

        Raises:
            UserError: if the root, the table of codes or the frames are missing, or the table is not as released.
        """
        self.check_root(root)
        codes, notes = self._codes_file(root)
        table = read_table(codes, _COLUMNS, read_bytes, self.release, _SHEET)
        records = keyed(table, annotations(table, _CLIP, notes), self._key)
        frames = self.frame_folders(root)
        rows = [self._row(table, record, frames) for record in records.values()]
        unclassed = [row["clip"] for row in rows if row["objective_class"] is None]
        if unclassed:
            notes.append(f"{len(unclassed)} clips have no objective class from I to VII: {listed(unclassed)}")
        return self.listing(rows, frames, [codes], notes)

    def _codes_file(self, root: Path) -> tuple[Path, list[str]]:
        # Some copies have the table inside, beside the subjects' folders.
        inner = folder_at(root, "SAMM")
        place = inner if inner and files_named(inner, _ANY_CODES) and not files_named(root, _ANY_CODES) else root
        found = self.annotation_files(place, _ANY_CODES, f"{_CODES} (or another SAMM_Micro_FACS_Codes*.xlsx)")
        chosen = next((path for path in found if path.name.casefold() == _CODES.casefold()), found[-1])
        return chosen, [f"{path.name} is not read: {chosen.name} is preferred" for path in found if path != chosen]

    def _key(self, record: Record) -> tuple[str, str]:
        return cells.subject(record.cells["subject"], self.subject_width), self._clip(record).casefold()

    def _clip(self, record: Record) -> str:
        name = cells.file_name(record.cells["filename"])
        parts = name.split("_")
        return "_".join([parts[0].zfill(self.subject_width), *parts[1:]]) if re.fullmatch(_CLIP, name) else name

    def _row(self, table: Table, record: Record, frames: FrameFolders) -> dict[str, Any]:
        values = record.cells
        subject = cells.subject(values["subject"], self.subject_width)
        folder = frames.find(subject, self._clip(record))
        video = folder.video if folder else self._clip(record)
        emotion = cells.emotion(values["emotion"])
        objective = cells.objective_class(values["objective_class"])
        return expression(
            values,
            table.where(record),
            folder,
            (frames.place / subject / video).as_posix(),
            dataset=self.name,
            subject=subject,
            video=video,
            clip=video,
            type="micro",
            fps=self.fps,
            action_units=cells.action_units(values["action_units"]),
            emotion=emotion,
            objective_class=objective,
            megc2018=MEGC2018.get(objective),
            megc2019=MEGC2019_SAMM.get(emotion),
        )


ADAPTER = Samm(
    name="samm",
    title="SAMM",
    fps=200.0,
    release=(
        "the table SAMM_Micro_FACS_Codes_v2.xlsx (sheet MICRO_ONLY with the columns Subject, Filename, Onset Frame, "
        "Apex Frame, Offset Frame, Action Units, Estimated Emotion, Objective Classes) and the frames "
        "SAMM/NNN/NNN_v_i/NNN_FRAME.jpg"
    ),
    subject_folder=r"(\d{1,3})",
    subject_width=3,
    places=(FramePlace("SAMM", _FRAME), FramePlace("", _FRAME)),
)
