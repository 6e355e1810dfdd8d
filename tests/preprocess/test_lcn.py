"""LCN: eq. 1 written out, one code for two libraries, and what it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import embedded_files
from mexflow.preprocess.lcn import FLOOR, blur_matrix, grey, lcn


def gaussian(sigma: float) -> list[float]:
    """Weights of the Gaussian, cut off at four sigmas."""
    radius = int(4 * sigma + 0.5)
    weights = [np.exp(-0.5 * (k / sigma) ** 2) for k in range(-radius, radius + 1)]
    return [weight / sum(weights) for weight in weights]


def reflected(i: int, size: int) -> int:
    """The pixel that stands for pixel i: d c b a | a b c d | d c b a."""
    while not 0 <= i < size:
        i = -1 - i if i < 0 else 2 * size - 1 - i
    return i


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """G * f by loops."""
    weights = gaussian(sigma)
    radius = len(weights) // 2
    for axis in range(2):
        result = np.zeros_like(image)
        for i in range(image.shape[axis]):
            for k, weight in enumerate(weights):
                source = np.take(image, reflected(i + k - radius, image.shape[axis]), axis)
                if axis == 0:
                    result[i] += weight * source
                else:
                    result[:, i] += weight * source
        image = result
    return image


def literal(image: np.ndarray, sigma: float) -> np.ndarray:
    """Eq. 1 of the paper in float64."""
    f = image.astype(np.float64)
    mean = blurred(f, sigma)
    deviation = np.sqrt(blurred((f - mean) ** 2, sigma))
    c = max(deviation.mean(), FLOOR)
    return (f - mean) / np.maximum(deviation, c)


@pytest.fixture(scope="module")
def face(preprocessed: dict[str, Path]) -> np.ndarray:
    """An aligned face of the embedded CASME II, float32 (112, 112)."""
    return grey(np.load(preprocessed["casme2"] / "faces.npy")[:1])[0]


@pytest.mark.parametrize("sigma", [1.0, 2.5, 4.0])
def test_equals_the_equation_written_out(face, sigma):
    noise = np.random.default_rng(1).random((37, 23), np.float32)
    for image in (face, noise, np.full((16, 16), 0.4, np.float32)):
        assert np.abs(lcn(image[None], sigma)[0] - literal(image, sigma)).max() < 1e-4


def test_image_smaller_than_the_gaussian():
    image = np.random.default_rng(2).random((5, 3), np.float32)
    matrix = blur_matrix(5, 4.0)
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-6)
    assert np.abs(lcn(image[None])[0] - literal(image, 4.0)).max() < 1e-4


def test_torch_gives_the_same(face):
    """Equal within the rounding of float16, in which the frames are stored."""
    frames = np.stack([face, face[::-1] ** 2, face.T * 0.1])
    stored = lcn(frames).astype(np.float16).astype(np.float32)
    made = lcn(torch.from_numpy(frames)).numpy()
    spacing = np.spacing(np.abs(stored).astype(np.float16)).astype(np.float32)
    assert (np.abs(made - stored) <= spacing + 1e-5).all()
    batch = torch.from_numpy(frames)[None].expand(2, -1, -1, -1)
    np.testing.assert_allclose(lcn(batch)[1].numpy(), made, atol=1e-5)


def test_a_batch_is_its_frames_one_by_one_bit_for_bit(face):
    frames = np.stack([face, face[::-1] ** 2, face.T * 0.1])
    copy, together = frames.copy(), lcn(frames)
    assert all((together[i] == lcn(frames[i])).all() for i in range(3))
    assert (frames == copy).all() and lcn(frames[:0]).shape == (0, *face.shape)


def test_gradients_pass_through():
    frames = torch.rand(2, 20, 20, requires_grad=True)
    lcn(frames, 2.0).square().sum().backward()
    assert torch.isfinite(frames.grad).all() and frames.grad.abs().sum() > 0


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.25, 1.5])
@pytest.mark.parametrize("change", ["brightness", "contrast"])
def test_brightness_and_contrast_hardly_matter(face, factor, change):
    """The paper's Fig. 2: LCN changes by under a tenth of its own deviation, the frame by many times that."""
    frame = 0.2 + 0.4 * (face - face.min()) / (face.max() - face.min())
    other = frame * factor if change == "brightness" else (frame - frame.mean()) * factor + frame.mean()
    assert other.min() > 0 and other.max() < 1, "no pixel saturates"
    before, after = lcn(frame[None])[0], lcn(other[None])[0]
    moved = np.abs(after - before).mean() / before.std()
    raw = np.abs(other - frame).mean() / frame.std()
    assert moved < 0.1 and raw > 5 * moved and raw > 0.1


def test_grey_of_colour_is_opencvs():
    import cv2

    faces = np.random.default_rng(3).integers(0, 256, (2, 9, 8, 3), np.uint8)
    expected = [cv2.cvtColor(face.astype(np.float32) / 255, cv2.COLOR_RGB2GRAY) for face in faces]
    np.testing.assert_allclose(grey(faces), expected, atol=1e-6)
    np.testing.assert_array_equal(grey(faces[..., :1]), faces[..., 0].astype(np.float32) * np.float32(1 / 255))


# The command


@pytest.mark.parametrize("dataset", ["casme2", "samm"])
def test_stored_frames(preprocessed, tmp_path, dataset):
    folder = preprocessed[dataset]
    done = embedded_files.call(
        "lcn",
        dataset=dataset,
        subject=embedded_files.SUBJECTS[dataset],
        faces=folder / "faces.npy",
        output=tmp_path / "lcn.npy",
    )
    assert done.returncode == 0, done.stderr
    stored, faces = np.load(tmp_path / "lcn.npy"), np.load(folder / "faces.npy")
    assert stored.shape == faces.shape[:3] and stored.dtype == np.float16
    for row in (0, len(faces) // 2, len(faces) - 1):
        assert np.abs(stored[row] - literal(grey(faces[row : row + 1])[0], 4.0)).max() < 5e-3


def test_row_without_a_face_is_zero(preprocessed, tmp_path):
    folder = preprocessed["casme2"]
    table = pq.read_table(folder / "faces.parquet")
    states = table["state"].to_pylist()
    states[3] = "missing"
    at = table.schema.get_field_index("state")
    pq.write_table(table.set_column(at, "state", [states]), tmp_path / "faces.parquet")
    (tmp_path / "faces.npy").symlink_to(folder / "faces.npy")
    done = embedded_files.call(
        "lcn",
        dataset="casme2",
        subject="05",
        faces=tmp_path / "faces.npy",
        output=tmp_path / "lcn.npy",
    )
    assert done.returncode == 0 and "1 without a face" in done.stdout
    stored = np.load(tmp_path / "lcn.npy")
    assert not stored[3].any() and stored[2].any() and stored[4].any()


def test_table_that_does_not_fit(preprocessed, tmp_path):
    folder = preprocessed["casme2"]
    pq.write_table(pq.read_table(folder / "faces.parquet").slice(1), tmp_path / "faces.parquet")
    (tmp_path / "faces.npy").symlink_to(folder / "faces.npy")
    done = embedded_files.call(
        "lcn",
        dataset="casme2",
        subject="05",
        faces=tmp_path / "faces.npy",
        output=tmp_path / "lcn.npy",
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "delete both and run again" in done.stderr
    assert not (tmp_path / "lcn.npy").exists()
