"""The head's motion between frames: against known motion, and against the renderer's truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.preprocess import alignment
from mexflow.preprocess.frames import read_frame
from mexflow.preprocess.head import HeadMotion, after, inverse
from mexflow.preprocess.landmarks import Tracker, grey_of


def landmarks_of_a_face(eyes: float, x: float, y: float) -> np.ndarray:
    """The mean shape with the outer eye corners so far apart, about a place; the jaw is a curve below."""
    inner = (alignment.MEAN_INNER - alignment.MEAN_INNER.mean(0)) * eyes / 59
    angle = np.linspace(0, np.pi, 17)
    jaw = np.stack([-np.cos(angle), np.sin(angle)], 1) * eyes
    return np.concatenate([jaw, inner]) + (x, y)


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    rng = np.random.default_rng(1)
    noise = cv2.GaussianBlur(rng.normal(size=(400, 500)).astype(np.float32), (0, 0), 2.5)
    return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)


def moved(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(image, matrix, image.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def similarity(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


@pytest.mark.parametrize("eyes", [60.0, 117.0, 160.0])
@pytest.mark.parametrize(
    "matrix", [similarity(0, 1, 0, 0), similarity(0, 1, 1.3, -0.4), similarity(0.004, 1.002, -0.9, 1.1)]
)
def test_known_motion(texture, eyes, matrix):
    landmarks = landmarks_of_a_face(eyes, 250, 190)
    head = HeadMotion()
    head.begin(texture, landmarks)
    found = head.step(moved(texture, matrix))
    apart = alignment.apply(found, landmarks[17:]) - alignment.apply(matrix, landmarks[17:])
    assert np.hypot(*apart.T).mean() < 0.05


def test_part_of_a_frame_is_as_good_as_all_of_it(texture):
    landmarks = landmarks_of_a_face(100, 250, 190)
    whole, part = HeadMotion(), HeadMotion()
    second = moved(texture, similarity(0.003, 1, 0.7, 0.4))
    whole.begin(texture, landmarks)
    part.begin(texture[60:330, 110:400], landmarks, 110, 60)
    np.testing.assert_array_equal(whole.step(second), part.step(second[50:340, 100:410], 100, 50))


def test_what_moves_by_itself_is_no_part_of_the_head(texture):
    """A quarter of the points moves with a wrinkled nose; the motion found is that of the others."""
    landmarks = landmarks_of_a_face(117, 250, 190)
    y, x = np.mgrid[:400, :500].astype(np.float32)
    nose = landmarks[33]
    bump = np.exp(-((x - nose[0]) ** 2 + (y - nose[1]) ** 2) / (2 * 12**2))
    second = cv2.remap(texture, x - np.float32(0.6), (y + 2 * bump).astype(np.float32), cv2.INTER_CUBIC)
    head = HeadMotion()
    head.begin(texture, landmarks)
    found = alignment.apply(head.step(second), landmarks[36:48]) - landmarks[36:48]
    np.testing.assert_allclose(found.mean(0), (0.6, 0), atol=0.1)


def test_nothing_to_follow(texture):
    landmarks = landmarks_of_a_face(117, 250, 190)
    head = HeadMotion()
    assert head.step(texture) is None, "no points were chosen"
    flat = np.full_like(texture, 90)
    head.begin(flat, landmarks)
    assert head.step(flat) is None and head.wants_points
    head.begin(texture, landmarks)
    assert head.step(np.random.default_rng(2).integers(0, 256, texture.shape, np.uint8)) is None, "another picture"
    head.begin(texture, landmarks + (240, 0))
    assert head.step(texture) is None or np.allclose(head.step(texture), similarity(0, 1, 0, 0), atol=0.01)


def test_new_points_are_wanted_after_a_long_way(texture):
    landmarks = landmarks_of_a_face(100, 250, 190)
    head, frame = HeadMotion(), texture
    head.begin(frame, landmarks)
    assert not head.wants_points
    for step in range(1, 9):
        assert head.step(moved(texture, similarity(0, 1, 2.0 * step, 0))) is not None
    assert head.wants_points


def test_transforms_follow_one_another():
    first, second = similarity(0.1, 1.1, 3, 4), similarity(-0.3, 0.9, -5, 2)
    points = np.random.default_rng(3).normal(size=(5, 2))
    both = alignment.apply(second, alignment.apply(first, points))
    np.testing.assert_allclose(alignment.apply(after(second, first), points), both)
    np.testing.assert_allclose(alignment.apply(inverse(first), alignment.apply(first, points)), points)


@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_embedded_heads_are_followed(embedded_root: dict[str, Path], dataset: str):
    """Before the onset, where the head alone moves: right to some hundredths of a pixel of the aligned face."""
    from mexflow.embedded.truth import true_landmarks

    subject = SUBJECTS[dataset]
    errors = []
    for video in [v for v in plan(dataset, SIZE, SEED).of_subject(subject) if v.expressions][:3]:
        tracker = Tracker(every=4)
        onset = min(expression.onset for expression in video.expressions)
        first = None
        for frame in range(video.first_frame, onset + 1):
            found = tracker.next(grey_of(read_frame(embedded_root[dataset] / video.file(frame)).image))
            true = true_landmarks(dataset, SIZE, SEED, subject, video.video, frame)
            first = true if first is None else first
            align = alignment.alignment_matrix(true)
            here = alignment.apply(align, alignment.apply(found.head, first[alignment.STABLE]))
            errors.append(np.hypot(*(here - alignment.apply(align, true[alignment.STABLE])).T).mean())
    assert len(errors) > 8 and np.mean(errors) < 0.05
