"""Anybody's videos: what comes out of files of all kinds, whole and damaged, and of what is none."""

from __future__ import annotations

import builtins
import errno
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.errors import UserError
from mexflow.preprocess import capture
from mexflow.preprocess.faces import AlignedFrame, FaceSettings, align_video
from mexflow.preprocess.frames import read_frame
from mexflow.preprocess.video_files import VideoFile, align_file, open_video
from movie_files import DISPLAY, at_times, displayed, h264, pictures, sound, write
from project import WORKFLOW

COUNT = 40


def images(video: VideoFile) -> list[np.ndarray]:
    return [frame.image for frame in video.frames()]


def apart(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean difference of two pictures, levels of 255."""
    assert found.shape == wanted.shape and found.dtype == np.uint8
    return float(np.abs(found.astype(int) - wanted).mean())


def grey_frames(count: int = 20) -> list[np.ndarray]:
    noise = np.random.default_rng(3).integers(0, 40, (count, 32, 48), np.uint8)
    return [frame + np.uint8(20 + 8 * i) for i, frame in enumerate(noise)]


# What a file holds


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


@pytest.mark.parametrize("fps", [0.0, -25.0, np.nan, np.inf])
def test_a_rate_is_a_number_above_zero(tmp_path: Path, fps: float) -> None:
    with pytest.raises(UserError, match=r"^--fps \S+: frames per second are a number above 0$"):
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


# Damaged files


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    """An AVI and a mkv hold what they hold. The index of a mp4 is at its end."""
    told = {
        "v.avi": r"40 frames are announced, (\d+) were decoded: it is cut, trimmed or damaged; what comes after",
        "v.mkv": r"1\.600 seconds are announced, \d\.\d+ were decoded \((\d+) frames\): it is cut or damaged",
    }
    for name, remark in told.items():
        path = write(tmp_path / name, pictures(COUNT), 25.0, "MJPG")
        whole = images(open_video(path))
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        video = open_video(path)
        assert 20 < len(video) < COUNT and not video.variable
        assert [int(match) for match in re.findall(remark, video.remarks[0])] == [len(video)]
        # At another rate it is as short.
        assert video.remarks[0] in open_video(path, 200.0).remarks
        assert all((one == other).all() for one, other in zip(images(video)[:-1], whole, strict=False))
    path = write(tmp_path / "v.mp4", pictures(COUNT), 25.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(
        UserError, match=r"v\.mp4: is cut short: the index at its end \(moov\) is missing; copy it again"
    ):
        open_video(path)


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mp4", "mp4v"), ("v.avi", "PNG "), ("v.mkv", "FFV1"), ("v.avi", "MJPG")]
)
@pytest.mark.parametrize("what", ["zeros", "noise"])
def test_a_file_that_is_damaged_in_the_middle(tmp_path: Path, name: str, codec: str, what: str) -> None:
    """What is lost is told, what comes after it is there, at its time, and each reading gives the same."""
    path = write(tmp_path / name, pictures(COUNT), 25.0, codec)
    whole = images(open_video(path))
    data = bytearray(path.read_bytes())
    middle, length = len(data) // 2, len(data) // 10
    data[middle : middle + length] = bytes(length) if what == "zeros" else np.random.default_rng(1).bytes(length)
    path.write_bytes(data)
    video = open_video(path)
    assert len(video) <= COUNT
    if len(video) < COUNT:
        told = "the time between frames varies" if name == "v.mkv" else f"40 frames are announced, {len(video)} were"
        assert any(told in remark for remark in video.remarks)
    found = images(video)
    assert all((one == other).all() for one, other in zip(found, images(video), strict=True))
    for i in range(12):
        assert (found[i] == whole[i]).all()
    if name != "v.avi":
        # It goes on beyond the damage, and the last frame is at its time.
        assert video.seconds[-1] == pytest.approx((COUNT - 1) / 25)
    if codec == "mp4v":
        # OpenCV says that it cannot decode; of others only time tells.
        assert any("frames cannot be decoded, before frame" in remark for remark in video.remarks)
        assert video.variable and len(video) < COUNT


def test_nothing_is_said_on_the_terminal_but_what_is_said_here(tmp_path: Path) -> None:
    good = write(tmp_path / "good.avi", pictures(COUNT), 25.0, "MJPG").read_bytes()
    hole = bytearray(good)
    hole[len(hole) // 2 : len(hole) // 2 + 3000] = bytes(3000)
    (tmp_path / "hole.avi").write_bytes(hole)
    (tmp_path / "zeros.mp4").write_bytes(bytes(5000))
    (tmp_path / "short.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    program = (
        "import sys; from pathlib import Path; from mexflow.preprocess.video_files import open_video\n"
        "from mexflow.errors import UserError\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(len(list(open_video(Path(name)).frames())))\n"
        "    except UserError as error: print(error)"
    )
    names = ["hole.avi", "zeros.mp4", "short.mp4"]
    unset = {name: value for name, value in os.environ.items() if name != "OPENCV_FFMPEG_LOGLEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**unset, "PYTHONPATH": str(WORKFLOW)},
    )  # fmt: skip
    assert done.stderr == ""
    frames, *errors = done.stdout.splitlines()
    assert int(frames) <= COUNT and [error.split(":")[0] for error in errors] == names[1:]


# What is no video


def without_video(path: Path) -> Path:
    """A mp4 whose only track is sound."""
    write(path, pictures(5))
    path.write_bytes(path.read_bytes().replace(b"vide", b"soun"))
    return path


def without_decoder(path: Path) -> Path:
    """An AVI in a codec that nobody knows."""
    write(path, pictures(5), codec="MJPG")
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"ZQZQ"))
    return path


def without_frames(path: Path) -> Path:
    """An AVI that ends where its frames begin."""
    write(path, pictures(5), codec="MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    return path


def saved(data: bytes) -> Callable[[Path], Path]:
    def save(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return save


JPEG = cv2.imencode(".jpg", np.zeros((20, 30), np.uint8))[1].tobytes()

NO_VIDEO = {
    "empty": ("v.mp4", saved(b""), "the file is empty (0 bytes); copy it again"),
    "text": ("v.mp4", saved(b"not a video\n" * 9), "is text, not a video; give a video file, or a folder of frames"),
    "noise": ("v.mp4", saved(np.random.default_rng(0).bytes(9999)), "is no video that OpenCV can read; give a mp4, "
              "avi, mov, mkv or webm, or convert it to one"),
    "sound": ("v.mp4", sound, "is sound without a picture; give the file that holds the video"),
    "sound as mp4": ("v.mp4", without_video, "holds no video (only sound?); give the file that holds the video"),
    "codec": ("v.avi", without_decoder, "its video (codec ZQZQ) cannot be decoded by OpenCV; copy it again if it may "
              "be damaged, else convert it"),
    "headers alone": ("v.avi", without_frames, "none of its frames (codec MJPG) can be decoded by OpenCV; copy it "
                      "again if it may be damaged, else convert it"),
    "picture": ("v.jpg", saved(JPEG), "is a picture, not a video; give the folder that holds all frames"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(NO_VIDEO))
def test_what_is_no_video(tmp_path: Path, what: str) -> None:
    name, make, text = NO_VIDEO[what]
    path = make(tmp_path / name)
    with pytest.raises(UserError) as error:
        open_video(path)
    assert str(error.value) == f"{path}: {text}"


@pytest.mark.parametrize(
    "address", ["rtsp://127.0.0.1:9/live", "http://127.0.0.1:9/v.mp4", "0", "/dev/null", "gone.mp4"]
)
def test_only_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "VideoCapture", None)
    with pytest.raises(UserError, match="(no such file or folder|neither a file nor a folder); give a video file"):
        open_video(Path(address))


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile there.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nthere.ts\n#EXT-X-ENDLIST\n",
    ],
    ids=["concat", "hls"],
)
def test_a_list_of_other_files_is_not_followed(tmp_path: Path, playlist: str) -> None:
    write(tmp_path / "there.ts", pictures(9), 25.0, "mpg2")
    path = tmp_path / ("v.mp4" if "concat" in playlist else "v.m3u8")
    path.write_text(playlist)
    assert cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).read()[0], "FFmpeg by itself follows it"
    with pytest.raises(UserError, match="is text, not a video"):
        open_video(path)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "v.mp4", pictures(3))
    real = builtins.open

    def guarded(file: object, *arguments: object, **options: object) -> object:
        if str(file) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(file, *arguments, **options)

    denied = f"{path}: cannot be read (Permission denied); check its permissions and the disk"
    monkeypatch.setattr(builtins, "open", guarded)
    with pytest.raises(UserError) as error:
        open_video(path)
    assert str(error.value) == denied

    def closed(self: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    # A folder above it may not be entered.
    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(UserError) as error:
        open_video(path)
    assert str(error.value) == denied


@pytest.mark.parametrize(
    "name",
    [
        "-v.mp4",
        "clip%03d.mp4",
        "a b 'c' \"d\".mp4",
        "Gesicht ü 顔.mp4",
        "0",
        "file:v.mp4",
        "concat:a|b.mp4",
        "a\nb.mp4",
    ],
)
def test_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    made = write(tmp_path / "made.mp4", pictures(3))
    monkeypatch.chdir(tmp_path)
    made.rename(name)
    for path in (Path(name), tmp_path / name):
        video = open_video(path)
        assert len(images(video)) == 3 and video.path == path
    Path(name).write_bytes(b"text")
    with pytest.raises(UserError) as error:
        open_video(Path(name))
    assert "\n" not in str(error.value) and str(error.value).startswith(name.replace("\n", " "))


def test_a_name_in_no_encoding(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"v\xff.mp4")
    path.write_bytes(b"x")
    with pytest.raises(UserError, match=r"v\\udcff\.mp4: the name is not in UTF-8; rename it"):
        open_video(path)


# A folder of frames


def folder_of(folder: Path, numbers: list[int], name: str = "img{}.png", colour: bool = True) -> Path:
    folder.mkdir()
    for number, picture in zip(numbers, pictures(len(numbers), colour=colour), strict=True):
        picture = picture if colour else picture[..., 0]
        (folder / name.format(number)).write_bytes(cv2.imencode(".png", picture[..., ::-1] if colour else picture)[1])
    return folder


def test_a_folder_of_frames(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", list(range(7, 19)))
    video = open_video(folder, 200.0)
    assert (len(video), video.shape, video.fps, video.variable, video.remarks) == (12, (96, 128, 3), 200.0, False, ())
    assert video.numbers.tolist() == list(range(7, 19))
    assert video.seconds.tolist() == (np.arange(12) / 200).tolist()
    hashes = [hashlib.sha256((folder / f"img{n}.png").read_bytes()).hexdigest() for n in range(7, 19)]
    lines = "".join(f"{sha256}  img{n}.png\n" for sha256, n in zip(hashes, range(7, 19), strict=True))
    assert video.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    for frame, wanted, sha256 in zip(video.frames(), pictures(12), hashes, strict=True):
        assert (frame.image == wanted).all() and frame.sha256 == sha256
    assert [(p, int(f.image[0, 0, 0])) for p, f in video.some([5, 2])] == [
        (p, int(images(video)[p][0, 0, 0])) for p in (2, 5)
    ]
    grey = open_video(folder_of(tmp_path / "g", [1, 2], colour=False), 200.0)
    assert grey.shape == (96, 128) == images(grey)[0].shape


def test_gaps_in_a_folder_are_gaps_in_time(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", [1, 2, 3, 6, 7])
    (folder / "notes.txt").write_text("x")
    (folder / ".DS_Store").write_text("x")
    video = open_video(folder, 100.0)
    assert video.seconds.tolist() == [0, 0.01, 0.02, 0.05, 0.06] and video.variable and video.fps == 100.0
    assert video.remarks[0] == "the numbers of its frames do not go up evenly: most by 1, some by 3"
    assert video.remarks[-1] == "not frames, by their names: notes.txt"


def test_folders_that_do_not_do(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "f", [1, 2])
    with pytest.raises(UserError, match=r"f: a folder of frames does not say .* in a second; give --fps$"):
        open_video(folder)
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="none: no frames in this folder; give one that holds JPEG, PNG or BMP files"):
        open_video(tmp_path / "none")
    (tmp_path / "none" / "v.mp4").write_bytes(b"x")
    with pytest.raises(UserError, match=r"none: no frames in this folder, but v\.mp4; give"):
        open_video(tmp_path / "none", 25.0)
    (folder / "img02.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"img02\.png and img2\.png are the same frame; keep one"):
        open_video(folder, 25.0)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "img1.png").write_bytes(b"x")
    with pytest.raises(UserError, match="torn: none of its 1 frames can be read; copy them again"):
        open_video(tmp_path / "torn", 25.0)


def test_a_damaged_frame_of_a_folder(tmp_path: Path) -> None:
    """Read, it is an error. Where faces are aligned it is one, or the frame is left out, as the settings say."""
    folder = folder_of(tmp_path / "f", list(range(1, 10)))
    torn = folder / "img5.png"
    torn.write_bytes(torn.read_bytes()[:200])
    video = open_video(folder, 25.0)
    text = f"{torn}: the PNG is truncated; replace it, or take it out of the folder"
    for read in (
        lambda: images(video),
        lambda: list(video.some([4])),
        lambda: list(align_file(video, FaceSettings(unreadable="error"))),
    ):
        with pytest.raises(UserError) as error:
            read()
        assert str(error.value) == text
    assert [position for position, _ in video.some([1, 8])] == [1, 8]
    found = list(align_file(video, FaceSettings(unreadable="exclude")))
    assert [face.row["state"] for face in found] == ["missing"] * 4 + ["unreadable"] + ["missing"] * 4
    assert found[4].damage == f"{torn}: the PNG is truncated"


# Aligned faces


def embedded_pictures(root: Path, count: int) -> list[np.ndarray]:
    """The first frames of a synthetic face, uint8 (h, w, 3) RGB."""
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    return [read_frame(root / clip.file(number)).image for number in clip.frames[:count]]


def in_folder(folder: Path, frames: Iterable[np.ndarray]) -> Path:
    folder.mkdir()
    for number, frame in enumerate(frames):
        (folder / f"{number:03d}.png").write_bytes(cv2.imencode(".png", frame[..., ::-1])[1])
    return folder


def same_faces(one: list[AlignedFrame], other: list[AlignedFrame], of_a_file: str | None = None) -> None:
    """The same images, and rows that differ at most in what a frame of the file `of_a_file` does not have."""
    for wanted, found in zip(one, other, strict=True):
        assert (wanted.image == found.image).all() and wanted.image.dtype == found.image.dtype
        assert wanted.damage == found.damage
        own = {"file": of_a_file, "sha256": None, "size": None} if of_a_file else {}
        for key, value in (wanted.row | own).items():
            assert np.array_equal(found.row[key], value), key
        assert found.row.keys() == wanted.row.keys()


def test_faces_of_a_file_are_those_of_its_frames(embedded_root: dict[str, Path], tmp_path: Path) -> None:
    frames = embedded_pictures(embedded_root["casme2"], 14)
    folder = in_folder(tmp_path / "frames", frames)
    settings = FaceSettings()
    wanted = list(align_video(folder, 14, ANY_FRAME, settings))
    assert all(face.row["state"] in ("detected", "tracked") for face in wanted)
    same_faces(wanted, list(align_file(open_video(folder, 200.0), settings)))
    video = open_video(write(tmp_path / "v.mkv", frames, 200.0, "FFV1"))
    same_faces(wanted, list(align_file(video, settings)), "v.mkv")


def test_of_several_faces_in_a_file_the_persistent_one_is_followed(
    embedded_root: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small face is there throughout, a large one beside it in the first frames alone. They are sampled only then."""
    face = embedded_pictures(embedded_root["casme2"], 1)[0]
    large, small = face[80:400, 160:480], cv2.resize(face[80:400, 160:480], None, fx=0.8, fy=0.8)
    alone = np.full((400, 800, 3), 110, np.uint8)
    alone[60 : 60 + len(small), 500 : 500 + len(small)] = small
    both = alone.copy()
    both[40 : 40 + len(large), 60 : 60 + len(large)] = large
    frames = [both] * 3 + [alone] * 15
    asked = []
    stream = VideoFile.stream
    monkeypatch.setattr(
        VideoFile, "stream", lambda self, positions=None: (asked.append(positions), stream(self, positions))[1]
    )
    folder = in_folder(tmp_path / "frames", frames)
    wanted = list(align_video(folder, len(frames), ANY_FRAME, FaceSettings()))
    assert wanted[0].row["choice"] == "persistent: the face in 10 of 10 sampled frames; another is in 2"
    video = open_video(write(tmp_path / "v.mkv", frames, 200.0, "FFV1"))
    same_faces(wanted, list(align_file(video, FaceSettings())), "v.mkv")
    assert asked == [None, [1, 3, 5, 7, 9, 11, 13, 15, 17]]
    asked.clear()
    list(align_file(open_video(write(tmp_path / "one.mkv", [alone] * 3, 200.0, "FFV1")), FaceSettings()))
    assert asked == [None]
