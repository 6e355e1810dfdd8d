"""From the faces of a video to intervals: what a network is shown, in shots, and where nothing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from mexflow.analysis import scoring
from mexflow.analysis.followed import DATASET, SUBJECT, VIDEO, Faces, _cuts
from mexflow.analysis.rate import sampling
from mexflow.evaluation import spotted
from mexflow.evaluation.intervals import Interval
from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Inputs, Outputs

LENGTH, FPS = 60, 200.0
CARD = {
    "recipe": {"sigma": None, "placement": "centred"},
    "fps": [200.0],
    "spotting": {"order": 2, "least": 2, "k": {"micro": 3, "macro": 6}, "skips": [2, 4],
                 "thresholds": {"micro": 0.5, "macro": None}},
}  # fmt: skip


class Brightness:
    """A network whose score of a frame is how bright the frame is, and which remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, tuple[int, int]]] = []

    def score_video(self, frames, skips, placement):
        self.asked.append((len(frames), tuple(skips)))
        values = torch.from_numpy(frames[np.arange(len(frames))].astype(np.float32)).mean((1, 2))
        return torch.logit(values.clamp(0.01, 0.99))[:, None].repeat(1, 2)


def faces(folder: Path, levels: np.ndarray, states: list[str] | None = None, cuts: tuple[int, ...] = ()) -> Faces:
    """Faces of these grey levels, one a frame."""
    states = states or ["tracked"] * len(levels)
    images = np.repeat(levels.astype(np.uint8), 112 * 112).reshape(-1, 112, 112, 1)
    names = {"dataset": DATASET, "subject": SUBJECT, "video": VIDEO}
    rows = [{**names, "frame": number, "state": state} for number, state in enumerate(states)]
    with Outputs() as outputs:
        with outputs.array(folder / "faces.npy", images.shape, np.uint8) as append:
            append(images)
        outputs.table(folder / "faces.parquet", pa.Table.from_pylist(rows, schema=FACES))
        outputs.commit()
    return Faces(folder / "faces.npy", Inputs(), cuts, ())


def run(found: Faces, folder: Path, card: dict = CARD, fps: float = FPS, variable: bool = False, seconds=None):
    network, count = Brightness(), len(found.video)
    times = np.arange(count) / fps if seconds is None else seconds
    course = scoring.spot(
        card, network, found, np.arange(count), fps, sampling(times, fps, variable, card["fps"][0]), folder
    )
    return course, network


def bump(first: int, last: int, length: int = LENGTH) -> np.ndarray:
    levels = np.full(length, 20)
    levels[first : last + 1] = 220
    return levels


def test_scores_are_processed_as_those_of_the_tables(tmp_path):
    levels = np.random.default_rng(0).integers(20, 220, LENGTH)
    course, network = run(faces(tmp_path, levels), tmp_path)
    assert network.asked == [(LENGTH, (2, 4))]
    raw = torch.from_numpy((levels / np.float32(255)).astype(np.float32)).numpy()
    expected = spotted.processed(raw, 3)
    assert course.scores["micro"] == pytest.approx(expected, abs=1e-4)
    assert course.intervals["macro"] == [] and course.thresholds["macro"] == np.inf, "no threshold, nothing spotted"
    scored = spotted.Scored(("", "", ""), "test", np.arange(LENGTH), expected, raw, np.zeros(LENGTH, bool))
    assert course.intervals["micro"] == spotted.predicted_intervals(scored, 0.5, 2)


def test_an_interval_and_its_apex(tmp_path):
    found = faces(tmp_path, bump(20, 34))
    course, _ = run(found, tmp_path)
    assert len(course.intervals["micro"]) == 1
    interval = course.intervals["micro"][0]
    assert abs(interval.first - 20) <= 1 and abs(interval.last - 34) <= 1
    at = scoring.apex_by_score(course, "micro", interval)
    assert course.scores["micro"][at] == course.scores["micro"][interval.first : interval.last + 1].max()


