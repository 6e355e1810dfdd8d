"""The aligned faces of a subject: what may be used of which frame, and files that do not belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mexflow.errors import UserError
from mexflow.preprocess.aligned import UNSEEN, AlignedFaces, by_video, video_key
from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Inputs

# Video, frame, state, why the video is excluded. Of "a" frame 4 is not there; its rows are not in order.
ROWS = [
    ("a", 2, "tracked", None),
    ("a", 1, "missing", None),
    ("a", 3, "openface", None),
    ("a", 5, "interpolated", None),
    ("a", 6, "detected", None),
    ("a", 7, "unreadable", None),
    ("b", 1, "tracked", "face_missed: as made"),
    ("b", 2, "tracked", "face_missed: as made"),
    ("c", 1, "interpolated", None),
]


def write(folder: Path, images: np.ndarray | None = None, **changed: object) -> Path:
    """The faces of `ROWS`: face i is everywhere i. `changed` are columns with another value in the last row."""
    rows = [
        {**dict.fromkeys(FACES.names), "dataset": "samm", "subject": "006", "video": video, "frame": frame,
         "state": state, "excluded": excluded, "file": f"{video}/{frame}.png"}
        for video, frame, state, excluded in ROWS
    ]  # fmt: skip
    rows[-1].update(changed)
    path = folder / "006.npy"
    values = np.arange(len(ROWS), dtype=np.uint8)[:, None, None, None]
    np.save(path, np.broadcast_to(values, (len(ROWS), 4, 4, 1)) if images is None else images)
    pq.write_table(pa.Table.from_pylist(rows, schema=FACES), path.with_suffix(".parquet"))
    return path


@pytest.fixture
def faces(tmp_path: Path) -> AlignedFaces:
    return AlignedFaces(Inputs(), write(tmp_path), ("file",))


def test_a_face_by_video_and_frame(faces: AlignedFaces) -> None:
    assert (faces.dataset, faces.subject, len(faces)) == ("samm", "006", len(ROWS))
    assert faces["a", 2].shape == (4, 4, 1) and faces["a", 2].dtype == np.uint8 and (faces["a", 2] == 0).all()
    assert faces["a", [6, 2, 3, 6]][:, 0, 0, 0].tolist() == [4, 0, 2, 4]
    assert faces.table["file"].to_pylist()[4] == "a/6.png"


@pytest.mark.parametrize("frame", [1, 5, 7, 4])
def test_a_frame_that_was_not_seen_is_never_given(faces: AlignedFaces, frame: int) -> None:
    with pytest.raises(UserError, match=rf"006\.npy: a cannot be used: frame_.*\b{frame}\b"):
        faces["a", [2, frame]]


def test_an_excluded_video_and_an_unknown_one_are_never_given(faces: AlignedFaces) -> None:
    with pytest.raises(UserError, match="b cannot be used: face_missed: as made"):
        faces["b", 1]
    with pytest.raises(UserError, match="z cannot be used: frame_absent: no aligned face of frame 1"):
        faces["z", 1]


def test_reasons(faces: AlignedFaces) -> None:
    video = faces.video("a")
    assert video.numbers == [1, 2, 3, 5, 6, 7] and video.seen.tolist() == [False, True, True, False, True, False]
    for frame, state in zip(video.numbers, video.states, strict=True):
        expected = f"frame_unseen: frame {frame} is {state}" if state in UNSEEN else None
        assert video.why_not([frame]) == expected
        assert video.row(frame) == (None if expected else ROWS.index(("a", frame, state, None)))
    assert video.why_not([2, 4]) == "frame_absent: no aligned face of frame 4"
    assert video.why_not([3, 6]) is None
    assert video.why_not([3, 6], steps=True) == "gap: frame 3 is not followed by frame 4, but by frame 6"
    assert faces.video("b").why_not([1]) == faces.video("b").why_none() == "face_missed: as made"


def test_reasons_of_none(faces: AlignedFaces) -> None:
    assert faces.video("a").why_none() is None and faces.video("a").why_none(5, 6) is None
    assert faces.video("a").why_none(4, 5) == "frame_unseen: no frame of the expression was seen"
    assert faces.video("c").why_none() == "no_face: no face was seen in any of 1 frames"


def test_rows_held(faces: AlignedFaces) -> None:
    """Frames 1, 2, 3, 5, 6, 7 lie in rows 1, 0, 2, 3, 4, 5."""
    assert faces.video("a").held_rows.tolist() == [0, 0, 2, 2, 4, 4]
    with pytest.raises(ValueError, match="c: no frame was seen"):
        _ = faces.video("c").held_rows


def test_steps_are_between_seen_frames_that_follow_each_other(faces: AlignedFaces) -> None:
    assert faces.next_rows().tolist() == [2, -1, -1, -1, -1, -1, -1, -1, -1]


def test_details_are_those_of_the_frames_asked_for(faces: AlignedFaces) -> None:
    rows = faces.details({"a": {3, 4}, "b": [2]}, ("file",))
    assert rows == {("a", 3): {"file": "a/3.png"}, ("b", 2): {"file": "b/2.png"}}


def test_blocks_say_what_was_seen(tmp_path: Path) -> None:
    faces = AlignedFaces(inputs := Inputs(), path := write(tmp_path), images=False)
    blocks = list(faces.blocks(4))
    assert [len(block) for block, _ in blocks] == [4, 4, 1]
    assert np.concatenate([block for block, _ in blocks])[:, 0, 0, 0].tolist() == list(range(len(ROWS)))
    assert np.concatenate([seen for _, seen in blocks]).tolist() == [state not in UNSEEN for _, _, state, _ in ROWS]
    assert path.as_posix() in inputs.digests


def test_the_array_is_not_opened_for_the_table(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.unlink()
    faces = AlignedFaces(inputs := Inputs(), path.with_suffix(".parquet"), images=False)
    assert faces.video("a").why_not([2]) is None and list(inputs.digests) == [path.with_suffix(".parquet").as_posix()]


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    path = write(tmp_path, images=np.zeros((3, 4, 4, 1), np.uint8))
    message = r"006\.npy: 3 rows, its table has 9; delete both and run again"
    with pytest.raises(UserError, match=message):
        AlignedFaces(Inputs(), path)
    with pytest.raises(UserError, match=message):
        next(AlignedFaces(Inputs(), path, images=False).blocks(2))
    np.save(tmp_path / "lcn.npy", np.zeros((2, 4, 4), np.float16))
    with pytest.raises(UserError, match=r"lcn\.npy: 2 rows, its table .*006\.parquet has 9; delete both"):
        AlignedFaces(Inputs(), path, images=False).beside(tmp_path / "lcn.npy")


def test_faces_of_two_subjects_or_of_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"006\.parquet: faces of samm 006, samm 007; give those of one subject"):
        AlignedFaces(Inputs(), write(tmp_path, subject="007"))
    pq.write_table(FACES.empty_table(), tmp_path / "none.parquet")
    np.save(tmp_path / "none.npy", np.zeros((0, 4, 4, 1), np.uint8))
    none = AlignedFaces(Inputs(), tmp_path / "none.npy")
    assert (none.subject, none.videos, len(none)) == (None, {}, 0) and none.next_rows().tolist() == []


def test_another_table_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"dataset": ["samm"], "subject": ["006"]}), tmp_path / "index.parquet")
    with pytest.raises(UserError, match=r"index\.parquet: no column video, frame, state, excluded; a table of aligned"):
        AlignedFaces(Inputs(), tmp_path / "index.npy", images=False)


def test_rows_of_a_composite_are_joined_to_their_datasets_faces(faces: AlignedFaces) -> None:
    rows = [{"dataset": "samm", "subject": name, "video": "a", "clip": name} for name in ("samm/006", "006", "samm/07")]
    assert video_key(rows[0]) == video_key(rows[1]) == faces.video("a").key
    assert by_video(rows) == {("samm", "006", "a"): rows[:2], ("samm", "07", "a"): rows[2:]}
