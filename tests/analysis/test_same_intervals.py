"""Videos of people whom a network has not seen, in a finished run: the same intervals, however the video is written.

The run is of this checkout, or where MEXFLOW_RUN says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

import fold_models
import movie_files
from mexflow.analysis.analyse import Wanted, analyse
from mexflow.evaluation import intervals
from mexflow.preprocess.frames import read_frame
from project import ROOT

pytestmark = pytest.mark.campaign
EXPERIMENTS = ("samm-lv", "cas-me-2")


def runs() -> list[tuple[str, str]]:
    folder = results() / "folds" / fold_models.PAPER
    return [(name, path.name) for name in EXPERIMENTS for path in sorted((folder / name).glob("*"))]


def results() -> Path:
    return Path(os.environ.get("MEXFLOW_RUN", ROOT)) / "results"


def pictures(folder: Path) -> list[np.ndarray]:
    """The frames of a folder, RGB of at most 640 x 480, with even sides."""
    files = sorted(folder.glob("*.jpg"), key=lambda path: int(re.findall(r"\d+", path.name)[-1]))
    frames = [read_frame(file).image for file in files]
    frames = [frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, 2) for frame in frames]
    height, width = frames[0].shape[:2]
    scale = min(1, 640 / width, 480 / height)
    return [scaled(frame, scale) for frame in frames]


def scaled(frame: np.ndarray, scale: float) -> np.ndarray:
    height, width = (2 * round(side * scale / 2) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def doubled(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Between each two frames their mean."""
    between = [np.uint8((a.astype(np.uint16) + b + 1) // 2) for a, b in zip(frames, frames[1:], strict=False)]
    return [frame for pair in zip(frames, [*between, frames[-1]], strict=True) for frame in pair]


def varied(path: Path, frames: Sequence[np.ndarray], fps: float) -> Path:
    """Every frame of the first third, every other of the second, two of three of the last; each at its own time."""
    third = len(frames) // 3
    kept = [at for at in range(len(frames)) if at < third or (at % 2 == 0 if at < 2 * third else at % 3)]
    packets = [
        (cv2.imencode(".jpg", frames[at][..., ::-1], [1, 95])[1].tobytes(), round(1000 * at / fps)) for at in kept
    ]
    return movie_files.pack(path, packets, frames[0].shape[1::-1], "MJPG")


WAYS: dict[str, Callable[[Path, list[np.ndarray], float], Path]] = {
    "mjpeg": lambda folder, frames, fps: movie_files.write(folder / "a.avi", frames, fps, "MJPG"),
    "mpeg4": lambda folder, frames, fps: movie_files.write(folder / "b.mp4", frames, fps),
    "half rate": lambda folder, frames, fps: movie_files.write(folder / "c.avi", frames[::2], fps / 2, "MJPG"),
    "double rate": lambda folder, frames, fps: movie_files.write(folder / "d.avi", doubled(frames), 2 * fps, "MJPG"),
    "rotated": lambda folder, frames, fps: movie_files.displayed(
        movie_files.write(folder / "e.mp4", [np.rot90(frame).copy() for frame in frames], fps),
        (0, 1 << 16, -(1 << 16), 0),
    ),
    "mirrored": lambda folder, frames, fps: movie_files.write(
        folder / "f.avi", [frame[:, ::-1].copy() for frame in frames], fps, "MJPG"
    ),
    "smaller": lambda folder, frames, fps: movie_files.write(
        folder / "g.avi", [scaled(frame, 0.75) for frame in frames], fps, "MJPG"
    ),
    "variable": lambda folder, frames, fps: varied(folder / "h.mkv", frames, fps),
}  # fmt: skip


def seconds_of(report, kind: str) -> list[tuple[float, float]]:
    return [(event.onset_seconds, event.offset_seconds) for event in report.events if event.type == kind]


@pytest.mark.parametrize(("experiment", "fold"), runs())
def test_frames_give_the_intervals_of_the_tables(experiment, fold):
    model = fold_models.spotter(results(), experiment, fold)
    for video in fold_models.videos(results(), model, fold):
        report = analyse(video["folder"], model, wanted=Wanted(fps=video["fps"], pictures=False))
        found = sorted((event.type, event.onset, event.offset) for event in report.events if event.type != "unseen")
        assert found == video["spotted"], video["video"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_however_it_is_written(experiment, way, tmp_path, capsys):
    """Told, not asserted to the frame: how many ends move by more than two frames of the slower video, and by how much.

    Matched with the truth, it does as well as the frames do.
    """
    hits = {"frames": 0, way: 0}
    moved, ends, lone = [], 0, 0
    for name, fold in runs():
        if name != experiment:
            continue
        model = fold_models.spotter(results(), experiment, fold)
        for video in fold_models.videos(results(), model, fold):
            fps = video["fps"]
            folder = tmp_path / video["video"]
            folder.mkdir()
            report = analyse(WAYS[way](folder, pictures(video["folder"]), fps), model, wanted=Wanted(pictures=False))
            first = video["first_frame"]
            step = 1 / min(fps, report.source.fps)
            for kind in report.scores:
                before = [((a - first) / fps, (b - first) / fps) for of, a, b in video["spotted"] if of == kind]
                truth = [((a - first) / fps, (b - first) / fps) for of, a, b in video["truth"] if of == kind]
                now = seconds_of(report, kind)
                hits["frames"] += matched(before, truth)
                hits[way] += matched(now, truth)
                pairs = intervals.match(*(_whole(spans) for spans in (now, before)))
                lone += len(now) + len(before) - 2 * len(pairs)
                ends += 2 * len(pairs)
                moved += [abs(x - y) / step for i, j, _ in pairs for x, y in zip(now[i], before[j], strict=True)]
    far = sum(shift > 2.01 for shift in moved)
    with capsys.disabled():
        print(
            f"\n{experiment}, {way}: {ends} ends, {far} moved by more than 2 frames (mean {np.mean(moved):.2f}, most "
            f"{max(moved):.1f}), {lone} intervals without a partner; true ones found {hits[way]}, of frames "
            f"{hits['frames']}"
        )
    assert hits[way] >= 0.8 * hits["frames"]


def matched(predicted: list[tuple[float, float]], truth: list[tuple[float, float]]) -> int:
    return len(intervals.match(_whole(predicted), _whole(truth)))


def _whole(spans: list[tuple[float, float]]) -> list[tuple[int, int]]:
    """In ticks of a tenth of a millisecond, for what counts in whole numbers."""
    return [(round(1e4 * first), round(1e4 * last)) for first, last in spans]
