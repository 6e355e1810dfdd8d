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
