"""CAS(ME)²: 30 fps, 640x480 colour, 22 subjects, 300 macro-, 57 micro-expressions (Qu et al. 2018)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mexflow.datasets import cas_me_2_table as table_of
from mexflow.datasets import cell_values
from mexflow.datasets.annotations import annotations, strange_action_units, told_apart, typed
from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import Record
from mexflow.errors import UserError

_TABLE = "CAS(ME)^2code_final.xlsx"
_ANY_TABLE = r"(?:CAS\(ME\)\W*[2²][\W_]*)?code[\W_]*final.*\.xlsx"
_LEVELS = r"s(?P<subject>\d+)/.*"
_FRAME = r"img(\d+)" + IMAGE
_FOLDER = re.compile(r"(\d+)_(\d{4}).*")
_EMOTIONS = (
    *("anger", "disgust", "fear", "happiness", "sadness", "surprise"),
    *("others", "confused", "helpless", "pain", "sympathy"),
)
_MISSPELT = {"happyiness": "happiness"}
# What the table says of a frame that is not annotated.
_UNSET = {"apex": 0, "offset": 0}
# In the release the folder of subject s23's video happy1 carries the code of happy2.
_MISNAMED = {("s23", "0502"): "0503"}


class CasMe2(Adapter):
    """The adapter of CAS(ME)²; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the videos of CAS(ME)² under `root`.

        Subjects are ``s15``, videos ``15_0101disgustingteeth``, clips ``s15_disgust1_2``.

        Raises:
            UserError: if the root, the table or the frames are missing, or the table is not as released.
        """
        self.check_root(root)
        path, others = self.annotation_file(root, _ANY_TABLE, f"{_TABLE} (or code_final.xlsx)", rank=_updated)
        notes: list[str] = []
        table, naming = table_of.read(path, read_bytes, self.release, notes)
        annotated = annotations(table, table_of.CLIP, notes)
        for record in annotated:
            record.cells["subject"] = self._folder(path, record, naming)
        records = typed(table, annotated, _key, notes)
        notes += strange_action_units(table, records.values())
        notes += self.strange_emotions(table, records.values())
        frames = self.frame_folders(root)
        rows = [self._row(table.where(record), record, key, naming, frames) for key, record in records.items()]
        told_apart(rows)
        return self.listing(root, rows, frames, [path], [*notes, *self._ambiguous(frames)], others)

    def same_name(self, name: str) -> str:
        """The code in a video's name, if it has one; see `Adapter.same_name`."""
        match = _FOLDER.fullmatch(name)
        return match[2] if match else name.casefold()

    def owner(self, name: str) -> str | None:
        """The subject whose number a video's folder begins with; see `Adapter.owner`."""
        match = _FOLDER.fullmatch(name)
        return self.subject(match[1]) if match else None

    def _ambiguous(self, frames: FrameFolders) -> list[str]:
        videos: dict[tuple[str, str], list[str]] = {}
        for folder in frames.folders:
            videos.setdefault((folder.subject, self.same_name(folder.video)), []).append(folder.video)
        return [
            f"{subject} has several folders of the code {code}, the first is used: {', '.join(names)}"
            for (subject, code), names in videos.items()
            if len(names) > 1
        ]

    def _folder(self, path: Path, record: Record, naming: table_of.Naming) -> str:
        """The subject's folder of a record."""
        cell = record.cells["subject"]
        number = cell_values.number(cell)
        subject = self.subject(cell) if number is None else naming.subjects.get(int(number))
        if subject is None:
            raise UserError(
                f"{path}: row {record.number} is of subject {cell_values.text(cell)}, which its sheet naming rule1 "
                f"does not name; the owners' release has {self.release}"
            )
        return subject

    def _row(
        self,
        where: str,
        record: Record,
        key: tuple[str, str, str],
        naming: table_of.Naming,
        frames: FrameFolders,
    ) -> dict[str, Any]:
        values = record.cells
        subject, clip, kind = key
        code = naming.codes.get(clip.partition("_")[0])
        name = f"{subject.removeprefix('s')}_{code or clip.partition('_')[0]}"
        folder = frames.find(subject, name)
        video = folder.video if folder else name
        written = cell_values.emotion(values["emotion"])
        emotion = _MISSPELT.get(written, written)
        row = expression(
            values,
            where,
            folder,
            (frames.place / subject / video).as_posix(),
            _UNSET,
            dataset=self.name,
            subject=subject,
            video=video,
            clip=f"{subject}_{clip}",
            type=kind,
            fps=self.fps,
            action_units=cell_values.action_units(values.get("action_units")),
            emotion=emotion,
        )
        if emotion != written:
            row["repairs"].append(f"emotion_spelling: the table says {written!r}, {emotion!r} is used")
        if (row["excluded"] or "").startswith("folder_missing"):
            row["excluded"] += _why_missing(subject, code, frames)
        return row


def _why_missing(subject: str, code: str | None, frames: FrameFolders) -> str:
    if code is None:
        return " (naming rule2 has no code for this video)"
    other = _MISNAMED.get((subject, code))
    folder = frames.find(subject, f"{subject.removeprefix('s')}_{other}") if other else None
    words = f"; the folder of this video says {other} in place of {code}: {folder.path}" if folder else ""
    return f" with the video's title after it{words}"


def _key(record: Record) -> tuple[str, str]:
    return record.cells["subject"], table_of.video_key(cell_values.file_name(record.cells["filename"]))


def _updated(name: str) -> bool:
    return "updated" in name.casefold()


ADAPTER = CasMe2(
    name="cas_me_2",
    title="CAS(ME)²",
    fps=30.0,
    subjects=22,
    release=(
        "the table CAS(ME)^2code_final.xlsx (sheet CASFEcode_final without a header: subject, clip, onset, apex, "
        "offset, action units, emotion, type, self report; sheets naming rule1 and naming rule2) and the frames "
        "rawpic/sNN/NN_CCCCname/imgF.jpg"
    ),
    subject_form="s{:02d}",
    first_frame=1,
    emotions=_EMOTIONS,
    misspelt=_MISSPELT,
    long_videos=True,
    places=(
        FramePlace("rawpic", _LEVELS, _FRAME),
        FramePlace("rawpic/rawpic", _LEVELS, _FRAME),
        FramePlace("", _LEVELS, _FRAME),
    ),
)
