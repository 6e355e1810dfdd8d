"""Anybody's videos: what comes out of whole files of all kinds, and how they are read."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mexflow.errors import UserError
from mexflow.preprocess import capture
from mexflow.preprocess.video_files import open_video
from movie_files import DISPLAY, at_times, displayed, h264, images, pictures, write
from project import WORKFLOW

COUNT = 40


def apart(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean difference of two pictures, levels of 255."""
    assert found.shape == wanted.shape and found.dtype == np.uint8
    return float(np.abs(found.astype(int) - wanted).mean())


def grey_frames(count: int = 20) -> list[np.ndarray]:
    noise = np.random.default_rng(3).integers(0, 40, (count, 32, 48), np.uint8)
    return [frame + np.uint8(20 + 8 * i) for i, frame in enumerate(noise)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("v.mp4", "mp4v"), ("v.mov", "mp4v"), ("v.avi", "MJPG"), ("v.mkv", "MJPG"), ("v.avi", "mpg2"), ("v.ts", "mpg2"),
        ("v.webm", "VP80"), ("v.webm", "VP90"), ("v.wmv", "WMV2"), ("v.mkv", "FFV1"), ("v.avi", "PNG "),
    ],
)  # fmt: skip
def test_the_frames_of_a_file(tmp_path: Path, name: str, codec: str) -> None:
    path = write(tmp_path / name, pictures(COUNT), 25.0, codec)
    video = open_video(path)
    assert (len(video), video.shape, video.fps, video.variable) == (COUNT, (96, 128, 3), 25.0, False)
    assert video.path == path and video.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert video.numbers.tolist() == list(range(COUNT)) and video.numbers.dtype == np.int64
    assert video.seconds == pytest.approx(np.arange(COUNT) / 25) and video.seconds.dtype == np.float64
    true = list(pictures(COUNT))
    for position, frame in enumerate(video.frames()):
        distances = [apart(frame.image, other) for other in true]
        assert np.argmin(distances) == position and distances[position] < 4.5
        if codec in ("FFV1", "PNG "):
            assert (frame.image == true[position]).all()
        assert (frame.sha256, frame.size, frame.orientation) == (None, None, 1)
    # A stream of B frames in an AVI, which has times of decoding only, is the one that cannot be told as it is.
    repaired = "time stamps are missing or out of order: frames are taken to be even, 25 a second"
    assert video.remarks == ((repaired,) if (name, codec) == ("v.avi", "mpg2") else ())


@pytest.mark.parametrize("reordered", [False, True], ids=["in order", "B frames"])
@pytest.mark.parametrize("name", ["v.mp4", "v.mov"])
def test_h264(tmp_path: Path, name: str, reordered: bool) -> None:
    """Frames come in the order they are shown in, whatever the order of decoding, at their own times."""
    frames = grey_frames()
    milliseconds = [5 * i + (70 if i > 12 else 0) for i in range(len(frames))]
    video = open_video(h264(tmp_path / name, frames, milliseconds, reordered))
    assert (len(video), video.shape, video.fps, video.variable) == (len(frames), (32, 48), 200.0, True)
    assert (1000 * video.seconds).round(6).tolist() == milliseconds
    assert video.remarks == ("the time between frames varies, 5 to 75 ms: frames are where their stamps say",)
    for found, frame in zip(images(video), frames, strict=True):
        # Pixels of 16 to 235 become 0 to 255.
        wanted = np.clip((frame.astype(float) - 16) * 255 / 219, 0, 255)
        assert np.abs(found - wanted).max() <= 1


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_a_variable_frame_rate(tmp_path: Path, name: str) -> None:
    milliseconds = [0, 5, 10, 15, 40, 45, 50, 90, 95, 100, 105]
    video = open_video(at_times(tmp_path / name, milliseconds))
    assert (1000 * video.seconds).round(6).tolist() == milliseconds
    assert video.variable and video.fps == 200.0
    assert video.remarks == ("the time between frames varies, 5 to 40 ms: frames are where their stamps say",)
    for found, wanted in zip(images(video), pictures(len(milliseconds)), strict=True):
        assert apart(found, wanted) < 5


