"""CASME II as its owners release it: plan and annotation files of the embedded copy.

Importing needs the standard library only; openpyxl is imported when a sheet is written.
"""

from __future__ import annotations

import random
from pathlib import Path

from mexflow.embedded import facs
from mexflow.embedded.geometry import Geometry
from mexflow.embedded.scenario import (
    DatasetPlan,
    PlannedExpression,
    PlannedVideo,
    balanced_labels,
    draw_timing,
    spread_labels,
)

FPS = 200.0
GEOMETRY = Geometry("casme2", 640, 480, 117.0, 0.42, grey=False, noise=1.6, jpeg_quality=88)
CODING = "CASME2-coding-20140508.xlsx"
OBJECTIVE = "CASME2-ObjectiveClasses.xlsx"
ANNOTATION_FILES = [CODING, OBJECTIVE]

SUBJECTS = {
    "tiny": ("04", "05"),
    "demo": ("04", "05", "09", "12", "20", "24"),
    "full": tuple(f"{number:02d}" for number in range(1, 27)),
}

# Rows per subject and per (objective class, emotion) in the release of 255 rows.
_ROWS = (9, 13, 7, 5, 19, 5, 9, 3, 13, 14, 10, 12, 8, 4, 3, 4, 36, 3, 16, 11, 2, 2, 12, 11, 7, 17)
_COUNTS = {
    (1, "happiness"): 25,
    (2, "surprise"): 15,
    (3, "others"): 62,
    (3, "disgust"): 37,
    (4, "disgust"): 26,
    (5, "repression"): 13,
    (5, "sadness"): 7,
    (6, "fear"): 1,
    (7, "happiness"): 7,
    (7, "surprise"): 10,
    (7, "fear"): 1,
    (7, "repression"): 14,
    (7, "others"): 37,
}
# Two subjects have nothing that MEGC2019 uses, so that it has 24 of the 26.
_ONLY_OTHERS = ("10", "18")
_EMOTIONS = {1: "happiness", 2: "surprise", 3: "others", 4: "disgust", 6: "fear", 7: "others"}

# The clips whose annotation is odd, under their real names.
_APEX_SLASH = ("04", "EP12_01f")
_APEX_IS_ONSET = ("05", "EP09_05f")
_APEX_IS_OFFSET = (
    ("05", "EP16_04f"),
    ("12", "EP09_06"),
    ("20", "EP16_01"),
    ("25", "EP18_04f"),
)
_WITHOUT_ROW = (("09", "EP02_02f"), ("24", "EP02_07"))
_WITHOUT_ROW_TINY = (("05", "EP02_07"),)
_UNUSABLE_APEX = (_APEX_SLASH, _APEX_IS_ONSET)

_MEGC2019 = {
    "happiness": "positive",
    "surprise": "surprise",
    "disgust": "negative",
    "repression": "negative",
}


def plan(size: str, seed: int) -> DatasetPlan:
    """The plan of the embedded CASME II; see `mexflow.embedded.scenario`."""
    subjects = SUBJECTS[size]
    videos = []
    without_row = _WITHOUT_ROW_TINY if size == "tiny" else _WITHOUT_ROW
    for subject, labels in _labels(size, seed).items():
        rng = random.Random(f"{seed}/casme2/{subject}")
        names = _names(rng, subject, labels)
        extra = [(name, (7, "others")) for owner, name in without_row if owner == subject]
        unlisted = {name for name, _ in extra}
        for name, (objective_class, emotion) in sorted([*zip(names, labels, strict=True), *extra]):
            videos.append(_video(size, seed, subject, name, objective_class, emotion, name not in unlisted))
    return DatasetPlan("casme2", size, seed, FPS, 3, subjects, tuple(videos))


def _labels(size: str, seed: int) -> dict[str, list[tuple[int, str]]]:
    """(objective class, emotion) of every row, per subject."""
    subjects = SUBJECTS[size]
    if size == "full":
        slots = dict(zip(subjects, _ROWS, strict=True))
        fixed = {}
        starters = [(3, "disgust"), (1, "happiness"), (4, "disgust"), (2, "surprise")]
        for position, subject in enumerate(subjects):
            fixed[subject] = [starters[position % 4]]
            if subject in _ONLY_OTHERS:
                fixed[subject] = [(3, "others")] * slots[subject]
        for subject, _ in _UNUSABLE_APEX:
            fixed[subject].append((4, "disgust"))
        rng = random.Random(f"{seed}/casme2/labels")
        return spread_labels(rng, _COUNTS, slots, fixed)
    dealt = {}
    for position, (subject, classes) in enumerate(balanced_labels(subjects, size, 0).items()):
        sad = "sadness" if position == 2 else "repression"
        dealt[subject] = [(number, _EMOTIONS.get(number, sad)) for number in classes]
    return dealt


