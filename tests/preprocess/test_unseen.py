"""Nothing is measured from frames in which the followed face was not seen: two real persons before the camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import embedded_files
from dataset_files import ANY_FRAME
from mexflow.datasets.schema import ROWS, VIDEOS
from mexflow.embedded.textures import photographs
from mexflow.preprocess.aligned import SEEN, UNSEEN, AlignedFaces
from mexflow.store.artifacts import Inputs

FRAMES = 24
AWAY = range(9, 21)
"""Frames in which the followed person is out of view: half of them."""

CLIPS = {"seen": (2, 5, 8), "apex": (4, 12, 22), "between": (6, 21, 23), "onset": (10, 22, 24)}
"""Onset, apex and offset of a clip. In each but the first a frame is among those out of view."""


def person(photograph: np.ndarray, box: tuple[slice, slice], height: int) -> np.ndarray:
    cut = photograph[box]
    return cv2.resize(cut, (round(cut.shape[1] * height / cut.shape[0]), height), interpolation=cv2.INTER_AREA)


def scene(number: int, present: bool, other: bool) -> np.ndarray:
    """RGB (240, 480, 3): the followed person at the left, where present, and another one, smaller, at the right."""
    astronaut, hopper = photographs()
    canvas = np.full((240, 480, 3), 120, np.uint8)
    canvas += np.random.default_rng(number).integers(0, 4, canvas.shape, np.uint8)
    if present:
        face = person(astronaut, (slice(0, 220), slice(110, 330)), 220)
        left = 10 + number % 4
        canvas[10:230, left : left + face.shape[1]] = face
    if other:
        face = person(hopper, (slice(30, 300), slice(110, 380)), 150)
        canvas[60:210, 320 : 320 + face.shape[1]] = face
    return canvas


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw frames of three videos, their index, and their faces.

    ``leaves``: the person alone, away for half of the video. ``stays``: another one joins, and stays there alone
    in that half. ``arrives``: the other one comes as the first leaves.
    """
    folder = tmp_path_factory.mktemp("unseen")
    videos, rows = [], []
    for name, other in (("leaves", ()), ("stays", range(5, FRAMES + 1)), ("arrives", AWAY)):
        (folder / "raw" / name).mkdir(parents=True)
        for number in range(1, FRAMES + 1):
            image = scene(number, number not in AWAY, number in other)
            cv2.imwrite(str(folder / "raw" / name / f"img{number}.png"), image[..., ::-1])
        keys = {"dataset": "casme2", "subject": "01", "video": name, "path": name}
        videos.append(
            {**dict.fromkeys(VIDEOS.names), **keys, "frame_name": ANY_FRAME,
             "first_frame": 1, "last_frame": FRAMES, "frame_count": FRAMES,
             "missing_frames": 0, "fps": 200.0, "annotated": True}
        )  # fmt: skip
        for clip, (onset, apex, offset) in CLIPS.items():
            frames = {"onset": onset, "apex": apex, "offset": offset}
            blank = dict.fromkeys(ROWS.names)
            rows.append({**blank, **keys, **frames, "clip": f"{name}-{clip}", "type": "micro", "repairs": []})
    pq.write_table(pa.Table.from_pylist(videos, schema=VIDEOS), folder / "videos.parquet")
    pq.write_table(pa.Table.from_pylist(rows, schema=ROWS), folder / "index.parquet")
    done = embedded_files.faces("casme2", "01", folder / "raw", folder, max_missed=1)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def states(made: Path) -> dict[str, dict[int, str]]:
    videos = AlignedFaces(Inputs(), made / "faces.npy").videos.values()
    return {video.name: dict(zip(video.numbers, video.states, strict=True)) for video in videos}


def test_the_person_who_is_away_is_not_seen(made: Path, states: dict[str, dict[int, str]]) -> None:
    table = pq.read_table(made / "faces.parquet").to_pylist()
    for name, own in states.items():
        seen = [number for number, state in own.items() if state in SEEN]
        assert seen == [number for number in range(1, FRAMES + 1) if number not in AWAY], name
        assert {own[number] for number in AWAY} <= set(UNSEEN)
    # Where it was seen, it is the one at the left.
    for row in table:
        if row["state"] in SEEN:
            assert np.reshape(row["landmarks"], (68, 2))[:, 0].mean() < 240