def test_whole_milliseconds_are_no_variable_rate(tmp_path: Path) -> None:
    video = open_video(at_times(tmp_path / "v.mkv", [round(1000 * i / 240) for i in range(60)]))
    assert not video.variable and video.fps == pytest.approx(240, rel=1e-3) and video.remarks == ()


def test_a_rate_that_is_given_overrules_time_stamps(tmp_path: Path) -> None:
    video = open_video(write(tmp_path / "slow.mp4", pictures(9), 30.0), fps=240.0)
    assert (video.fps, video.variable) == (240.0, False) and video.seconds.tolist() == (np.arange(9) / 240).tolist()
    assert video.remarks == ("--fps 240 overrules its time stamps, of 30 frames a second",)


@pytest.mark.parametrize("fps", [0.0, -25.0, 1e-300, 1e300, np.nan, np.inf])
def test_a_rate_is_one_that_a_camera_has(tmp_path: Path, fps: float) -> None:
    with pytest.raises(UserError, match=r"^--fps \S+: frames per second are a number from 0.1 to 1e\+06$"):
        open_video(write(tmp_path / "v.mp4", pictures(3)), fps)


TURNS = {
    "cw": (6, "turned by 90 degrees", lambda image: np.rot90(image, -1)),
    "180": (3, "turned by 180 degrees", lambda image: np.rot90(image, 2)),
    "ccw": (8, "turned by 270 degrees", lambda image: np.rot90(image)),
    "mirrored": (2, "mirrored", lambda image: image[:, ::-1]),
    "upside down": (4, "mirrored", lambda image: image[::-1]),
    "transposed": (5, "mirrored", lambda image: image.swapaxes(0, 1)),
}


@pytest.mark.parametrize("turn", list(TURNS))
@pytest.mark.parametrize("name", ["v.mp4", "v.mov"])
def test_pictures_are_upright(tmp_path: Path, name: str, turn: str) -> None:
    path = write(tmp_path / name, pictures(5), 25.0)
    stored = images(open_video(path))
    orientation, told, upright = TURNS[turn]
    video = open_video(displayed(path, DISPLAY[turn]))
    assert video.remarks == (f"its pictures are {told}, as the file says",)
    assert video.shape == upright(stored[0]).shape
    for frame, image in zip(video.frames(), stored, strict=True):
        assert (frame.image == upright(image)).all() and frame.orientation == orientation


def test_a_tilt_is_not_undone_but_told(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", pictures(3), 25.0)
    stored = images(open_video(path))
    video = open_video(displayed(path, DISPLAY["tilted"]))
    assert video.remarks == ("the file asks for a turn by 45 degrees, which is not made",)
    assert all((one == other).all() for one, other in zip(images(video), stored, strict=True))


def test_pixels_that_are_no_squares_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mkv", pictures(9), 25.0, "mpg2")
    data = bytearray(path.read_bytes())
    for header in re.finditer(rb"\x00\x00\x01\xb3", data):
        # A screen of 16:9 for a picture of 4:3.
        data[header.end() + 3] = 0x30 | data[header.end() + 3] & 0x0F
    path.write_bytes(data)
    (remark,) = open_video(path).remarks
    assert remark.startswith("its pixels are to be shown 1.33 times as wide as high, but are taken as squares")


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mp4", "mp4v"), ("v.avi", "MJPG"), ("v.webm", "VP80"), ("v.mkv", "FFV1")]
)
def test_a_grey_video_is_grey(tmp_path: Path, name: str, codec: str) -> None:
    video = open_video(write(tmp_path / name, pictures(COUNT, colour=False), 25.0, codec))
    assert video.shape == (96, 128)
    for found, wanted in zip(images(video), pictures(COUNT, colour=False), strict=True):
        assert apart(found, wanted[..., 0]) < 5


