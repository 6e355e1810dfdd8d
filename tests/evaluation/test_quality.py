"""Preprocessing against the truth: faces aligned perfectly, wrong by a known amount, and the command itself."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import embedded_files
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.evaluation import quality
from mexflow.evaluation.aligned_videos import (
    LandmarkedVideo,
    SubjectFaces,
    evenly,
    expression_pairs,
    read_faces,
    runs,
    still_pairs,
)
from mexflow.evaluation.tally import Tally, ratio_of_means
from mexflow.evaluation.true_motion import TrueMotion, aligned_flow, face_area, grid
from mexflow.evaluation.uncertainty import Spread
from mexflow.preprocess import alignment
from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Inputs
from mexflow.tables.cells import SCHEMA
from mexflow.tables.quality_table import quality_cells, quality_markdown, quality_table

DATASET, SUBJECT = "casme2", SUBJECTS["casme2"]


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    from mexflow import embedded

    return [r for r in embedded.plan(DATASET, SIZE, SEED).expected_rows() if r["subject"] == SUBJECT]


@pytest.fixture(scope="module")
def row(rows) -> dict:
    return next(row for row in rows if row["excluded"] is None)


@pytest.fixture(scope="module")
def motion(row) -> TrueMotion:
    return TrueMotion(DATASET, SIZE, SEED, SUBJECT, row["video"])


class Sliding:
    """A made-up motion: everything goes a given way, in raw pixels a frame."""

    def __init__(self, x: float, y: float) -> None:
        self.step = np.array([x, y])

    def moved(self, points: np.ndarray, first: int, second: int) -> np.ndarray:
        return points + (second - first) * self.step


def video(frames, name="v", subject="s", landmarks=None, matrices=None) -> LandmarkedVideo:
    count = len(frames)
    landmarks = np.zeros((count, 68, 2)) if landmarks is None else landmarks
    matrices = np.tile(np.eye(2, 3), (count, 1, 1)) if matrices is None else matrices
    return LandmarkedVideo(subject, name, np.asarray(frames, np.int64), landmarks, matrices)


def table_of(rows: list[dict], error=lambda frame: np.zeros((68, 2))) -> pa.Table:
    """A table of faces whose landmarks are the true ones plus `error(frame)`, in raw pixels."""
    made = []
    for row in rows:
        motion = TrueMotion(DATASET, SIZE, SEED, SUBJECT, row["video"])
        for frame in range(row["onset"], row["offset"] + 1):
            landmarks = motion.landmarks(frame) + error(frame)
            matrix = alignment.alignment_matrix(landmarks)
            made.append(
                {
                    "dataset": DATASET, "subject": SUBJECT, "video": row["video"], "frame": frame, "state": "tracked",
                    "landmarks": landmarks.astype(np.float32).ravel(), "matrix": matrix.ravel(),
                }
            )  # fmt: skip
    return pa.Table.from_pylist(made, schema=FACES)


def stored(folder: Path, table: pa.Table) -> SubjectFaces:
    """These faces as they are read from files in a folder; every image is black."""
    np.save(folder / "faces.npy", np.zeros((len(table), 112, 112, 1), np.uint8))
    pq.write_table(table, folder / "faces.parquet")
    return read_faces(Inputs(), folder / "faces.npy")


def measured(folder: Path, table: pa.Table, rows: list[dict], **options) -> quality.Quality:
    faces = stored(folder, table)
    return quality.measure(DATASET, SIZE, SEED, [faces], rows, methods=["horn_schunck"], **options)


# The true flow between aligned faces


def test_moved_points_are_those_of_the_full_frame(motion, row):
    from mexflow.embedded import truth

    onset, apex = row["onset"], row["apex"]
    whole = truth.flow_between(motion._motion, onset, apex)
    points = motion.landmarks(onset).round()
    shift = motion.moved(points, onset, apex) - points
    expected = [whole[:, int(y), int(x)] for x, y in points]
    np.testing.assert_allclose(shift, expected, atol=1e-4)
    assert np.abs(shift).max() > 0.3


def test_a_landmark_is_moved_to_where_it_is_in_the_other_frame(motion, row):
    onset, apex = row["onset"], row["apex"]
    moved = motion.moved(motion.landmarks(onset), onset, apex)
    assert np.abs(moved - motion.landmarks(apex)).max() < 0.1


@pytest.mark.parametrize("size", [64, 112])
def test_the_aligned_flow_of_a_slide_is_turned_and_scaled_by_the_transform(size):
    angle, scale = 0.4, 0.25
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, [30.0, -7.0]])
    found = aligned_flow(Sliding(2, -1), (5, matrix), (8, matrix), size)
    expected = turn @ (3 * np.array([2.0, -1.0])) * size / 112
    np.testing.assert_allclose(found, np.broadcast_to(expected[:, None, None], found.shape), atol=1e-9)


def test_a_transform_that_follows_the_head_leaves_no_motion():
    first = np.array([[0.3, -0.1, 4.0], [0.1, 0.3, 9.0]])
    second = first.copy()
    second[:, 2] -= first[:, :2] @ (5.0, -2.5)
    found = aligned_flow(Sliding(1, -0.5), (1, first), (6, second), 64)
    np.testing.assert_allclose(found, 0, atol=1e-9)


def test_grid_is_where_area_averaging_puts_the_pixels():
    x = np.tile(np.arange(112, dtype=np.float32), (112, 1))
    # A tenth of a pixel off, since an average of pixels takes each at its centre; a wrong centre is 0.4 off at 64.
    for size in (56, 64, 90, 112):
        small = cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(grid(size)[:size, 0], small[0], atol=0.1)


@pytest.mark.parametrize("size", [28, 112])
def test_face_area_is_the_hull(size):
    landmarks = np.random.default_rng(3).uniform(-5, 110, (68, 2))
    hull = cv2.convexHull(landmarks.astype(np.float32))
    inside = [cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in grid(size)]
    np.testing.assert_array_equal(face_area(landmarks, size).ravel(), inside)


# Samples


def test_evenly_keeps_few_and_spreads_many():
    assert evenly([1, 2, 3], 5) == [1, 2, 3]
    assert evenly(range(100), 4) == [12, 37, 62, 87]


def test_runs_meet_beginning_middle_and_end():
    videos = [video(range(10 * i, 10 * i + 41), f"v{i}") for i in range(3)]
    assert [(v.name, r) for v, r in runs(videos, 3, 11)] == [
        ("v0", range(0, 11)), ("v1", range(15, 26)), ("v2", range(30, 41)),
    ]  # fmt: skip
    assert [len(r) for _, r in runs([video(range(4))], 3, 11)] == [4]


def test_pairs_of_expressions_need_both_faces_and_time_between_them():
    base = {"subject": "s", "video": "v", "type": "micro", "excluded": None}
    rows = [
        {**base, "clip": "good", "onset": 2, "apex": 5},
        {**base, "clip": "no apex", "onset": 2, "apex": 7},
        {**base, "clip": "at once", "onset": 3, "apex": 3},
        {**base, "clip": "left out", "onset": 2, "apex": 5, "excluded": "folder_missing: no folder"},
        {**base, "clip": "elsewhere", "onset": 2, "apex": 5, "video": "w"},
    ]
    (pair,) = expression_pairs([video([1, 2, 3, 4, 5, 6])], rows)
    assert (pair.clip, pair.first, pair.second, pair.distance) == ("good", 1, 4, 3)


def test_still_pairs_avoid_whatever_moves_and_whatever_is_absent():
    frames = [*range(0, 30), *range(40, 51)]
    moving = {12, 13, 45}
    found = still_pairs(video(frames), lambda frame: frame not in moving, 5)
    ends = [(frames[p.first], frames[p.second]) for p in found]
    assert ends == [(0, 5), (5, 10), (14, 19), (19, 24), (24, 29), (40, 44), (46, 50)]
    # Stretches shorter than asked for count from half the distance on.
    assert [p.distance for p in still_pairs(video(frames), lambda frame: frame not in moving, 20)] == [11, 15]
    assert still_pairs(video(frames), lambda frame: False, 5) == []


def test_faces_of_excluded_videos_and_unknown_faces_are_left_out(tmp_path):
    base = {"dataset": "d", "subject": "s", "landmarks": [1.0] * 136, "matrix": [1.0] * 6, "state": "tracked"}
    table = pa.Table.from_pylist(
        [
            {**base, "video": "b", "frame": 2},
            {**base, "video": "a", "frame": 7},
            {**base, "video": "a", "frame": 8, "state": "missing", "landmarks": None, "matrix": None},
            {**base, "video": "a", "frame": 9, "landmarks": [2.0] * 136},
            {**base, "video": "c", "frame": 1, "excluded": "no_face: none"},
            {**base, "video": "b", "frame": 1},
        ],
        schema=FACES,
    )
    subject = stored(tmp_path, table)
    assert [(v.name, v.frames.tolist()) for v in subject.videos] == [("b", [1, 2]), ("a", [7, 9])]
    assert subject.faces.video("b").rows.tolist() == [5, 0]
    assert subject.videos[1].landmarks[1, 0, 0] == 2
    assert subject.states == {"tracked": 5, "missing": 1}


# Sums over subjects


def test_means_ratios_and_their_intervals():
    above, below = Tally(["a", "b", "c"]), Tally(["a", "b", "c"])
    for subject, values in (("a", [1.0, 2.0]), ("b", [3.0]), ("c", [6.0])):
        above.add(subject, np.array(values))
        below.add(subject, 2.0)
    mean = above.mean(1)
    assert mean.value == pytest.approx(3) and mean.n == 4
    assert 0 < mean.spread.interval[0] < 3 < mean.spread.interval[1]
    assert above.root_mean(1).value == pytest.approx(3**0.5)
    ratio = ratio_of_means(above, below, 1)
    assert ratio.value == pytest.approx(1.5) and ratio.n == 4
    assert ratio_of_means(above, Tally(["a", "b", "c"]), 1).value is None
    assert Tally(["a"]).mean(1) == (type(mean))(None, Spread(None), 0)


def test_one_subject_has_no_interval():
    tally = Tally(["a", "b"])
    tally.add("a", [1.0, 3.0])
    assert tally.mean(0).value == 2 and tally.mean(0).spread.reason == "no interval: one subject, fewer than 3"


# Known errors


def test_perfect_landmarks_have_no_error(rows, tmp_path):
    found = measured(tmp_path, table_of(rows), rows)
    for name in ("jitter", "eye_error", "eye_offset"):
        assert found.alignment[name].value < 1e-4, name
    assert found.alignment["tracked"].value == 1 and found.alignment["missing"].value == 0
    # The transform that leaves no error is the true landmarks' own.
    assert found.motion["micro", "mean"].value == pytest.approx(found.motion["micro", "true_landmarks"].value)


def test_black_faces_show_no_motion_to_any_method(rows, tmp_path):
    """What is estimated between black images is zero: the baseline's errors, and no direction."""
    found = measured(tmp_path, table_of(rows), rows)
    for size in quality.SIZES:
        for metric in ("end_point_error", "space_time_angle"):
            method, zero = (found.flow[size, name, metric].value for name in ("horn_schunck", quality.ZERO))
            assert method == pytest.approx(zero) and zero > 0.02
        assert found.flow[112, "horn_schunck", "direction_error"].value == pytest.approx(90)
    assert found.flow[112, quality.ZERO, "end_point_error"].value == pytest.approx(
        found.flow[64, quality.ZERO, "end_point_error"].value * 112 / 64, rel=0.02
    )


