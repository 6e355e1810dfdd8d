"""Stretches of a video of which nothing can be said: no face, holes, cuts, and what none of these leaves measured."""

from __future__ import annotations

import numpy as np

from mexflow.analysis.unseen import Stretch, stretches
from mexflow.preprocess.aligned import VideoFaces

FPS, LENGTH = 100.0, 100


def told(states: dict[range, str] | None = None, seconds=None, cuts=(), **scores: np.ndarray) -> list[Stretch]:
    every = np.array(["tracked"] * LENGTH, object)
    for where, state in (states or {}).items():
        every[where.start : where.stop] = state
    faces = VideoFaces(("video", "face", "video"), np.arange(LENGTH), np.arange(LENGTH), every)
    seconds = np.arange(LENGTH) / FPS if seconds is None else seconds
    return stretches(seconds, FPS, faces, cuts, np.arange(LENGTH), scores)


def lost(*where: range) -> np.ndarray:
    scores = np.zeros(LENGTH)
    for some in where:
        scores[some.start : some.stop] = np.nan
    return scores


def test_a_video_that_is_seen_has_none():
    assert told(micro=lost(), macro=lost()) == []


def test_where_no_face_is():
    found = told({range(20, 40): "missing", range(60, 63): "interpolated", range(80, 95): "unreadable"})
    assert found == [Stretch(20, 39, "no face was found"), Stretch(80, 94, "the frames cannot be read")]
    short = told({range(LENGTH): "missing"}, seconds=np.arange(LENGTH) / 1e5)
    assert short == [Stretch(0, LENGTH - 1, "no face was found")], "of nothing seen it is told however short it is"


def test_holes_and_cuts():
    seconds = np.arange(LENGTH) / FPS
    seconds[50:] += 0.3
    seconds[70:] += 0.05
    found = told(seconds=seconds, cuts=(30,))
    assert [(one.first, one.last) for one in found] == [(29, 30), (49, 50)]
    assert "cut" in found[0].reason and "0.31 seconds" in found[1].reason


def test_what_is_not_measured_beside_them():
    states = {range(40, 60): "missing"}
    found = told(states, micro=lost(range(38, 62)), macro=lost(range(20, 80)))
    spans = [(one.first, one.last, one.reason.partition(":")[0]) for one in found]
    assert spans == [
        (20, 39, "not measured for macro-expressions"),
        (40, 59, "no face was found"),
        (60, 79, "not measured for macro-expressions"),
    ]
    both = told(micro=lost(range(10)), macro=lost(range(10)))
    assert [one.reason.partition(":")[0] for one in both] == [
        "not measured for micro-expressions and macro-expressions"
    ]
