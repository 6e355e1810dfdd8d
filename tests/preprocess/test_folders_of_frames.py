"""Folders of frames as videos, and the faces of both: as the workflow has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.errors import UserError
from mexflow.preprocess.faces import AlignedFrame, FaceSettings, align_video
from mexflow.preprocess.frames import read_frame
from mexflow.preprocess.video_files import VideoFile, align_file, open_video
from movie_files import images, pictures, write


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
