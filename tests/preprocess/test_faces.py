"""Aligned faces: smoothing and gaps against a direct computation, faults of the raw data, and embedded faces."""

from __future__ import annotations

import functools
import hashlib
import json
import weakref
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataset_files
import embedded_files
import picture_files
from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.errors import UserError
from mexflow.preprocess import alignment, faces
from mexflow.preprocess.faces import FaceSettings, align_video, exclusion
from mexflow.preprocess.frames import DamagedFrame, Frame, frame_files, read_frame
from mexflow.preprocess.head import IDENTITY
from mexflow.preprocess.landmarks import Found
from mexflow.preprocess.table_schemas import FACES, FaceRows

# What a made-up clip shows in a frame.
FACE, NONE, DAMAGED = "face", "none", "damaged"
LONGEST_GAP = 25


@functools.cache
def landmarks_at(position: int) -> np.ndarray:
    """The landmarks of the made-up face in a frame: the mean shape, drifting and trembling."""
    rng = np.random.default_rng(position)
    shape = np.concatenate([np.full((17, 2), 30.0), alignment.MEAN_INNER]) * 0.7
    return shape + (np.sin(position / 9) * 6, position * 0.3) + rng.normal(size=(68, 2))


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Clips:
    return Clips(monkeypatch)


class Clips:
    """Runs `align_video` on clips without files or a detector; the grey of a frame is its position (modulo 251)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pattern: list[str] = []
        self.live = self.most_live = 0
        monkeypatch.setattr(faces, "Tracker", self._tracker)
        monkeypatch.setattr(faces, "read_frame", self._read)
        monkeypatch.setattr(faces, "frame_files", self._files)
        monkeypatch.setattr(faces, "common_shape", lambda files: (6, 8))

    def run(self, pattern: list[str], smoothing: float = 2.0, unreadable: str = "exclude") -> list[faces.AlignedFrame]:
        return list(self.stream(pattern, smoothing, unreadable))

    def stream(self, pattern: list[str], smoothing: float = 2.0, unreadable: str = "exclude"):
        self.pattern, self.live, self.most_live = pattern, 0, 0
        return align_video(Path("clip"), len(pattern), ANY_FRAME, FaceSettings(smoothing, 0.2, unreadable))

    def _files(self, folder: Path, frame_name: str) -> list[tuple[int, Path]]:
        return [(100 + i, folder / f"img{100 + i}.jpg") for i in range(len(self.pattern))]

    def _read(self, path: Path) -> Frame:
        position = int(path.stem[3:]) - 100
        self.seen = position
        if self.pattern[position] == DAMAGED:
            raise DamagedFrame(f"{path}: the file is empty")
        image = np.full((6, 8), position % 251, np.uint8)
        self.live += 1
        self.most_live = max(self.most_live, self.live)
        weakref.finalize(image, self._freed)
        return Frame(image, f"sha{position}", position)

    def _freed(self) -> None:
        self.live -= 1

    def _tracker(self, samples: object, every: int) -> Clips:
        return self

    def next(self, image: np.ndarray) -> Found:
        assert (image == self.seen % 251).all()
        if self.pattern[self.seen] == FACE:
            return Found(landmarks_at(self.seen), "tracked", 1, None, IDENTITY, True)
        return Found(None, "missing", 0)


def expected(pattern: list[str], smoothing: float) -> list[tuple[str, np.ndarray | None]]:
    """State and smoothed landmarks of every frame, with the whole clip at hand; the head does not move."""
    states = [{FACE: "tracked", NONE: "missing", DAMAGED: "unreadable"}[what] for what in pattern]
    known = {i: landmarks_at(i) for i, what in enumerate(pattern) if what == FACE}
    found = sorted(known)
    for start, end in zip(found, found[1:], strict=False):
        if end - start - 1 > LONGEST_GAP:
            continue
        for i in range(start + 1, end):
            if pattern[i] == NONE:
                states[i] = "interpolated"
                known[i] = ((end - i) * landmarks_at(start) + (i - start) * landmarks_at(end)) / (end - start)
    result: list[tuple[str, np.ndarray | None]] = []
    for i, state in enumerate(states):
        if i not in known:
            result.append((state, None))
            continue
        if smoothing == 0:
            result.append((state, known[i]))
            continue
        near = [j for j in known if abs(j - i) <= np.ceil(2 * smoothing)]
        weights = np.array([np.exp(-((j - i) ** 2) / (2 * smoothing**2)) for j in near])
        result.append((state, sum(w * known[j] for w, j in zip(weights, near, strict=True)) / weights.sum()))
    return result


def check(found: list[faces.AlignedFrame], pattern: list[str], smoothing: float) -> None:
    wanted = expected(pattern, smoothing)
    stored = expected(pattern, min(smoothing, 2.0))
    assert [frame.row["state"] for frame in found] == [state for state, _ in wanted]
    assert [frame.row["frame"] for frame in found] == list(range(100, 100 + len(pattern)))
    for position, (frame, (state, landmarks)) in enumerate(zip(found, wanted, strict=True)):
        row = frame.row
        assert row["file"] == f"img{100 + position}.jpg" and frame.image.shape == (112, 112)
        damaged = pattern[position] == DAMAGED
        assert (row["sha256"], row["size"]) == ((None, None) if damaged else (f"sha{position}", position))
        assert row["faces"] == (1 if state == "tracked" else 0)
        if landmarks is None:
            assert row["landmarks"] is None and row["matrix"] is None and not frame.image.any()
            continue
        assert np.abs(row["landmarks"] - stored[position][1].ravel()).max() < 1e-4
        assert np.abs(row["matrix"] - alignment.alignment_matrix(landmarks).ravel()).max() < 1e-9
        # Its own picture and nobody else's.
        assert (frame.image == position % 251).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.4, 2.0, 3.5])
def test_smoothing_is_a_gaussian_mean(made_up: Clips, smoothing: float) -> None:
    pattern = [FACE] * 40
    check(made_up.run(pattern, smoothing), pattern, smoothing)


def test_a_clip_shorter_than_the_window(made_up: Clips) -> None:
    for length in (1, 2, 5):
        check(made_up.run([FACE] * length), [FACE] * length, 2.0)


def test_a_gap_is_interpolated_linearly(made_up: Clips) -> None:
    pattern = [FACE] * 4 + [NONE] * 3 + [FACE] * 4
    found = made_up.run(pattern, smoothing=0)
    assert [frame.row["state"] for frame in found[4:7]] == ["interpolated"] * 3
    for share, frame in zip((0.25, 0.5, 0.75), found[4:7], strict=True):
        assert frame.row["landmarks"] == pytest.approx(
            ((1 - share) * landmarks_at(3) + share * landmarks_at(7)).ravel(), abs=1e-4
        )


def test_gaps_at_the_ends_stay_missing(made_up: Clips) -> None:
    pattern = [NONE] * 7 + [FACE] * 9 + [NONE] * 8
    found = made_up.run(pattern)
    check(found, pattern, 2.0)
    assert [frame.row["state"] for frame in found] == ["missing"] * 7 + ["tracked"] * 9 + ["missing"] * 8


@pytest.mark.parametrize("smoothing", [0.0, 2.0, 12.0])
@pytest.mark.parametrize(("gap", "state"), [(25, "interpolated"), (26, "missing"), (31, "missing"), (90, "missing")])
def test_the_longest_gap_does_not_depend_on_smoothing(made_up: Clips, gap: int, state: str, smoothing: float) -> None:
    pattern = [FACE] * 50 + [NONE] * gap + [FACE] * 50
    found = made_up.run(pattern, smoothing)
    assert {frame.row["state"] for frame in found[50 : 50 + gap]} == {state}
    check(found, pattern, smoothing)


@given(
    st.lists(
        st.tuples(st.sampled_from([FACE, FACE, NONE, DAMAGED]), st.sampled_from([1, 1, 2, 5, 12, 25, 26, 40])),
        min_size=1,
        max_size=7,
    ),
    st.sampled_from([0.0, 0.5, 2.0, 10.0]),
)
@settings(max_examples=60, deadline=None)
def test_streaming_agrees_with_the_whole_clip_at_hand(runs: list[tuple[str, int]], smoothing: float) -> None:
    pattern = [what for what, count in runs for _ in range(count)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        check(Clips(monkeypatch).run(pattern, smoothing), pattern, smoothing)


@pytest.mark.parametrize(
    "pattern",
    [
        [FACE] * 600,
        [NONE] * 600,
        [FACE] * 50 + [NONE] * 550,
        ([FACE] * 3 + [NONE] * 25) * 20,
        ([FACE] * 5 + [NONE] * 60) * 9,
        ([FACE] + [DAMAGED] * 40 + [NONE] * 20) * 9,
    ],
    ids=["faces", "no face", "face lost", "short gaps", "long gaps", "damaged"],
)
@pytest.mark.parametrize("smoothing", [0.0, 2.0])
def test_memory_does_not_grow_with_the_clip(made_up: Clips, pattern: list[str], smoothing: float) -> None:
    radius = int(np.ceil(3 * smoothing))
    for _ in made_up.stream(pattern, smoothing):
        pass
    # What may wait: a gap, the frames before it that are to be smoothed with the frames after it, and the new frame.
    assert 1 <= made_up.most_live <= LONGEST_GAP + radius + 3
    if NONE not in pattern:
        assert made_up.most_live <= radius + 3


# Exclusions and faults


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


def test_a_damaged_frame_is_an_error_with_its_remedy(made_up: Clips) -> None:
    with pytest.raises(UserError) as error:
        made_up.run([FACE] * 3 + [DAMAGED] + [FACE] * 3, unreadable="error")
    text = str(error.value)
    assert "img103.jpg: the file is empty" in text and "preprocess.faces.unreadable: exclude" in text
    assert "\n" not in text


def test_damaged_first_frames_do_not_stop_a_clip(made_up: Clips) -> None:
    pattern = [DAMAGED] * 3 + [FACE] * 20
    check(made_up.run(pattern), pattern, 2.0)


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


# The command, on embedded faces


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
