"""The frames of the embedded datasets: files, bytes, and whether faces are found in them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import embedded_files
from embedded_files import OTHERS, SEED, SIZE, SUBJECTS
from mexflow import embedded
from mexflow.embedded import plan

SHAPES = {
    "casme2": (480, 640, 3),
    "samm": (1088, 2040),
    "samm_lv": (1088, 2040),
    "cas_me_2": (480, 640, 3),
    "smic": (480, 640, 3),
    "mmew": (1080, 1920, 3),
}


@pytest.fixture(scope="module")
def rendered(embedded_rendered, tmp_path_factory) -> dict[str, tuple[Path, list[dict]]]:
    """One subject of each dataset: its root and truth rows."""
    folder = tmp_path_factory.mktemp("others")
    others = {dataset: embedded_files.render(dataset, subject, folder) for dataset, subject in OTHERS.items()}
    return {**embedded_rendered, **others}


def read(root: Path, row: dict) -> np.ndarray:
    """The picture of a truth row, as stored."""
    import cv2

    picture = cv2.imread(str(root / row["file"]), cv2.IMREAD_UNCHANGED)
    assert picture is not None, row["file"]
    return picture


@pytest.mark.parametrize("dataset", SHAPES)
def test_frames_and_truth_rows_agree(rendered, dataset):
    root, rows = rendered[dataset]
    subject = {**SUBJECTS, **OTHERS}[dataset]
    videos = plan(dataset, SIZE, SEED).of_subject(subject)
    assert [row["file"] for row in rows] == [video.file(n) for video in videos for n in video.frames]
    assert [(row["video"], row["frame"]) for row in rows] == [(v.video, n) for v in videos for n in v.frames]
    assert {(row["dataset"], row["subject"]) for row in rows} == {(dataset, subject)}
    folders = embedded.folders(dataset, SIZE, SEED, subject)
    assert sum(len(list((root / folder).rglob("*.jpg"))) for folder in folders) == len(rows)
    assert len(list(root.rglob("*.jpg"))) == len(rows)
    assert read(root, rows[0]).shape == SHAPES[dataset]
    largest = 250_000 if SHAPES[dataset][0] > 1000 else 80_000
    for row in rows:
        data = (root / row["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"] and len(data) < largest
    # No two frames are the same picture, even where the face is at rest.
    assert len({row["sha256"] for row in rows}) == len(rows)


@pytest.mark.parametrize("dataset", SHAPES)
def test_intensities_are_those_of_the_expressions(rendered, dataset):
    _, rows = rendered[dataset]
    subject = {**SUBJECTS, **OTHERS}[dataset]
    expressions = embedded.expressions(dataset, SIZE, SEED, subject)
    named = {(video.video, one.clip) for video in plan(dataset, SIZE, SEED).of_subject(subject)
             for one in video.expressions}  # fmt: skip
    assert {(one["video"], one["clip"]) for one in expressions} == named
    still = 0
    for row in rows:
        units = [value for name, value in row.items() if name.startswith("au")]
        here = [one for one in expressions if one["video"] == row["video"]]
        inside = [one for one in here if one["onset"] < row["frame"] < one["offset"]]
        assert len(units) == 32 and min(units) >= 0 and 0 <= row["blink"] <= 1
        assert (max(units) > 0) == bool(inside)
        assert max(units) <= (1.0 if all(one["type"] == "micro" for one in inside) else 2.6)
        if any(one["apex"] == row["frame"] for one in inside):
            assert max(units) >= (1.0 if any(one["type"] == "macro" for one in inside) else 0.6)
        still += not inside
    assert still >= 2


def test_the_same_bytes_in_a_new_process(rendered, tmp_path):
    # Another subject first: the order of rendering must not matter.
    code = (
        "import sys; from mexflow import embedded\n"
        "from mexflow.embedded.identity import identity; identity('casme2', 7, '04')\n"
        "for dataset, subject in (('casme2', '05'), ('smic', 's03')):\n"
        "    rows = embedded.render_subject(dataset, 'tiny', 7, subject, sys.argv[1])\n"
        "    print(*(row['sha256'] for row in rows))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    for dataset, line in zip(("casme2", "smic"), run.stdout.splitlines(), strict=True):
        assert line.split() == [row["sha256"] for row in rendered[dataset][1]]


def test_folders_can_lie_anywhere_and_progress_is_told(tmp_path, rendered):
    folders = embedded.folders("mmew", SIZE, SEED, "S02")
    places = {folder: tmp_path / str(place) for place, folder in enumerate(folders)}
    calls = []
    rows = embedded.render_subject("mmew", SIZE, SEED, "S02", places, lambda *call: calls.append(call))
    assert calls == [(row["video"], row["frame"]) for row in rows]
    for row in rows:
        folder, _, name = row["file"].rpartition("/")
        assert hashlib.sha256((places[folder] / name).read_bytes()).hexdigest() == row["sha256"]


def test_landmarks_of_the_photographs_are_dlibs():
    import cv2
    import dlib

    from mexflow.embedded import textures
    from mexflow.preprocess.landmarks import _predictor

    kept = (textures._ASTRONAUT_POINTS, textures._HOPPER_POINTS)
    for photograph, points in zip(textures.photographs(), kept, strict=True):
        # Twice the size: the astronaut's face is near the detector's smallest.
        double = cv2.resize(photograph, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        upper = np.ascontiguousarray(double[: 2 * 350])
        face = max(dlib.get_frontal_face_detector()(upper, 0), key=lambda rectangle: rectangle.width())
        assert [(point.x, point.y) for point in _predictor()(upper, face).parts()] == points


@pytest.mark.parametrize("dataset", SHAPES)
def test_dlib_finds_every_face_where_it_is(rendered, dataset):
    import cv2
    import dlib

    from mexflow.embedded.truth import true_landmarks
    from mexflow.preprocess.landmarks import _predictor

    detector = dlib.get_frontal_face_detector()
    predictor = _predictor()
    root, rows = rendered[dataset]
    scale = 2 if SHAPES[dataset][0] > 1000 else 1
    for row in rows[:: 17 if dataset in SUBJECTS else 29]:
        picture = read(root, row)
        picture = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        picture = cv2.resize(picture, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        faces = detector(picture, 0)
        assert len(faces) == 1, row["file"]
        found = np.array([(point.x, point.y) for point in predictor(picture, faces[0]).parts()])
        true = true_landmarks(dataset, SIZE, SEED, row["subject"], row["video"], row["frame"]) / scale
        unit = np.linalg.norm(true[45] - true[36]) / 59
        error = np.linalg.norm(found - true, axis=1) / unit
        # The jaw is where dlib errs most.
        assert error[17:].mean() < 2.0 and error.mean() < 2.4


def test_samm_and_its_long_videos_show_the_same_persons():
    from mexflow.embedded.identity import identity

    short, long = (identity(dataset, SEED, "028") for dataset in ("samm", "samm_lv"))
    assert (short.image == long.image).all()
    assert (identity("samm", SEED, "032").image != long.image).any()


def test_the_command_writes_a_subject_and_its_truth(tmp_path, rendered):
    import pyarrow.parquet as pq

    common = {"dataset": "samm_lv", "size": SIZE, "seed": SEED, "output": tmp_path}
    done = embedded_files.run("embed", **common, subject="028")
    assert done.returncode == 0, done.stderr
    truth = tmp_path / "truth"
    assert pq.read_table(truth / "028.parquet").to_pylist() == rendered["samm_lv"][1]
    expected = embedded.expressions("samm_lv", SIZE, SEED, "028")
    assert pq.read_table(truth / "028.expressions.parquet").to_pylist() == expected and len(expected) == 3
    for row in rendered["samm_lv"][1][::40]:
        assert hashlib.sha256((tmp_path / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    done = embedded_files.call("embed", **common, subject="28")
    assert done.returncode == 1 and "unknown subject '28' (did you mean '028'?)" in done.stderr
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == written
