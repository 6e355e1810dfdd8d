"""The command that aligns faces, on embedded ones: their table, their landmarks, and what cannot be used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import dataset_files
import embedded_files
import picture_files
from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.preprocess import alignment
from mexflow.preprocess.faces import FaceSettings, align_video


@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_the_table_says_what_each_face_is(
    embedded_root: dict[str, Path], preprocessed: dict[str, Path], dataset: str
) -> None:
    folder = preprocessed[dataset]
    table = pq.read_table(folder / "faces.parquet").to_pylist()
    images = np.load(folder / "faces.npy", mmap_mode="r", allow_pickle=False)
    clips = [c for c in plan(dataset, SIZE, SEED).of_subject(SUBJECTS[dataset]) if c.annotated]
    assert [(row["video"], row["frame"]) for row in table] == [(c.video, n) for c in clips for n in c.frames]
    assert [row["file"] for row in table] == [clip.file(n) for clip in clips for n in clip.frames]
    assert images.shape == (len(table), 112, 112, 3 if dataset == "casme2" else 1) and images.dtype == np.uint8
    assert {row["state"] for row in table} <= {"detected", "tracked"} and {row["excluded"] for row in table} == {None}
    assert {row["faces"] for row in table} == {1} and {row["choice"] for row in table} == {None}
    assert {row["aligned_file"] for row in table} == {row["aligned_sha256"] for row in table} == {None}
    for row, image in list(zip(table, images, strict=True))[::9]:
        data = (embedded_root[dataset] / row["file"]).read_bytes()
        assert (row["sha256"], row["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
        matrix = np.array(row["matrix"]).reshape(2, 3)
        landmarks = np.array(row["landmarks"]).reshape(68, 2)
        # What aligns the face is smoothed more than the landmarks that are stored.
        apart = alignment.apply(matrix, landmarks) - alignment.apply(alignment.alignment_matrix(landmarks), landmarks)
        assert np.abs(apart).max() < 1.5
        raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        raw = raw if raw.ndim == 2 else raw[..., ::-1].copy()
        assert (image.squeeze() == alignment.warp(raw, matrix)).all()


@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_embedded_landmarks_are_where_they_truly_are(preprocessed: dict[str, Path], dataset: str) -> None:
    """In pixels of the aligned face: landmarks are right to a mean of 0.7 (CASME II) and 1.4 (SAMM); the true stable
    points rest where alignment puts them, with a standard deviation over a clip of 0.04 to 0.16, median 0.06 (more
    where a wrinkled nose moves some of them); and the face as a whole, whose motion flow would take for an
    expression, with one of 0.1 at most."""
    from mexflow.embedded.truth import true_landmarks

    table = pq.read_table(preprocessed[dataset] / "faces.parquet").to_pylist()
    subject = SUBJECTS[dataset]
    errors, deviations, common = [], [], []
    for clip in plan(dataset, SIZE, SEED).of_subject(subject):
        rows = [row for row in table if row["video"] == clip.video]
        if not rows:
            continue
        stable = []
        for row in rows:
            true = true_landmarks(dataset, SIZE, SEED, subject, clip.video, row["frame"])
            matrix = np.array(row["matrix"]).reshape(2, 3)
            found = np.array(row["landmarks"], float).reshape(68, 2)
            distances = alignment.apply(matrix, found) - alignment.apply(matrix, true)
            errors.append(np.linalg.norm(distances, axis=1).mean())
            stable.append(alignment.apply(matrix, true[alignment.STABLE]))
        deviations.append(np.std(stable, axis=0).mean())
        common.append(np.std(np.mean(stable, axis=1), axis=0).max())
    assert len(deviations) == 6
    assert max(errors) < 2.0
    assert max(deviations) < 0.2 and np.median(deviations) < 0.12
    assert max(common) < 0.15


def test_smoothing_steadies_embedded_faces(embedded_root: dict[str, Path]) -> None:
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    tremble = {}
    for smoothing in (0.0, 2.0):
        found = align_video(embedded_root["casme2"] / clip.path, clip.frame_count, ANY_FRAME, FaceSettings(smoothing))
        shifts = np.array([frame.row["matrix"] for frame in found])[:, [2, 5]]
        tremble[smoothing] = np.diff(shifts, axis=0).std()
    assert tremble[2.0] < 0.5 * tremble[0.0]


def test_clips_that_cannot_be_used_are_left_out_of_all_that_follows(
    embedded_root: dict[str, Path], tmp_path: Path
) -> None:
    root, names = tmp_path / "raw", ("flat", "good", "torn")
    rows = [dataset_files.casme2_row("01", name, 3, 6, 9) for name in names]
    dataset_files.casme2(root, rows, [("01", name, number) for number, name in enumerate(names, start=1)])
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    frames = root / dataset_files.CASME2_FRAMES / "sub01"
    for name in names:
        (frames / name).mkdir(parents=True)
    for number in range(1, 12):
        flat = np.full((240, 320), 60 + number, np.uint8)
        (frames / "flat" / f"img{number}.jpg").write_bytes(cv2.imencode(".jpg", flat)[1].tobytes())
        raw = (embedded_root["casme2"] / clip.file(clip.frames[number])).read_bytes()
        (frames / "good" / f"img{number}.jpg").write_bytes(raw)
        # One frame of the last clip is cut off.
        (frames / "torn" / f"img{number}.jpg").write_bytes(raw[: len(raw) // 2] if number == 5 else raw)
    embedded_files.index("casme2", root, tmp_path)

    done = embedded_files.faces("casme2", "01", root, tmp_path)
    (line,) = (line for line in done.stderr.splitlines() if line)
    assert done.returncode == 1 and "img5.jpg: the JPEG is truncated" in line
    assert not list(tmp_path.glob("*faces*"))

    done = embedded_files.faces("casme2", "01", root, tmp_path, unreadable="exclude")
    assert done.returncode == 0, done.stderr
    reasons = {
        "flat": "no_face: no face was found in any of 11 frames",
        "good": None,
        "torn": "frame_unreadable: 1 of 11 frames cannot be read",
    }
    assert [line for line in done.stdout.splitlines() if line.startswith("excluded")] == [
        f"excluded: casme2 01 {name}: {reason}" for name, reason in reasons.items() if reason
    ]
    table = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    assert [(row["video"], row["frame"]) for row in table] == [(name, n) for name in names for n in range(1, 12)]
    assert all(row["excluded"] == reasons[row["video"]] for row in table)
    states = [row["state"] for row in table]
    assert states[:11] == ["missing"] * 11 and states.index("unreadable") == 26 and states.count("unreadable") == 1
    images = np.load(tmp_path / "faces.npy")
    # Grey and colour clips of one subject share an array, in colour if most of its frames are.
    assert images.shape == (33, 112, 112, 3)
    assert images.any((1, 2, 3)).tolist() == [False] * 11 + [n != 26 for n in range(11, 33)]

    done = embedded_files.flow("casme2", "01", tmp_path)
    assert done.returncode == 0, done.stderr
    flows = pq.read_table(tmp_path / "flow.parquet").to_pylist()
    assert [(row["video"], row["excluded"]) for row in flows] == [(name, reasons[name]) for name in names for _ in "12"]
    fields = np.load(tmp_path / "flow.npy")
    assert fields.any((1, 2, 3)).tolist() == [False, False, True, True, False, False]


def test_what_a_damaged_frame_costs_a_long_video(embedded_root: dict[str, Path], tmp_path: Path) -> None:
    """Itself; and it is named, as are frames that are turned. Of a clip the same frame costs the whole."""
    root = tmp_path / "raw"
    dataset_files.casme2(root, [dataset_files.casme2_row("01", "long", 3, 6, 9)], [("01", "long", 1)])
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    frames = root / dataset_files.CASME2_FRAMES / "sub01" / "long"
    frames.mkdir(parents=True)
    for number in range(1, 12):
        raw = (embedded_root["casme2"] / clip.file(clip.frames[number])).read_bytes()
        if number == 1:  # the first is another's: the clip is in colour all the same
            raw = cv2.imencode(".jpg", np.zeros((60, 80), np.uint8))[1].tobytes()
        if number == 5:
            raw = picture_files.with_hole(raw, 512)
        if number == 7:
            raw = picture_files.with_orientation(raw, 2)
        (frames / f"img{number}.jpg").write_bytes(raw)
    embedded_files.index("casme2", root, tmp_path)
    files = {name: tmp_path / f"{name}.parquet" for name in ("index", "videos")}
    files |= {"output": tmp_path / "faces.npy", "table": tmp_path / "faces.parquet", "record": tmp_path / "record.json"}
    options = {"dataset": "casme2", "subject": "01", "root": root, "unreadable": "exclude", **files}

    done = embedded_files.call("faces", "--every-video", **options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-1] == [
        "rotated: casme2 01 long: 1 of 11 frames are turned as their EXIF orientation says",
        f"unreadable: casme2 01 long: {frames / 'img1.jpg'}: "
        "80x60 grey, where the frames of its clip are 640x480 colour",
        f"unreadable: casme2 01 long: {frames / 'img5.jpg'}: "
        "the JPEG is damaged (zeros in the place of its data)",
    ]  # fmt: skip
    table = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    assert [row["frame"] for row in table if row["state"] == "unreadable"] == [1, 5]
    assert {row["excluded"] for row in table} == {None}
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["rotated"] == 1 and record["states"]["unreadable"] == 2
    images = np.load(tmp_path / "faces.npy")
    assert images.shape == (11, 112, 112, 3) and not images[[0, 4]].any() and images[1].any()

    done = embedded_files.call("faces", **options)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    assert {row["excluded"] for row in table} == {"frame_unreadable: 2 of 11 frames cannot be read"}