def test_one_coloured_part_makes_a_video_coloured(tmp_path: Path) -> None:
    frames = [*pictures(30, colour=False), *pictures(10)]
    assert open_video(write(tmp_path / "v.mp4", frames, 25.0)).shape == (96, 128, 3)


def test_times_that_the_file_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "v.mkv", pictures(9), 25.0, "MJPG")
    monkeypatch.setattr(capture.Capture, "stamp", lambda self: 0.0)
    assert open_video(path).seconds.tolist() == (np.arange(9) / 25).tolist()
    monkeypatch.setattr(capture.Capture, "fps", None)
    with pytest.raises(UserError, match=r"v\.mkv: says neither when its frames are nor how many .*; give --fps$"):
        open_video(path)
    video = open_video(path, 50.0)
    assert video.seconds.tolist() == (np.arange(9) / 50).tolist()
    assert video.remarks[0].endswith("they are taken to be even, as --fps 50 says")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_video_of_a_few_frames(tmp_path: Path, count: int) -> None:
    video = open_video(write(tmp_path / "v.mp4", pictures(count), 50.0))
    assert len(video) == count == len(images(video)) and video.fps == 50.0 and not video.variable


# Reading it


def test_only_some_frames_become_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = open_video(write(tmp_path / "v.mp4", pictures(COUNT), 25.0))
    everything = images(video)
    converted, decoded = [], []
    picture, stamp = capture.Capture.picture, capture.Capture.grabs
    monkeypatch.setattr(capture.Capture, "picture", lambda self: (converted.append(1), picture(self))[1])
    monkeypatch.setattr(capture.Capture, "grabs", lambda self: (decoded.append(1) or missed for missed in stamp(self)))
    found = list(video.some({20, 3, 11}))
    assert [position for position, _ in found] == [3, 11, 20]
    assert all((frame.image == everything[position]).all() for position, frame in found)
    assert (len(converted), len(decoded)) == (3, 21)
    assert list(video.some([])) == []
    for position in (-1, COUNT):
        with pytest.raises(IndexError):
            list(video.some([3, position]))


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mp4", "mp4v"), ("v.avi", "MJPG"), ("v.webm", "VP90"), ("v.mkv", "FFV1")]
)
def test_the_same_bits_with_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str
) -> None:
    path = write(tmp_path / name, pictures(COUNT), 25.0, codec)
    one = open_video(path)
    first = images(one)
    monkeypatch.setattr(capture, "_THREADS", 4)
    other = open_video(path)
    assert one.seconds.tolist() == other.seconds.tolist()
    assert all((a == b).all() for a, b in zip(first, images(other), strict=True))


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """8,000 frames, which would take 123 MB, in the memory of 800."""
    program = (
        "import resource, sys; from pathlib import Path; from mexflow.preprocess.video_files import open_video\n"
        "video = open_video(Path(sys.argv[1]))\n"
        "print(sum(frame.image[0, 0, 0] >= 0 for frame in video.frames()))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in (800, 8000):
        path = write(tmp_path / f"{count}.mp4", pictures(count, 64, 80), 200.0)
        done = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(WORKFLOW)},
        )  # fmt: skip
        frames, peak = map(int, done.stdout.split())
        assert frames == count
        peaks.append(peak)
    assert peaks[1] < 1.1 * peaks[0]


def test_a_file_that_changes_between_two_readings(tmp_path: Path) -> None:
    path = write(tmp_path / "v.avi", pictures(COUNT), 25.0, "MJPG")
    video = open_video(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"v\.avi: ends after \d+ frames, where 40 were decoded before; .* run again"):
        images(video)
    path.unlink()
    with pytest.raises(UserError, match=r"v\.avi: "):
        images(video)