def test_a_shift_of_all_landmarks_is_an_offset_and_nothing_that_varies(rows, tmp_path):
    found = measured(tmp_path, table_of(rows, lambda frame: np.array([3.0, 4.0])), rows)
    scale = 59 / 117  # aligned pixels a raw pixel: the outer eye corners' distances
    assert found.alignment["eye_offset"].value == pytest.approx(5 * scale, rel=0.15)
    assert found.alignment["eye_error"].value < 0.02
    assert found.alignment["jitter"].value < 0.02


def test_a_trembling_landmark_is_jitter(rows, tmp_path):
    """Every landmark goes to and fro by 1 raw pixel: each coordinate x changes by 2, y by none."""
    found = measured(tmp_path, table_of(rows, lambda frame: np.array([(-1.0) ** frame, 0.0])), rows)
    scale = 59 / 117
    assert found.alignment["jitter"].value == pytest.approx(2 * scale / 2**0.5, rel=0.15)
    assert found.alignment["eye_error"].value == pytest.approx(scale, rel=0.15)


def test_no_expression_and_no_stretch_at_rest_leave_numbers_out(rows, tmp_path):
    found = measured(tmp_path, table_of(rows), [])
    assert found.distances == () and found.motion["still", "mean"].value is None
    assert found.flow[64, "horn_schunck", "end_point_error"].value is None
    text = quality_markdown(quality_cells([found]))
    assert "no stretch without expression is long enough" in text and "—" in text


