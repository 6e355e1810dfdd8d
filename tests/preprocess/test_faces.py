"""Aligned faces of files: which clips are left out and why, pictures that do not fit, and the table."""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import picture_files
from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.errors import UserError
from mexflow.preprocess import faces
from mexflow.preprocess.faces import FaceSettings, align_video, exclusion
from mexflow.preprocess.frames import frame_files, read_frame
from mexflow.preprocess.table_schemas import FACES, FaceRows


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (["tracked"] * 10, None),
        (["detected"] + ["tracked"] * 7 + ["interpolated", "missing"], None),
        (["tracked"] * 7 + ["interpolated"] * 2 + ["missing"],
         "face_missed: no face was found in 3 of 10 frames (more than 20%)"),
        (["missing"] * 4, "no_face: no face was found in any of 4 frames"),
        (["tracked"] * 9 + ["unreadable"], "frame_unreadable: 1 of 10 frames cannot be read"),
        (["missing"] * 9 + ["unreadable"], "frame_unreadable: 1 of 10 frames cannot be read"),
    ],
)  # fmt: skip
def test_why_a_clip_is_left_out(states: list[str], reason: str | None) -> None:
    assert exclusion(states, 0.2) == reason
    assert exclusion(Counter(states), 0.2) == reason


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (["tracked"] * 9 + ["unreadable"], None),
        (["tracked"] * 8 + ["unreadable"] * 2, None),
        (["tracked"] * 7 + ["missing"] * 2 + ["unreadable"],
         "face_missed: no face was found in 3 of 10 frames, 1 of which cannot be read (more than 20%)"),
        (["tracked"] * 7 + ["missing"] * 3, "face_missed: no face was found in 3 of 10 frames (more than 20%)"),
        (["missing"] * 9 + ["unreadable"], "no_face: no face was found in any of 10 frames, 1 of which cannot be read"),
        (["unreadable"] * 10, "frame_unreadable: 10 of 10 frames cannot be read"),
    ],
)  # fmt: skip
def test_of_a_long_video_a_damaged_frame_costs_itself(states: list[str], reason: str | None) -> None:
    assert exclusion(states, 0.2, long=True) == reason


def save(folder: Path, number: int, image: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"img{number}.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


@pytest.mark.parametrize(
    ("shape", "text"), [((60, 81), "81x60 grey"), ((60, 80, 3), "80x60 colour")], ids=["size", "channels"]
)
@pytest.mark.parametrize("odd", [1, 2, 7, 15, 30])
def test_a_frame_of_another_size_than_its_clip_is_damaged(
    tmp_path: Path, odd: int, shape: tuple[int, ...], text: str
) -> None:
    """Were it the first: the clip is what most of its frames are."""
    for number in range(1, 31):
        save(tmp_path, number, np.zeros(shape if number == odd else (60, 80), np.uint8))
    with pytest.raises(UserError) as error:
        list(align_video(tmp_path, 30, ANY_FRAME, FaceSettings()))
    damage = f"{tmp_path / f'img{odd}.png'}: {text}, where the frames of its clip are 80x60 grey"
    assert str(error.value) == (
        f"{damage}; restore it from the dataset's owners, or set preprocess.faces.unreadable: exclude in config.yaml"
    )
    found = list(align_video(tmp_path, 30, ANY_FRAME, FaceSettings(unreadable="exclude")))
    assert [frame.row["frame"] for frame in found if frame.row["state"] == "unreadable"] == [odd]
    assert found[odd - 1].damage == damage and found[odd - 1].row["sha256"] is None
    assert {frame.image.shape for frame in found} == {(112, 112)}
    assert sum(frame.damage is not None for frame in found) == 1


def test_a_face_is_found_in_a_picture_turned_upright(embedded_root: dict[str, Path], tmp_path: Path) -> None:
    """Stored lying on its side, as a phone does: what comes out is what comes out of the upright picture."""
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    for number in clip.frames[:3]:
        upright = cv2.imread(str(embedded_root["casme2"] / clip.file(number)))
        save(tmp_path / "upright", number, upright)
        lying = save(tmp_path / "lying", number, cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE))
        lying.write_bytes(picture_files.with_orientation(lying.read_bytes(), 6))
    wanted, found = (list(align_video(tmp_path / name, 3, ANY_FRAME, FaceSettings())) for name in ("upright", "lying"))
    for one, other in zip(wanted, found, strict=True):
        assert one.row["state"] != "missing" and (one.rotated, other.rotated) == (False, True)
        assert (one.image == other.image).all() and (one.row["landmarks"] == other.row["landmarks"]).all()


def test_frames_from_anywhere_give_what_a_folder_gives(embedded_root: dict[str, Path]) -> None:
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    folder = embedded_root["casme2"] / clip.path
    wanted = list(align_video(folder, clip.frame_count, ANY_FRAME, FaceSettings()))
    files = frame_files(folder, ANY_FRAME)
    stream = ((number, file.name, functools.partial(read_frame, file)) for number, file in files)
    shape = read_frame(files[0][1]).image.shape

    def samples() -> list[np.ndarray]:
        raise AssertionError("there is one face")

    found = list(faces.align(stream, shape, samples, FaceSettings()))
    for one, other in zip(wanted, found, strict=True):
        assert (one.image == other.image).all() and one.row.keys() == other.row.keys()
        assert all(np.array_equal(one.row[key], other.row[key]) for key in one.row)


@given(st.integers(1, 10_000))
def test_samples_are_spread_over_a_video(count: int) -> None:
    positions = faces.sample_positions(count)
    assert len(positions) == min(9, count) == len(set(positions)) and positions == sorted(positions)
    assert positions[0] >= 0 and positions[-1] < count
    # As far from the ends as half of the distance between two, to a frame.
    assert abs(positions[0] - (count - 1 - positions[-1])) <= 1
    assert np.ptp(np.diff(positions)) <= 1 if len(positions) > 2 else True


def test_a_folder_that_changed_since_the_index(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path, number, np.zeros((60, 80), np.uint8))
    with pytest.raises(UserError, match="2 frames, the index says 3; the folder changed"):
        list(align_video(tmp_path, 3, ANY_FRAME, FaceSettings()))


# The table


def test_rows_are_packed_video_by_video() -> None:
    """However many rows: what comes out is what was put in, with a video's exclusion in all its rows."""
    collected, wanted = FaceRows(), []
    for video, (length, reason) in enumerate([(3, None), (600, "no_face: none"), (256, None), (1, "face_missed: x")]):
        for frame in range(length):
            known = (video + frame) % 3 > 0
            row = {
                "dataset": "casme2", "subject": "01", "video": f"v{video}", "frame": frame, "file": f"v{video}/{frame}",
                "sha256": None if frame == 2 else f"{frame:064x}", "size": frame, "state": "tracked", "faces": 1,
                "choice": "nearest: it" if known else None, "aligned_file": None, "aligned_sha256": None,
                "landmarks": (np.arange(136, dtype=np.float32) + frame) if known else None,
                "matrix": (np.arange(6) / (frame + 1)) if known else None,
            }  # fmt: skip
            collected.add(row)
            wanted.append({**row, "excluded": reason})
        collected.end_video(reason)
    table = collected.table()
    assert table.schema == FACES and table.num_rows == len(wanted) == 860
    for row, expected_row in zip(table.to_pylist(), wanted, strict=True):
        for name in ("landmarks", "matrix"):
            value = expected_row[name]
            expected_row[name] = None if value is None else value.tolist()
        assert row == expected_row
