"""MMEW (micro-expressions) as its owners release it: plan and annotation file of the embedded copy.

Importing needs the standard library only; openpyxl is imported when the sheet is written.
"""

from __future__ import annotations

import random
from pathlib import Path

from mexflow.embedded import facs
from mexflow.embedded.geometry import Geometry
from mexflow.embedded.scenario import DatasetPlan, PlannedExpression, PlannedVideo

FPS = 90.0
GEOMETRY = Geometry("mmew", 1920, 1080, 239.0, 0.44, grey=False, noise=1.3, jpeg_quality=86)
TABLE = "MMEW_Micro_Exp.xlsx"
ANNOTATION_FILES = [TABLE]

# Emotions in the order of the numbers in clips' names, with their clips in the release of 300.
_COUNTS = {"happiness": 36, "anger": 8, "surprise": 89, "disgust": 72, "fear": 16, "sadness": 13, "others": 66}
_SUBJECTS = {"tiny": 2, "demo": 6, "full": 36}
_FIVE = ("happiness", "surprise", "disgust", "fear", "sadness")
# Frames: neutral before, onset to apex, apex to offset, neutral after.
_DURATIONS = {
    "tiny": ((2, 3), (4, 5), (4, 5), (2, 2)),
    "demo": ((3, 4), (8, 10), (8, 11), (3, 4)),
    "full": ((4, 10), (10, 18), (12, 24), (4, 10)),
}


def plan(size: str, seed: int) -> DatasetPlan:
    """The plan of the embedded MMEW; see `mexflow.embedded.scenario`."""
    subjects = tuple(f"S{number:02d}" for number in range(1, _SUBJECTS[size] + 1))
    videos = []
    for subject, emotions in _emotions(size, seed, subjects).items():
        ordinals = dict.fromkeys(_COUNTS, 0)
        for emotion in sorted(emotions, key=list(_COUNTS).index):
            ordinals[emotion] += 1
            videos.append(_video(size, seed, subject, emotion, ordinals[emotion]))
    return DatasetPlan("mmew", size, seed, FPS, 3, subjects, tuple(videos))


def _emotions(size: str, seed: int, subjects: tuple[str, ...]) -> dict[str, list[str]]:
    """The emotion of every clip, per subject; everyone has eight or nine clips in the full size."""
    if size != "full":
        sixth = ("others", "anger") if size == "demo" else ("others",)
        return {subject: [*_FIVE, *sixth] for subject in subjects}
    pool = [emotion for emotion, count in _COUNTS.items() for _ in range(count)]
    random.Random(f"{seed}/mmew/labels").shuffle(pool)
    return {subject: pool[place :: len(subjects)] for place, subject in enumerate(subjects)}


def _video(size: str, seed: int, subject: str, emotion: str, ordinal: int) -> PlannedVideo:
    name = f"{subject}-{list(_COUNTS).index(emotion) + 1:02d}-{ordinal:03d}"
    rng = random.Random(f"{seed}/mmew/{name}")
    before, rise, fall, after = (rng.randint(*limits) for limits in _DURATIONS[size])
    onset = 1 + before
    units = facs.choose_units(rng, facs.CLASS_OF_EMOTION[emotion], emotion)
    # Some copies call `others` repression; here every other subject's, as folder and as label.
    renamed = emotion == "others" and int(subject[1:]) % 2 == 1
    expression = PlannedExpression(
        clip=name,
        type="micro",
        onset=onset,
        apex=onset + rise,
        offset=onset + rise + fall,
        annotated_onset=onset,
        annotated_apex=onset + rise,
        annotated_offset=onset + rise + fall,
        units=units,
        au_text=facs.plain_text(units),
        emotion=emotion,
        annotated_emotion="repression" if renamed else None,
        repairs=("emotion_renamed",) if renamed else (),
        labels=(("mmew_5class", emotion if emotion in _FIVE else None),),
    )
    return PlannedVideo(
        dataset="mmew",
        subject=subject,
        video=name,
        path=f"Micro_Expression/{expression.written_emotion}/{name}",
        file_pattern="{frame}.jpg",
        first_frame=1,
        frame_count=before + rise + fall + after + 1,
        fps=FPS,
        expressions=(expression,),
    )


def write_annotations(dataset_plan: DatasetPlan, directory: Path) -> None:
    """Write the table: the header in row 1, a row per clip."""
    from mexflow.embedded.workbook import write_workbook

    rows: list[list] = [
        [
            "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
            "remarks",
        ]
    ]  # fmt: skip
    for video, expression in dataset_plan.annotations():
        units = int(expression.au_text) if expression.au_text.isdigit() else expression.au_text
        rows.append(
            [
                video.subject,
                expression.clip,
                expression.annotated_onset,
                expression.annotated_apex,
                expression.annotated_offset,
                units,
                expression.written_emotion,
                None,
            ]
        )
    write_workbook(Path(directory) / TABLE, {"Sheet1": rows})
