"""Alignment: the similarity transform against least squares, the mean shape, and the warp against direct averages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mexflow.preprocess import alignment

coordinates = st.floats(-1000, 1000, width=32)


def transform(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """Rotation by `angle` radians, scale and shift, float64 (2, 3)."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def least_squares(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The same transform by a general solver: x' = a x - b y + c, y' = b x + a y + d."""
    x, y = source.T
    zero, one = np.zeros(len(x)), np.ones(len(x))
    system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(system, target.T.ravel(), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


@st.composite
def point_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(2, 20))
    source = draw(arrays(np.float64, (count, 2), elements=coordinates))
    # Points all but in one place fix no transform: neither solver means anything there.
    if np.ptp(source, axis=0).max() < 1:
        source[0] += 50
    return source, draw(arrays(np.float64, (count, 2), elements=coordinates))


@settings(deadline=None)
@given(point_pairs())
def test_similarity_is_the_least_squares_solution(points: tuple[np.ndarray, np.ndarray]) -> None:
    source, target = points
    found, expected = (method(source, target) for method in (alignment.similarity, least_squares))
    # Compared where it matters, at the points: a shift far from them is ill-conditioned in the general solver.
    assert alignment.apply(found, source) == pytest.approx(alignment.apply(expected, source), abs=1e-5)
    assert found[0, 0] == found[1, 1] and found[0, 1] == -found[1, 0]


@settings(deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.05, 20), st.tuples(coordinates, coordinates))
def test_similarity_recovers_a_known_transform(angle: float, scale: float, shift: tuple[float, float]) -> None:
    source = np.random.default_rng(3).uniform(0, 640, (13, 2))
    matrix = transform(angle, scale, shift)
    assert alignment.similarity(source, alignment.apply(matrix, source)) == pytest.approx(matrix, rel=1e-9, abs=1e-8)


def test_similarity_never_mirrors() -> None:
    source = np.random.default_rng(4).normal(size=(9, 2)) * 30
    assert np.linalg.det(alignment.similarity(source, source * (-1, 1))[:, :2]) >= 0


def mean_landmarks() -> np.ndarray:
    """68 landmarks whose inner 51 are the mean shape; the jaw is nowhere near."""
    return np.concatenate([np.full((17, 2), -500.0), alignment.MEAN_INNER])


def test_the_mean_shape_is_aligned_to_itself() -> None:
    assert alignment.alignment_matrix(mean_landmarks()) == pytest.approx(transform(0, 1, (0, 0)), abs=1e-12)
    moved = transform(0.2, 3.7, (310, 120))
    matrix = alignment.alignment_matrix(alignment.apply(moved, mean_landmarks()))
    assert alignment.apply(matrix, alignment.apply(moved, alignment.MEAN_INNER)) == pytest.approx(
        alignment.MEAN_INNER, abs=1e-9
    )


def test_an_expression_does_not_move_the_face() -> None:
    landmarks = mean_landmarks()
    lively = landmarks.copy()
    others = np.setdiff1d(np.arange(68), alignment.STABLE)
    lively[others] += np.random.default_rng(5).normal(size=(len(others), 2)) * 9
    assert (alignment.alignment_matrix(lively) == alignment.alignment_matrix(landmarks)).all()


def test_the_mean_shape_is_a_face_within_the_picture() -> None:
    shape = dict(enumerate(alignment.MEAN_INNER, start=17))
    assert len(shape) == 51
    assert np.hypot(*(shape[45] - shape[36])) == pytest.approx(59, abs=0.5)
    assert alignment.MEAN_INNER.min() > 0 and alignment.MEAN_INNER.max() < alignment.SIZE
    # A wrong digit in the table would break the symmetry about the bridge of the nose.
    mirrored = {17: 26, 18: 25, 19: 24, 20: 23, 21: 22, 31: 35, 32: 34, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47,
                41: 46, 48: 54, 49: 53, 50: 52, 55: 59, 56: 58, 60: 64, 61: 63, 65: 67}  # fmt: skip
    for left, right in mirrored.items():
        middle = (shape[left] + shape[right]) / 2
        assert middle[0] == pytest.approx(shape[27][0], abs=0.02 * 80), left
        assert shape[left][1] == pytest.approx(shape[right][1], abs=0.02 * 80), left


# The warp


def blob(width: int, height: int, centre: tuple[float, float], sigma: float) -> np.ndarray:
    """A Gaussian blob, uint8 (height, width)."""
    x, y = np.arange(width), np.arange(height)[:, None]
    return np.rint(230 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * sigma**2))).astype(np.uint8)


