"""What an embedded dataset holds: subjects, videos, expressions, labels and the truth of every expression.

Standard library only and fast, since the workflow enumerates its jobs from it. Nothing here knows
pixels: the renderer reads the same plan.
"""

from __future__ import annotations

import functools
import hashlib
import random
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

from mexflow.datasets.registry import DATASETS
from mexflow.embedded import facs
from mexflow.errors import UserError, choose

SIZES = ("tiny", "demo", "full")

# Frames of (neutral before, onset to apex, apex to offset, neutral after), as inclusive ranges.
DURATIONS = {
    "tiny": ((3, 4), (4, 5), (4, 6), (3, 3)),
    "demo": ((8, 12), (8, 14), (9, 14), (8, 10)),
    "full": ((55, 65), (22, 40), (28, 46), (55, 65)),
}


def digest(*parts: object) -> int:
    """A 64-bit seed from any parts, the same on every machine and in every process."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class PlannedExpression:
    """One expression: what the face does, and what the annotation says it does.

    `clip` is its unique name, `type` "micro" or "macro"; frame numbers are those of the file names. `annotated_*`
    is the cell as written: a number, or text such as "/", or None where nothing is written. `emotion` is the
    owners' name of it, `annotated_emotion` how this copy writes it where that differs. `au_text` None is written
    as the dataset writes unknown units. An expression that is not `in_table` has no row. `row_video` is the video
    that the row names where that is not the one it is in. `labels` are the label columns of its row in the index, a
    name and a class each.
    """

    clip: str
    type: str
    onset: int
    apex: int
    offset: int
    annotated_onset: float | str | None
    annotated_apex: float | str | None
    annotated_offset: float | str | None
    units: tuple[facs.PlannedUnit, ...]
    au_text: str | None
    emotion: str | None = None
    annotated_emotion: str | None = None
    inducement: int = 1
    in_table: bool = True
    row_video: str | None = None
    repairs: tuple[str, ...] = ()
    excluded: str | None = None
    labels: tuple[tuple[str, object], ...] = ()

    @property
    def written_emotion(self) -> str | None:
        """The emotion as this copy writes it."""
        return self.annotated_emotion or self.emotion


@dataclass(frozen=True)
class PlannedVideo:
    """One folder of frames and the expressions in it, which may overlap; there may be none.

    `path` is relative to the root; frame numbers are those of the file names.
    """

    dataset: str
    subject: str
    video: str
    path: str
    file_pattern: str
    first_frame: int
    frame_count: int
    fps: float
    expressions: tuple[PlannedExpression, ...]

    @property
    def last_frame(self) -> int:
        """The number of the last frame."""
        return self.first_frame + self.frame_count - 1

    @property
    def frames(self) -> range:
        """Every frame number, in order."""
        return range(self.first_frame, self.first_frame + self.frame_count)

    @property
    def annotated(self) -> bool:
        """Whether a row of the annotations names this video."""
        return any(expression.in_table and expression.row_video is None for expression in self.expressions)

    def file(self, frame: int) -> str:
        """The path of a frame, relative to the root of the dataset."""
        name = self.file_pattern.format(subject=self.subject, video=self.video, frame=frame)
        return f"{self.path}/{name}"


@dataclass(frozen=True)
class DatasetPlan:
    """All videos of one embedded dataset.

    The first `depth` parts of a frame's path are a folder that holds frames of one subject only.
    """

    dataset: str
    size: str
    seed: int
    fps: float
    depth: int
    subjects: tuple[str, ...]
    videos: tuple[PlannedVideo, ...] = field(repr=False)

    def of_subject(self, subject: str) -> tuple[PlannedVideo, ...]:
        """The videos of one subject. Raises KeyError for an unknown subject."""
        if subject not in self.subjects:
            raise KeyError(f"{self.dataset} ({self.size}) has no subject {subject!r}")
        return tuple(video for video in self.videos if video.subject == subject)

    def find(self, subject: str, video: str) -> PlannedVideo:
        """One video by its name in the index. Raises KeyError if there is none of that name."""
        for planned in self.of_subject(subject):
            if planned.video == video:
                return planned
        raise KeyError(f"{self.dataset}/{subject} has no video {video!r}")

    def folders(self, subject: str) -> list[str]:
        """The folders, relative to the root, that hold a subject's frames and nobody else's.

        Raises KeyError for an unknown subject.
        """
        paths = ("/".join(video.path.split("/")[: self.depth]) for video in self.of_subject(subject))
        return list(dict.fromkeys(paths))

    def annotations(self) -> list[tuple[PlannedVideo, PlannedExpression]]:
        """The annotated expressions and the videos they are in, in the order of the table."""
        return [(video, expression) for video in self.videos for expression in video.expressions if expression.in_table]

    def expected_rows(self) -> list[dict]:
        """The index rows that a correct adapter makes of the rendered dataset.

        `repairs` and `excluded` hold short codes here ("apex_missing", "apex_out_of_range"); an
        adapter says the same in words.
        """
        return [_row(video, expression) for video, expression in self.annotations()]

    def expected_videos(self) -> list[dict]:
        """The folders of frames: dicts of `subject`, `video`, `path`, `frame_count` and `annotated`."""
        names = ("subject", "video", "path", "frame_count", "annotated")
        return [{name: getattr(video, name) for name in names} for video in self.videos]


def _row(video: PlannedVideo, expression: PlannedExpression) -> dict:
    path = video.path if expression.row_video is None else f"{video.path.rpartition('/')[0]}/{expression.row_video}"
    return {
        "dataset": video.dataset,
        "subject": video.subject,
        "video": expression.row_video or video.video,
        "clip": expression.clip,
        "type": expression.type,
        **_annotated_frames(expression),
        "fps": video.fps,
        "action_units": expression.au_text,
        "emotion": expression.emotion,
        **dict(expression.labels),
        "path": path,
        "repairs": list(expression.repairs),
        "excluded": expression.excluded,
    }


def _annotated_frames(expression: PlannedExpression) -> dict[str, int]:
    """Onset, apex and offset as they stand in the index, repaired."""
    onset = 1 if "onset_zero" in expression.repairs else int(expression.annotated_onset)
    offset = int(expression.annotated_apex if "offset_missing" in expression.repairs else expression.annotated_offset)
    middle = {"apex_missing", "apex_out_of_range"} & set(expression.repairs)
    apex = (onset + offset) // 2 if middle else int(expression.annotated_apex)
    return {"onset": onset, "apex": apex, "offset": offset}


@functools.lru_cache(maxsize=16)
def plan(dataset: str, size: str, seed: int) -> DatasetPlan:
    """The plan of an embedded dataset: a pure function of its arguments.

    `size` is "tiny" (tests), "demo" or "full" (the real dataset's counts). Raises UserError for
    an unknown dataset or size.
    """
    return layout(dataset).plan(choose("embedded size", size, SIZES), seed)


def layout(dataset: str) -> ModuleType:
    """The layout module of a dataset. Raises UserError for an unknown dataset, and for one without a layout."""
    (name,) = modules(dataset)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
    raise UserError(
        f"{dataset} cannot be rendered: there is no layout {name}; write it, or set datasets.{dataset}.root in "
        "config.yaml to the folder of a licensed copy, or to none"
    )


def modules(dataset: str) -> list[str]:
    """Names of the modules that are imported by name for a dataset (see `mexflow.store.digest`): its layout.

    Raises:
        UserError: for an unknown dataset.
    """
    return [f"{__package__}.{choose('embedded dataset', dataset, DATASETS)}"]


def draw_timing(rng: random.Random, size: str) -> tuple[int, int, int, int]:
    """Frame counts: before onset, onset to apex, apex to offset, after offset."""
    before, rise, fall, after = (rng.randint(*limits) for limits in DURATIONS[size])
    return before, rise, fall, after


def balanced_labels(subjects: tuple[str, ...], size: str, first: int) -> dict[str, list[int]]:
    """Objective classes of each subject in the small sizes.

    Everyone has classes 1-5; in "demo" one class more, in turn, so that the classes are even over
    the subjects; and one clip of class 6 or 7. `first` is where the turn starts.
    """
    result = {}
    for position, subject in enumerate(subjects, start=first):
        extra = [position % 5 + 1] if size == "demo" else []
        result[subject] = [1, 2, 3, 4, 5, *extra, 6 + position % 2]
    return result


def spread_labels(
    rng: random.Random,
    counts: dict[tuple[int, str], int],
    slots: dict[str, int],
    fixed: dict[str, list[tuple[int, str]]],
) -> dict[str, list[tuple[int, str]]]:
    """Deal (objective class, emotion) pairs to subjects, `slots[subject]` each.

    `fixed` is dealt first and everything else at random, so that the totals are exactly `counts`.
    """
    pool = [label for label, count in counts.items() for _ in range(count)]
    dealt = {subject: list(fixed.get(subject, [])) for subject in slots}
    for labels in dealt.values():
        for label in labels:
            pool.remove(label)
    rng.shuffle(pool)
    for subject, count in slots.items():
        missing = count - len(dealt[subject])
        dealt[subject] += pool[:missing]
        del pool[:missing]
    if pool or any(len(dealt[subject]) != count for subject, count in slots.items()):
        raise AssertionError("counts and slots do not agree")
    return dealt
