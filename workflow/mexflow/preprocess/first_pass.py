"""The first pass through a video file: how many frames it really holds, when they are, and what they are like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mexflow.datasets.folders import listed, shown
from mexflow.errors import UserError
from mexflow.preprocess import time_stamps
from mexflow.preprocess.capture import Capture
from mexflow.preprocess.containers import counts_frames, is_avi
from mexflow.preprocess.time_stamps import Times

_LOOKS = 9
"""Frames spread over a video that are looked at to tell whether it is grey."""

_TINT = 4
"""Levels of 255 by which the channels of a grey video differ at most: compression rounds its colours (3 were seen)."""

_LONGER = 0.05
"""Share of its length by which a file may be longer than its picture: the sound ends a little later."""


@dataclass(frozen=True)
class FirstPass:
    """What a video file holds.

    Attributes:
        times: of its frames.
        shape: (h, w) of grey or (h, w, 3) of colour pictures, upright.
        orientation: EXIF's orientation by which the stored pictures are set upright.
        remarks: what was repaired, or is doubtful, a line each.
    """

    times: Times
    shape: tuple[int, ...]
    orientation: int
    remarks: tuple[str, ...]


def first_pass(path: Path, fps: float | None = None) -> FirstPass:
    """Decode a file from end to end.

    Args:
        path: the file.
        fps: frames per second, to overrule its time stamps.

    Raises:
        UserError: if there is no video in it, none of its frames can be decoded, or there is no telling when they are.
    """
    stamps: list[float] = []
    lost: list[tuple[int, int]] = []
    shape, coloured = None, False
    with Capture(path) as capture:
        announced, announced_fps = capture.announced, capture.fps
        every = max(1, (announced or 1000) // _LOOKS)
        for missed in capture.grabs():
            if missed:
                lost.append((len(stamps), missed))
            if shape is None or (not coloured and len(stamps) % every == 0):
                picture = capture.picture()
                if picture is not None:
                    shape, coloured = picture.shape, coloured or _is_coloured(picture)
            stamps.append(capture.stamp())
        if shape is None:
            raise UserError(
                f"{shown(str(path))}: none of its frames (codec {capture.codec}) can be decoded by OpenCV; copy it "
                "again if it may be damaged, else convert it"
            )
        remarks, orientation = capture.remarks, capture.orientation
    if lost:
        where = listed([str(position) for position, _ in lost], 3)
        remarks = (f"{sum(count for _, count in lost)} frames cannot be decoded, before frame {where}", *remarks)
    try:
        times = time_stamps.of_stamps(stamps, announced_fps, steady=is_avi(path))
        remarks += _shortfall(path, times, announced, announced_fps)
        overruled = f"--fps {fps:g} overrules its time stamps, of {times.fps:.6g} frames a second" if fps else ""
    except ValueError as error:
        if fps is None:
            raise UserError(f"{shown(str(path))}: {error}; give --fps") from None
        overruled = f"it {error}: they are taken to be even, as --fps {fps:g} says"
    if fps is not None:
        times, remarks = time_stamps.even(len(stamps), fps), (overruled, *remarks)
    return FirstPass(times, shape if coloured else shape[:2], orientation, times.remarks + remarks)


def _shortfall(path: Path, times: Times, announced: int | None, fps: float | None) -> tuple[str, ...]:
    """Whether a file announces more than was decoded, as a remark."""
    decoded = len(times.seconds)
    if announced is None:
        return ()
    if counts_frames(path):
        if announced == decoded:
            return ()
        # An AVI's times count what is found in it.
        early = "; what comes after damage is told too early" if is_avi(path) else ""
        return (f"{announced} frames are announced, {decoded} were decoded: it is cut, trimmed or damaged{early}",)
    # Of other kinds OpenCV makes the number from the length and a guess of the rate.
    length, end = announced / fps if fps else 0.0, times.seconds[-1] + 1 / times.fps
    if length - end <= max(2 / times.fps, _LONGER * length):
        return ()
    return (f"{length:.3f} seconds are announced, {end:.3f} were decoded ({decoded} frames): it is cut or damaged",)


def _is_coloured(picture: np.ndarray) -> bool:
    blue, green, red = cv2.split(picture)
    return max(cv2.norm(blue, green, cv2.NORM_INF), cv2.norm(red, green, cv2.NORM_INF)) > _TINT
