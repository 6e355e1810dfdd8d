"""SAMM Long Videos as its owners release it: plan and annotation file of the embedded copy.

Importing needs the standard library only; openpyxl is imported when the sheet is written.
"""

from __future__ import annotations

import random
from pathlib import Path

from mexflow.embedded import facs
from mexflow.embedded.geometry import Geometry
from mexflow.embedded.scenario import DatasetPlan, PlannedExpression, PlannedVideo
from mexflow.embedded.timeline import Span, deal, timeline

FPS = 200.0
GEOMETRY = Geometry("samm", 2040, 1088, 239.0, 0.44, grey=True, noise=1.3, jpeg_quality=86)
CODES = "SAMM_LongVideos_V2_Release.xlsx"
ANNOTATION_FILES = [CODES]
SHEET = "FACS_Movement_Only"

# Frames from onset to offset, and of a video.
_LENGTHS = {
    "tiny": {"micro": (10, 12), "macro": (18, 24)},
    "demo": {"micro": (22, 38), "macro": (70, 110)},
    "full": {"micro": (40, 106), "macro": (110, 740)},
}
_FRAMES = {"tiny": (112, 112), "demo": (420, 440), "full": (7000, 7000)}
_EMPTY_FRAMES = {"tiny": 16, "demo": 180, "full": 7000}

# (macro, micro) of each video in the small sizes.
_VIDEOS = {
    "tiny": {"018_3": (2, 1), "028_4": (2, 1), "028_6": (0, 0)},
    "demo": {
        "006_1": (2, 3), "006_5": (0, 0), "011_6": (2, 2), "012_3": (2, 2), "018_3": (2, 3), "028_4": (2, 3),
        "032_3": (2, 2),
    },
}  # fmt: skip
# The subjects of SAMM and one more.
_SUBJECTS = tuple(f"{number:03d}" for number in (*range(6, 27), 28, *range(30, 38)))
_FULL_VIDEOS, _FULL_MACRO, _FULL_MICRO = 147, (343, 130), (159, 79)

# Expressions, (macro, micro), whose apex is not annotated.
_WITHOUT_APEX = {"tiny": (1, 0), "demo": (2, 1), "full": (4, 2)}

# Macro-expressions whose onset is 0 in the table: they have begun when the recording begins.
_ONSET_ZERO = (
    "011_6_8", "011_6_10", "012_3_3", "018_3_3", "018_4_4", "018_4_7", "018_4_9", "018_6_2", "018_6_5", "020_6_3",
)  # fmt: skip
_LEAD = (
    "SAMM Long Videos: FACS codes of movements, version 2 (embedded rendition)",
    None,
    "All frames are at 200 frames a second and numbered from 1.",
    "An apex of -1 is not annotated.",
    None,
    "Letters after a unit are its intensity, A to E.",
    None,
    None,
    "Movements only",
    None,
)
_HEADER = [
    "Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type", "Action Units", "Notes",
]  # fmt: skip


def plan(size: str, seed: int) -> DatasetPlan:
    """The plan of the embedded SAMM Long Videos; see `mexflow.embedded.scenario`."""
    counts = _VIDEOS[size] if size != "full" else _full_counts(seed)
    without_apex = _without_apex(size, seed, counts)
    videos = tuple(_video(size, seed, name, count, without_apex) for name, count in counts.items())
    subjects = tuple(dict.fromkeys(video.subject for video in videos))
    return DatasetPlan("samm_lv", size, seed, FPS, 2, subjects, videos)


def _full_counts(seed: int) -> dict[str, tuple[int, int]]:
    """(macro, micro) of each video of the release."""
    rng = random.Random(f"{seed}/samm_lv/counts")
    needed: dict[str, int] = {}
    for clip in _ONSET_ZERO:
        video, _, index = clip.rpartition("_")
        needed[video] = max(needed.get(video, 0), int(index))
    names = set(needed)
    others = [f"{subject}_{number}" for subject in _SUBJECTS for number in range(1, 8)]
    # Everyone has a first video at least.
    names |= {f"{subject}_1" for subject in _SUBJECTS}
    others = [name for name in others if name not in names]
    names |= set(rng.sample(others, _FULL_VIDEOS - len(names)))
    videos, macro_total, macro_videos, micro_total, micro_videos = sorted(names), *_FULL_MACRO, *_FULL_MICRO
    rest = [name for name in videos if name not in needed]
    least = needed | dict.fromkeys(rng.sample(rest, macro_videos - len(needed)), 1)
    macros = deal(rng, macro_total, least, most=8)
    micros = deal(rng, micro_total, dict.fromkeys(rng.sample(videos, micro_videos), 1), most=6)
    return {name: (macros.get(name, 0), micros.get(name, 0)) for name in videos}


