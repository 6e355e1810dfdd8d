"""What an embedded dataset holds: subjects, clips, labels and the truth of every expression.

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

from mexflow.embedded import facs
from mexflow.errors import choose

SIZES = ("tiny", "demo", "full")

# dataset -> the module that plans it and writes its annotation files.
LAYOUTS = {
    "casme2": "mexflow.embedded.casme2",
    "samm": "mexflow.embedded.samm",
}

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
class PlannedClip:
    """One folder of frames, what happens in it, and what the spreadsheet says happens.

    `clip` is the expression's unique name, `video` that of its folder. Frame numbers are those of
    the file names. `annotated_*` is the cell as written: an integer, or text such as "/". A clip
    that is not `in_table` is a raw folder without a row.
    """

    dataset: str
    subject: str
    clip: str
    video: str
    path: str
    file_pattern: str
    first_frame: int
    frame_count: int
    onset: int
    apex: int
    offset: int
    annotated_onset: int | str
    annotated_apex: int | str
    annotated_offset: int | str
    emotion: str
    objective_class: int
    units: tuple[facs.PlannedUnit, ...]
    au_text: str
    inducement: int = 1
    on_disk: bool = True
    in_table: bool = True
    repairs: tuple[str, ...] = ()
    excluded: str | None = None
    labels: tuple[tuple[str, object], ...] = ()

    @property
    def last_frame(self) -> int:
        """The number of the last frame."""
        return self.first_frame + self.frame_count - 1

    @property
    def frames(self) -> range:
        """Every frame number, in order."""
        return range(self.first_frame, self.first_frame + self.frame_count)

    def file(self, frame: int) -> str:
        """The path of a frame, relative to the root of the dataset."""
        return f"{self.path}/{self.file_pattern.format(subject=self.subject, frame=frame)}"


@dataclass(frozen=True)
class DatasetPlan:
    """All clips of one embedded dataset. `frame_size` is (width, height) in pixels."""

    dataset: str
    size: str
    seed: int
    fps: float
    frame_size: tuple[int, int]
    subjects: tuple[str, ...]
    clips: tuple[PlannedClip, ...] = field(repr=False)

    def of_subject(self, subject: str) -> tuple[PlannedClip, ...]:
        """The clips of one subject. Raises KeyError for an unknown subject."""
        if subject not in self.subjects:
            raise KeyError(f"{self.dataset} ({self.size}) has no subject {subject!r}")
        return tuple(clip for clip in self.clips if clip.subject == subject)

    def find(self, subject: str, clip: str) -> PlannedClip:
        """One clip by its name in the index. Raises KeyError if there is none of that name."""
        for planned in self.of_subject(subject):
            if planned.clip == clip:
                return planned
        raise KeyError(f"{self.dataset}/{subject} has no clip {clip!r}")

    def expected_rows(self) -> list[dict]:
        """The index rows that a correct adapter makes of the rendered dataset.

        `repairs` and `excluded` hold short codes here ("apex_missing", "apex_out_of_range"); an
        adapter says the same in words.
        """
        return [self._row(clip) for clip in self.clips if clip.in_table]

    def _row(self, clip: PlannedClip) -> dict:
        onset, offset = int(clip.annotated_onset), int(clip.annotated_offset)
        apex = (onset + offset) // 2 if clip.repairs else int(clip.annotated_apex)
        labels = dict.fromkeys(("casme2_5class", "megc2018", "megc2019", "mmew_5class"))
        labels.update(clip.labels)
        return {
            "dataset": clip.dataset,
            "subject": clip.subject,
            "video": clip.video,
            "clip": clip.clip,
            "type": "micro",
            "onset": onset,
            "apex": apex,
            "offset": offset,
            "fps": self.fps,
            "action_units": clip.au_text,
            "emotion": clip.emotion,
            "objective_class": clip.objective_class,
            **labels,
            "path": clip.path,
            "repairs": list(clip.repairs),
            "excluded": clip.excluded,
        }


@functools.lru_cache(maxsize=16)
def plan(dataset: str, size: str, seed: int) -> DatasetPlan:
    """The plan of an embedded dataset: a pure function of its arguments.

    `size` is "tiny" (tests), "demo" or "full" (the real dataset's counts). Raises UserError for
    an unknown dataset or size.
    """
    return layout(dataset).plan(choose("embedded size", size, SIZES), seed)


def layout(dataset: str) -> ModuleType:
    """The layout module of a dataset. Raises UserError for a dataset that is not embedded."""
    return import_module(LAYOUTS[choose("embedded dataset", dataset, LAYOUTS)])


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
