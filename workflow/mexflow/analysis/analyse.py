"""An analysis of one video, from its file to a report; also its two halves, spotting and recognising alone.

A notebook calls one line::

    from mexflow.analysis.analyse import analyse
    report = analyse("video.mp4", spot="results/models/elface2021/samm-lv")
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mexflow.analysis import classifying, followed, rate, scoring
from mexflow.analysis.classifying import Clip, Material
from mexflow.analysis.report import UNSEEN, Event, Report, Source
from mexflow.analysis.unseen import stretches
from mexflow.errors import UserError, choose
from mexflow.evaluation.frame_skips import TYPES
from mexflow.preprocess import flow
from mexflow.preprocess.faces import FaceSettings
from mexflow.preprocess.landmarks import Box
from mexflow.preprocess.scaling import scaled
from mexflow.preprocess.video_files import VideoFile, open_video
from mexflow.store.artifacts import Inputs
from mexflow.store.working import working_folder

if TYPE_CHECKING:
    from mexflow.analysis.model import Model

APEXES = ("score", "motion")
"""Which frame of an interval is its apex: that of the largest score, or of the largest motion against the onset."""

_MOST = 50
"""Steps of a network's rate that there are for a frame at most, in a video with holes."""

SHOWN = "tvl1"
"""The method of the flow that a page shows, of whole aligned faces."""

_TURNS = threading.Lock()
"""Analyses of one process take turns: dlib's detector, which they share, is not made for two at once."""


@dataclass(frozen=True)
class Wanted:
    """What an analysis does.

    Attributes:
        apex: of :data:`APEXES`.
        macro_too: whether a network of micro-expressions classifies a spotted macro-expression too.
        fps: frames per second, of a folder of frames, or instead of a file's own time stamps.
        pictures: whether the report gets faces and flow of its expressions.
        near: where the face is that is followed, of several (:func:`mexflow.preprocess.video_files.everyone`); None for
            the one that persists.
    """

    apex: str = "score"
    macro_too: bool = False
    fps: float | None = None
    pictures: bool = True
    near: Box | None = None


def analyse(
    video: str | Path,
    spot: str | Path | Model,
    recognise: str | Path | Model | None = None,
    *,
    wanted: Wanted = Wanted(),
    folder: str | Path | None = None,
    inputs: Inputs | None = None,
) -> Report:
    """Spot the expressions of a video, and say of which class they are if a network for that is given.

    Args:
        video: a file, or a folder of frames.
        spot: a network that spots: its folder, its packed file, or what :func:`mexflow.analysis.model.load` made of it.
        recognise: a network that recognises, likewise.
        wanted: see :class:`Wanted`.
        folder: where what is between goes, some 40 kB a frame, and goes away again; else the system's place for it.
        inputs: remembers the digests of what is read.

    Raises:
        UserError: if the video or a network cannot be read, or they do not fit.
    """
    spotter, recogniser = _model(spot, inputs, "spotting"), _model(recognise, inputs, "recognition")
    with _analysis(video, [spotter, recogniser], wanted, folder) as at:
        span, frames = float(at.video.seconds[-1]), len(at.video)
        if at.video.variable and span * at.trained > _MOST * frames:
            raise UserError(
                f"{video}: {frames} frames in {span:.4g} seconds, with holes longer than all that there is; take "
                f"out the frames that are far from the others, such as number {_farthest(at.video)}"
            )
        sampling = rate.sampling(at.video.seconds, at.video.fps, at.video.variable, at.trained)
        course = scoring.spot(
            spotter.card, spotter.network, at.faces, at.video.numbers, at.video.fps, sampling, at.folder
        )
        expressions = []
        for kind in course.intervals:
            for interval in course.intervals[kind]:
                at_apex = (
                    scoring.apex_by_score(course, kind, interval)
                    if wanted.apex == "score"
                    else scoring.apex_by_motion(at.faces, course.positions, interval)
                )
                ends = course.positions[[interval.first, at_apex, interval.last]].tolist()
                expressions.append((kind, *ends, float(course.scores[kind][at_apex])))
        expressions.sort(key=lambda one: (one[1], TYPES.index(one[0])))
        events = [at.event(kind, *ends, score=score) for kind, *ends, score in expressions]
        events = _classified(events, recogniser, at, wanted.macro_too)
        seen = dict(scores=course.scores, thresholds=course.thresholds, not_spotted=course.not_spotted)
        remarks = [sampling.remark] if sampling.remark else []
        return at.report(events, course.positions, remarks, spotter, recogniser, wanted, **seen)


