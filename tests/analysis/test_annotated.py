"""The video with marks on it: the same frames, size and rate, with what was found where it was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import report_files
from mexflow.analysis import annotated
from mexflow.analysis.report import UNSEEN, Report
from mexflow.errors import UserError
from mexflow.store.artifacts import Outputs

COUNT = 60
GREY = 200
MARKS = {"micro": (10, 20, 14), "macro": (25, 40, 30), UNSEEN: (45, 55, None)}


def made_up(fps: float = 50.0, **changed: object) -> Report:
    """A report of a short video with one event of each kind."""
    more = {"micro": {"label": "positive", "probabilities": report_files.PROBABILITIES}, UNSEEN: {"reason": "no face"}}
    events = tuple(
        report_files.event(kind, onset, offset, apex, **more.get(kind, {}))
        for kind, (onset, offset, apex) in MARKS.items()
    )
    report = report_files.report(COUNT, events=events, **changed)
    return replace(report, source=replace(report.source, fps=fps))


def frames(count: int = COUNT, shape: tuple[int, ...] = (120, 160)) -> Iterator[np.ndarray]:
    for _ in range(count):
        yield np.full(shape, GREY, np.uint8)


def marked(path: Path, report: Report, given: Iterator[np.ndarray] | None = None, **more: object) -> Path:
    with Outputs() as outputs:
        annotated.annotate(frames() if given is None else given, report, path, outputs, **more)
        assert not path.exists()
        outputs.commit()
        assert outputs.digests[path.as_posix()].size == path.stat().st_size
    return path


def read(path: Path) -> tuple[list[np.ndarray], float]:
    video = cv2.VideoCapture(str(path))
    fps, found = video.get(cv2.CAP_PROP_FPS), []
    while (one := video.read())[0]:
        found.append(one[1].astype(int))
    video.release()
    return found, fps


def near(pixels: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixels - colour).max() < 60)


@pytest.mark.parametrize("ending", list(annotated.CODECS))
@pytest.mark.parametrize("shape", [(120, 160), (120, 160, 1), (120, 160, 3)])
def test_each_event_is_marked_while_it_lasts(tmp_path: Path, ending: str, shape: tuple[int, ...]) -> None:
    found, fps = read(marked(tmp_path / f"v{ending}", made_up(), frames(shape=shape)))
    assert (len(found), fps) == (COUNT, 50.0) and {one.shape for one in found} == {(120, 160, 3)}
    for kind in ("micro", "macro"):
        onset, offset, _ = MARKS[kind]
        bordered = [place for place, one in enumerate(found) if near(one[60, 0], annotated._COLOURS[kind])]
        assert bordered == list(range(onset, offset + 1))
    plain, unseen = found[5], found[50]
    assert near(plain[5:70, 5:155], (GREY,) * 3)
    assert unseen[4:10, 2:60].min() < 80 and near(unseen[60, 0], (GREY,) * 3)


def test_the_line_of_time_has_all_events_and_the_place_of_the_frame(tmp_path: Path) -> None:
    found, _ = read(marked(tmp_path / "v.avi", made_up()))
    top, bottom = found[0][-5, :], found[0][-2, :]
    across = 159 / (COUNT - 1)
    for line, kind in ((top, "micro"), (bottom, "macro"), (top, UNSEEN), (bottom, UNSEEN)):
        onset, offset, _ = MARKS[kind]
        coloured = [x for x in range(160) if near(line[x], annotated._COLOURS[kind])]
        assert abs(coloured[0] - onset * across) <= 3 and abs(coloured[-1] - offset * across) <= 3
    for place in (0, 22, 59):
        white = np.argmax(found[place][-3].min(axis=1))
        assert abs(white - place * across) <= 2


def test_frames_of_a_folder_have_numbers_of_their_own(tmp_path: Path) -> None:
    numbers = np.arange(100, 100 + 2 * COUNT, 2)
    report = made_up()
    shifted = [
        replace(event, onset=100 + 2 * event.onset, offset=100 + 2 * event.offset, apex=None) for event in report.events
    ]
    found, _ = read(marked(tmp_path / "v.avi", replace(report, events=tuple(shifted)), numbers=numbers))
    bordered = [place for place, one in enumerate(found) if near(one[60, 0], annotated._COLOURS["micro"])]
    assert bordered == list(range(10, 21))
    assert near(found[0][-5, int(15 * 159 / 59)], annotated._COLOURS["micro"])


def test_only_synthetic_networks_are_said_to_be_for_trying(tmp_path: Path) -> None:
    card = report_files.SPOTTER | {"synthetic": False, "data": "/data/samm (samm_lv)"}
    said, _ = read(marked(tmp_path / "a.avi", made_up()))
    silent, _ = read(marked(tmp_path / "b.avi", made_up(spotter=card, recogniser=None)))
    foot = slice(90, 114), slice(4, 156)
    assert said[5][foot].min() < 80 and silent[5][foot].min() > 150


@pytest.mark.parametrize("fps", [7.5, 59.94006, 199.873, 1000 / 3])
@pytest.mark.parametrize("ending", list(annotated.CODECS))
def test_odd_sizes_and_uneven_rates(tmp_path: Path, ending: str, fps: float) -> None:
    found, rate = read(marked(tmp_path / f"v{ending}", made_up(fps), frames(12, (63, 81))))
    assert len(found) == 12 and found[0].shape == (62, 80, 3)
    assert rate == pytest.approx(fps, rel=2e-4)


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (marked(tmp_path / name, made_up()).read_bytes() for name in ("a.mp4", "b.mp4"))
    assert one == other


def test_names_and_labels_of_all_kinds(tmp_path: Path) -> None:
    report = made_up()
    events = tuple(replace(event, label="überrascht 笑 %s {}", reason="'\"") for event in report.events)
    path = marked(tmp_path / "a 'b' \"c\" 笑.mp4", replace(report, events=events))
    assert len(read(path)[0]) == COUNT and [one.name for one in tmp_path.iterdir()] == [path.name]


def broken() -> Iterator[np.ndarray]:
    yield from frames(5)
    raise UserError("video.mp4: ends after 5 frames")


def smaller() -> Iterator[np.ndarray]:
    yield from frames(5)
    yield from frames(1, (60, 80))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (broken, UserError, "ends after 5 frames"),
        (lambda: iter(()), UserError, "no frames, so there is no video with marks"),
        (smaller, ValueError, r"frame 5 is of shape \(60, 80\)"),
    ],
)
def test_what_fails_leaves_nothing(tmp_path: Path, given, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        marked(tmp_path / "v.mp4", made_up(), given())
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_is_not_whole_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk, of which the writer says nothing."""
    real = annotated._frames_in

    def cut(path: Path) -> int:
        path.write_bytes(path.read_bytes()[:2000])
        return real(path)

    monkeypatch.setattr(annotated, "_frames_in", cut)
    with pytest.raises(UserError, match="v.mp4: the video was not written whole; is the disk full?"):
        marked(tmp_path / "v.mp4", made_up())
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^\S*file: .*nothing was left there$"):
        marked(tmp_path / "file" / "v.mp4", made_up())
    with pytest.raises(UserError, match=r"v.mkv: a video with marks is written as .mp4 or .avi; choose one of them"):
        marked(tmp_path / "v.mkv", made_up())
