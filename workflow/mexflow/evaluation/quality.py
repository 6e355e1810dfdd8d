"""How far preprocessing is from the renderer's truth, on the faces of one embedded dataset.

*Alignment.* With M_t the transform of frame t's aligned face, l_t its landmarks as found and l*_t the true ones, the
error of a stable point in aligned pixels is e_t = M_t (l_t - l*_t), by the linear part of M_t. *Jitter* is the root
mean square, over frames, stable points and both coordinates, of e_(t+1) - e_t: what a definition of a landmark that
differs from the renderer's by a constant does not enter. The *eye error* of a frame is M_t c_t - M*_t c_t, with c_t
the true centre of an eye (the middle of its corners, which a blink leaves in place) and M*_t the alignment of the true
landmarks. Its mean over a subject's frames is the *offset*, due to the definitions; the mean distance from that mean is
the part that varies, and moves the face in the aligned video.

*Residual motion.* The length of the true flow between two aligned faces over the hull of the landmarks: between
frames without expression or blink, where only the head drifts and alignment should leave nothing, and between onset and
apex of micro-expressions. The frames without expression are as far apart as a micro-expression's onset and apex are in
the median, or at least half as far where no stretch is as long.

*Flow.* The errors of :mod:`mexflow.evaluation.flow_error`, averaged over the hull of the landmarks, then over pairs
from onset to apex, micro and macro.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mexflow.evaluation.aligned_videos import (
    LandmarkedVideo,
    Pair,
    SubjectFaces,
    evenly,
    expression_pairs,
    runs,
    still_pairs,
)
from mexflow.evaluation.flow_error import direction_error, end_point_error, space_time_angle
from mexflow.evaluation.tally import Estimate, Tally, ratio_of_means
from mexflow.evaluation.true_motion import TrueMotion, aligned_flow, face_area
from mexflow.evaluation.uncertainty import LENGTH, SHARE, seed_of
from mexflow.papers.interval_methods import DEFAULT
from mexflow.preprocess import alignment, flow
from mexflow.preprocess.aligned import UNSEEN
from mexflow.preprocess.scaling import scaled

SIZES = (64, 112)
"""Width and height of the faces that flow is measured on, pixels."""

STATES = ("detected", "tracked", *UNSEEN)

KINDS = ("still", "micro")
"""Pairs of frames that residual motion is measured on: without expression, and a micro-expression's onset and apex."""

MOTIONS = ("mean", "p95", "unaligned", "true_landmarks", "estimated")
"""Ways to say how much a face moves between two frames, pixels of the 112 x 112 face.

Mean and 95th percentile of the true motion's length over the face; the mean if both frames were cut out by the first
one's transform, so that the head's motion stays in; the mean if the true landmarks were aligned; and the mean length of
the flow that `ESTIMATED` finds.
"""

METRICS = ("end_point_error", "direction_error", "space_time_angle")

ZERO = "no motion"
"""The baseline that predicts no motion, beside the flow methods."""

LEAST_MOTION = 0.3
"""A direction is compared where the true motion is longer than this, pixels of the size that flow is measured at."""

ESTIMATED = "tvl1"
"""The method that measures residual motion as it would be measured without the truth."""

_RUN = 10
# The corners of each eye among the 68 landmarks.
_EYES = ((36, 39), (42, 45))


@dataclass(frozen=True)
class Quality:
    """What was measured on one dataset.

    `alignment` is keyed by measure: ``jitter``, ``eye_error``, ``eye_offset`` (aligned pixels), and the shares of
    `STATES`, 0 to 1. `motion` is keyed by (one of `KINDS` or ``ratio``, one of `MOTIONS`), `flow` by (size, method, one
    of `METRICS`). `distances` are the numbers of frames from the first to the second of each pair without expression,
    `typical` that from onset to apex.
    """

    dataset: str
    alignment: dict[str, Estimate]
    motion: dict[tuple[str, str], Estimate]
    flow: dict[tuple[int, str, str], Estimate]
    distances: tuple[int, ...]
    typical: int


class _Measures:
    """Tallies by key, all of the same subjects."""

    def __init__(self, subjects: Sequence[str], intervals: str) -> None:
        self._subjects, self._intervals = subjects, intervals
        self._tallies: dict[Any, Tally] = {}

    def __getitem__(self, key: Any) -> Tally:
        bounds = SHARE if key in STATES else LENGTH
        return self._tallies.setdefault(key, Tally(self._subjects, self._intervals, bounds))