def spot(video: str | Path, model: str | Path | Model, **options: Any) -> Report:
    """Spot the expressions of a video, see :func:`analyse`."""
    return analyse(video, model, **options)


def recognise(
    video: str | Path,
    model: str | Path | Model,
    clips: Iterable[tuple[int, int, int]],
    *,
    wanted: Wanted = Wanted(),
    folder: str | Path | None = None,
    inputs: Inputs | None = None,
) -> Report:
    """Say of which class expressions are that somebody has found: their onset, apex and offset are given.

    In the report their type is ``micro``, of which the network knows classes.

    Args:
        clips: onset, apex and offset of each, frames of the video (of a folder, the numbers of its files).

    Other arguments and errors as for :func:`analyse`.

    Raises:
        UserError: also if a clip is not in the video, or not in this order.
    """
    recogniser = _model(model, inputs, "recognition")
    clips = list(clips)
    for onset, apex, offset in clips:
        if not onset <= apex <= offset:
            raise UserError(f"{video}: onset {onset}, apex {apex}, offset {offset} are not in this order")
    with _analysis(video, [recogniser], wanted, folder) as at:
        events = []
        for onset, apex, offset in clips:
            positions = [at.faces.video.position(frame) for frame in (onset, apex, offset)]
            if None in positions:
                absent = (onset, apex, offset)[positions.index(None)]
                first, last = at.video.numbers[[0, -1]]
                raise UserError(f"{video}: no frame {absent}; it has frames from {first} to {last}")
            events.append(at.event("micro", *positions))
        events = _classified(events, recogniser, at, macro_too=True)
        return at.report(events, np.arange(len(at.video)), [], None, recogniser, wanted)


@dataclass(frozen=True)
class _Analysis:
    """A video with its faces, while it is analysed; `trained` is the rate that its networks were trained at."""

    given: str
    video: VideoFile
    faces: followed.Faces
    folder: Path
    trained: float

    def event(self, kind: str, onset: int, apex: int | None, offset: int, **more: Any) -> Event:
        """An event between positions of the video."""
        number, seconds = self.video.numbers, self.video.seconds
        peak = {} if apex is None else {"apex": int(number[apex]), "apex_seconds": float(seconds[apex])}
        return Event(
            kind, int(number[onset]), int(number[offset]), float(seconds[onset]), float(seconds[offset]), **peak, **more
        )

    def unseen(self, positions: np.ndarray, scores: Mapping[str, np.ndarray]) -> list[Event]:
        """The stretches of which nothing can be said, by the scores at these positions too."""
        found = stretches(self.video.seconds, self.video.fps, self.faces.video, self.faces.cuts, positions, scores)
        return [self.event(UNSEEN, one.first, None, one.last, reason=one.reason) for one in found]

    def report(
        self,
        events: Sequence[Event],
        positions: np.ndarray,
        remarks: Sequence[str],
        spotter: Model | None,
        recogniser: Model | None,
        wanted: Wanted,
        **seen: Any,
    ) -> Report:
        """The report of these expressions, with all else that there is to say."""
        height, width = self.video.shape[:2] if len(self.video) else (0, 0)
        source = Source(
            path=self.given,
            name=self.video.path.resolve().name,
            folder=bool(self.video.files),
            sha256=self.video.sha256,
            frames=len(self.video),
            width=width,
            height=height,
            fps=self.video.fps,
            variable=self.video.variable,
            remarks=(*_which(wanted.near), *self.video.remarks, *self.faces.remarks, *remarks),
        )
        events = sorted(
            [*events, *self.unseen(positions, seen.get("scores", {}))], key=lambda event: (event.onset, event.offset)
        )
        shown: dict[int, np.ndarray] = {}
        flows: dict[int, np.ndarray] = {}
        if wanted.pictures:
            expressions = [event for event in events if event.type != UNSEEN]
            frames = [frame for event in expressions for frame in (event.onset, event.apex, event.offset)]
            shown = followed.crops(self.faces, frames)
            flows = {
                place: _flow(shown[event.onset], shown[event.apex])
                for place, event in enumerate(events)
                if event.type != UNSEEN and event.onset in shown and event.apex in shown
            }
        return Report(
            source=source,
            events=tuple(events),
            seconds=self.video.seconds[positions],
            frames=self.video.numbers[positions],
            spotter=spotter.card if spotter else None,
            recogniser=recogniser.card if recogniser else None,
            faces=shown,
            flows=flows,
            **seen,
        )


