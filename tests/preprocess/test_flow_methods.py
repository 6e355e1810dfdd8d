"""Farneback and TV-L1 beside Horn-Schunck: one interface, known motion, settings; and pairs from a table."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import embedded_files
from mexflow.errors import UserError
from mexflow.preprocess import flow
from mexflow.preprocess.scaling import scaled


@pytest.fixture(scope="module")
def moved() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two frames (1, 64, 64) and the motion (2, 64, 64) that makes the second of the first."""
    rng = np.random.default_rng(5)
    first = cv2.GaussianBlur(rng.random((64, 64), np.float32), (0, 0), 2)
    first = (first - first.min()) / (first.max() - first.min())
    y, x = np.mgrid[:64, :64].astype(np.float32)
    bump = np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 300)
    motion = np.stack([1.2 * bump, -0.8 * bump])
    # Backward map of a smooth, small motion: the pixel came from x - u(x - u).
    u = motion
    for _ in range(5):
        u = np.stack([cv2.remap(motion[i], x - u[0], y - u[1], cv2.INTER_LINEAR) for i in range(2)])
    second = cv2.remap(first, x - u[0], y - u[1], cv2.INTER_CUBIC)
    return first[None], second[None], motion


@pytest.mark.parametrize(("method", "error"), [("farneback", 0.15), ("tvl1", 0.15)])
def test_known_motion(moved, method, error):
    first, second, motion = moved
    found = flow.compute(method, first, second)
    assert found.shape == (1, 2, 64, 64) and found.dtype == np.float32
    inner = np.s_[8:-8, 8:-8]
    assert np.hypot(*(found[0] - motion))[inner].mean() < error
    assert np.hypot(*motion)[inner].mean() > 2 * error, "better than no motion at all"


@pytest.mark.parametrize("method", flow.METHODS)
def test_many_pairs_are_each_pair(moved, method):
    first, second, _ = moved
    both = flow.compute(method, np.concatenate([first, second]), np.concatenate([second, first]))
    np.testing.assert_array_equal(both[0], flow.compute(method, first, second)[0])
    np.testing.assert_array_equal(both[1], flow.compute(method, second, first)[0])
    np.testing.assert_array_equal(
        both, flow.compute(method, *(np.concatenate(p) for p in ((first, second), (second, first))))
    )
    assert flow.compute(method, first[:0], second[:0]).shape == (0, 2, 64, 64)


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("tv-l1", {}, r"unknown flow method 'tv-l1' \(did you mean 'tvl1'\?\)"),
        ("tvl1", {"lambda": 0.1}, "unknown setting of tvl1 'lambda'"),
        ("tvl1", {"step": 0.5}, "tvl1: .*step in 0..0.25"),
        ("farneback", {"scale": 1.0}, "farneback: scale must be in 0..1"),
        ("farneback", {"neighbours": 6}, "neighbours 5 or 7"),
        ("farneback", {"levels": 2.5}, "levels, window and iterations whole numbers from 1 on"),
        ("farneback", {"sigma": "wide"}, "sigma > 0"),
        ("tvl1", {"warps": True}, "scales and warps whole numbers from 1 on"),
        ("tvl1", {"epsilon": "small"}, "epsilon must be positive"),
    ],
)
def test_wrong_settings(moved, method, options, said):
    with pytest.raises(UserError, match=said):
        flow.compute(method, *moved[:2], **options)


def test_settings_reach_the_method(moved):
    first, second, _ = moved
    for method, option in (("farneback", {"window": 5}), ("tvl1", {"attachment": 0.01})):
        assert (flow.compute(method, first, second, **option) != flow.compute(method, first, second)).any()


# Scaling


def test_faces_are_never_enlarged():
    with pytest.raises(UserError, match="112x112 pixels cannot be enlarged to 113x113"):
        scaled(np.zeros((1, 112, 112, 1), np.uint8), 113)


