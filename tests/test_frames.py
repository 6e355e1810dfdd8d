"""Raw frames: their order, and what is and is not accepted as a picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from mexflow.errors import UserError
from mexflow.preprocess.frames import DamagedFrame, frame_files, hash_frame, read_frame


def save(path: Path, image: np.ndarray) -> Path:
    """Write a picture in the format of the name; colour in RGB."""
    done, data = cv2.imencode(path.suffix, image[..., ::-1] if image.ndim == 3 else image)
    assert done
    path.write_bytes(data.tobytes())
    return path


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def picture(*shape: int) -> np.ndarray:
    return cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, shape, np.uint8), (0, 0), 2)


def test_frames_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "img100.jpg", "img9.jpg", "img10.jpg", "img99.jpg", "img101.jpg")
    files = frame_files(tmp_path)
    assert [number for number, _ in files] == [9, 10, 99, 100, 101]
    assert [path.name for _, path in files] == ["img9.jpg", "img10.jpg", "img99.jpg", "img100.jpg", "img101.jpg"]


def test_the_last_number_of_a_name_counts_padded_or_not(tmp_path: Path) -> None:
    touch(tmp_path, "006_0997.jpg", "006_1000.JPG", "006_00998.png", "006_999.jpeg", "1001.bmp")
    assert [number for number, _ in frame_files(tmp_path)] == [997, 998, 999, 1000, 1001]


def test_other_files_are_no_frames(tmp_path: Path) -> None:
    touch(tmp_path, "img1.jpg", "Thumbs.db", ".img2.jpg", "img3.txt", "cover.jpg", "img4.jpg.part")
    assert [path.name for _, path in frame_files(tmp_path)] == ["img1.jpg"]


@pytest.mark.parametrize("other", ["img009.jpg", "reg9.jpg", "img9.png"])
def test_two_files_of_one_number_are_an_error(tmp_path: Path, other: str) -> None:
    with pytest.raises(UserError) as error:
        frame_files(touch(tmp_path, "img9.jpg", "img10.jpg", other))
    text = str(error.value)
    assert "img9.jpg" in text and other in text and "both frame 9" in text and "\n" not in text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be listed"):
        frame_files(tmp_path / "sub99")


@pytest.mark.parametrize("extension", ["png", "bmp", "jpg"])
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)], ids=["grey", "colour"])
def test_a_good_frame_with_its_hash(tmp_path: Path, extension: str, shape: tuple[int, ...]) -> None:
    image = picture(*shape)
    path = save(tmp_path / f"img1.{extension}", image)
    frame = read_frame(path)
    assert frame.image.shape == shape and frame.image.dtype == np.uint8
    if extension == "jpg":
        assert np.abs(frame.image.astype(int) - image).mean() < 4
    else:
        assert (frame.image == image).all()
    assert frame.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert frame.size == path.stat().st_size


@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_colour_is_rgb(tmp_path: Path, extension: str) -> None:
    image = np.empty((32, 32, 3), np.uint8)
    image[:] = (200, 90, 20)
    found = read_frame(save(tmp_path / f"img1.{extension}", image)).image
    assert np.abs(found.reshape(-1, 3).mean(0) - (200, 90, 20)).max() < 3


def test_transparency_is_dropped(tmp_path: Path) -> None:
    image = np.dstack([picture(20, 30, 3), np.full((20, 30), 7, np.uint8)])
    path = tmp_path / "img1.png"
    path.write_bytes(cv2.imencode(".png", image[..., [2, 1, 0, 3]])[1].tobytes())
    assert (read_frame(path).image == image[..., :3]).all()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("extension", ["jpg", "png", "bmp"])
def test_a_truncated_frame_is_damaged(tmp_path: Path, extension: str, share: float) -> None:
    path = save(tmp_path / f"img1.{extension}", picture(120, 160, 3))
    data = path.read_bytes()
    path.write_bytes(data[: max(3, int(share * len(data)) - 2)])
    with pytest.raises(DamagedFrame, match="img1"):
        read_frame(path)


def test_a_truncated_jpeg_is_called_so(tmp_path: Path) -> None:
    path = save(tmp_path / "img1.jpg", picture(120, 160))
    path.write_bytes(path.read_bytes()[:-400])
    # The whole text: the folder of a test bears the test's name.
    with pytest.raises(DamagedFrame, match=r"img1\.jpg: the JPEG is truncated"):
        read_frame(path)


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    path = save(tmp_path / "img1.jpg", picture(120, 160))
    path.write_bytes(path.read_bytes() + bytes(300))
    assert read_frame(path).image.shape == (120, 160)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"frame 1 of 200\n", "not an image"), (b"\xff\xd8\xff\xd9", "not an image")],
    ids=["empty", "text", "markers only"],
)
def test_a_file_that_is_no_picture(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "img1.jpg"
    path.write_bytes(content)
    with pytest.raises(DamagedFrame, match=f"img1.jpg: .*{reason}"):
        read_frame(path)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "img1.png", picture(20, 30).astype(np.uint16) * 257)
    with pytest.raises(DamagedFrame, match="uint16 pixels, 8-bit"):
        read_frame(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DamagedFrame, match="img1.jpg: cannot be read"):
        read_frame(tmp_path / "img1.jpg")
    (tmp_path / "img2.jpg").mkdir()
    with pytest.raises(DamagedFrame, match="img2.jpg: cannot be read"):
        read_frame(tmp_path / "img2.jpg")


def test_a_hash_without_decoding_is_the_same(tmp_path: Path) -> None:
    path = save(tmp_path / "img1.JPG", picture(20, 30, 3))
    frame = read_frame(path)
    assert hash_frame(path) == (frame.sha256, frame.size)
    path.write_bytes(b"no picture")  # not decoded, so not found out
    assert hash_frame(path) == (hashlib.sha256(b"no picture").hexdigest(), 10)
    path.write_bytes(b"")
    for bad, reason in ((path, "the file is empty"), (tmp_path / "img2.jpg", "cannot be read")):
        with pytest.raises(DamagedFrame, match=f"{bad.name}: {reason}"):
            hash_frame(bad)