def test_the_apex_by_motion_is_where_the_face_is_least_like_the_first(tmp_path):
    levels = np.full(LENGTH, 50)
    levels[10:31] = 50 + 4 * np.concatenate([np.arange(16), np.arange(15, 10, -1)])
    found = faces(tmp_path, levels)
    assert scoring.apex_by_motion(found, np.arange(LENGTH), Interval(10, 30)) == 25
    unseen = faces(tmp_path, levels, ["missing" if at == 25 else "tracked" for at in range(LENGTH)])
    assert scoring.apex_by_motion(unseen, np.arange(LENGTH), Interval(10, 30)) in (24, 26)


def test_counts_of_frames_scale_with_the_rate(tmp_path):
    _, network = run(faces(tmp_path, bump(20, 34)), tmp_path, fps=400.0)
    assert network.asked == [(LENGTH, (4, 8))]


def test_no_pair_and_no_interval_goes_across_a_cut(tmp_path):
    whole, _ = run(faces(tmp_path, bump(20, 39)), tmp_path)
    course, network = run(faces(tmp_path, bump(20, 39), cuts=(30,)), tmp_path)
    assert network.asked == [(30, (2, 4)), (30, (2, 4))]
    assert len(whole.intervals["micro"]) == 1
    (before, after) = course.intervals["micro"]
    assert before.last == 29 and after.first == 30


def test_nothing_is_measured_where_the_face_was_not_seen(tmp_path):
    states = ["missing" if 25 <= at < 45 else "tracked" for at in range(LENGTH)]
    found = faces(tmp_path, bump(20, 50), states)
    course, _ = run(found, tmp_path)
    # A frame next to the gap has a pair with a frame of it: skips of 2 reach one frame, of 4 two.
    assert np.flatnonzero(np.isnan(course.scores["micro"])).tolist() == list(range(24, 46))
    assert np.flatnonzero(np.isnan(course.scores["macro"])).tolist() == list(range(23, 47))
    assert all(one.last < 25 or one.first >= 45 for one in course.intervals["micro"])


def test_a_video_without_a_face_has_no_score(tmp_path):
    course, network = run(faces(tmp_path, bump(20, 30), ["missing"] * LENGTH), tmp_path)
    assert network.asked == [] and course.scores == {} == course.intervals
    assert all("could be measured" in why for why in course.not_spotted.values()) and len(course.not_spotted) == 2


def test_a_slow_video_is_not_searched_for_micro_expressions(tmp_path):
    course, _ = run(faces(tmp_path, bump(20, 34)), tmp_path, fps=25.0)
    assert list(course.scores) == ["macro"] and "too few" in course.not_spotted["micro"]
    slow_data = {**CARD, "fps": [25.0]}
    course, _ = run(faces(tmp_path, bump(20, 34)), tmp_path, slow_data, fps=25.0)
    assert list(course.scores) == ["micro", "macro"] and course.not_spotted == {}


def test_a_variable_rate_is_looked_at_in_even_steps(tmp_path):
    """The same course in time, each frame twice as far apart in its second half: the same interval in seconds."""
    seconds = np.concatenate([np.arange(40) / 200, 0.2 + np.arange(30) / 100])
    levels = np.where((seconds >= 0.25) & (seconds <= 0.35), 220, 20)
    found = faces(tmp_path, levels)
    course, network = run(found, tmp_path, variable=True, seconds=seconds)
    assert network.asked[0][1] == (2, 4), "steps of the network's own rate"
    (interval,) = course.intervals["micro"]
    assert seconds[course.positions[interval.first]] == pytest.approx(0.25, abs=0.01)
    assert seconds[course.positions[interval.last]] == pytest.approx(0.35, abs=0.01)


def test_cuts_are_where_all_changes_at_once():
    changes = np.full(100, 0.004, np.float32)
    changes[40] = 0.2
    assert _cuts(changes) == (40,)
    assert _cuts(np.zeros(100, np.float32)) == ()
    restless = np.random.default_rng(0).uniform(0.08, 0.16, 100).astype(np.float32)
    assert _cuts(restless) == (), "a face that always changes so much has no cut"


def test_the_faces_of_some_frames(tmp_path):
    from mexflow.analysis.followed import crops

    found = faces(tmp_path, np.arange(LENGTH), ["missing" if at == 5 else "tracked" for at in range(LENGTH)])
    images = crops(found, [7, 5, 7, 3])
    assert sorted(images) == [3, 7] and images[7].shape == (112, 112) and (images[7] == 7).all()
    assert crops(replace(found), []) == {}
