"""SAMM (micro-expressions) as its owners release it: plan and annotation file of the embedded copy.

Importing needs the standard library only; openpyxl is imported when the sheet is written.
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
GEOMETRY = Geometry("samm", 2040, 1088, 239.0, 0.44, grey=True, noise=1.3, jpeg_quality=86)
CODES = "SAMM_Micro_FACS_Codes_v2.xlsx"
ANNOTATION_FILES = [CODES]
SHEET = "MICRO_ONLY"

# Rows per subject of the release; 008, 027 and 029 have no micro-expression.
_ROWS = {
    "006": 11, "007": 8, "009": 4, "010": 4, "011": 20, "012": 4, "013": 6, "014": 10, "015": 3,
    "016": 5, "017": 6, "018": 7, "019": 1, "020": 6, "021": 2, "022": 5, "023": 1, "024": 1,
    "025": 4, "026": 11, "028": 4, "030": 5, "031": 1, "032": 4, "033": 5, "034": 5, "035": 7,
    "036": 8, "037": 1,
}  # fmt: skip
SUBJECTS = {
    "tiny": ("028", "032"),
    "demo": ("006", "011", "028", "032"),
    "full": tuple(_ROWS),
}
_COUNTS = {
    (1, "happiness"): 24,
    (2, "surprise"): 13,
    (3, "anger"): 20,
    (4, "disgust"): 8,
    (5, "sadness"): 3,
    (6, "fear"): 7,
    (7, "anger"): 37,
    (7, "other"): 26,
    (7, "contempt"): 12,
    (7, "happiness"): 2,
    (7, "surprise"): 2,
    (7, "disgust"): 1,
    (7, "fear"): 1,
    (7, "sadness"): 3,
}
# MEGC2018 has 21 of the 29 subjects, MEGC2019 28: eight have class 7 only, one of them `other`.
_ONLY_CLASS_7 = ("009", "015", "019", "021", "023", "024", "031", "037")
_ONLY_OTHER = "024"
_EMOTIONS = {1: "happiness", 2: "surprise", 3: "anger", 4: "disgust", 5: "sadness", 6: "fear"}

# Clips whose annotated apex lies outside the expression: (onset or None, annotated apex, offset).
# Only one end can be kept where the clip is shorter than the real one.
_APEX_OUT_OF_RANGE = {
    ("028", "028_4_1"): (None, 1143, 1134),
    ("032", "032_3_1"): (4896, 1930, None),
}
_MEGC2019 = {"happiness": "positive", "surprise": "surprise", "other": None}

_LEAD = (
    "SAMM: micro-expression FACS codes, version 2 (embedded rendition)",
    None,
    "All frames are at 200 frames a second.",
    "Onset, apex and offset are the numbers of the frames' files.",
    None,
    "A question mark is a doubt of the coders; ref() a movement relative to the neutral face.",
    "Letters after a unit are its intensity, A to E.",
    None,
    "Objective classes: 1 to 7, by action units alone.",
    None,
    None,
    "Micro-expressions only",
    None,
)
_HEADER = [
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
]


def plan(size: str, seed: int) -> DatasetPlan:
    """The plan of the embedded SAMM; see `mexflow.embedded.scenario`."""
    videos = []
    for subject, labels in _labels(size, seed).items():
        rng = random.Random(f"{seed}/samm/{subject}")
        names = _names(rng, subject, labels)
        for name, (objective_class, emotion) in sorted(zip(names, labels, strict=True)):
            videos.append(_video(size, seed, subject, name, objective_class, emotion))
    return DatasetPlan("samm", size, seed, FPS, 2, SUBJECTS[size], tuple(videos))


def _labels(size: str, seed: int) -> dict[str, list[tuple[int, str]]]:
    """(objective class, emotion) of every row, per subject."""
    subjects = SUBJECTS[size]
    if size == "full":
        starters = [(1, "happiness"), (3, "anger"), (2, "surprise")]
        fixed = {}
        for position, subject in enumerate(subjects):
            fixed[subject] = [starters[position % 3]]
            if subject in _ONLY_CLASS_7:
                emotion = "other" if subject == _ONLY_OTHER else "anger"
                fixed[subject] = [(7, emotion)] * _ROWS[subject]
        rng = random.Random(f"{seed}/samm/labels")
        return spread_labels(rng, _COUNTS, {name: _ROWS[name] for name in subjects}, fixed)
    dealt = {}
    # The turn goes on where CASME II's six demo subjects end, so the classes are even over both.
    first = 6 if size == "demo" else 0
    for subject, classes in balanced_labels(subjects, size, first).items():
        seventh = "contempt" if int(subject) % 4 else "other"
        dealt[subject] = [(number, _EMOTIONS.get(number, seventh)) for number in classes]
    return dealt


def _names(rng: random.Random, subject: str, labels: list[tuple[int, str]]) -> list[str]:
    """`subject_video_index`, the two odd clips under their real names."""
    odd = [name for owner, name in _APEX_OUT_OF_RANGE if owner == subject]
    pool = [f"{subject}_{video}_{index}" for video in range(1, 8) for index in range(1, 8)]
    pool = [name for name in pool if name not in odd]
    names = sorted(rng.sample(pool, len(labels)))
    names[: len(odd)] = odd
    return names


def _video(size: str, seed: int, subject: str, name: str, objective_class: int, emotion: str) -> PlannedVideo:
    rng = random.Random(f"{seed}/samm/{subject}/{name}")
    before, rise, fall, after = draw_timing(rng, size)
    onset = rng.choice((rng.randint(1000, 6500), 1000 - rng.randint(1, 2 * rise)))
    units = facs.choose_units(rng, objective_class, emotion)
    annotated_apex: int | None = None
    repairs: tuple[str, ...] = ()
    if (subject, name) in _APEX_OUT_OF_RANGE:
        real_onset, annotated_apex, real_offset = _APEX_OUT_OF_RANGE[subject, name]
        onset = real_onset if real_onset is not None else real_offset - rise - fall
        repairs = ("apex_out_of_range",)
    apex, offset = onset + rise, onset + rise + fall
    expression = PlannedExpression(
        clip=name,
        type="micro",
        onset=onset,
        apex=apex,
        offset=offset,
        annotated_onset=onset,
        annotated_apex=apex if annotated_apex is None else annotated_apex,
        annotated_offset=offset,
        units=units,
        au_text=facs.samm_text(rng, units),
        emotion=emotion,
        inducement=int(name.split("_")[1]),
        repairs=repairs,
        labels=(
            ("objective_class", objective_class),
            ("megc2018", facs.OBJECTIVE_NAMES.get(objective_class)),
            ("megc2019", _MEGC2019.get(emotion, "negative")),
        ),
    )
    return PlannedVideo(
        dataset="samm",
        subject=subject,
        video=name,
        path=f"SAMM/{subject}/{name}",
        file_pattern="{subject}_{frame}.jpg",
        first_frame=onset - before,
        frame_count=before + rise + fall + after + 1,
        fps=FPS,
        expressions=(expression,),
    )


def write_annotations(dataset_plan: DatasetPlan, directory: Path) -> None:
    """Write the FACS codes: thirteen lines of text, the header in row 14, a row per clip."""
    from mexflow.embedded.workbook import write_workbook

    rows: list[list] = [[line] for line in _LEAD] + [_HEADER]
    for video, expression in dataset_plan.annotations():
        # The release capitalises emotions.
        rows.append(
            [
                video.subject,
                expression.clip,
                expression.inducement,
                expression.annotated_onset,
                expression.annotated_apex,
                expression.annotated_offset,
                expression.offset - expression.onset + 1,
                "Micro - 1/2",
                expression.au_text,
                expression.emotion.capitalize(),
                dict(expression.labels)["objective_class"],
                None,
            ]
        )
    write_workbook(Path(directory) / CODES, {SHEET: rows})
