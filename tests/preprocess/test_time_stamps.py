"""Time stamps of videos: rounding is no variable rate, and what cannot be right is repaired."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mexflow.preprocess.time_stamps import even, of_numbers, of_stamps

RATES = st.sampled_from([10.0, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60.0, 100.0, 120.0, 200.0, 240.0, 300.0])


@given(RATES, st.integers(2, 400), st.sampled_from([np.round, np.floor]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_stamps_in_milliseconds_are_a_steady_rate(fps: float, count: int, to_whole: np.ufunc, announced: bool) -> None:
    true = np.arange(count) / fps
    times = of_stamps(to_whole(1000 * true + 1e-6) / 1000, fps if announced else None)
    assert not times.variable and times.remarks == ()
    assert np.abs(times.seconds - true).max() <= 0.001 + 1e-9 and (np.diff(times.seconds) > 0).all()
    if announced:
        assert times.fps == fps
    else:
        assert times.fps == pytest.approx(fps, rel=0.0021 * fps / (count - 1))


@given(st.lists(st.floats(0.002, 2.0), min_size=1, max_size=60), st.floats(0, 100))
@settings(max_examples=60, deadline=None)
def test_ascending_stamps_are_kept(steps: list[float], start: float) -> None:
    stamps = start + np.concatenate([[0], np.cumsum(steps)])
    times = of_stamps(stamps, 25.0)
    assert np.abs(times.seconds - (stamps - stamps[0])).max() < 1e-9
    assert times.seconds[0] == 0


def test_a_variable_rate_is_told_and_its_usual_step_taken() -> None:
    steps = np.full(99, 0.04)
    steps[[10, 50]] = 0.12
    times = of_stamps(np.concatenate([[0], np.cumsum(steps)]), 24.0)
    assert times.variable and times.fps == pytest.approx(25.0)
    assert times.remarks == ("the time between frames varies, 40 to 120 ms: frames are where their stamps say",)


@given(st.integers(8, 120), st.data())
@settings(max_examples=60, deadline=None)
def test_wrong_stamps_are_taken_from_those_about_them(count: int, data: st.DataObject) -> None:
    """Single ones: no stamp (0), that of a frame before, or, unless it is at the end, one far too late."""
    true = np.arange(count) * 0.04
    stamps = true.copy()
    wrong = data.draw(st.sets(st.integers(1, (count - 1) // 3), min_size=1))
    for position in (3 * third for third in wrong):
        late = true[position] + 40 if position < count // 2 else 0.0
        stamps[position] = data.draw(st.sampled_from([0.0, true[position - 1], late]))
    times = of_stamps(stamps, 24.0)
    assert np.abs(times.seconds - true).max() < 1e-9 and not times.variable

    assert times.fps == pytest.approx(25.0)
    assert f"of {count} time stamps are missing or out of order" in times.remarks[0]


def test_a_first_stamp_of_decoding() -> None:
    for first in (-0.08, 0.04, 0.12):
        times = of_stamps([first, *(0.04 * np.arange(1, 10))], 24.0)
        assert times.seconds == pytest.approx(0.04 * np.arange(10)) and len(times.remarks) == 1


def test_frames_without_stamps_come_at_the_announced_rate() -> None:
    times = of_stamps([0.0] * 50, 25.0)
    assert times.seconds.tolist() == even(50, 25.0).seconds.tolist() and times.fps == 25.0
    assert times.remarks == ("time stamps are missing or out of order: frames are taken to be even, 25 a second",)
    with pytest.raises(ValueError, match="neither when its frames are"):
        of_stamps([0.0] * 50, None)
    with pytest.raises(ValueError, match="neither when its frames are"):
        of_stamps([0.0], None)
    assert of_stamps([0.0], 25.0).remarks == ()


def test_of_a_steady_kind_of_file_one_wrong_stamp_makes_all_doubtful() -> None:
    stamps = [*(0.04 * np.arange(1, 50)), 0.0]
    assert of_stamps(stamps, 20.0, steady=True).seconds.tolist() == even(50, 20.0).seconds.tolist()
    assert of_stamps(stamps, 20.0).seconds == pytest.approx(0.04 * np.arange(50))


def test_numbers_of_frames() -> None:
    times = of_numbers(np.array([7, 8, 9, 12, 13]), 200.0)
    assert times.seconds.tolist() == [0, 0.005, 0.01, 0.025, 0.03]
    assert (times.fps, times.variable) == (200.0, True)
    assert times.remarks[0] == "the numbers of its frames do not go up evenly: most by 1, some by 3"
    # Every fifth frame of a video was kept: the rate is that of those there are.
    times = of_numbers(np.arange(0, 50, 5), 40.0)
    assert times.seconds.tolist() == (np.arange(10) / 40).tolist()
    assert (times.fps, times.variable, times.remarks) == (40.0, False, ())
    assert of_numbers(np.array([3]), 30.0).seconds.tolist() == [0.0]
