"""Optical flow: Horn-Schunck against its literal transcription and the true flow, and the command."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import embedded_files
import horn_schunck_loops
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow import __main__
from mexflow.errors import UserError
from mexflow.preprocess import alignment, flow
from mexflow.preprocess.aligned import AlignedFaces
from mexflow.preprocess.pairs import PAIRS
from mexflow.preprocess.scaling import scaled
from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Inputs


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def onset_and_apex(folder: Path, size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Prepared faces of the first pairs onset-apex in which anything can move."""
    table = pq.read_table(folder / "faces.parquet").to_pylist()
    at = {(row["video"], row["frame"]): i for i, row in enumerate(table)}
    images = np.load(folder / "faces.npy")
    pairs = [row for row in pq.read_table(folder / "flow.parquet").to_pylist() if row["pair"] == "onset-apex"]
    pairs = [row for row in pairs if row["first_frame"] != row["second_frame"]][:count]
    first, second = (
        scaled(images[[at[row["video"], row[end]] for row in pairs]], size) for end in ("first_frame", "second_frame")
    )
    return first, second


# Horn and Schunck


@pytest.mark.parametrize("alpha", [0.3, 1.0, 15.0])
@pytest.mark.parametrize(
    ("height", "width", "iterations"), [(5, 7, 1), (16, 16, 10), (23, 9, 4), (1, 6, 3), (12, 31, 25)]
)
def test_horn_schunck_is_its_literal_transcription(height: int, width: int, iterations: int, alpha: float) -> None:
    first, second = noise(1, height, width), noise(1, height, width, seed=1)
    found = flow.horn_schunck(first, second, alpha, iterations)
    assert found.shape == (1, 2, height, width) and found.dtype == np.float32
    expected = horn_schunck_loops.horn_schunck(first[0], second[0], alpha, iterations)
    assert np.abs(expected).max() > 1e-4
    assert np.abs(found[0] - expected).max() < 1e-5


@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_horn_schunck_is_its_transcription_on_faces(preprocessed: dict[str, Path], dataset: str) -> None:
    first, second = onset_and_apex(preprocessed[dataset], 64, 1)
    expected = horn_schunck_loops.horn_schunck(first[0], second[0], 1, 10)
    # The defaults are the paper's settings.
    assert np.abs(flow.horn_schunck(first, second)[0] - expected).max() < 1e-5
    assert np.abs(expected).max() > 0.01


def test_the_command_stores_the_flow_of_the_stored_faces(preprocessed: dict[str, Path]) -> None:
    for folder in preprocessed.values():
        first, second = onset_and_apex(folder, 64, 99)
        rows = pq.read_table(folder / "flow.parquet").to_pylist()
        chosen = [i for i, r in enumerate(rows) if r["pair"] == "onset-apex" and r["first_frame"] != r["second_frame"]]
        stored = np.load(folder / "flow.npy")
        assert stored.shape == (len(rows), 2, 64, 64) and stored.dtype == np.float32
        assert (stored[chosen] == flow.horn_schunck(first, second)).all()


def test_a_batch_is_its_pairs_one_by_one_bit_for_bit() -> None:
    first, second = noise(9, 64, 64), noise(9, 64, 64, seed=1)
    together = flow.horn_schunck(first, second)
    for i in range(9):
        assert np.array_equal(together[i], flow.horn_schunck(first[i : i + 1], second[i : i + 1])[0])
    assert np.array_equal(together[::-1], flow.horn_schunck(first[::-1], second[::-1]))


def test_inputs_are_left_alone_and_no_pair_gives_no_flow() -> None:
    first, second = noise(2, 8, 8), noise(2, 8, 8, seed=1)
    copies = first.copy(), second.copy()
    flow.horn_schunck(first, second)
    assert (first == copies[0]).all() and (second == copies[1]).all()
    assert flow.horn_schunck(first[:0], second[:0]).shape == (0, 2, 8, 8)
    assert not flow.horn_schunck(first, first).any()


@pytest.mark.parametrize("shift", [(1, 0), (-1, 0), (0, 1), (0, -1)], ids=["right", "left", "down", "up"])
def test_a_pattern_that_moves_gives_flow_of_its_sign(shift: tuple[int, int]) -> None:
    texture = cv2.GaussianBlur(noise(64, 64), (0, 0), 4)
    texture = (texture - texture.min()) / np.ptp(texture)
    moved = np.roll(texture, shift, axis=(1, 0))
    inner = (slice(None), slice(12, -12), slice(12, -12))
    # The paper's alpha, whose flow has the right sign but hardly any length, and one small enough to measure.
    vx, vy = flow.horn_schunck(texture[None], moved[None])[0][inner].mean((1, 2))
    assert (np.sign(vx), np.sign(vy))[shift[0] == 0] == sum(shift)
    assert abs((vx, vy)[shift[0] != 0]) < abs((vx, vy)[shift[0] == 0])
    measured = flow.horn_schunck(texture[None], moved[None], 0.02, 300)[0][inner].mean((1, 2))
    assert measured == pytest.approx(shift, abs=0.15)


