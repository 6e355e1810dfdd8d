"""CAS(ME)² as its owners release it: plan and annotation file of the embedded copy.

Importing needs the standard library only; openpyxl is imported when the sheets are written.
"""

from __future__ import annotations

import random
from pathlib import Path

from mexflow.embedded import facs
from mexflow.embedded.geometry import Geometry
from mexflow.embedded.scenario import DatasetPlan, PlannedExpression, PlannedVideo
from mexflow.embedded.timeline import Span, deal, timeline

FPS = 30.0
GEOMETRY = Geometry("cas_me_2", 640, 480, 117.0, 0.42, grey=False, noise=1.6, jpeg_quality=88)
CODES = "CAS(ME)^2code_final.xlsx"
ANNOTATION_FILES = [CODES]
SHEET = "CASFEcode_final"

# The folders of the subjects 1 to 22.
_FOLDERS = (15, 16, *range(19, 28), *range(29, 39), 40)
# A video's name in the table, its code and the rest of its folder's name.
_FILMS = {
    "disgust1": ("0101", "disgustingteeth"),
    "disgust2": ("0102", "eatingworms"),
    "anger1": ("0401", "girlcrashing"),
    "anger2": ("0402", "beatingpregnantwoman"),
    "happy1": ("0502", "funnyerrors"),
    "happy2": ("0503", "unnyfarting"),
    "happy3": ("0505", "funnyinnovations"),
    "happy4": ("0507", "climbingthewall"),
    "happy5": ("0508", "funnydunkey"),
}
_EMOTIONS = {"disgust": "disgust", "anger": "anger", "happy": "happiness"}

# Frames from onset to offset, and of a video.
_LENGTHS = {
    "tiny": {"micro": (8, 9), "macro": (16, 20)},
    "demo": {"micro": (8, 15), "macro": (20, 55)},
    "full": {"micro": (8, 15), "macro": (15, 62)},
}
_FRAMES = {"tiny": (88, 94), "demo": (228, 240), "full": (1800, 2600)}
_EMPTY_FRAMES = {"tiny": 16, "demo": 160, "full": 1800}

# (macro, micro) of each video in the small sizes.
_VIDEOS = {
    "tiny": {(23, "anger1"): (2, 0), (23, "disgust1"): (2, 1), (23, "happy1"): (1, 0), (27, "anger1"): (0, 0),
             (27, "disgust1"): (3, 1)},
    "demo": {
        (15, "disgust1"): (3, 2), (15, "happy4"): (2, 2), (16, "anger1"): (3, 2), (16, "anger2"): (0, 0),
        (19, "disgust2"): (3, 2), (19, "happy3"): (2, 2), (23, "disgust1"): (3, 2), (23, "happy1"): (2, 0),
        (27, "disgust1"): (3, 2), (27, "happy5"): (3, 2), (31, "anger1"): (3, 2), (31, "happy2"): (3, 2),
    },
}  # fmt: skip
_FULL_VIDEOS, _FULL_MACRO, _FULL_MICRO = 97, 300, (57, 32)

# Videos whose folder bears the code of another, so that their rows name a folder that is not there.
_MISNAMED = {(23, "happy1"): "0503"}
# Videos without any expression.
_EMPTY = (16, "anger2")
# Rows, by their number in the video, whose offset is before their apex.
_OFFSET_BEFORE_APEX = {(27, "disgust1"): 5, (31, "happy2"): 1, (32, "anger1"): 12}
# Macro-expressions without an offset, and expressions without an apex.
_WITHOUT_OFFSET = {"tiny": 1, "demo": 4, "full": 44}
_WITHOUT_APEX = 1


def plan(size: str, seed: int) -> DatasetPlan:
    """The plan of the embedded CAS(ME)²; see `mexflow.embedded.scenario`."""
    counts = _VIDEOS[size] if size != "full" else _full_counts(seed)
    bare = _bare(size, seed, counts)
    videos = tuple(_video(size, seed, *key, count, bare) for key, count in sorted(counts.items()))
    subjects = tuple(dict.fromkeys(video.subject for video in videos))
    return DatasetPlan("cas_me_2", size, seed, FPS, 2, subjects, videos)


def _full_counts(seed: int) -> dict[tuple[int, str], tuple[int, int]]:
    """(macro, micro) of each video of the release: 97 folders, 95 with rows."""
    rng = random.Random(f"{seed}/cas_me_2/counts")
    films = list(_FILMS)
    kept = {*_MISNAMED, _EMPTY, *_OFFSET_BEFORE_APEX, *((folder, "disgust2") for folder in _FOLDERS)}
    # The folder of happy1 has the name of happy2, which therefore is not there.
    others = [(folder, film) for folder in _FOLDERS for film in films if (folder, film) not in {*kept, (23, "happy2")}]
    kept |= set(rng.sample(others, _FULL_VIDEOS - len(kept)))
    least = {key: _OFFSET_BEFORE_APEX.get(key, 1) for key in sorted(kept)}
    fixed = dict.fromkeys(_MISNAMED, 2)
    for key in (_EMPTY, *fixed):
        del least[key]
    macros = deal(rng, _FULL_MACRO - sum(fixed.values()), least, most=8) | fixed
    total, holders = _FULL_MICRO
    micros = deal(rng, total, dict.fromkeys(rng.sample(sorted(least), holders), 1), most=4)
    return {key: (macros.get(key, 0), micros.get(key, 0)) for key in sorted(kept)}