def centroid(image: np.ndarray) -> np.ndarray:
    weights = image.astype(float)
    y, x = np.indices(image.shape)
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("scale", [0.2, 0.24, 0.256, 0.32, 0.34, 0.45, 0.499, 0.5, 0.508, 0.8, 1.0, 1.37, 2.0])
def test_a_warp_puts_a_blob_where_the_matrix_says(scale: float, colour: bool) -> None:
    rng = np.random.default_rng(round(scale * 1000))
    for angle in (0.0, 0.11, -0.2):
        # A head that drifts: the blob lands at another fraction of a pixel each time.
        centre = np.array([330.0, 245.0]) + rng.uniform(-8, 8, 2)
        aim = np.array([54.0, 58.0]) + rng.uniform(-6, 6, 2)
        linear = transform(angle, scale, (0, 0))
        matrix = np.column_stack([linear[:, :2], aim - linear[:, :2] @ centre])
        image = blob(667, 485, tuple(centre), 5 / scale)
        channels = [image, image // 2, image // 3] if colour else [image]
        aligned = alignment.warp(np.dstack(channels) if colour else image, matrix)
        assert aligned.shape == ((112, 112, 3) if colour else (112, 112)) and aligned.dtype == np.uint8
        for channel, original in zip(np.atleast_3d(aligned).transpose(2, 0, 1), channels, strict=True):
            # Halving rounds down, which moves the centroid of the raw blob by nothing but its noise.
            expected = alignment.apply(matrix, centroid(original)[None])[0]
            assert np.abs(centroid(channel) - expected).max() < 0.05
            assert np.abs(centroid(channel) - aim).max() < 0.05


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("shrink", [2, 3, 4, 5])
def test_minifying_averages_whole_blocks(shrink: int, colour: bool) -> None:
    rng = np.random.default_rng(shrink)
    image = rng.integers(0, 256, (607, 801, 3) if colour else (607, 801), np.uint8)
    matrix = transform(0.1, 1 / (shrink + 0.3), (0, 0))
    matrix[:, 2] = (56, 56) - matrix[:, :2] @ (402.4, 305.8)
    small, moved = alignment._minified(image, matrix, shrink, alignment.SIZE)
    # Which raw pixels block (0, 0) averages follows from the two transforms.
    centre = alignment.apply(cv2.invertAffineTransform(matrix), alignment.apply(moved, np.zeros((1, 2))))[0]
    left, top = centre - (shrink - 1) / 2
    assert left == pytest.approx(round(left)) and top == pytest.approx(round(top))
    left, top = round(left), round(top)
    assert left % shrink == 0 and top % shrink == 0
    expected = np.empty(small.shape)
    for row in range(small.shape[0]):
        for column in range(small.shape[1]):
            y, x = top + shrink * row, left + shrink * column
            expected[row, column] = image[y : y + shrink, x : x + shrink].mean((0, 1))
    assert np.abs(small - expected).max() <= 0.51
    # The scales multiply up, and every part of the aligned picture that the frame shows is kept.
    assert moved[:, :2] == pytest.approx(matrix[:, :2] * shrink)
    kept = alignment.apply(cv2.invertAffineTransform(moved), np.array([(0, 0), (111, 0), (0, 111), (111, 111)], float))
    raw = alignment.apply(cv2.invertAffineTransform(matrix), np.array([(0, 0), (111, 0), (0, 111), (111, 111)], float))
    inside = ((raw > shrink) & (raw < np.array([801, 607]) - 2 * shrink)).all(1)
    assert (kept[inside] >= 0).all() and (kept[inside] <= np.array(small.shape[1::-1]) - 1).all()


def test_a_warp_does_not_alias() -> None:
    # Stripes one pixel wide, seen at a quarter: an even grey, not moiré.
    image = np.zeros((600, 800), np.uint8)
    image[:, ::2] = 200
    aligned = alignment.warp(image, transform(0.05, 0.25, (-30, -10)))
    assert np.ptp(aligned) <= 2 and aligned.mean() == pytest.approx(100, abs=1)


@pytest.mark.parametrize("shift", [(-400.0, 20.0), (400.0, -300.0), (0.0, 5000.0)])
def test_a_face_beyond_the_frame_gives_a_picture_all_the_same(shift: tuple[float, float]) -> None:
    image = np.full((300, 400, 3), 90, np.uint8)
    aligned = alignment.warp(image, transform(0, 0.25, shift))
    assert aligned.shape == (112, 112, 3) and (aligned == 90).all()
