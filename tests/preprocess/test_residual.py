"""Residual sums: key frames and images against the paper's equations written out; the box; the command."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

import embedded_files
from mexflow.errors import UserError
from mexflow.preprocess import residual
from mexflow.preprocess.alignment import apply
from mexflow.preprocess.boxes import SIZE, box_matrix, boxed

# Key frames


def literal_end(onset: int, apex: int, offset: int) -> int:
    """Eq. 1-2."""
    if apex - onset < 10:
        return min(onset + 10, offset)
    return min(apex, offset)


def literal_frames(start: int, end: int, n: int, gap: str) -> list[int]:
    """Eq. 3-4 in floating point."""
    step = math.ceil((end - start) / n + 1) if gap == "printed" else math.ceil((end - start) / (n + 1))
    return [min(start + j * step, end) for j in range(1, n + 1)]


@pytest.mark.parametrize("gap", residual.GAPS)
def test_key_frames_of_every_clip(gap):
    """Every (onset, apex, offset) with lengths to 200."""
    for length in range(201):
        for rise in range(length + 1):
            onset = 17
            end = residual.clip_end(onset, onset + rise, onset + length)
            assert end == literal_end(onset, onset + rise, onset + length)
            assert residual.key_frames(onset, end, 5, gap) == literal_frames(onset, end, 5, gap)


@pytest.mark.parametrize("count", [1, 3, 5, 7, 9])
def test_the_last_key_frame_is_the_end_under_the_printed_reading(count):
    for length in range(201):
        assert residual.key_frames(5, 5 + length, count)[-1] == 5 + length
    bracketed = [residual.key_frames(0, length, count, "bracketed")[-1] == length for length in range(201)]
    assert not all(bracketed), "the other reading misses it at times"


def test_apex_behind_the_offset_or_before_the_onset():
    assert residual.clip_end(10, 40, 30) == 30 and residual.clip_end(10, 5, 30) == 20
    assert residual.key_frames(10, 10) == [10] * 5


# Images


def literal_sum(start: np.ndarray, frames: list[np.ndarray]) -> np.ndarray:
    total = np.zeros(start.shape, np.int64)
    for frame in frames:
        for at in np.ndindex(start.shape):
            total[at] += abs(int(frame[at]) - int(start[at]))
    return total


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_exact(seed):
    rng = np.random.default_rng(seed)
    start, *frames = rng.integers(0, 256, (6, 9, 7, 3), np.uint8)
    if seed == 0:
        frames = [255 - start // 255 * 255] * 5  # far over 256
    diff = residual.absolute_sum(start, frames)
    expected = literal_sum(start, frames)
    assert diff.dtype == np.int32 and (diff == expected).all()
    wrapped, relative = residual.ars(diff), residual.rrs(diff)
    assert wrapped.dtype == relative.dtype == np.uint8
    low, high = int(expected.min()), int(expected.max())
    for at in np.ndindex(start.shape):
        assert wrapped[at] == int(expected[at]) % 256
        assert relative[at] == (int(expected[at]) - low) * 255 // (high - low)
    assert relative.max() == 255 and relative.min() == 0


def test_nothing_moved():
    still = np.full((4, 4, 3), 77, np.uint8)
    diff = residual.absolute_sum(still, [still] * 5)
    assert not residual.ars(diff).any() and not residual.rrs(diff).any()
    assert not residual.rrs(diff + 9).any(), "max = min"


@pytest.mark.parametrize("method", residual.FLOWS)
def test_flow_as_a_picture(method):
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    texture = 128 + 60 * np.sin(x / 3.0) * np.cos(y / 4.0)
    moved = 128 + 60 * np.sin((x - np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 200)) / 3.0) * np.cos(y / 4.0)
    first, last = (np.repeat(image[..., None], 3, 2).astype(np.uint8) for image in (texture, moved))
    image = residual.flow_image(first, last, method)
    assert image.dtype == np.uint8 and image.shape == (64, 64, 3)
    assert (image.min((0, 1)) == 0).all() and (image.max((0, 1)) == 255).all()
    middle, edge = image[28:36, 28:36], image[:8]
    assert middle[..., 2].mean() > edge[..., 2].mean() + 100, "magnitude"
    assert middle[..., 0].mean() > edge[..., 0].mean() + 60, "to the right"
    assert not residual.flow_image(first, first, "tvl1").any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arss,5,printed", "unknown residual image 'arss' (did you mean 'ars'?)"),
        ("", "unknown residual image ''"),
        ("ars-3", "unknown residual image 'ars-3' (did you mean 'ars'?)"),
        ("tvl1", "residual image 'tvl1': write it like tvl1,5,printed"),
        ("ars,0,printed", "residual image 'ars,0,printed': write it like ars,5,printed"),
        ("ars,x,printed", "residual image 'ars,x,printed': write it like"),
        ("ars,3,4,printed", "residual image 'ars,3,4,printed': write it like"),
        ("ars,3,print", "unknown reading of the gap 'print' (did you mean 'printed'?)"),
    ],
)
def test_unknown_kind(text, message):
    with pytest.raises(UserError) as caught:
        residual.Kind.parse(text)
    assert str(caught.value).startswith(message)


def test_kinds_are_parsed():
    assert residual.Kind.parse("rrs,3,bracketed") == residual.Kind("rrs", 3, "bracketed")
    assert residual.Kind.parse("ars,5,printed") == residual.Kind("ars", 5, "printed")


# The box


@pytest.mark.parametrize("degrees", [-25, 0, 10])
def test_box_levels_the_eyes_and_holds_all_points(degrees):
    rng = np.random.default_rng(4)
    points = rng.uniform(-40, 40, (68, 2)) * (1, 1.3)
    points[36:42] = (-20, -15) + rng.uniform(-3, 3, (6, 2))
    points[42:48] = (20, -15) + rng.uniform(-3, 3, (6, 2))
    points[36:42] += (-20, -15) - points[36:42].mean(0)
    points[42:48] += (20, -15) - points[42:48].mean(0)
    angle = np.deg2rad(degrees)
    turned = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + (300, 200)
    matrix = box_matrix(turned)
    seen = apply(matrix, turned)
    assert abs(seen[36:42].mean(0)[1] - seen[42:48].mean(0)[1]) < 1e-9
    span = seen.max(0) - seen.min(0)
    assert span.max() == pytest.approx(SIZE / 1.2) and seen.min() > 0 and seen.max() < SIZE - 1
    np.testing.assert_allclose((seen.max(0) + seen.min(0)) / 2, (SIZE - 1) / 2)
    assert np.linalg.det(matrix[:, :2]) == pytest.approx((SIZE / 1.2 / (points.max(0) - points.min(0)).max()) ** 2)


def test_boxed_face_shows_what_the_matrix_says():
    image = np.zeros((400, 500), np.uint8)
    image[150:153, 220:223] = 255
    matrix = np.array([[0.9, 0.1, -40], [-0.1, 0.9, 20.0]])
    face = boxed(image, matrix)
    assert face.shape == (SIZE, SIZE, 3) and (face[..., 0] == face[..., 2]).all()
    weight = face[..., 0].astype(float)
    y, x = np.mgrid[:SIZE, :SIZE]
    centre = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    np.testing.assert_allclose(centre, apply(matrix, np.array([[221.0, 151.0]]))[0], atol=0.05)


def test_fine_texture_does_not_alias():
    """A chequerboard of single pixels, shown at a third of its size, is grey, and stays so as it moves by a pixel."""
    y, x = np.mgrid[:1200, :1200]
    grids = [((x + y + shift) % 2 * 255).astype(np.uint8) for shift in range(2)]
    first, second = (boxed(grid, np.array([[0.31, 0.0, 0], [0, 0.31, 0]])).astype(int) for grid in grids)
    assert first.min() > 105 and first.max() < 150 and np.abs(first - second).mean() < 15
    assert np.ptp(grids[0][::3, ::3]) == 255, "as it would without averaging"


# The command


ARS, RRS = "ars=ars,5,printed", "rrs-3=rrs,3,printed"


@pytest.fixture(scope="module")
def made(embedded_root, preprocessed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("residual")
    for dataset in embedded_files.SUBJECTS:
        done = run(dataset, embedded_root[dataset], preprocessed[dataset], folder, ARS, RRS)
        assert done.returncode == 0, done.stderr
    return folder


def run(dataset, root, folder, output, *images, faces_table=None, **options):
    return embedded_files.call(
        "residual",
        *(text for image in images for text in ("--image", image)),
        dataset=dataset,
        subject=embedded_files.SUBJECTS[dataset],
        root=root,
        index=folder / "index.parquet",
        faces_table=faces_table or folder / "faces.parquet",
        output=output,
        **options,
    )


def written(output, name, dataset):
    """The images of a kind, and the rows of their table."""
    path = output / name / dataset / f"{embedded_files.SUBJECTS[dataset]}.npy"
    return np.load(path), pq.read_table(path.with_suffix(".parquet")).to_pylist()


@pytest.mark.parametrize("dataset", ["casme2", "samm"])
def test_images_are_those_of_the_raw_frames(made, embedded_root, preprocessed, dataset):
    import cv2

    faces = {(r["video"], r["frame"]): r for r in pq.read_table(preprocessed[dataset] / "faces.parquet").to_pylist()}
    clips = {r["clip"]: r for r in pq.read_table(preprocessed[dataset] / "index.parquet").to_pylist()}
    for kind, count in (("ars", 5), ("rrs-3", 3)):
        images, rows = written(made, kind, dataset)
        assert len(images) == len(rows) > 3 and images.dtype == np.uint8
        for image, row in zip(images, rows, strict=True):
            clip = clips[row["clip"]]
            assert row["start"] == clip["onset"]
            assert row["end"] == literal_end(clip["onset"], clip["apex"], clip["offset"])
            assert row["key_frames"] == literal_frames(row["start"], row["end"], count, "printed")
            matrix = np.array(row["matrix"]).reshape(2, 3)
            landmarks = np.array(faces[row["video"], row["start"]]["landmarks"]).reshape(68, 2)
            np.testing.assert_allclose(matrix, box_matrix(landmarks))
            raw = {}
            for frame in {row["start"], *row["key_frames"]}:
                decoded = cv2.imread(
                    str(embedded_root[dataset] / faces[row["video"], frame]["file"]), cv2.IMREAD_UNCHANGED
                )
                raw[frame] = boxed(decoded if decoded.ndim == 2 else decoded[..., ::-1].copy(), matrix)
            total = sum(np.abs(raw[frame].astype(int) - raw[row["start"]].astype(int)) for frame in row["key_frames"])
            if kind == "ars":
                assert (image == total % 256).all()
            else:
                assert (image == (total - total.min()) * 255 // (total.max() - total.min())).all()
            assert image.any()


def test_raw_frame_that_changed_since_is_refused(embedded_root, preprocessed, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(embedded_root["casme2"], root)
    rows = pq.read_table(preprocessed["casme2"] / "index.parquet").to_pylist()
    clip = next(row for row in rows if row["subject"] == "05" and not row["excluded"])
    frame = root / clip["path"] / f"img{clip['onset']}.jpg"
    shutil.copy(root / clip["path"] / f"img{clip['onset'] + 1}.jpg", frame)
    done = run("casme2", root, preprocessed["casme2"], tmp_path / "out", ARS)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"{frame}: not the file that the aligned faces were made from" in done.stderr
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    frame.write_bytes(b"")
    done = run("casme2", root, preprocessed["casme2"], tmp_path / "out", ARS)
    assert done.returncode == 1 and "the file is empty" in done.stderr


def test_excluded_video_has_its_reason(embedded_root, preprocessed, tmp_path):
    folder = preprocessed["casme2"]
    table = pq.read_table(folder / "faces.parquet")
    video = table["video"][0].as_py()
    reasons = ["face_missed: as a test" if v == video else None for v in table["video"].to_pylist()]
    at = table.schema.get_field_index("excluded")
    pq.write_table(table.set_column(at, table.schema.field(at), [reasons]), tmp_path / "faces.parquet")
    done = run("casme2", embedded_root["casme2"], folder, tmp_path / "out", ARS, faces_table=tmp_path / "faces.parquet")
    assert done.returncode == 0 and "face_missed: as a test" in done.stdout
    images, rows = written(tmp_path / "out", "ars", "casme2")
    for row, image in zip(rows, images, strict=True):
        assert (row["excluded"] == "face_missed: as a test") == (row["video"] == video) == (not image.any())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["ars=ars,5,printed", "ars=rrs,5,printed"], "--image ars: given twice"),
        (["ars,5,printed"], "--image 'ars,5,printed': NAME=VALUE is expected"),
        (["sums=arss,5,printed"], "unknown residual image 'arss' (did you mean 'ars'?)"),
    ],
)
def test_images_that_make_no_sense(tmp_path, images, message):
    done = run("casme2", tmp_path, tmp_path, tmp_path / "out", *images)
    assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1