def test_a_video_without_its_person_for_half_of_it_is_left_out(made: Path, tmp_path: Path) -> None:
    for name in ("index.parquet", "videos.parquet"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    done = embedded_files.faces("casme2", "01", made / "raw", tmp_path)
    assert done.returncode == 0, done.stderr
    reason = "face_missed: no face was found in 12 of 24 frames (more than 20%)"
    assert set(pq.read_table(tmp_path / "faces.parquet")["excluded"].to_pylist()) == {reason}
    assert embedded_files.flow("casme2", "01", tmp_path).returncode == 0
    assert set(pq.read_table(tmp_path / "flow.parquet")["excluded"].to_pylist()) == {reason}
    assert not np.load(tmp_path / "flow.npy").any()


def reason_of(states: dict[int, str], frames: range | list[int]) -> str | None:
    """What the first of some frames that was not seen makes of them."""
    return next((f"frame_unseen: frame {n} is {states[n]}" for n in frames if n in AWAY), None)


def checked(made: Path, name: str, states: dict[str, dict[int, str]], frames_of) -> int:
    """Check an array against its table: a row is zero exactly where a frame was not seen, and says so. How many are."""
    array, rows = np.load(made / f"{name}.npy"), pq.read_table(made / f"{name}.parquet").to_pylist()
    assert len(array) == len(rows)
    for values, row in zip(array, rows, strict=True):
        assert row["excluded"] == reason_of(states[row["video"]], frames_of(row)), row
        assert values.any() == (row["excluded"] is None), row
    return sum(row["excluded"] is not None for row in rows)


def test_no_flow_of_pairs(made: Path, states: dict[str, dict[int, str]]) -> None:
    for pair, count in (("onset-apex", 6), ("consecutive", 3 * 13)):
        done = embedded_files.call(
            "flow", dataset="casme2", subject="01", index=made / "index.parquet", faces=made / "faces.npy",
            method="farneback", pair=pair, size=64, output=made / f"{pair}.npy",
            table=made / f"{pair}.parquet",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        # The four clips of a video ask for its consecutive pairs each.
        times = len(CLIPS) if pair == "consecutive" else 1
        found = checked(made, pair, states, lambda row: [row["first_frame"], row["second_frame"]])
        assert found == count * times and f"{found} without flow" in done.stdout


def test_no_motion_to_the_next(made: Path, states: dict[str, dict[int, str]]) -> None:
    done = embedded_files.run(
        "motion", dataset="casme2", subject="01", faces=made / "faces.npy", method="farneback",
        output=made / "motion.npy",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    moving = np.load(made / "motion.npy").any((1, 2, 3)).reshape(3, FRAMES)
    expected = [n < FRAMES and not {n, n + 1} & set(AWAY) for n in range(1, FRAMES + 1)]
    assert moving.tolist() == [expected] * 3
    assert f"72 frames, {3 * sum(expected)} with flow to the next" in done.stdout


def test_no_residual_images(made: Path, states: dict[str, dict[int, str]]) -> None:
    done = embedded_files.call(
        "residual", dataset="casme2", subject="01", root=made / "raw", index=made / "index.parquet",
        faces_table=made / "faces.parquet", image="sums=ars,5,printed", output=made,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert checked(made, "sums/casme2/01", states, lambda row: sorted({row["start"], *row["key_frames"]})) == 9
    assert "12 clips, 9 without an image" in done.stdout


def test_no_features_of_clips(made: Path, states: dict[str, dict[int, str]]) -> None:
    done = embedded_files.run(
        "lbp_top", dataset="casme2", subject="01", index=made / "index.parquet", faces=made / "faces.npy",
        output=made / "lbp.npy", table=made / "lbp.parquet",
        option="radii=1,1,2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    spans = {name: range(onset, offset + 1) for name, (onset, _, offset) in CLIPS.items()}
    assert checked(made, "lbp", states, lambda row: spans[row["clip"].partition("-")[2]]) == 9
    assert "12 clips, 9 without features" in done.stdout