def _names(rng: random.Random, subject: str, labels: list[tuple[int, str]]) -> list[str]:
    """Clip names in the dataset's irregular styles, the odd clips under their real names."""
    reserved = {name for owner, name in (*_APEX_IS_OFFSET, *_WITHOUT_ROW) if owner == subject}
    taken = reserved | {name for owner, name in _UNUSABLE_APEX if owner == subject}
    pool = [
        f"EP{film:02d}_{number:02d}{suffix}" for film in range(1, 20) for number in range(1, 9) for suffix in ("", "f")
    ]
    pool = [name for name in pool if name not in taken]
    rng.shuffle(pool)
    names = [pool.pop() for _ in labels]
    styles = [
        f"EP{rng.randint(1, 8):02d}_{rng.randint(9, 12)}",
        f"EP{rng.randint(1, 19):02d}f",
        f"EP{rng.randint(1, 19):02d}_{rng.randint(1, 9):02d}_01",
    ]
    names[0] = styles[int(subject) % 3]
    for owner, name in _UNUSABLE_APEX:
        if owner == subject:
            names[labels.index((4, "disgust"))] = name
    for owner, name in _APEX_IS_OFFSET:
        if owner == subject:
            names[-1] = name
    return names


def _video(
    size: str, seed: int, subject: str, name: str, objective_class: int, emotion: str, listed: bool
) -> PlannedVideo:
    rng = random.Random(f"{seed}/casme2/{subject}/{name}")
    before, rise, fall, after = draw_timing(rng, size)
    first = rng.choice((1, 1, 1, 5, 24, 60, 83, 95))
    onset = first + before
    apex = onset + rise
    offset = apex + fall
    units = facs.choose_units(rng, objective_class, emotion)
    annotated_apex: int | str = apex
    repairs: tuple[str, ...] = ()
    if (subject, name) == _APEX_SLASH:
        annotated_apex, repairs = "/", ("apex_missing",)
    elif (subject, name) == _APEX_IS_ONSET:
        annotated_apex = onset
    elif (subject, name) in _APEX_IS_OFFSET:
        annotated_apex = offset
    five = emotion if emotion not in ("sadness", "fear") else None
    three = None if (subject, name) in _UNUSABLE_APEX else _MEGC2019.get(emotion)
    expression = PlannedExpression(
        clip=f"sub{subject}_{name}",
        type="micro",
        onset=onset,
        apex=apex,
        offset=offset,
        annotated_onset=onset,
        annotated_apex=annotated_apex,
        annotated_offset=offset,
        units=units,
        au_text=_units_text(rng, units, objective_class),
        emotion=emotion,
        in_table=listed,
        repairs=repairs,
        labels=(
            ("casme2_5class", five),
            ("objective_class", objective_class),
            ("megc2018", facs.OBJECTIVE_NAMES.get(objective_class)),
            ("megc2019", three),
        ),
    )
    return PlannedVideo(
        dataset="casme2",
        subject=subject,
        video=name,
        path=f"CASME2_RAW/CASME2-RAW/sub{subject}/{name}",
        file_pattern="img{frame}.jpg",
        first_frame=first,
        frame_count=before + rise + fall + after + 1,
        fps=FPS,
        expressions=(expression,),
    )


def _units_text(rng: random.Random, units: tuple[facs.PlannedUnit, ...], objective_class: int) -> str:
    """The units as CASME II writes them (`4+7`, `L12`, `R6+R12`, now and then `?`)."""
    if objective_class == 7 and rng.random() < 0.06:
        return "?"
    return facs.plain_text(units)


def write_annotations(dataset_plan: DatasetPlan, directory: Path) -> None:
    """Write the coding sheet (blank columns included) and the 2018 objective classes."""
    from mexflow.embedded.workbook import write_workbook

    rows = dataset_plan.annotations()
    coding = [
        [
            "Subject",
            "Filename",
            None,
            "OnsetFrame",
            "ApexFrame",
            "OffsetFrame",
            None,
            "Action Units",
            "Estimated Emotion",
        ]
    ]
    for video, expression in rows:
        # A spreadsheet turns a lone number into a number; only the others stay text.
        units = int(expression.au_text) if expression.au_text.isdigit() else expression.au_text
        coding.append(
            [
                video.subject,
                video.video,
                None,
                expression.annotated_onset,
                expression.annotated_apex,
                expression.annotated_offset,
                None,
                units,
                expression.emotion,
            ]
        )
    objective = [["Subject", "Filename", "Objective Class"]]
    objective += [
        [video.subject, video.video, dict(expression.labels)["objective_class"]] for video, expression in rows
    ]
    write_workbook(Path(directory) / CODING, {"Sheet1": coding})
    write_workbook(Path(directory) / OBJECTIVE, {"Sheet1": objective})
