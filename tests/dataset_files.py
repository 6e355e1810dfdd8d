"""Tiny raw datasets for tests: real spreadsheets, and frames that are empty files (the index opens none)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl

CASME2_CODING = "CASME2-coding-20140508.xlsx"
CASME2_CODING_2019 = "CASME2-coding-20190701.xlsx"
CASME2_OBJECTIVE = "CASME2-ObjectiveClasses.xlsx"
CASME2_FRAMES = "CASME2_RAW/CASME2-RAW"
CASME2_HEADER = (
    "Subject",
    "Filename",
    None,
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    None,
    "Action Units",
    "Estimated Emotion",
)
SAMM_CODES = "SAMM_Micro_FACS_Codes_v2.xlsx"
SAMM_HEADER = (
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset Frame",
    "Apex Frame",
    "Offset Frame",
    "Duration",
    "Micro",
    "Action Units",
    "Estimated Emotion",
    "Objective Classes",
    "Notes",
)

ANY_FRAME = r"(?:.*\D)?(\d+)\.(?:jpe?g|png|bmp)"
"""Pattern of a frame's file name in tests whose folders hold nothing else: the last number is the frame's."""

Rows = Iterable[Sequence[Any]]


def workbook(sheets: Mapping[str, Rows]) -> bytes:
    """An xlsx file with the given sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def write(path: Path, sheets: Mapping[str, Rows]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(workbook(sheets))
    return path


def frames(folder: Path, numbers: Iterable[int], name: str = "img{}.jpg") -> Path:
    """A folder of empty frame files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / name.format(number)).touch()
    return folder


def casme2_row(
    subject: Any = "01",
    filename: Any = "EP02_01f",
    onset: Any = 3,
    apex: Any = 6,
    offset: Any = 9,
    units: Any = "4+7",
    emotion: Any = "happiness",
) -> tuple[Any, ...]:
    return (subject, filename, None, onset, apex, offset, None, units, emotion)


def casme2(
    root: Path,
    rows: Rows,
    objective: Rows | None = None,
    lead: Rows = (),
    header: Sequence[Any] = CASME2_HEADER,
    coding: str = CASME2_CODING,
) -> Path:
    """The coding file and, if given, the objective classes (subject, file name, class)."""
    write(root / coding, {"Sheet1": [*lead, header, *rows]})
    if objective is not None:
        write(root / CASME2_OBJECTIVE, {"Sheet1": [("Subject", "Filename", "Objective Class"), *objective]})
    return root


def samm_row(
    subject: Any = "006",
    filename: Any = "006_1_2",
    onset: Any = 103,
    apex: Any = 106,
    offset: Any = 109,
    emotion: Any = "Anger",
    objective: Any = 3,
    units: Any = "ref(4), 7B or 9?",
) -> tuple[Any, ...]:
    return (subject, filename, 1, onset, apex, offset, 7, "Micro - 1/2", units, emotion, objective, None)


def samm(
    root: Path,
    rows: Rows,
    header_row: int = 14,
    sheet: str = "MICRO_ONLY",
    header: Sequence[Any] = SAMM_HEADER,
    codes: str = SAMM_CODES,
) -> Path:
    """The table of codes, with text above its header."""
    lead = [("Released for research only.", None, f"line {index}") for index in range(1, header_row)]
    write(root / codes, {sheet: [*lead, header, *rows]})
    return root


def samm_frames(root: Path, clip: str, numbers: Iterable[int]) -> Path:
    subject = clip.split("_")[0]
    return frames(root / "SAMM" / subject / clip, numbers, subject + "_{:04d}.jpg")


def casme2_frames(root: Path, clip: str, numbers: Iterable[int], place: str = CASME2_FRAMES) -> Path:
    """Frames of a clip written as ``sub01/EP02_01f``."""
    return frames(root / place / clip, numbers)


SAMM_LV_CODES = "SAMM_LongVideos_V3_Release.xlsx"
SAMM_LV_HEADER = (
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset",
    "Apex",
    "Offset",
    "Duration",
    "Type",
    "Action Units",
    "Notes",
)


def samm_lv_row(
    subject: Any = "006",
    filename: Any = "006_1_2",
    onset: Any = 3,
    apex: Any = 6,
    offset: Any = 9,
    kind: Any = "Macro",
    units: Any = "4+7",
) -> tuple[Any, ...]:
    return (subject, filename, 1, onset, apex, offset, 7, kind, units, None)


def samm_lv(
    root: Path,
    rows: Rows,
    lead: int = 10,
    sheet: str = "FACS_Movement_Only",
    header: Sequence[Any] = SAMM_LV_HEADER,
    codes: str = SAMM_LV_CODES,
) -> Path:
    """The table of codes, with rows of text above its header."""
    write(root / codes, {sheet: [*[("Released for research only.",)] * lead, header, *rows]})
    return root


def samm_lv_frames(root: Path, video: str, numbers: Iterable[int], place: str = "SAMM_longvideos") -> Path:
    return frames(root / place / video, numbers, video + "_{:04d}.jpg")


CAS_ME_2_TABLE = "CAS(ME)^2code_final.xlsx"
CAS_ME_2_SUBJECTS = ((None, "s15", 1), (None, "s16", 2), (None, "s23", 7), (None, "s27", 11))
CAS_ME_2_CODES = (("0101", "disgust1"), ("0401", "anger1"), ("0502", "happy1"), ("0503", "happy2"))


def cas_me_2_row(
    subject: Any = 1,
    clip: Any = "disgust1_2",
    onset: Any = 3,
    apex: Any = 6,
    offset: Any = 9,
    units: Any = "4+7",
    emotion: Any = "disgust",
    kind: Any = "macro-expression",
) -> tuple[Any, ...]:
    return (subject, clip, onset, apex, offset, units, emotion, kind, "disgust")


def cas_me_2(
    root: Path,
    rows: Rows,
    subjects: Rows | None = CAS_ME_2_SUBJECTS,
    codes: Rows | None = CAS_ME_2_CODES,
    table: str = CAS_ME_2_TABLE,
    sheet: str = "CASFEcode_final",
) -> Path:
    """The table without a header, and its sheets of naming, unless None."""
    naming = {"naming rule1": subjects, "naming rule2": codes}
    write(root / table, {sheet: rows, **{name: lines for name, lines in naming.items() if lines is not None}})
    return root


def cas_me_2_frames(root: Path, video: str, numbers: Iterable[int], place: str = "rawpic") -> Path:
    """Frames of a video written as ``s15/15_0101disgustingteeth``."""
    return frames(root / place / video, numbers, "img{:03d}.jpg")


def smic_frames(root: Path, clip: str, numbers: Iterable[int], place: str = "SMIC_all_raw/HS") -> Path:
    """Frames of a clip written as ``s3/micro/negative/s3_ne_03``."""
    return frames(root / place / clip, numbers, "reg_image{:06d}.bmp" if "cropped" in place else "image{:06d}.jpg")


MMEW_TABLE = "MMEW_Micro_Exp.xlsx"
MMEW_HEADER = (
    "Subject",
    "Filename",
    "OnsetFrame",
    "ApexFrame",
    "OffsetFrame",
    "Action Units",
    "Estimated Emotion",
    "remarks",
)


def mmew_row(
    subject: Any = 1,
    filename: Any = "S01-01-001",
    onset: Any = 3,
    apex: Any = 6,
    offset: Any = 9,
    units: Any = "4+7",
    emotion: Any = "happiness",
) -> tuple[Any, ...]:
    return (subject, filename, onset, apex, offset, units, emotion, None)


def mmew(root: Path, rows: Rows, header: Sequence[Any] = MMEW_HEADER, lead: Rows = ()) -> Path:
    write(root / MMEW_TABLE, {"Sheet1": [*lead, header, *rows]})
    return root


def mmew_frames(root: Path, clip: str, numbers: Iterable[int], place: str = "Micro_Expression") -> Path:
    """Frames of a clip written as ``happiness/S01-01-001``."""
    return frames(root / place / clip, numbers, "{}.jpg")
