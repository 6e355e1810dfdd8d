"""Smoothing, gaps and damaged frames of aligned faces: made-up clips against a direct computation."""

from __future__ import annotations

import functools
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_files import ANY_FRAME
from mexflow.errors import UserError
from mexflow.preprocess import alignment, faces
from mexflow.preprocess.faces import FaceSettings, align_video
from mexflow.preprocess.frames import DamagedFrame, Frame
from mexflow.preprocess.head import IDENTITY
from mexflow.preprocess.landmarks import Found

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

    def _tracker(self, samples: object, every: int, near: object) -> Clips:
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


def test_a_damaged_frame_is_an_error_with_its_remedy(made_up: Clips) -> None:
    with pytest.raises(UserError) as error:
        made_up.run([FACE] * 3 + [DAMAGED] + [FACE] * 3, unreadable="error")
    text = str(error.value)
    assert "img103.jpg: the file is empty" in text and "preprocess.faces.unreadable: exclude" in text
    assert "\n" not in text


def test_damaged_first_frames_do_not_stop_a_clip(made_up: Clips) -> None:
    pattern = [DAMAGED] * 3 + [FACE] * 20
    check(made_up.run(pattern), pattern, 2.0)
