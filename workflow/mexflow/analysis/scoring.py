"""Expressions in the faces of a video, by a network that spots: scores, thresholds, intervals, apexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.analysis.followed import Faces, normalise
from mexflow.analysis.rate import Sampling, too_slow
from mexflow.evaluation import spotted
from mexflow.evaluation.frame_skips import TYPES
from mexflow.evaluation.intervals import Interval
from mexflow.preprocess.lcn import grey
from mexflow.training.spotting.samples import Frames, Video


@dataclass(frozen=True)
class Course:
    """What a network made of a video, frame by frame as it looked at it.

    `positions` int64 (n,) are positions in the video; `scores` by type are float64 (n,), smoothed, NaN where nothing
    was measured; `intervals` by type are positions in these arrays, both ends included.
    """

    positions: np.ndarray
    scores: Mapping[str, np.ndarray]
    intervals: Mapping[str, list[Interval]]
    thresholds: Mapping[str, float]
    not_spotted: Mapping[str, str]


def spot(
    card: Mapping[str, Any],
    network: Any,
    faces: Faces,
    numbers: np.ndarray,
    fps: float,
    sampling: Sampling,
    folder: Path,
) -> Course:
    """Score every frame and cut intervals, as the tables of the workflow have them of test videos.

    Args:
        card: the network's.
        network: with ``score_video``, in evaluation mode.
        faces: of the video.
        numbers: int64 (frames,), their numbers; no interval goes on across a gap in them.
        fps: the video's.
        sampling: how the network looks at it.
        folder: where LCN frames go.
    """
    recipe, settings = card["recipe"], card["spotting"]
    slow = too_slow(fps, min(card["fps"]))
    wanted = [name for name in TYPES if not (name == "micro" and slow)]
    skips = tuple(sampling.frames(skip) if skip else 0 for skip in settings["skips"])
    k = {name: sampling.frames(value) for name, value in settings["k"].items()}
    order, least = settings["order"], sampling.frames(settings["least"], least=2)
    sigma = recipe["sigma"]
    images = faces.table.images
    contrast = faces.table.beside(normalise(faces, sigma, folder)) if sigma is not None else images
    known = faces.video.seen[sampling.positions] & sampling.near
    scores = np.full((len(sampling.positions), len(TYPES)), np.nan, np.float32)
    names = _numbered(numbers, sampling, faces.cuts)
    for start, end in _shots(sampling.positions, faces.cuts):
        if not known[start:end].any():
            continue
        positions = np.arange(start, end)
        held = _held(positions, known)
        video = Video(
            "", "", "", names[start:end], sampling.positions[held], known[start:end],
            np.zeros((end - start, len(TYPES)), bool), images, contrast,
        )  # fmt: skip
        logits = network.score_video(Frames(video, sigma is not None), skips, placement=recipe["placement"])
        values = logits.sigmoid().cpu().numpy()
        values[~video.measured(skips, recipe["placement"])] = np.nan
        scores[start:end] = values
    courses, found, thresholds = {}, {}, {}
    not_spotted = {"micro": slow} if slow else {}
    for i, name in enumerate(TYPES):
        if name not in wanted:
            continue
        if np.isnan(scores[:, i]).all():
            not_spotted[name] = "nothing could be measured, for a face was never seen for long enough"
            continue
        smooth = spotted.processed(scores[:, i], k[name], order)
        chosen = settings["thresholds"][name]
        thresholds[name] = np.inf if chosen is None else chosen
        scored = spotted.Scored(("", "", ""), "test", names, smooth, scores[:, i], np.zeros(len(names), bool))
        courses[name] = smooth
        found[name] = [
            Interval(*np.searchsorted(names, one).tolist())
            for one in spotted.predicted_intervals(scored, thresholds[name], least)
        ]
    return Course(sampling.positions, courses, found, thresholds, not_spotted)


def _shots(positions: np.ndarray, cuts: tuple[int, ...]) -> list[tuple[int, int]]:
    """Where no other shot begins: first and one past the last, of the frames in the order of a network."""
    ends = [int(np.searchsorted(positions, cut)) for cut in cuts]
    edges = sorted({0, *ends, len(positions)})
    return list(zip(edges[:-1], edges[1:], strict=True))


def _numbered(numbers: np.ndarray, sampling: Sampling, cuts: tuple[int, ...]) -> np.ndarray:
    """Numbers of the frames in the order of a network: they follow each other where the video does, and no further.

    int64 (n,). A gap of the video's own numbers is one here; so is a cut.
    """
    constant = len(sampling.positions) == len(numbers) and bool((np.diff(sampling.positions) == 1).all())
    names = numbers.astype(np.int64) if constant else np.arange(len(sampling.positions), dtype=np.int64)
    later = np.zeros(len(names), np.int64)
    for start, _ in _shots(sampling.positions, cuts)[1:]:
        later[start:] += 1
    return names + later


def _held(positions: np.ndarray, known: np.ndarray) -> np.ndarray:
    """For each of these positions itself, or where it is not known the last before it that is, else the first."""
    inside = known[positions]
    last = np.maximum.accumulate(np.where(inside, np.arange(len(positions)), -1))
    return positions[np.where(last < 0, inside.argmax(), last)]


def apex_by_score(course: Course, kind: str, interval: Interval) -> int:
    """Where in an interval the score is largest, the first such position."""
    scores = course.scores[kind][interval.first : interval.last + 1]
    return interval.first + int(np.nanargmax(scores))


def apex_by_motion(faces: Faces, positions: np.ndarray, interval: Interval) -> int:
    """Where in an interval the face differs most from that of its first frame: mean absolute difference of grey levels.

    Frames in which the face was not seen are passed over.
    """
    inside = np.arange(interval.first, interval.last + 1)
    inside = inside[faces.video.seen[positions[inside]]]
    if not len(inside):
        return interval.first
    images = faces.table.images
    first = grey(images[[int(positions[inside[0]])]])[0]
    differences = [
        float(np.abs(frame - first).mean())
        for start in range(0, len(inside), 64)
        for frame in grey(images[positions[inside[start : start + 64]].tolist()])
    ]
    return int(inside[int(np.argmax(differences))])