def test_horn_schunck_until_it_converges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far from where ten updates lead, no update changes it any more, and it is the same in any company."""
    first, second = (cv2.GaussianBlur(noise(20, 20, seed=seed), (0, 0), 2)[None] for seed in (0, 1))
    settled = flow.horn_schunck(first, second, 0.1, flow.UNTIL_CONVERGED, 1e-6)
    expected = flow.horn_schunck(first, second, 0.1, 5000)
    assert np.abs(settled - expected).max() < 1e-4 < np.abs(settled - flow.horn_schunck(first, second, 0.1)).max()
    pairs = [np.concatenate([one, other]) for one, other in ((first, second), (second, first))]
    both = flow.horn_schunck(*pairs, 0.1, flow.UNTIL_CONVERGED, 1e-6)
    assert np.array_equal(both[0], settled[0]) and not np.array_equal(both[1], settled[0])
    monkeypatch.setattr(flow, "MOST_UPDATES", 20)
    with pytest.raises(UserError, match="^horn_schunck: not converged after 20 updates; take a larger tolerance"):
        flow.compute("horn_schunck", first, second, alpha=0.1, iterations=flow.UNTIL_CONVERGED)


def test_magnitude() -> None:
    fields = np.array([[[[3.0, 0]], [[-4.0, -2]]]], np.float32)
    assert flow.magnitude(fields).tolist() == [[[5, 2]]]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"alfa": 2}, "unknown setting of horn_schunck 'alfa' (did you mean 'alpha'?); one of: alpha, iterations,"),
        (
            {"alpha": 0},
            "horn_schunck: alpha and tolerance must be positive, iterations a whole number from 1 on or "
            "until_converged; not 0, 1e-05, 10",
        ),
        ({"iterations": 2.5}, "not 1.0, 1e-05, 2.5"),
        ({"iterations": 0}, "not 1.0, 1e-05, 0"),
        ({"iterations": "until_convergd"}, "not 1.0, 1e-05, until_convergd"),
        ({"alpha": "one"}, "not one, 1e-05, 10"),
        ({"iterations": "until_converged", "tolerance": 0}, "not 1.0, 0, until_converged"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], text: str) -> None:
    with pytest.raises(UserError) as error:
        flow.compute("horn_schunck", noise(1, 4, 4), noise(1, 4, 4), **settings)
    assert text in str(error.value)


# What flow is computed from


def test_prepare_averages_areas_of_grey() -> None:
    faces = np.random.default_rng(2).integers(0, 256, (3, 112, 112, 1), np.uint8)
    half = scaled(faces, 56)
    assert half.shape == (3, 56, 56) and half.dtype == np.float32
    expected = faces[..., 0].reshape(3, 56, 2, 56, 2).mean((2, 4)) / 255
    # Not rounded to 256 levels on the way.
    assert half == pytest.approx(expected, abs=1e-6)
    small = scaled(faces, 64)
    assert small.shape == (3, 64, 64) and small.min() >= 0 and small.max() <= 1
    assert small.mean((1, 2)) == pytest.approx(faces.mean((1, 2, 3)) / 255, abs=1e-4)
    assert (scaled(faces, 112) == faces[..., 0].astype(np.float32) / 255).all()


def test_prepare_keeps_the_place_of_what_it_shrinks() -> None:
    y, x = np.indices((112, 112))
    blob = (220 * np.exp(-((x - 40.4) ** 2 + (y - 63.7) ** 2) / 50)).astype(np.uint8)[None, ..., None]
    small = scaled(blob, 64)[0]
    y, x = np.indices((64, 64))
    centre = np.array([(small * x).sum(), (small * y).sum()]) / small.sum()
    assert centre == pytest.approx((np.array([40.4, 63.7]) + 0.5) * 64 / 112 - 0.5, abs=0.02)


def test_prepare_weighs_red_green_and_blue() -> None:
    faces = np.zeros((3, 112, 112, 3), np.uint8)
    for channel in range(3):
        faces[channel, ..., channel] = 255
    greys = scaled(faces, 64).mean((1, 2))
    assert greys == pytest.approx((0.299, 0.587, 0.114), abs=0.003)


# Against the truth


@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_flow_of_embedded_faces_points_where_the_face_moved(preprocessed: dict[str, Path], dataset: str) -> None:
    """Where the true motion from onset to apex is over 0.3 px of the 64 x 64 face, the median angle between the
    estimated and the true flow is 11 to 27 degrees in clips with 200 such pixels and more, their median 19 (an
    estimate without knowledge would be at 90). Ten iterations carry the direction, not the length."""
    folder, subject = preprocessed[dataset], SUBJECTS[dataset]
    faces = {(r["video"], r["frame"]): r for r in pq.read_table(folder / "faces.parquet").to_pylist()}
    fields = np.load(folder / "flow.npy")
    angles = []
    for row, field in zip(pq.read_table(folder / "flow.parquet").to_pylist(), fields, strict=True):
        if row["pair"] != "onset-apex" or row["first_frame"] == row["second_frame"]:
            continue
        ends = row["first_frame"], row["second_frame"]
        matrices = [np.array(faces[row["video"], frame]["matrix"]).reshape(2, 3) for frame in ends]
        true = true_flow_of_aligned_faces(dataset, subject, row["video"], ends, matrices)
        angles.append(angles_between(field, true))
    assert len(angles) >= 5
    medians = [np.median(found) for found in angles if len(found) >= 200]
    assert len(medians) >= 3
    assert max(medians) < 40 and np.median(medians) < 30
    assert np.median(np.concatenate(angles)) < 30


def true_flow_of_aligned_faces(
    dataset: str, subject: str, video: str, frames: tuple[int, int], matrices: list[np.ndarray]
) -> np.ndarray:
    """The true flow (2, 64, 64) between two aligned faces, each aligned by its own matrix."""
    from mexflow.embedded.truth import true_flow

    raw = true_flow(dataset, SIZE, SEED, subject, video, *frames)
    grid = np.stack(np.meshgrid(np.arange(64.0), np.arange(64.0)), -1).reshape(-1, 2)
    start = alignment.apply(cv2.invertAffineTransform(matrices[0]), (grid + 0.5) * 112 / 64 - 0.5)
    x, y = (start[:, axis].astype(np.float32)[:, None] for axis in (0, 1))
    motion = np.stack([cv2.remap(component, x, y, cv2.INTER_LINEAR)[:, 0] for component in raw], -1)
    end = (alignment.apply(matrices[1], start + motion) + 0.5) * 64 / 112 - 0.5
    return (end - grid).T.reshape(2, 64, 64)


def angles_between(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angles in degrees where the true flow is over 0.3 pixels."""
    moving = np.hypot(*true) > 0.3
    a, b = found[:, moving], true[:, moving]
    cosine = (a * b).sum(0) / np.maximum(np.hypot(*a) * np.hypot(*b), 1e-12)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


