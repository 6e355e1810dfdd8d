"""Thin-plate splines: those of SciPy, without SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from mexflow.embedded.thin_plate import ThinPlate
from project import loaded_after


@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_as_scipy_has_them(smoothing):
    from scipy.interpolate import RBFInterpolator

    rng = np.random.default_rng(3)
    points, values = rng.uniform((-40, 10), (60, 30), (50, 2)), rng.normal(size=(50, 3))
    places = np.vstack([rng.uniform((-90, -20), (90, 60), (400, 2)), points])
    ours = ThinPlate(points, values, smoothing)(places)
    theirs = RBFInterpolator(points, values, kernel="thin_plate_spline", smoothing=smoothing, degree=1)(places)
    assert ours.shape == (450, 3)
    assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert np.allclose(ours[400:], values, atol=1e-9) == (smoothing == 0)


def test_a_plane_is_kept():
    rng = np.random.default_rng(4)
    points, places = rng.uniform(-5, 5, (20, 2)), rng.uniform(-50, 50, (30, 2))
    slope = np.array([[2.0], [-0.5]])
    assert np.allclose(ThinPlate(points, points @ slope + 3, 0.7)(places), places @ slope + 3)


def test_a_face_is_painted_and_moved_without_what_takes_long_to_import():
    code = """
from mexflow import embedded
from mexflow.embedded.identity import identity
from mexflow.embedded.motion import Region, VideoMotion
plan = embedded.plan("smic", "tiny", 1)
face = identity("smic", 1, plan.subjects[0])
assert face.image.std() > 10
video = plan.of_subject(plan.subjects[0])[0]
assert VideoMotion(video, 1, Region(face)).backward(video.first_frame + 5).any()
"""
    assert loaded_after(code, ["cv2", "scipy", "skimage", "matplotlib"]) == ["cv2"]
