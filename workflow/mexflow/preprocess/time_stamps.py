"""When the frames of a video are: its time stamps, repaired where they cannot be right."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-3
"""Seconds by which time stamps may be off their even spacing: mkv and webm round to milliseconds, and so does each end
of the video that the spacing is taken from."""


@dataclass(frozen=True)
class Times:
    """Times of a video's frames.

    Attributes:
        seconds: float64 (n,), from the first frame, strictly ascending.
        fps: frames per second; where the rate varies, the usual one: of the median step.
        variable: whether the rate varies by more than rounding explains.
        remarks: what was repaired or is to be known.
    """

    seconds: np.ndarray
    fps: float
    variable: bool
    remarks: tuple[str, ...] = ()


def even(count: int, fps: float) -> Times:
    """Times of frames at a steady rate."""
    return Times(np.arange(count) / fps, fps, False)


def of_stamps(stamps: Sequence[float], announced: float | None, steady: bool = False) -> Times:
    """Times of frames by the time stamps that OpenCV tells.

    OpenCV tells 0 for a frame without a stamp. Where a stamp is 0, or there is none, it tells the time of decoding,
    which for a frame that others are predicted from is not that of showing.

    Args:
        stamps: seconds, in the order of the frames; at least one.
        announced: frames per second that the file announces, None if it does not.
        steady: whether frames of this kind of file come at the announced rate, so that their stamps are only kept where
            all are in order.

    Raises:
        ValueError: if there are neither usable stamps nor a rate.
    """
    given = np.asarray(stamps, np.float64)
    count = len(given)
    known = _ascending(given)
    wrong = count - len(known)
    if wrong and announced and (steady or len(known) < count / 2):
        times = even(count, announced)
        remark = f"time stamps are missing or out of order: frames are taken to be even, {announced:g} a second"
        return Times(times.seconds, times.fps, False, (remark,))
    if len(known) < 2 and not announced:
        raise ValueError("says neither when its frames are nor how many there are in a second")
    if len(known) < 2:
        return even(count, announced)
    times = _of_seconds(_between(known, given[known], count), announced, _ROUNDING)
    if not wrong:
        return times
    remark = f"{wrong} of {count} time stamps are missing or out of order: they are taken from those about them"
    return Times(times.seconds, times.fps, times.variable, (remark, *times.remarks))


def of_numbers(numbers: np.ndarray, fps: float) -> Times:
    """Times of frames that are numbered.

    Args:
        numbers: int64 (n,), strictly ascending; a gap in them is one in time. They may count in steps, e.g. of 5.
        fps: frames per second.
    """
    if len(numbers) < 2:
        return even(len(numbers), fps)
    steps, often = np.unique(np.diff(numbers), return_counts=True)
    step = int(steps[often.argmax()])
    times = _of_seconds((numbers - numbers[0]) / (step * fps), fps, 1e-9)
    if len(steps) == 1:
        return times
    remark = f"the numbers of its frames do not go up evenly: most by {step}, some by {steps[steps != step].max()}"
    return Times(times.seconds, fps, times.variable, (remark, *times.remarks))


def _of_seconds(seconds: np.ndarray, announced: float | None, rounding: float) -> Times:
    count, seconds = len(seconds), seconds - seconds[0]
    steps, span = np.diff(seconds), seconds[-1]
    if np.abs(seconds - np.linspace(0, span, count)).max() <= rounding + 1e-9:
        # Within rounding the announced rate is the exact one.
        agrees = announced is not None and abs((count - 1) / announced - span) <= rounding + 1e-9
        return Times(seconds, announced if agrees else round(1 / _step(seconds), 6), False)
    shortest, longest = 1000 * steps.min(), 1000 * steps.max()
    remark = f"the time between frames varies, {shortest:.3g} to {longest:.3g} ms: frames are where their stamps say"
    return Times(seconds, round(float(1 / np.median(steps)), 6), True, (remark,))


def _step(seconds: np.ndarray) -> float:
    """The step of the line through all times, which rounding moves less than that through the first and the last."""
    positions = np.arange(len(seconds)) - (len(seconds) - 1) / 2
    return float(positions @ seconds / (positions @ positions))


def _ascending(stamps: np.ndarray) -> np.ndarray:
    """Positions of the longest strictly ascending run of stamps, others left out: int64.

    A first stamp before the start of the stream, which the second is not, is a time of decoding.
    """
    tails: list[float] = []
    ends: list[int] = []
    before = np.full(len(stamps), -1)
    for position, stamp in enumerate(stamps):
        if position == 0 and len(stamps) > 1 and stamp < 0 <= stamps[1]:
            continue
        length = bisect_left(tails, stamp)
        if tails[length : length + 1] == [stamp] and (ends[length] > 0 or stamp == 0):
            # Of equal stamps the first is right, but for the one of the first frame, which may be of decoding.
            continue
        before[position] = ends[length - 1] if length else -1
        tails[length : length + 1] = [stamp]
        ends[length : length + 1] = [position]
    run = [ends[-1]]
    while before[run[-1]] >= 0:
        run.append(int(before[run[-1]]))
    return np.array(run[::-1])


def _between(known: np.ndarray, stamps: np.ndarray, count: int) -> np.ndarray:
    """Stamps of all frames, float64 (count,): between those known evenly, before and after them at the usual step."""
    step = float(np.median(np.diff(stamps) / np.diff(known)))
    positions = np.arange(count)
    seconds = np.interp(positions, known, stamps)
    seconds = np.where(positions < known[0], stamps[0] - (known[0] - positions) * step, seconds)
    return np.where(positions > known[-1], stamps[-1] + (positions - known[-1]) * step, seconds)
