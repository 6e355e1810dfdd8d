"""Raw frames: their order, and what is and is not accepted as a picture."""

from __future__ import annotations

import hashlib
import itertools
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

import picture_files
from dataset_files import ANY_FRAME
from mexflow.errors import UserError
from mexflow.preprocess.frames import (
    DamagedFrame,
    check_shape,
    common_shape,
    frame_files,
    read_frame,
)
from mexflow.preprocess.headers import read_header


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
    files = frame_files(tmp_path, ANY_FRAME)
    assert [number for number, _ in files] == [9, 10, 99, 100, 101]
    assert [path.name for _, path in files] == ["img9.jpg", "img10.jpg", "img99.jpg", "img100.jpg", "img101.jpg"]


def test_the_last_number_of_a_name_counts_padded_or_not(tmp_path: Path) -> None:
    touch(tmp_path, "006_0997.jpg", "006_1000.JPG", "006_00998.png", "006_999.jpeg", "1001.bmp")
    assert [number for number, _ in frame_files(tmp_path, ANY_FRAME)] == [997, 998, 999, 1000, 1001]


def test_other_files_are_no_frames(tmp_path: Path) -> None:
    touch(tmp_path, "img1.jpg", "Thumbs.db", "._img2.jpg", "img3.txt", "cover.jpg", "img4.jpg.part")
    assert [path.name for _, path in frame_files(tmp_path, ANY_FRAME)] == ["img1.jpg"]


@pytest.mark.parametrize("other", ["img009.jpg", "reg9.jpg", "img9.png"])
def test_two_files_of_one_number_are_an_error(tmp_path: Path, other: str) -> None:
    with pytest.raises(UserError) as error:
        frame_files(touch(tmp_path, "img9.jpg", "img10.jpg", other), ANY_FRAME)
    text = str(error.value)
    assert "img9.jpg" in text and other in text and "are the same frame" in text and "\n" not in text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="sub99: cannot be read"):
        frame_files(tmp_path / "sub99", ANY_FRAME)


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


@pytest.mark.parametrize("after", [bytes(300), bytes(5000), b"\xff\xff\xff", b"\r\n", b"\xff\xd8\xff\xda 1"], ids=repr)
@pytest.mark.parametrize("extension", ["jpg", "png", "bmp"])
def test_bytes_after_the_end_of_a_picture_do_no_harm(tmp_path: Path, extension: str, after: bytes) -> None:
    path = save(tmp_path / f"img1.{extension}", picture(120, 160))
    wanted = read_frame(path).image
    path.write_bytes(path.read_bytes() + after)
    assert (read_frame(path).image == wanted).all()


