"""SMIC-HS as its owners release it: plan of the embedded copy. There is no annotation file.

Importing needs the standard library only.
"""

from __future__ import annotations

import random
from pathlib import Path

from mexflow.embedded import facs
from mexflow.embedded.geometry import Geometry
from mexflow.embedded.scenario import DatasetPlan, PlannedExpression, PlannedVideo

FPS = 100.0
GEOMETRY = Geometry("smic", 640, 480, 117.0, 0.42, grey=False, noise=2.0, jpeg_quality=88)
ANNOTATION_FILES: list[str] = []

_CLASSES = {"negative": "ne", "positive": "po", "surprise": "sur"}
# The objective classes that a class is made of.
_OBJECTIVE = {"negative": (3, 4, 5, 6), "positive": (1,), "surprise": (2,)}
# Clips of each class per subject, in the order of `_CLASSES`, in the release of 164.
_ROWS = {
    1: (3, 2, 1), 2: (4, 2, 0), 3: (20, 13, 6), 4: (2, 8, 9), 5: (1, 1, 0), 6: (2, 0, 2), 8: (5, 5, 3),
    9: (1, 2, 1), 11: (7, 1, 2), 12: (3, 4, 2), 13: (2, 4, 4), 14: (6, 2, 2), 15: (2, 0, 2), 18: (3, 1, 3),
    19: (1, 1, 0), 20: (8, 5, 6),
}  # fmt: skip
_SUBJECTS = {"tiny": (3, 11), "demo": (3, 8, 11, 20), "full": tuple(_ROWS)}
_COUNTS = {"tiny": (1, 1, 1), "demo": (2, 2, 2)}
# Frames from onset to apex and from apex to offset.
_DURATIONS = {"tiny": ((6, 7), (6, 8)), "demo": ((11, 15), (12, 18)), "full": ((12, 20), (14, 28))}


def plan(size: str, seed: int) -> DatasetPlan:
    """The plan of the embedded SMIC-HS; see `mexflow.embedded.scenario`."""
    videos = [
        _video(size, seed, number, emotion, ordinal)
        for number in _SUBJECTS[size]
        for emotion, count in zip(_CLASSES, _COUNTS.get(size, _ROWS[number]), strict=True)
        for ordinal in range(1, count + 1)
    ]
    subjects = tuple(f"s{number:02d}" for number in _SUBJECTS[size])
    return DatasetPlan("smic", size, seed, FPS, 3, subjects, tuple(videos))


def _video(size: str, seed: int, number: int, emotion: str, ordinal: int) -> PlannedVideo:
    code = _CLASSES[emotion]
    rng = random.Random(f"{seed}/smic/{number}/{code}/{ordinal}")
    rise, fall = (rng.randint(*limits) for limits in _DURATIONS[size])
    onset = rng.randint(1, 12000)
    objective_class = rng.choice(_OBJECTIVE[emotion])
    # Numbers below ten have one digit in the subject's folder and two in the clip's.
    name = f"s{number}_{code}_{ordinal:02d}"
    expression = PlannedExpression(
        clip=f"s{number:02d}_{code}_{ordinal:02d}",
        type="micro",
        onset=onset,
        apex=onset + rise,
        offset=onset + rise + fall,
        annotated_onset=onset,
        annotated_apex=None,
        annotated_offset=onset + rise + fall,
        units=facs.choose_units(rng, objective_class, ""),
        au_text=None,
        emotion=emotion,
        repairs=("apex_missing",),
        labels=(("megc2019", emotion),),
    )
    return PlannedVideo(
        dataset="smic",
        subject=f"s{number:02d}",
        video=name,
        path=f"SMIC_all_raw/HS/s{number}/micro/{emotion}/{name}",
        file_pattern="image{frame:06d}.jpg",
        first_frame=onset,
        frame_count=rise + fall + 1,
        fps=FPS,
        expressions=(expression,),
    )


def write_annotations(dataset_plan: DatasetPlan, directory: Path) -> None:
    """Write nothing: the names of the folders are the annotation."""
