"""The detector and the tracker: which of several faces is followed, and that the track does not swap."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.preprocess import landmarks
from mexflow.preprocess.faces import AlignedFrame, FaceSettings, align_video
from mexflow.preprocess.landmarks import Tracker, detect, persistent_faces


def embedded_frames(root: Path, dataset: str, count: int) -> list[np.ndarray]:
    """The first frames of the first annotated clip, grey."""
    clip = next(clip for clip in plan(dataset, SIZE, SEED).of_subject(SUBJECTS[dataset]) if clip.annotated)
    frames = [cv2.imread(str(root / clip.file(n)), cv2.IMREAD_GRAYSCALE) for n in clip.frames[:count]]
    assert all(frame is not None for frame in frames)
    return frames


def two_faces(left: np.ndarray, right: np.ndarray, right_scale: float = 0.6) -> np.ndarray:
    """`left` with a smaller copy of `right` beside it."""
    canvas = np.full((left.shape[0], left.shape[1] + 400), 110, np.uint8)
    canvas[:, : left.shape[1]] = left
    small = cv2.resize(right, None, fx=right_scale, fy=right_scale, interpolation=cv2.INTER_AREA)
    # The face is in the middle of an embedded frame: its backdrop may be cut off.
    spare = (small.shape[1] - 300) // 2
    canvas[60 : 60 + small.shape[0], -350:-50] = small[:, spare : spare + 300]
    return canvas


def test_of_two_faces_the_large_one_is_followed(embedded_root: dict[str, Path]) -> None:
    frames = embedded_frames(embedded_root["casme2"], "casme2", 5)
    tracker, alone = Tracker(), Tracker()
    for frame in frames:
        found, single = tracker.next(two_faces(frame, frame)), alone.next(frame)
        assert (found.faces, single.faces) == (2, 1) and single.choice is None and found.choice is not None
        assert found.choice.startswith("largest: ")
        assert np.abs(found.landmarks - single.landmarks).mean() < 3
        # The smaller face first, and the large one is still what is found.
        mirrored = np.ascontiguousarray(two_faces(frame, frame)[:, ::-1])
        best = detect(mirrored)
        assert len(best) == 2 and best[0].center().x > best[1].center().x and best[0].area() > best[1].area()


def test_a_face_that_is_chosen_is_followed_though_another_is_larger(embedded_root: dict[str, Path]) -> None:
    frames = [two_faces(frame, frame) for frame in embedded_frames(embedded_root["casme2"], "casme2", 5)]
    left, right = persistent_faces(frames, 1 / 3)
    assert left[2] < right[0], "from left to right"
    for near in (left, right):
        tracker = Tracker(near=near)
        for frame in frames:
            x, y = tracker.next(frame).landmarks.mean(0)
            assert near[0] < x < near[2] and near[1] < y < near[3]
    assert persistent_faces([frames[0], *(np.full_like(frames[0], 90) for _ in range(3))], 1 / 3) == []


def test_a_central_face_is_preferred_to_a_slightly_larger_one(embedded_root: dict[str, Path]) -> None:
    frame = embedded_frames(embedded_root["casme2"], "casme2", 1)[0]
    larger = cv2.resize(frame[60:420, 155:485], None, fx=1.25, fy=1.25)
    canvas = np.full((480, 1400), 110, np.uint8)
    canvas[:, 380:980] = frame[:, 20:620]
    canvas[: larger.shape[0], -larger.shape[1] :] = larger
    for picture in (canvas, np.ascontiguousarray(canvas[:, ::-1])):
        best = detect(picture)
        assert len(best) == 2 and best[1].area() > 1.1 * best[0].area()
        assert abs(best[0].center().x - 700) < 60 < abs(best[1].center().x - 700)


def test_a_followed_face_stays_when_another_grows_larger(embedded_root: dict[str, Path]) -> None:
    frame = embedded_frames(embedded_root["casme2"], "casme2", 1)[0]
    tracker = Tracker()
    first = tracker.next(two_faces(frame, frame))
    # The sizes change places: a small face near where the followed one was, and a new one that fills the right. The
    # small one has jumped as well, so that the track is lost and the choice between the two is made anew.
    face = frame[90:390, 170:470]
    canvas = np.full((480, 1040), 110, np.uint8)
    small = cv2.resize(face, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    x, y = first.landmarks.mean(0).round().astype(int) - (80, 40)
    canvas[y - 100 : y + 80, x - 90 : x + 90] = small
    canvas[30:450, 600:1020] = cv2.resize(face, None, fx=1.4, fy=1.4)
    assert detect(canvas)[0].center().x > 600, "the new face is the one that a fresh search would take"
    second = tracker.next(canvas)
    assert (second.state, second.faces, second.choice[:8]) == ("detected", 2, "nearest:")
    assert np.hypot(*(second.landmarks.mean(0) - (x, y))) < 40


def test_a_face_that_leaves_is_not_followed_into_the_backdrop(embedded_root: dict[str, Path]) -> None:
    frames = embedded_frames(embedded_root["casme2"], "casme2", 2)
    tracker = Tracker()
    states = [
        found.state for found in map(tracker.next, [frames[0], frames[1], np.full_like(frames[0], 120), frames[1]])
    ]
    assert states == ["detected", "tracked", "missing", "detected"]


# Which one persists

LEFT, RIGHT = (250, 240), (800, 240)


def place(face: np.ndarray, *spots: tuple[tuple[int, int], float]) -> np.ndarray:
    """An empty room of 1040 x 480 with a face at some spots, each in its scale."""
    canvas = np.full((480, 1040), 110, np.uint8)
    for (x, y), scale in spots:
        small = cv2.resize(face[80:400, 160:480], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = y - small.shape[0] // 2, x - small.shape[1] // 2
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


@pytest.fixture(scope="module")
def room(embedded_root: dict[str, Path]) -> dict[str, np.ndarray]:
    """Who is seen: a large face at the left, a small one at the right, both, or nobody."""
    face = embedded_frames(embedded_root["casme2"], "casme2", 1)[0]
    large, small = (LEFT, 1.1), (RIGHT, 0.8)
    return {"": place(face), "L": place(face, large), "R": place(face, small), "LR": place(face, large, small)}


def align(folder: Path, room: dict[str, np.ndarray], *shown: tuple[str, int]) -> list[AlignedFrame]:
    """Align a video that shows `(who, frames)` one after the other; frames are hard links of four files."""
    pictures = {}
    for who, picture in room.items():
        pictures[who] = folder / f"{who or 'nobody'}.bmp"
        pictures[who].write_bytes(cv2.imencode(".bmp", picture)[1].tobytes())
    video = folder / "video"
    video.mkdir()
    frames = [who for who, count in shown for _ in range(count)]
    for number, who in enumerate(frames, start=1):
        os.link(pictures[who], video / f"img{number}.bmp")
    return list(align_video(video, len(frames), ANY_FRAME, FaceSettings()))


def at(frame: AlignedFrame) -> tuple[int, int] | None:
    """Which of the two places the face of a frame is in."""
    if frame.row["landmarks"] is None:
        return None
    x = frame.row["landmarks"].reshape(68, 2)[:, 0].mean()
    return min(LEFT, RIGHT, key=lambda spot: abs(spot[0] - x))


def test_the_face_that_persists_is_followed_though_another_is_larger(tmp_path: Path, room: dict) -> None:
    found = align(tmp_path, room, ("LR", 8), ("R", 32))
    assert detect(room["LR"])[0].center().x < 500, "a look at the first frame alone would take the other"
    assert {at(frame) for frame in found} == {RIGHT}
    assert {frame.row["state"] for frame in found} == {"detected", "tracked"}
    # The first frame counts as a sample, and two of the nine spread over the video show both.
    assert {frame.row["choice"] for frame in found} == {
        "persistent: the face in 10 of 10 sampled frames; another is in 3"
    }
    assert {frame.row["faces"] for frame in found} == {2}


def test_of_faces_that_all_persist_the_large_central_one_is_followed(tmp_path: Path, room: dict) -> None:
    found = align(tmp_path, room, ("LR", 20))
    assert {at(frame) for frame in found} == {LEFT}
    assert {frame.row["choice"] for frame in found} == {
        "largest: the largest, most central one of several faces in 10 of 10 sampled frames"
    }


def test_one_that_persists_and_is_hidden_at_first_is_waited_for(tmp_path: Path, room: dict) -> None:
    """The two in the first frame both leave; a third, that comes next, is in most of the video."""
    both = room["LR"]
    shifted = {"": room[""], "L": np.roll(room["L"], 260, axis=1), "R": room["R"], "LR": both}
    found = align(tmp_path, shifted, ("LR", 2), ("L", 38))
    assert [frame.row["state"] for frame in found[:2]] == ["missing"] * 2
    assert {frame.row["state"] for frame in found[2:]} == {"detected", "tracked"}
    x = [frame.row["landmarks"].reshape(68, 2)[:, 0].mean() for frame in found[2:]]
    assert max(abs(np.array(x) - (LEFT[0] + 260))) < 30


def test_the_track_does_not_swap_to_a_face_that_remains(tmp_path: Path, room: dict) -> None:
    found = align(tmp_path, room, ("LR", 12), ("R", 30), ("LR", 12))
    assert {at(frame) for frame in found} == {RIGHT}
    second = tmp_path / "second"
    second.mkdir()
    found = align(second, room, ("L", 12), ("R", 30), ("L", 12))
    assert [at(frame) for frame in found] == [LEFT] * 12 + [None] * 30 + [LEFT] * 12
    gone = found[12:42]
    assert {frame.row["state"] for frame in gone} == {"missing"} and not any(frame.image.any() for frame in gone)
    assert {frame.row["faces"] for frame in gone} == {1}
    assert all(frame.row["choice"].startswith("another: ") for frame in gone)
    assert {frame.row["choice"] for frame in found[:12] + found[42:]} == {None}


def test_a_short_absence_is_bridged_where_the_face_was(tmp_path: Path, room: dict) -> None:
    found = align(tmp_path, room, ("LR", 12), ("R", 5), ("LR", 12), ("L", 40))
    assert {at(frame) for frame in found} == {LEFT}
    assert [frame.row["state"] for frame in found[12:17]] == ["interpolated"] * 5
    assert found[17].row["choice"] == "nearest: of 2 faces the one nearest to the face followed"


def test_other_frames_are_looked_at_only_where_several_faces_are_seen(room: dict) -> None:
    asked = []

    def samples() -> Iterable[np.ndarray]:
        asked.append(True)
        return ()

    tracker = Tracker(samples)
    for who in ("L", "L", "", "LR", "L"):
        tracker.next(room[who])
    assert not asked, "the face to follow was known"
    tracker = Tracker(samples)
    for who in ("", "LR", "LR", "", "LR"):
        tracker.next(room[who])
    assert asked == [True]


def test_colour_and_grey_give_the_same_track(embedded_root: dict[str, Path]) -> None:
    """Colour is made grey about the face alone; nothing may follow from it."""
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    whole, part = Tracker(), Tracker()
    for number in clip.frames:
        image = cv2.imread(str(embedded_root["casme2"] / clip.file(number)))[..., ::-1].copy()
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        assert (part.next(image).landmarks == whole.next(grey).landmarks).all()


def test_people_are_told_apart_by_where_they_are() -> None:
    def face(x: int, y: int = 100, width: int = 100) -> tuple[dlib.rectangle, float]:
        return dlib.rectangle(x, y, x + width - 1, y + width - 1), float(width)

    frames = [
        [face(0), face(300)],
        [face(390), face(40)],  # both moved, and come in the other order
        [face(80), face(360, width=210)],  # the second is another, who is more than twice as large
        [],
        [face(120), face(130)],  # one of two that are all but in one place goes on
        [face(600)],
    ]
    people = landmarks._people(frames)
    assert [(person.frames, person.rank) for person in people] == [(4, 400), (2, 200), (1, 210), (1, 100), (1, 100)]