# The table


def test_cells_say_what_they_are_and_that_the_data_are_synthetic(rows, tmp_path):
    cells = quality_cells([measured(tmp_path, table_of(rows), rows)])
    table = quality_table(cells)
    assert table.schema == SCHEMA
    assert set(table["data"].to_pylist()) == {"embedded"} and table["published"].null_count == len(table)
    names = table["cell"].to_pylist()
    assert len(set(names)) == len(names)
    for name in (
        "preprocessing/alignment/casme2/landmark jitter/pixels",
        "preprocessing/alignment/casme2/tracked/share",
        "preprocessing/motion/casme2/ratio/mean",
        "preprocessing/flow/casme2 at 64 px/horn_schunck/end_point_error",
        "preprocessing/flow/casme2 at 112 px/no motion/space_time_angle",
    ):
        assert name in names
    assert table.to_pylist()[names.index("preprocessing/alignment/casme2/tracked/share")]["measured"] == 100
    text = quality_markdown(cells)
    assert text.count("synthetic") == 4  # at the top, and at each table


# The command


@pytest.fixture(scope="module")
def results(preprocessed, tmp_path_factory) -> Path:
    """A folder of results: of each dataset the index of one subject, and its faces."""
    root = tmp_path_factory.mktemp("results")
    (root / "index").mkdir()
    for dataset, subject in SUBJECTS.items():
        index = pq.read_table(preprocessed[dataset] / "index.parquet")
        pq.write_table(index.filter(pc.equal(index["subject"], subject)), root / "index" / f"{dataset}.parquet")
        (root / "faces" / dataset).mkdir(parents=True)
        for ending in ("npy", "parquet"):
            shutil.copy(preprocessed[dataset] / f"faces.{ending}", root / "faces" / dataset / f"{subject}.{ending}")
    return root