@pytest.mark.parametrize("size", [64, 90, 112])
def test_colour_faces_keep_their_colours(size):
    faces = np.zeros((2, 112, 112, 3), np.uint8)
    faces[0, :, :56] = (200, 100, 50)
    colour = scaled(faces, size, grey=False)
    assert colour.shape == (2, size, size, 3)
    np.testing.assert_allclose(colour[0, size // 2, size // 4], np.array([200, 100, 50]) / 255, atol=1e-4)
    np.testing.assert_allclose(colour.mean((1, 2)), faces.mean((1, 2)) / 255, atol=1e-4)
    grey = scaled(faces[..., :1], size, grey=False)
    assert (grey[..., 0] == grey[..., 2]).all()


# Pairs from a table


def run(preprocessed, output, *arguments, **options):
    folder = preprocessed["casme2"]
    return embedded_files.call(
        "flow",
        *arguments,
        dataset="casme2",
        subject="05",
        index=folder / "index.parquet",
        faces=folder / "faces.npy",
        size=64,
        output=output / "flow.npy",
        table=output / "flow.parquet",
        **options,
    )


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_pairs_of_a_table(preprocessed, tmp_path, ending):
    faces = pq.read_table(preprocessed["casme2"] / "faces.parquet").to_pylist()
    video = faces[0]["video"]
    index = pq.read_table(preprocessed["casme2"] / "index.parquet", columns=["subject", "video"]).to_pylist()
    other = next(row["video"] for row in index if row["subject"] != faces[0]["subject"])
    numbers = [row["frame"] for row in faces if row["video"] == video]
    wanted = pa.table(
        {
            "video": [video, video, video, other],
            "first_frame": [numbers[0], numbers[2], numbers[0], 1],
            "second_frame": [numbers[5], numbers[1], 10**6, 2],
        }
    )
    path = tmp_path / f"pairs.{ending}"
    pq.write_table(wanted, path) if ending == "parquet" else pyarrow.csv.write_csv(wanted, path)
    done = run(preprocessed, tmp_path, method="farneback", pairs=path, record=tmp_path / "record.json")
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(tmp_path / "flow.parquet").to_pylist()
    assert [(r["first_frame"], r["second_frame"]) for r in rows] == [
        (numbers[0], numbers[5]), (numbers[2], numbers[1]), (numbers[0], 10**6),
    ]  # fmt: skip
    assert [r["excluded"] for r in rows] == [None, None, "frame_absent: no aligned face of frame 1000000"]
    assert {(r["pair"], r["clip"], r["video"]) for r in rows} == {("table", None, video)}
    found, images = np.load(tmp_path / "flow.npy"), np.load(preprocessed["casme2"] / "faces.npy")
    grey = scaled(images[: len(numbers)], 64)
    np.testing.assert_array_equal(found[0], flow.compute("farneback", grey[:1], grey[5:6])[0])
    assert not found[2].any()
    assert str(path) in json.loads((tmp_path / "record.json").read_text())["inputs"]


def test_videos_that_are_nowhere_are_listed(preprocessed, tmp_path):
    faces = pq.read_table(preprocessed["casme2"] / "faces.parquet").to_pylist()
    video = faces[0]["video"]
    wanted = pa.table({"video": [video, video + "x", "00"], "first_frame": [1, 1, 1], "second_frame": [2, 2, 2]})
    pq.write_table(wanted, tmp_path / "pairs.parquet")
    done = run(preprocessed, tmp_path, method="farneback", pairs=tmp_path / "pairs.parquet")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"pairs.parquet: 2 videos are nowhere in {preprocessed['casme2'] / 'index.parquet'}: '00'" in done.stderr
    assert f"{video + 'x'!r} (did you mean {video!r}?)" in done.stderr
    assert not (tmp_path / "flow.npy").exists()
    # A video without an annotated expression is in no index: the table of videos has it.
    pq.write_table(pa.table({"video": ["00", video + "x"]}), tmp_path / "videos.parquet")
    options = {"pairs": tmp_path / "pairs.parquet", "videos": tmp_path / "videos.parquet"}
    assert run(preprocessed, tmp_path, method="farneback", **options).returncode == 0
    assert len(np.load(tmp_path / "flow.npy")) == 1


def test_every_consecutive_pair(preprocessed, tmp_path):
    done = run(preprocessed, tmp_path, method="farneback", pair="consecutive")
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(tmp_path / "flow.parquet").to_pylist()
    faces = pq.read_table(preprocessed["casme2"] / "faces.parquet").to_pylist()
    expected = [
        (a["video"], a["frame"], b["frame"])
        for a, b in zip(faces[:-1], faces[1:], strict=True) if a["video"] == b["video"]
    ]  # fmt: skip
    assert sorted((r["video"], r["first_frame"], r["second_frame"]) for r in rows) == sorted(expected)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("video,first_frame\na,1\n", "no column second_frame; a table of pairs has video, first_frame, second_frame"),
        ("video,first_frame,second_frame\na,1,x\n", "row 1 has video 'a' and frames (1, 'x')"),
        ("", "not a readable csv table"),
    ],
)
def test_wrong_table_of_pairs(preprocessed, tmp_path, content, said):
    (tmp_path / "pairs.csv").write_text(content)
    done = run(preprocessed, tmp_path, method="farneback", pairs=tmp_path / "pairs.csv")
    assert done.returncode == 1 and said in done.stderr and str(tmp_path / "pairs.csv") in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "flow.npy").exists()


def test_no_pairs_at_all(preprocessed, tmp_path):
    done = run(preprocessed, tmp_path, method="farneback")
    assert done.returncode == 1 and "--pair NAME, or a table of pairs: --pairs FILE" in done.stderr
