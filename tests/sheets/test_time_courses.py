"""Courses of long videos, below their contact sheet: of the truth, and of the change about each frame."""

from __future__ import annotations

import numpy as np
import pytest

from mexflow.sheets import time_courses
from sheet_world import FPS, FRAMES, World


def test_the_course_of_the_truth_is_the_stronger_side_in_the_order_of_frames(world):
    (files,) = world.load("truth")
    course = time_courses.of_truth(files.truth, "01_video")
    assert course.frames.tolist() == list(range(1, FRAMES + 1))
    left, right = np.linspace(0.5, 0, FRAMES)[::-1], np.linspace(0, 0.8, FRAMES)[::-1]
    assert list(course.curves) == ["AU4"], "units that do not move, and blinks that are none, are left out"
    np.testing.assert_allclose(course.curves["AU4"], [max(pair) for pair in zip(left, right, strict=True)])
    assert time_courses.of_truth(files.truth, "another") is None


@pytest.mark.parametrize("kinds", [(), ("lcn",)])
def test_the_course_of_faces_is_the_change_about_each_frame(tmp_path, kinds):
    world = World(tmp_path)
    world.add("01", [{}], states={20: "missing"})
    (files,) = world.load(*kinds)
    course = time_courses.of_faces(files, "01_video", FPS)
    stored = files.lcn if kinds else np.load(world.paths("faces")[0])
    half = 3  # a tenth of a second
    assert course.frames.tolist() == list(range(1 + half, FRAMES - half + 1))
    for frame, value in zip(course.frames, course.curves["difference"], strict=True):
        if frame - half == 20 or frame + half == 20:
            assert np.isnan(value)
        else:
            before, after = stored[frame - half - 1].astype(float), stored[frame + half - 1].astype(float)
            assert value == pytest.approx(np.mean(np.abs(after - before)), rel=1e-4)
    assert ("LCN" in course.label) == bool(kinds)
    assert time_courses.of_faces(files, "01_video", 200.0) is None, "no two faces so far apart"