def arguments(results, output, **changed) -> list[str]:
    options = {
        "dataset": list(SUBJECTS), "size": SIZE, "seed": SEED, "method": ["horn_schunck", "farneback"], "frames": 20,
        "pair-count": 2, "results": results, "output": output, "record": output.parent / "records" / "quality.json",
    } | changed  # fmt: skip
    return [
        text for name, value in options.items() for item in (value if isinstance(value, list) else [value])
        for text in (f"--{name}", str(item))
    ]  # fmt: skip


def test_command_measures_what_the_commands_before_made(results, tmp_path):
    files = {}
    for name, run in (("one", embedded_files.run), ("two", embedded_files.call)):
        done = run("quality", *arguments(results, tmp_path / name / "preprocessing"))
        assert done.returncode == 0, done.stderr
        files[name] = {path.suffix: path.read_bytes() for path in (tmp_path / name).iterdir() if path.suffix}
    assert files["one"] == files["two"] and set(files["one"]) == {".parquet", ".csv", ".md"}
    table = pq.read_table(tmp_path / "one" / "preprocessing.parquet").to_pylist()
    lines = list(csv.DictReader((tmp_path / "one" / "preprocessing.csv").open()))
    assert [line["cell"] for line in lines] == [row["cell"] for row in table]
    at = {row["cell"]: row["measured"] for row in table}
    for dataset in SUBJECTS:
        assert 0 < at[f"preprocessing/alignment/{dataset}/landmark jitter/pixels"] < 0.3
        assert 0 < at[f"preprocessing/alignment/{dataset}/eye error/pixels"] < 1
        assert at[f"preprocessing/alignment/{dataset}/missing/share"] == 0
        error = f"preprocessing/flow/{dataset} at 112 px/{{}}/end_point_error"
        assert at[error.format("farneback")] < at[error.format("horn_schunck")] < at[error.format("no motion")]
    record = json.loads((tmp_path / "one" / "records" / "quality.json").read_text())
    assert len(record["inputs"]) == 6 and "mexflow.embedded.samm" in record["code"]["modules"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataset": ["casme2", "smic"]}, "index/smic.parquet"),
        ({"dataset": ["casme2", "sam"]}, "samm"),
        ({"method": ["farnback"]}, "farneback"),
        ({"size": "dem"}, "demo"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(results, tmp_path, changed, said):
    done = embedded_files.call("quality", *arguments(results, tmp_path / "out" / "t", **changed))
    assert done.returncode and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_faces_of_another_dataset_are_refused(results, tmp_path):
    shutil.copytree(results, tmp_path / "results")
    for ending in ("npy", "parquet"):
        shutil.copy(
            results / "faces" / "samm" / f"{SUBJECTS['samm']}.{ending}",
            tmp_path / "results" / "faces" / "casme2" / f"{SUBJECTS['casme2']}.{ending}",
        )
    done = embedded_files.call("quality", *arguments(tmp_path / "results", tmp_path / "t"))
    assert done.returncode and "faces of samm, not of casme2" in done.stderr
    assert not list(tmp_path.glob("t*"))