def _without_apex(size: str, seed: int, counts: dict[str, tuple[int, int]]) -> set[tuple[str, str]]:
    """(video, type) of the expressions, one each, whose apex is not annotated."""
    rng = random.Random(f"{seed}/samm_lv/apex")
    chosen = set()
    for place, kind in enumerate(("macro", "micro")):
        holders = [video for video, count in counts.items() if count[place] > 1]
        chosen |= {(video, kind) for video in rng.sample(holders, _WITHOUT_APEX[size][place])}
    return chosen


def _video(
    size: str, seed: int, name: str, counts: tuple[int, int], without_apex: set[tuple[str, str]]
) -> PlannedVideo:
    rng = random.Random(f"{seed}/samm_lv/{name}")
    macro, micro = counts
    subject = name.split("_")[0]
    frames = rng.randint(*_FRAMES[size]) if macro or micro else _EMPTY_FRAMES[size]
    at_once = [clip for clip in _ONSET_ZERO if clip.startswith(f"{name}_") and int(clip.split("_")[2]) <= macro + micro]
    overlapping = 1 if macro - len(at_once) >= 2 else 0
    types = ["macro"] * macro + ["micro"] * micro
    spans = timeline(rng, types, _LENGTHS[size], frames, len(at_once), overlapping)
    clips = [clip for number in range(1, len(spans) + 1) if (clip := f"{name}_{number}") not in at_once]
    expressions = []
    for span, clip in zip(spans, at_once + clips, strict=True):
        # The last of its type, which never begins with the recording.
        last = [candidate for candidate in spans if candidate.type == span.type][-1]
        bare = span is last and (name, span.type) in without_apex
        expressions.append(_expression(rng, span, clip, clip in at_once, bare))
    return PlannedVideo(
        dataset="samm_lv",
        subject=subject,
        video=name,
        path=f"SAMM_longvideos/{name}",
        file_pattern="{video}_{frame:04d}.jpg",
        first_frame=1,
        frame_count=frames,
        fps=FPS,
        expressions=tuple(sorted(expressions, key=lambda expression: int(expression.clip.split("_")[2]))),
    )


def _expression(rng: random.Random, span: Span, clip: str, onset_zero: bool, bare: bool) -> PlannedExpression:
    units = facs.choose_units(rng, rng.choice(facs.OBJECTIVE_CLASSES), "")
    onset, offset, repairs = span.onset, span.offset, []
    if span.type == "macro":
        units = facs.enlarge(rng, units, span.share)
        onset, offset = (round(frame + rng.choice((0, 0.2, 0.4, 0.6, 0.8)), 1) for frame in (onset, offset))
        onset = 0 if onset_zero else onset
        repairs += ["fraction_dropped" for frame in (onset, offset) if frame != int(frame)]
        onset, offset = (int(frame) if frame == int(frame) else frame for frame in (onset, offset))
    repairs += ["onset_zero"] if onset_zero else []
    repairs += ["apex_missing"] if bare else []
    return PlannedExpression(
        clip=clip,
        type=span.type,
        onset=span.onset,
        apex=span.apex,
        offset=span.offset,
        annotated_onset=onset,
        annotated_apex=-1 if bare else span.apex,
        annotated_offset=offset,
        units=units,
        au_text=facs.samm_text(rng, units),
        inducement=int(clip.split("_")[1]),
        repairs=tuple(repairs),
    )


def write_annotations(dataset_plan: DatasetPlan, directory: Path) -> None:
    """Write the FACS codes: ten lines of text, the header in row 11, a row per expression."""
    from mexflow.embedded.workbook import write_workbook

    rows: list[list] = [[line] for line in _LEAD] + [_HEADER]
    for video, expression in dataset_plan.annotations():
        rows.append(
            [
                video.subject,
                expression.clip,
                expression.inducement,
                expression.annotated_onset,
                expression.annotated_apex,
                expression.annotated_offset,
                round(expression.annotated_offset - expression.annotated_onset + 1, 1),
                "Macro" if expression.type == "macro" else "Micro - 1/2",
                expression.au_text,
                None,
            ]
        )
    write_workbook(Path(directory) / CODES, {SHEET: rows})