def _bare(size: str, seed: int, counts: dict[tuple[int, str], tuple[int, int]]) -> dict[tuple[int, str], str]:
    """What is not annotated, "offset" or "apex", of one macro-expression of each of some videos."""
    rng = random.Random(f"{seed}/cas_me_2/bare")
    holders = [key for key, (macro, _) in counts.items() if macro > 1 and key not in {*_MISNAMED, *_OFFSET_BEFORE_APEX}]
    chosen = rng.sample(sorted(holders), min(len(holders), _WITHOUT_OFFSET[size] + _WITHOUT_APEX))
    return {key: "apex" if place < _WITHOUT_APEX else "offset" for place, key in enumerate(chosen)}


def _video(
    size: str, seed: int, folder: int, film: str, counts: tuple[int, int], bare: dict[tuple[int, str], str]
) -> PlannedVideo:
    rng = random.Random(f"{seed}/cas_me_2/{folder}/{film}")
    macro, micro = counts
    code, title = _FILMS[film]
    frames = rng.randint(*_FRAMES[size]) if macro or micro else _EMPTY_FRAMES[size]
    types = ["macro"] * macro + ["micro"] * micro
    spans = timeline(rng, types, _LENGTHS[size], frames, overlapping=int(macro >= 3))
    numbers = list(range(1, len(spans) + 1))
    macros = [place for place, span in enumerate(spans) if span.type == "macro"]
    odd: dict[int, str] = {}
    if (folder, film) in bare:
        odd[macros[-1]] = bare[folder, film]
    if (folder, film) in _OFFSET_BEFORE_APEX:
        number = _OFFSET_BEFORE_APEX[folder, film]
        odd[min(number, len(spans)) - 1] = "order"
        numbers[-1] = max(number, len(spans))
    row_video = f"{folder}_{code}" if (folder, film) in _MISNAMED else None
    expressions = tuple(
        _expression(rng, span, f"s{folder}_{film}_{number}", film, odd.get(place), row_video)
        for place, (span, number) in enumerate(zip(spans, numbers, strict=True))
    )
    name = f"{folder}_{_MISNAMED.get((folder, film), code)}{title}"
    return PlannedVideo(
        dataset="cas_me_2",
        subject=f"s{folder}",
        video=name,
        path=f"rawpic/s{folder}/{name}",
        file_pattern="img{frame:03d}.jpg",
        first_frame=1,
        frame_count=frames,
        fps=FPS,
        expressions=expressions,
    )


def _expression(
    rng: random.Random, span: Span, clip: str, film: str, odd: str | None, row_video: str | None
) -> PlannedExpression:
    emotion = _EMOTIONS[film.rstrip("0123456789")]
    if rng.random() < 0.12:
        emotion = rng.choice(("sadness", "fear", "surprise", "others"))
    units = facs.choose_units(rng, facs.CLASS_OF_EMOTION[emotion], emotion)
    text: str | None = facs.plain_text(units)
    if span.type == "macro":
        units = facs.enlarge(rng, units, span.share)
    if rng.random() < 0.08:
        text = None
    misspelt = emotion == "happiness" and rng.random() < 0.4
    repairs = {"apex": ["apex_missing"], "offset": ["offset_missing"], "order": ["apex_out_of_range"]}.get(odd, [])
    offset = {"offset": 0, "order": span.apex - 1}.get(odd, span.offset)
    return PlannedExpression(
        clip=clip,
        type=span.type,
        onset=span.onset,
        apex=span.apex,
        offset=span.offset,
        annotated_onset=span.onset,
        annotated_apex=0 if odd == "apex" else span.apex,
        annotated_offset=offset,
        units=units,
        au_text=text,
        emotion=emotion,
        annotated_emotion="happyiness" if misspelt else None,
        row_video=row_video,
        repairs=(*repairs, *(["emotion_spelling"] if misspelt else [])),
        excluded="folder_missing" if row_video else None,
    )


def write_annotations(dataset_plan: DatasetPlan, directory: Path) -> None:
    """Write the annotations, without a header, and the two sheets that say how subjects and videos are named."""
    from mexflow.embedded.workbook import write_workbook

    order = {f"s{folder}": number for number, folder in enumerate(_FOLDERS, start=1)}
    rows: list[list] = []
    for video, expression in dataset_plan.annotations():
        units = (
            "NULL"
            if expression.au_text is None
            else int(expression.au_text)
            if expression.au_text.isdigit()
            else expression.au_text
        )
        rows.append(
            [
                order[video.subject],
                expression.clip.partition("_")[2],
                expression.annotated_onset,
                expression.annotated_apex,
                expression.annotated_offset,
                units,
                expression.written_emotion,
                f"{expression.type}-expression",
                expression.written_emotion,
            ]
        )
    naming = [[number, folder] for folder, number in order.items()]
    films = [[code, film] for film, (code, _) in _FILMS.items()]
    sheets = {SHEET: rows, "naming rule1": naming, "naming rule2": films}
    write_workbook(Path(directory) / CODES, sheets)
