"""CASME II: 200 fps, 640x480, 26 subjects, 255 micro-expressions (Yan et al. 2014)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mexflow.datasets import cell_values
from mexflow.datasets.annotations import annotations, keyed, strange_action_units
from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes
from mexflow.datasets.columns import OBJECTIVE_CLASS, Label
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE, files_named, listed
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Column, Record, Table, read_table, unreadable_formats
from mexflow.errors import UserError

OBJECTIVE_FILE = "CASME2-ObjectiveClasses.xlsx"
OBJECTIVE_RELEASE = "a table with the columns Subject, Filename and Objective Class (the assignment of 2018)"

_CODING = ("CASME2-coding-20140508.xlsx", "CASME2-coding-20190701.xlsx")
_CLIP = r"EP\d+.*"
_COLUMNS = {
    "subject": Column("Subject"),
    "filename": Column("Filename", ("File",)),
    "onset": Column("OnsetFrame", ("Onset",)),
    "apex": Column("ApexFrame", ("Apex",)),
    "offset": Column("OffsetFrame", ("Offset",)),
    "action_units": Column("Action Units", ("Action Unit", "AU")),
    "emotion": Column("Estimated Emotion", ("Emotion",)),
}
_OBJECTIVE_COLUMNS = {
    "subject": Column("Subject"),
    "filename": Column("Filename", ("File",)),
    "objective_class": Column("Objective Class", ("Objective Classes",)),
}
_LEVELS = r"sub(?P<subject>\d+)/.*"
_IMG = r"img(\d+)" + IMAGE
_ANY_IMG = r"(?:reg_)?img(\d+)" + IMAGE
_FIVE_CLASSES = Label("casme2_5class", ("happiness", "disgust", "surprise", "repression", "others"))
# How many rows of each release have one of the five classes.
_RELEASES = {246: "2014", 249: "2019"}


class Casme2(Adapter):
    """The adapter of CASME II; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders of CASME II under `root`.

        Subjects are ``01`` to ``26``, clips are ``sub01_EP02_01f``. Without the objective classes' file the labels
        `objective_class` and `megc2018` are null.

        Raises:
            UserError: if the root, the coding file or the frames are missing, or a file is not as released.
        """
        self.check_root(root)
        coding, others = self.coding_file(root)
        notes: list[str] = []
        table = read_table(coding, _COLUMNS, read_bytes, self.release)
        records = keyed(table, annotations(table, _CLIP, notes), _key, notes)
        notes += strange_action_units(table, records.values())
        notes += self.strange_emotions(table, records.values())
        frames = self.frame_folders(root)
        if table.has("Objective Classes", "Objective Class"):
            notes.append(f"the objective classes in {coding.name} are not used: {OBJECTIVE_FILE} has those of 2018")

        files, objective = [coding], {}
        if path := objective_file(root):
            files.append(path)
            objective = _objective_classes(path, records, read_bytes, notes)
        else:
            other = unreadable_formats(root, re.escape(OBJECTIVE_FILE))
            notes.append(f"there is no {OBJECTIVE_FILE}: objective_class and megc2018 are null{other and f'; {other}'}")

        rows = [self._row(table, record, frames, objective.get(key)) for key, record in records.items()]
        notes.append(_five_classes(rows))
        return self.listing(root, rows, frames, files, notes, others)

    def coding_file(self, root: Path) -> tuple[Path, list[Path]]:
        """The table of the clips, and others beside it that are not read; see `Adapter.annotation_file`."""
        # The first by name is the release of 2014, which the papers' numbers come from.
        return self.annotation_file(root, "|".join(map(re.escape, _CODING)), " or ".join(_CODING))

    def _row(self, table: Table, record: Record, frames: FrameFolders, objective: int | None) -> dict[str, Any]:
        values = record.cells
        subject = self.subject(values["subject"])
        filename = cell_values.file_name(values["filename"])
        folder = frames.find(subject, filename)
        # The folder's own name where there is one: copies of the table differ in case.
        video = folder.video if folder else filename
        emotion = cell_values.emotion(values["emotion"])
        return expression(
            values,
            table.where(record),
            folder,
            (frames.place / f"sub{subject}" / video).as_posix(),
            dataset=self.name,
            subject=subject,
            video=video,
            clip=f"sub{subject}_{video}",
            type="micro",
            fps=self.fps,
            action_units=cell_values.action_units(values["action_units"]),
            emotion=emotion,
            casme2_5class=emotion if emotion in _FIVE_CLASSES.classes else None,
            objective_class=objective,
        )


def _five_classes(rows: list[dict[str, Any]]) -> str:
    count = sum(row["casme2_5class"] is not None for row in rows)
    if count in _RELEASES:
        return f"casme2_5class: {count} rows, as the release of {_RELEASES[count]} has"
    known = " and ".join(f"that of {year} {number}" for number, year in _RELEASES.items())
    return f"casme2_5class: {count} rows, as no release has ({known})"


def objective_file(root: Path) -> Path | None:
    """The file of the 2018 objective classes in the root of CASME II, None if there is none."""
    return next(iter(files_named(root, re.escape(OBJECTIVE_FILE))), None)


def _key(record: Record) -> tuple[str, str]:
    return ADAPTER.subject(record.cells["subject"]), cell_values.file_name(record.cells["filename"]).casefold()


def _objective_classes(
    path: Path, clips: dict[tuple[str, str], Record], read_bytes: ReadBytes, notes: list[str]
) -> dict[tuple[str, str], int]:
    table = read_table(path, _OBJECTIVE_COLUMNS, read_bytes, OBJECTIVE_RELEASE)
    named = [r for r in table.records if cell_values.text(r.cells["subject"]) and cell_values.text(r.cells["filename"])]
    records = keyed(table, named, _key, notes)
    if not records.keys() & clips.keys():
        raise UserError(f"{path}: none of its rows is a clip of CASME II; it should be {OBJECTIVE_RELEASE}")
    classes = {}
    for key, record in records.items():
        value = cell_values.objective_class(record.cells["objective_class"])
        if key not in clips:
            notes.append(f"{table.where(record)} is no annotated clip and is ignored: {record.words[:80]!r}")
        elif value is not None:
            classes[key] = value
        elif words := cell_values.text(record.cells["objective_class"]):
            notes.append(f"{table.where(record)}: the objective class {words!r} is none of I to VII")
    absent = [
        f"sub{subject}_{cell_values.file_name(record.cells['filename'])}"
        for (subject, name), record in clips.items()
        if (subject, name) not in classes
    ]
    if absent:
        notes.append(f"{len(absent)} clips have no objective class in {path.name}: {listed(absent, len(absent))}")
    return classes


ADAPTER = Casme2(
    name="casme2",
    title="CASME II",
    fps=200.0,
    subjects=26,
    release=(
        "the table CASME2-coding-20140508.xlsx (columns Subject, Filename, OnsetFrame, ApexFrame, OffsetFrame, "
        "Action Units, Estimated Emotion) and the frames CASME2_RAW/CASME2-RAW/subNN/EPxx_yy/imgN.jpg"
    ),
    subject_form="{:02d}",
    first_frame=1,
    emotions=(*_FIVE_CLASSES.classes, "sadness", "fear"),
    labels=(_FIVE_CLASSES, OBJECTIVE_CLASS),
    composites=("megc2018", "megc2019"),
    places=(
        FramePlace("CASME2_RAW/CASME2-RAW", _LEVELS, _IMG),
        FramePlace("CASME2-RAW", _LEVELS, _IMG),
        FramePlace("CASME2_RAW", _LEVELS, _IMG),
        FramePlace("CASME2_RAW_selected/CASME2_RAW_selected", _LEVELS, _IMG),
        FramePlace("CASME2_RAW_selected", _LEVELS, _IMG),
        FramePlace("Cropped/Cropped", _LEVELS, _ANY_IMG),
        FramePlace("Cropped", _LEVELS, _ANY_IMG),
        FramePlace("", _LEVELS, _ANY_IMG),
    ),
)