def opencvs(data: bytes, flag: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    """What OpenCV makes of a file, in RGB."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


SAMPLING = {"4:4:4": 0x111111, "4:2:2": 0x211111, "4:2:0": 0x221111, "4:4:0": 0x121111, "4:1:1": 0x411111}


@pytest.mark.parametrize("size", [(40, 64), (41, 63), (7, 90), (1, 1), (17, 16)], ids=str)
def test_a_jpeg_is_decoded_as_opencv_does(tmp_path: Path, size: tuple[int, int]) -> None:
    """To the bit, in grey and colour, however it is coded."""
    path = tmp_path / "img1.jpg"
    images = [picture(*size), picture(*size, 3), np.zeros(size, np.uint8), np.full((*size, 3), 99, np.uint8)]
    for image, progressive, optimise, restart in itertools.product(images, (0, 1), (0, 1), (0, 2)):
        for sampling, quality in [(name, 75) for name in SAMPLING] + [("4:2:0", 10), ("4:4:4", 100)]:
            options = [
                cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_OPTIMIZE, optimise,
                cv2.IMWRITE_JPEG_RST_INTERVAL, restart, cv2.IMWRITE_JPEG_QUALITY, quality,
                cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLING[sampling],
            ]  # fmt: skip
            data = cv2.imencode(".jpg", image, options)[1].tobytes()
            path.write_bytes(data)
            frame = read_frame(path)
            assert frame.image.flags.c_contiguous and (frame.image == opencvs(data)).all()
            assert read_header(data).shape == frame.image.shape


def damaged(path: Path) -> bool:
    try:
        read_frame(path)
    except DamagedFrame as error:
        assert str(error).startswith(f"{path}: the JPEG is ") and "\n" not in str(error)
        return True
    return False


def detail(*shape: int) -> np.ndarray:
    """A picture as a camera takes it: things with edges, and noise."""
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.normal(128, 900, shape), (0, 0), 12) + rng.normal(0, 3, shape)
    return image.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("optimise", [0, 1], ids=["standard tables", "own tables"])
@pytest.mark.parametrize("shape", [(240, 320), (240, 320, 3)], ids=["grey", "colour"])
def test_zeros_in_a_jpeg_are_found_however_few(tmp_path: Path, shape: tuple[int, ...], optimise: int) -> None:
    path = tmp_path / "img1.jpg"
    data = cv2.imencode(".jpg", detail(*shape), [cv2.IMWRITE_JPEG_OPTIMIZE, optimise])[1].tobytes()
    for size in (16, 64, 512, 4096):
        for share in np.linspace(0, 1, 12):
            path.write_bytes(picture_files.with_hole(data, size, share))
            assert damaged(path), (size, share)


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("shape", [(240, 320), (240, 320, 3)], ids=["grey", "colour"])
def test_other_damages_are_found_where_they_are_more_than_a_few_bytes(
    tmp_path: Path, shape: tuple[int, ...], progressive: int
) -> None:
    """The end marker is there; OpenCV decodes nearly all of them."""
    path, rng = tmp_path / "img1.jpg", np.random.default_rng(2)
    data = cv2.imencode(".jpg", detail(*shape), [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    first, size, found = read_header(data).pixels_at, 512, []
    for start in rng.integers(first, len(data) - 2 - size, 30):
        before, torn, after = data[:start], data[start : start + size], data[start + size :]
        for other in (bytes(255 - byte for byte in torn), rng.bytes(size), b"\xff" * size, b"", bytes(4096)):
            path.write_bytes(before + other + after)
            found.append(damaged(path))
    assert np.mean(found) > 0.9


def test_a_flat_picture_is_whole_though_its_data_are_zeros(tmp_path: Path) -> None:
    """With tables of its own, as a black frame at the start of a video may be saved."""
    path = tmp_path / "img1.jpg"
    for image in (np.zeros((240, 320), np.uint8), np.full((240, 320, 3), 128, np.uint8)):
        for options in ([], [cv2.IMWRITE_JPEG_OPTIMIZE, 1], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]):
            data = cv2.imencode(".jpg", image, options)[1].tobytes()
            assert (bytes(100) in data[read_header(data).pixels_at :]) == bool(options)
            path.write_bytes(data)
            assert (read_frame(path).image == opencvs(data)).all()
    # Zeros before the pixels are none of theirs.
    data = cv2.imencode(".jpg", picture(40, 60))[1].tobytes()
    path.write_bytes(data[:2] + b"\xff\xe2" + struct.pack(">H", 9002) + bytes(9000) + data[2:])
    assert (read_frame(path).image == opencvs(data)).all()


def test_a_thumbnail_within_does_not_hide_a_truncation(tmp_path: Path) -> None:
    small, data = (cv2.imencode(".jpg", picture(*size))[1].tobytes() for size in ((20, 30), (120, 160)))
    whole = data[:2] + b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small + data[2:]
    path = tmp_path / "img1.jpg"
    path.write_bytes(whole)
    assert (read_frame(path).image == opencvs(data)).all()
    for kept in (len(whole) - 2, len(small) + 700, len(small) + 20, 30):
        path.write_bytes(whole[:kept])
        with pytest.raises(DamagedFrame, match=r"img1\.jpg: the JPEG is truncated"):
            read_frame(path)


def test_a_png_is_checked_by_its_checksums(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path / "img1.png", picture(60, 80, 3))
    data = path.read_bytes()
    middle = len(data) // 2
    spoilt = {
        "checksum of IDAT": [data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :],
                             picture_files.with_hole(data, 64)],
        "checksum of IHDR": [data[:20] + b"\x07" + data[21:]],
        "truncated": [data[:-12], data[:-1], data[:middle], data[:-12] + bytes(500), data[:30]],
        "cannot be decoded": [
            data[:33] + picture_files.chunk(b"IDAT", zlib.compress(bytes(99))) + picture_files.chunk(b"IEND", b"")
        ],
    }  # fmt: skip
    for reason, files in spoilt.items():
        for content in files:
            path.write_bytes(content)
            with pytest.raises(DamagedFrame, match=rf"img1\.png: the PNG .*{reason}"):
                read_frame(path)
    # What is said beside the picture may be spoilt.
    comment = picture_files.chunk(b"tEXt", b"Comment\0taken on a Monday")
    path.write_bytes(data[:33] + comment[:-1] + b"!" + data[33:])
    assert (read_frame(path).image == picture(60, 80, 3)).all()


def test_a_bmp_holds_all_its_pixels(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for image in (picture(30, 41), picture(30, 41, 3)):
        path = save(tmp_path / "img1.bmp", image)
        data = path.read_bytes()
        for kept in (len(data) - 1, len(data) // 2, 54, 40, 20, 3):
            path.write_bytes(data[:kept])
            with pytest.raises(DamagedFrame, match=r"img1\.bmp: the BMP is truncated"):
                read_frame(path)
        upside_down = bytearray(data)
        struct.pack_into("<i", upside_down, 22, -30)
        path.write_bytes(upside_down)
        assert (read_frame(path).image == image[::-1]).all()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *(("bmp", mode) for mode in ("1", "L", "P", "RGB", "RGBA")),
        *(("jpeg", mode) for mode in ("L", "RGB")),
    ],
)
def test_the_header_knows_the_shape(tmp_path: Path, kind: str, mode: str) -> None:
    """And the content the kind: all of them are named .jpg."""
    path = tmp_path / "img1.jpg"
    PIL.Image.fromarray(picture(20, 30, 3)).convert(mode).save(path, kind)
    assert (
        read_frame(path).image.shape
        == read_header(path.read_bytes()).shape
        == ((20, 30) if mode in "1L" else (20, 30, 3))
    )


# Which side is up


@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["jpg", "png"])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)], ids=["grey", "colour"])
def test_orientation_is_obeyed(
    tmp_path: Path, shape: tuple[int, ...], extension: str, orientation: int, order: str
) -> None:
    path = save(tmp_path / f"img1.{extension}", picture(*shape))
    stored = read_frame(path).image
    data = picture_files.with_orientation(path.read_bytes(), orientation, order)
    path.write_bytes(data)
    frame = read_frame(path)
    # OpenCV turns a picture where it is asked for grey or for colour.
    wanted = opencvs(data, cv2.IMREAD_GRAYSCALE if len(shape) == 2 else cv2.IMREAD_COLOR)
    assert frame.orientation == orientation and (frame.image == wanted).all() and frame.image.flags.c_contiguous
    assert frame.image.shape[:2] == ((30, 20) if orientation > 4 else (20, 30))
    assert (frame.image.shape == stored.shape and (frame.image == stored).all()) == (orientation == 1)
    assert read_header(data).shape == frame.image.shape
    assert (frame.size, frame.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_there_is_not_is_upright(tmp_path: Path, orientation: int) -> None:
    path = save(tmp_path / "img1.jpg", picture(20, 30))
    whole = picture_files.with_orientation(path.read_bytes(), orientation)
    for data in (whole, whole.replace(b"II*\0", b"no!\0"), whole.replace(b"*\0\x08\0", b"*\0\xff\xff")):
        path.write_bytes(data)
        assert read_frame(path).orientation == 1 and read_frame(path).image.shape == (20, 30)


# What the frames of a clip have in common


def clip(folder: Path, shapes: list[tuple[int, ...]]) -> list[Path]:
    return [save(folder / f"img{number}.png", np.zeros(shape, np.uint8)) for number, shape in enumerate(shapes)]


@pytest.mark.parametrize("odd", [0, 1, 5, 19])
def test_the_common_shape_is_that_of_most_frames(tmp_path: Path, odd: int) -> None:
    shapes: list[tuple[int, ...]] = [(6, 8)] * 20
    shapes[odd] = (6, 8, 3)
    assert common_shape(clip(tmp_path, shapes)) == (6, 8)


def test_the_common_shape_is_counted_where_frames_differ(tmp_path: Path) -> None:
    """Of the few that are looked at first most are large, of all most are small."""
    shapes = [(6, 8) if i % 5 or i == 20 else (12, 16) for i in range(41)]
    files = clip(tmp_path, shapes)
    assert common_shape(files) == (6, 8)
    assert common_shape(files[:1]) == (12, 16) and common_shape(files[:0]) is None
    files[1].unlink()
    files[2].write_bytes(b"no picture")
    assert common_shape(files) == (6, 8) and common_shape(files[1:3]) is None


def test_a_header_longer_than_what_is_read_of_a_file_first(tmp_path: Path) -> None:
    path = save(tmp_path / "img1.jpg", picture(20, 30))
    data = path.read_bytes()
    path.write_bytes(data[:2] + 3 * (b"\xff\xe2" + struct.pack(">H", 60000) + bytes(59998)) + data[2:])
    assert common_shape([path]) == (20, 30) == read_frame(path).image.shape


def test_a_frame_of_another_shape_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "img1.jpg"
    check_shape(path, (6, 8), (6, 8))
    with pytest.raises(DamagedFrame, match=r"img1.jpg: 9x6 grey, where the frames of its clip are 8x6 colour"):
        check_shape(path, (6, 9), (6, 8, 3))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (bytes(4096), "not an image"),
        (b"frame 1 of 200\n", "not an image"),
        (b"<!DOCTYPE html><title>404</title>", "not an image"),
        (b"GIF89a" + bytes(20), "not an image"),
        (b"\xff\xd8\xff\xd9", "not an image"),
        (b"\xff\xd8", "truncated"),
        (b"\xff\xd8\xff\xe0\0\0\0\0", "damaged"),
        (b"BM" + bytes(100), "not an image"),
        (b"BM to you", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
    ],
    ids=[
        "empty",
        "zeros",
        "text",
        "a page",
        "another kind",
        "markers only",
        "start",
        "no length",
        "BM",
        "BM text",
        "PNG",
    ],
)
def test_a_file_that_is_no_picture(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "img1.jpg"
    path.write_bytes(content)
    with pytest.raises(DamagedFrame, match=rf"img1\.jpg: .*{reason}"):
        read_frame(path)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "img1.png", picture(20, 30).astype(np.uint16) * 257)
    with pytest.raises(DamagedFrame, match="16-bit pixels, 8-bit"):
        read_frame(path)


def test_colours_of_printers_are_refused(tmp_path: Path) -> None:
    PIL.Image.fromarray(picture(20, 30, 3)).convert("CMYK").save(tmp_path / "img1.jpg")
    with pytest.raises(DamagedFrame, match=r"4 channels \(CMYK\?\), grey or RGB is expected"):
        read_frame(tmp_path / "img1.jpg")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DamagedFrame, match="img1.jpg: cannot be read"):
        read_frame(tmp_path / "img1.jpg")
    (tmp_path / "img2.jpg").mkdir()
    with pytest.raises(DamagedFrame, match="img2.jpg: cannot be read"):
        read_frame(tmp_path / "img2.jpg")


@pytest.mark.parametrize("count", [1, 4, 600])
def test_zeros_before_the_end_marker_of_a_whole_picture(tmp_path: Path, count: int) -> None:
    path = save(tmp_path / "img1.jpg", picture(64, 64, 3))
    data, wanted = path.read_bytes(), read_frame(path).image
    path.write_bytes(data[:-2] + bytes(count) + data[-2:])
    assert (read_frame(path).image == wanted).all()
    path.write_bytes(data[: len(data) - 60] + bytes(58) + data[-2:])
    with pytest.raises(DamagedFrame):
        read_frame(path)
