"""Anybody's videos that are damaged, and files that are none: what can be read is, and the rest is told."""

from __future__ import annotations

import builtins
import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mexflow.errors import UserError
from mexflow.preprocess.video_files import open_video
from movie_files import images, pictures, sound, write
from project import WORKFLOW

COUNT = 40


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
