"""From a network's rate to a video's: which frames it looks at, and what becomes of counts of frames."""

from __future__ import annotations

import numpy as np
import pytest

from mexflow.analysis import rate


def test_a_constant_rate_keeps_every_frame():
    seconds = np.arange(50) / 100
    sampling = rate.sampling(seconds, 100.0, False, 200.0)
    assert sampling.positions.tolist() == list(range(50)) and sampling.near.all() and sampling.remark is None
    assert [sampling.frames(count) for count in (37, 14, 2, 1)] == [19, 7, 1, 1], "rounded half up, at least 1"


def test_counts_scale_with_the_rate():
    sampling = rate.sampling(np.arange(10) / 400, 400.0, False, 200.0)
    assert [sampling.frames(count) for count in (37, 14, 2)] == [74, 28, 4]


@pytest.mark.parametrize("seed", range(3))
def test_a_variable_rate_takes_the_nearest_frame_in_time(seed):
    rng = np.random.default_rng(seed)
    seconds = np.concatenate([[0.0], np.cumsum(rng.uniform(0.002, 0.02, 300))])
    sampling = rate.sampling(seconds, 100.0, True, 200.0)
    for step, position in enumerate(sampling.positions):
        distances = np.abs(seconds - step / 200)
        assert distances[position] == pytest.approx(distances.min())
    assert sampling.factor == 1 and "varies" in sampling.remark
    assert len(sampling.positions) == int(seconds[-1] * 200) + 1


def test_where_a_video_stops_for_a_while_no_frame_stands_for_it():
    seconds = np.concatenate([np.arange(20) / 100, 1.0 + np.arange(20) / 100])
    sampling = rate.sampling(seconds, 100.0, True, 100.0)
    times = np.arange(len(sampling.positions)) / 100
    gap = (times > 0.2 + 1e-6) & (times < 0.99 - 1e-6)
    assert not sampling.near[gap].any() and sampling.near[~gap].all()


def test_videos_of_one_frame_and_of_none():
    for count in (0, 1):
        assert len(rate.sampling(np.arange(count) / 30, 30.0, True, 200.0).positions) == count


def test_the_nearest_rate_is_the_nearest_as_a_ratio():
    assert rate.nearest_rate([30.0, 200.0], 80.0) == 200.0 and rate.nearest_rate([30.0, 200.0], 75.0) == 30.0


@pytest.mark.parametrize(("fps", "trained", "slow"), [
    (25.0, 200.0, True), (49.0, 200.0, True), (49.95, 200.0, False), (50.0, 200.0, False), (30.0, 30.0, False),
    (29.97, 30.0, False), (24.0, 30.0, True),
])  # fmt: skip
def test_too_slow_for_micro_expressions(fps, trained, slow):
    reason = rate.too_slow(fps, trained)
    assert (reason is not None) == slow
    assert reason is None or "at least" in reason