@contextmanager
def _analysis(
    video: str | Path, models: Sequence[Model | None], wanted: Wanted, folder: str | Path | None
) -> Iterator[_Analysis]:
    """A video with its faces; what lies between on the disk goes away in the end, whatever happens."""
    import tempfile

    choose("apex", wanted.apex, APEXES)
    opened = open_video(Path(video), wanted.fps)
    if len(opened) < 2:
        raise UserError(f"{video}: one frame; an expression is a change between frames")
    cards = [model.card for model in models if model is not None]
    if not cards:
        raise UserError(f"{video}: no network was given; name one that spots")
    (card, *_) = cards
    trained = rate.nearest_rate(card["fps"], opened.fps)
    settings = card["preprocess"]["faces"]
    smoothing = settings["smoothing"] * opened.fps / trained
    with _TURNS, one_thread(), working_folder(Path(folder or tempfile.gettempdir()), "mexflow-analysis") as place:
        found = followed.find(opened, FaceSettings(smoothing, settings["max_missed"], "exclude"), place, wanted.near)
        yield _Analysis(str(video), opened, found, place, trained)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of each library, so that the same numbers come out on any machine; as it was, afterwards."""
    import cv2
    import torch

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def _classified(events: list[Event], model: Model | None, at: _Analysis, macro_too: bool) -> list[Event]:
    """The events with their classes, where the network has them."""
    if model is None:
        return events
    asked = [event for event in events if event.type == "micro" or macro_too]
    material = Material(at.video, at.faces, at.folder, model.card["preprocess"])
    clips = [Clip(event.onset, event.apex, event.offset) for event in asked]
    answers = iter(classifying.classify(model.recipe, model.network, material, clips))
    result = []
    for event in events:
        if event not in asked:
            result.append(replace(event, not_classified="a macro-expression: the network knows micro-expressions"))
            continue
        answer = next(answers)
        if isinstance(answer, str):
            result.append(replace(event, not_classified=answer))
        else:
            label = max(answer, key=lambda name: answer[name])
            result.append(replace(event, label=label, probabilities=answer))
    return result


def _farthest(video: VideoFile) -> int:
    """The number of the frame behind, or before, the longest hole, on the side where fewer frames are."""
    at = int(np.diff(video.seconds).argmax())
    return int(video.numbers[at + 1 if at + 1 > len(video) / 2 else at])


def _which(near: Box | None) -> list[str]:
    """What a report says of whom it is about, if that was chosen."""
    if near is None:
        return []
    left, top, right, bottom = near
    return [
        f"of several faces this is about the one around x = {(left + right) // 2}, y = {(top + bottom) // 2} pixels"
    ]


def _flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow between two aligned faces, float32 (2, h, w), pixels."""
    faces = np.stack([face if face.ndim == 3 else face[..., None] for face in (first, second)])
    grey = scaled(faces, min(faces.shape[1:3]))
    return flow.compute(SHOWN, grey[:1], grey[1:])[0]


def _model(given: str | Path | Model | None, inputs: Inputs | None, task: str) -> Any:
    """The network of a path, or that which was given; it must be one for the task."""
    from mexflow.analysis.model import load

    if given is None:
        return None
    model = load(Path(given), inputs or Inputs()) if isinstance(given, str | Path) else given
    named = given if isinstance(given, str | Path) else f"{model.card['paper']}/{model.card['experiment']}"
    if task == "spotting" and not model.card["spotting"]:
        raise UserError(f"{named}: a network that recognises; --spot takes one that spots, --recognise this one")
    if task == "recognition":
        if not model.card["classes"]:
            raise UserError(f"{named}: a network that spots; --recognise takes one that recognises, --spot this one")
        classifying.refuse_unusable(model.card, named)
    return model