# The command


def subject_of_two_clips(folder: Path) -> np.ndarray:
    """An index and faces of two clips: ``A`` frames 1 to 6, ``B`` 1 to 5 with its apex in the last frame."""
    clips = [
        {"clip": "01_A", "video": "A", "onset": 2, "apex": 4},
        {"clip": "01_B", "video": "B", "onset": 2, "apex": 5},
    ]
    shared = {"dataset": "casme2", "subject": "01", "excluded": None}
    # What the command has to pass over: another subject, and a clip that the index leaves out.
    other = {**shared, "video": "A", "onset": 1, "apex": 2}
    others = [{**other, "clip": "02_A", "subject": "02"}, {**other, "clip": "01_C", "excluded": "folder_missing: none"}]
    pq.write_table(pa.Table.from_pylist([*({**clip, **shared} for clip in clips), *others]), folder / "index.parquet")
    frames = [("A", n) for n in range(1, 7)] + [("B", n) for n in range(1, 6)]
    rows = [{**shared, "video": video, "frame": n, "state": "tracked"} for video, n in frames]
    pq.write_table(pa.Table.from_pylist(rows, schema=FACES), folder / "faces.parquet")
    images = np.random.default_rng(6).integers(0, 256, (len(rows), 112, 112, 1), np.uint8)
    np.save(folder / "faces.npy", images)
    return images


def test_a_pair_beyond_the_clip_has_no_flow_and_harms_no_other(tmp_path: Path) -> None:
    images = subject_of_two_clips(tmp_path)
    done = embedded_files.flow("casme2", "01", tmp_path)
    assert done.returncode == 0, done.stderr
    absent = "frame_absent: no aligned face of frame 6"
    rows = pq.read_table(tmp_path / "flow.parquet").to_pylist()
    assert [(r["clip"], r["pair"], r["first_frame"], r["second_frame"], r["excluded"]) for r in rows] == [
        ("01_A", "onset-apex", 2, 4, None),
        ("01_A", "onset-apex+1", 2, 5, None),
        ("01_B", "onset-apex", 2, 5, None),
        ("01_B", "onset-apex+1", 2, 6, absent),
    ]
    fields = np.load(tmp_path / "flow.npy")
    prepared = scaled(images, 64)
    expected = flow.horn_schunck(prepared[[1, 1, 7]], prepared[[3, 4, 10]])
    assert (fields[:3] == expected).all() and not fields[3].any()
    assert "4 pairs, 1 without flow" in done.stdout and f"01_B onset-apex+1: {absent}" in done.stdout