def measure(
    dataset: str,
    size: str,
    seed: int,
    subjects: Sequence[SubjectFaces],
    rows: Sequence[Mapping[str, Any]],
    *,
    methods: Sequence[str] = tuple(flow.METHODS),
    frames: int = 150,
    pairs: int = 20,
    intervals: str = DEFAULT,
    advance: Callable[[int], None] = lambda done: None,
) -> Quality:
    """Compare a dataset's aligned faces, and the flow between them, with the truth.

    Args:
        dataset, size, seed: which embedded dataset the faces were made of.
        subjects: the faces of each subject.
        rows: rows of its index, of these subjects or more.
        methods: the flow methods, with their default settings.
        frames: how many frames alignment is measured on, at most.
        pairs: how many pairs from onset to apex, at most, and about how many without expression.
        intervals: the method of the intervals over subjects.
        advance: called with 1 after each subject.

    Raises:
        KeyError: if the plan has no such subject or video.
        UserError: for an unknown flow method.
    """
    videos = [video for subject in subjects for video in subject.videos]
    sampled = runs(videos, max(1, frames // _RUN), _RUN)
    expressions = evenly(expression_pairs(videos, rows), pairs)
    distance = _typical_distance(rows)
    # Where a video is at rest only its truth tells, which costs: of so many videos no more are asked than pairs are
    # wanted.
    asked = evenly(videos, pairs) if distance else []
    stills_each = -(-pairs // max(1, len(asked)))
    measures = _Measures([subject.subject for subject in subjects], intervals)
    distances: list[int] = []
    # Subject by subject, since a person's truth is dear to set up and few are held at a time.
    for faces in subjects:
        name = faces.subject
        truths = {video.name: TrueMotion(dataset, size, seed, name, video.name) for video in faces.videos}
        runs_here = [(video, positions) for video, positions in sampled if video.subject == name]
        _add_landmarks(measures, name, runs_here, truths)
        for pair in expressions:
            if pair.video.subject == name:
                _add_expression(measures, faces, pair, truths[pair.video.name], methods)
        for video in asked:
            if video.subject == name:
                truth = truths[video.name]
                for pair in evenly(still_pairs(video, truth.at_rest, distance), stills_each):
                    distances.append(pair.distance)
                    estimate = _estimated_flow(faces, pair, ESTIMATED, alignment.SIZE) if ESTIMATED in methods else None
                    _add_motion(measures, "still", pair, truth, estimate)
        advance(1)
    return _summarised(dataset, seed, subjects, measures, methods, tuple(distances), distance)


def _typical_distance(rows: Sequence[Mapping[str, Any]]) -> int:
    """Median number of frames from onset to apex of the micro-expressions; 0 if there is none."""
    distances = [r["apex"] - r["onset"] for r in rows if r["type"] == "micro" and r["excluded"] is None]
    return int(np.median(distances)) if distances else 0


def _add_landmarks(
    measures: _Measures, subject: str, chosen: Sequence[tuple[LandmarkedVideo, range]], truths: Mapping[str, TrueMotion]
) -> None:
    """Changes of the landmarks' errors, and the eyes' errors, in runs of frames of one subject."""
    eyes = []
    for video, positions in chosen:
        previous: tuple[int, np.ndarray] | None = None
        for at in positions:
            frame, matrix = int(video.frames[at]), video.matrices[at]
            true = truths[video.name].landmarks(frame)
            error = (video.landmarks[at] - true)[alignment.STABLE] @ matrix[:, :2].T
            if previous is not None and previous[0] == frame - 1:
                measures["jitter"].add(subject, np.mean((error - previous[1]) ** 2))
            previous = frame, error
            centres = np.array([true[list(corners)].mean(0) for corners in _EYES])
            eyes.append(alignment.apply(matrix, centres) - alignment.apply(alignment.alignment_matrix(true), centres))
    if eyes:
        offset = np.mean(eyes, axis=0)
        measures["eye_offset"].add(subject, np.hypot(*offset.T).mean())
        measures["eye_error"].add(subject, np.hypot(*np.moveaxis(eyes - offset, -1, 0)).mean(1))


def _add_expression(
    measures: _Measures, faces: SubjectFaces, pair: Pair, truth: TrueMotion, methods: Sequence[str]
) -> None:
    """Errors of the flow from onset to apex, and the motion there is, if it is a micro-expression's alone."""
    subject, video = faces.subject, pair.video
    estimates: dict[tuple[int, str], np.ndarray] = {}
    for size in SIZES:
        true, area = _true_flow(pair, truth, size)
        moving = area & (np.hypot(*true) > LEAST_MOTION)
        for method in (ZERO, *methods):
            estimate = np.zeros_like(true) if method == ZERO else _estimated_flow(faces, pair, method, size)
            estimates[size, method] = estimate
            measures[size, method, "end_point_error"].add(subject, end_point_error(estimate, true)[area].mean())
            measures[size, method, "space_time_angle"].add(subject, space_time_angle(estimate, true)[area].mean())
            if method != ZERO and moving.any():
                measures[size, method, "direction_error"].add(subject, direction_error(estimate, true)[moving].mean())
    if pair.type == "micro" and not any(truth.blinks(int(video.frames[at])) for at in (pair.first, pair.second)):
        _add_motion(measures, "micro", pair, truth, estimates.get((alignment.SIZE, ESTIMATED)))


def _add_motion(measures: _Measures, kind: str, pair: Pair, truth: TrueMotion, estimate: np.ndarray | None) -> None:
    """The motion over the face, in each of the ways of `MOTIONS`; `kind` is one of `KINDS`, `estimate` a flow."""
    video, subject = pair.video, pair.video.subject
    true, area = _true_flow(pair, truth, alignment.SIZE)
    lengths = np.hypot(*true)[area]
    measures[kind, "mean"].add(subject, lengths.mean())
    measures[kind, "p95"].add(subject, np.percentile(lengths, 95))
    numbers = [int(video.frames[at]) for at in (pair.first, pair.second)]
    ideal = [alignment.alignment_matrix(truth.landmarks(frame)) for frame in numbers]
    for way, matrices in (("unaligned", [video.matrices[pair.first]] * 2), ("true_landmarks", ideal)):
        other = aligned_flow(truth, *zip(numbers, matrices, strict=True), alignment.SIZE)
        measures[kind, way].add(subject, np.hypot(*other)[area].mean())
    if estimate is not None:
        measures[kind, "estimated"].add(subject, np.hypot(*estimate)[area].mean())


def _true_flow(pair: Pair, truth: TrueMotion, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The true flow of a pair, float64 (2, size, size), and the area of the face, bool (size, size)."""
    video = pair.video
    first, second = ((int(video.frames[at]), video.matrices[at]) for at in (pair.first, pair.second))
    area = face_area(alignment.apply(first[1], truth.landmarks(first[0])), size)
    return aligned_flow(truth, first, second, size), area


def _estimated_flow(faces: SubjectFaces, pair: Pair, method: str, size: int) -> np.ndarray:
    """The flow of a pair as a method finds it, float32 (2, size, size)."""
    frames = [int(pair.video.frames[at]) for at in (pair.first, pair.second)]
    ends = scaled(faces.faces[pair.video.name, frames], size)
    return flow.compute(method, ends[:1], ends[1:])[0]


def _summarised(
    dataset: str,
    seed: int,
    subjects: Sequence[SubjectFaces],
    measures: _Measures,
    methods: Sequence[str],
    distances: tuple[int, ...],
    typical: int,
) -> Quality:
    """The means and ratios of what was measured."""

    def seed_for(*key: object) -> int:
        return seed_of(seed, "quality", dataset, *key)

    aligned = {
        "jitter": measures["jitter"].root_mean(seed_for("jitter")),
        "eye_error": measures["eye_error"].mean(seed_for("eye_error")),
        "eye_offset": measures["eye_offset"].mean(seed_for("eye_offset")),
    }
    for state in STATES:
        for faces in subjects:
            count, all_states = faces.states[state], faces.states.total()
            measures[state].add(faces.subject, np.repeat([1.0, 0.0], (count, all_states - count)))
        aligned[state] = measures[state].mean(seed_for(state))
    motion = {}
    for way in MOTIONS if ESTIMATED in methods else MOTIONS[:-1]:
        still, micro = (measures[kind, way] for kind in KINDS)
        motion["still", way] = still.mean(seed_for("still", way))
        motion["micro", way] = micro.mean(seed_for("micro", way))
        motion["ratio", way] = ratio_of_means(still, micro, seed_for("ratio", way))
    errors = {
        (size, method, metric): measures[size, method, metric].mean(seed_for(size, method, metric))
        for size in SIZES
        for method in (ZERO, *methods)
        for metric in METRICS
    }
    return Quality(dataset, aligned, motion, errors, distances, typical)