def test_a_frame_without_a_face_has_no_flow(tmp_path: Path) -> None:
    subject_of_two_clips(tmp_path)
    rows = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    # A 2 is the onset of clip A; B 5, the apex of B, has a face that was guessed between its neighbours.
    rows[1]["state"], rows[10]["state"] = "missing", "interpolated"
    pq.write_table(pa.Table.from_pylist(rows, schema=FACES), tmp_path / "faces.parquet")
    assert embedded_files.flow("casme2", "01", tmp_path).returncode == 0
    reasons = [row["excluded"] for row in pq.read_table(tmp_path / "flow.parquet").to_pylist()]
    assert reasons == ["frame_unseen: frame 2 is missing"] * 2 + [
        "frame_unseen: frame 5 is interpolated",
        "frame_absent: no aligned face of frame 6",
    ]
    assert not np.load(tmp_path / "flow.npy").any()


def test_a_step_across_a_gap_has_no_flow(tmp_path: Path) -> None:
    images = subject_of_two_clips(tmp_path)
    rows = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    # Of clip A frames 1, 2, 3, 7, 8, 9; of B the third face was not seen.
    for row in rows[3:6]:
        row["frame"] += 3
    rows[8]["state"] = "unreadable"
    pq.write_table(pa.Table.from_pylist(rows, schema=FACES), tmp_path / "faces.parquet")
    done = embedded_files.call(
        "flow", dataset="casme2", subject="01", index=tmp_path / "index.parquet", faces=tmp_path / "faces.npy",
        method="horn_schunck", pair="consecutive", size=64,
        output=tmp_path / "flow.npy", table=tmp_path / "flow.parquet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = pq.read_table(tmp_path / "flow.parquet").to_pylist()
    gap = "gap: frame 3 is not followed by frame 4, but by frame 7"
    unseen = "frame_unseen: frame 3 is unreadable"
    assert [row["excluded"] for row in found] == [None, None, gap, None, None, None, unseen, unseen, None]
    fields, grey = np.load(tmp_path / "flow.npy"), scaled(images, 64)
    assert fields.any((1, 2, 3)).tolist() == [row["excluded"] is None for row in found]
    assert (fields[3] == flow.horn_schunck(grey[3:4], grey[4:5])[0]).all()
    following = AlignedFaces(Inputs(), tmp_path / "faces.npy").next_rows()
    assert following.tolist() == [1, 2, -1, 4, 5, -1, 7, -1, -1, 10, -1]


@pytest.mark.parametrize(
    ("method", "pair", "text"),
    [
        ("horn_schunk", "onset-apex", "unknown flow method 'horn_schunk' (did you mean 'horn_schunck'?)"),
        ("horn_schunck", "onset-apeks", "unknown pair of frames 'onset-apeks' (did you mean 'onset-apex'?)"),
    ],
)
def test_unknown_names_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str, pair: str, text: str
) -> None:
    files = {name: str(tmp_path / f"{name}.parquet") for name in ("index", "faces", "output", "table")}
    flags = {"method": method, "dataset": "casme2", "subject": "01", "pair": pair, "size": "64", **files}
    assert __main__.main(["flow", *(part for name, value in flags.items() for part in (f"--{name}", value))]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line and not any(tmp_path.iterdir())


def test_an_unknown_setting_leaves_nothing(tmp_path: Path) -> None:
    subject_of_two_clips(tmp_path)
    done = embedded_files.flow("casme2", "01", tmp_path, option="alfa=2")
    assert done.returncode == 1 and "did you mean 'alpha'?" in done.stderr and "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.npy", "faces.parquet", "index.parquet"]


def test_pairs_are_functions_of_the_clip() -> None:
    clip, frames = {"onset": 10, "apex": 20, "offset": 31}, [9, 10, 11, 13]
    assert {name: pair(clip, frames) for name, pair in PAIRS.items()} == {
        "onset-apex": [(10, 20)],
        "onset-apex+1": [(10, 21)],
        "onset-offset": [(10, 31)],
        "consecutive": [(9, 10), (10, 11), (11, 13)],
    }
    assert PAIRS["consecutive"](clip, []) == []
