"""What an analysis found in a video: one typed document, from which every file and page of it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

UNSEEN = "unseen"
"""The type of a stretch of a video of which nothing can be said."""


@dataclass(frozen=True)
class Source:
    """The video that was analysed.

    `path` is as it was given, `name` its last part; `sha256` is of the file, of a folder of its frames' names and
    hashes. `frames` is how many were decoded; `width` and `height` are those of the upright picture, pixels; `fps` is
    in frames per second, `variable` whether the time between frames changes, `folder` whether it is a folder of frames.
    `remarks` say what was repaired or
    doubted, a line each.
    """

    path: str
    name: str
    sha256: str
    frames: int
    width: int
    height: int
    fps: float
    variable: bool
    remarks: tuple[str, ...] = ()
    folder: bool = False


@dataclass(frozen=True)
class Event:
    """A spotted expression (`type` ``micro`` or ``macro``), or a stretch of which nothing can be said (``unseen``).

    `onset`, `apex` and `offset` are frames of the video, counted from 0 (of a folder: the numbers of its files); both
    ends are part of it. The same in seconds from the first frame have ``_seconds``. `score` is the smoothed score at
    the apex. `probabilities` are by class, and `label` is the largest one's; without them `not_classified` says why.
    `reason` says why nothing can be said.
    """

    type: str
    onset: int
    offset: int
    onset_seconds: float
    offset_seconds: float
    apex: int | None = None
    apex_seconds: float | None = None
    score: float | None = None
    label: str | None = None
    probabilities: Mapping[str, float] | None = None
    not_classified: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Report:
    """An analysis.

    Attributes:
        source: the video.
        events: spotted expressions and unseen stretches, by onset.
        seconds: float64 (n,), when each analysed frame is, from the first one.
        frames: int64 (n,), which frame of the video it is.
        scores: by type the smoothed scores float (n,), NaN where nothing was measured; empty where none spotted.
        thresholds: by type, what a score of an expression reaches at least.
        spotter: the card of the network that spotted, see :mod:`mexflow.analysis.model`; None if none did.
        recogniser: that of the network that recognised; None if none did.
        faces: aligned faces uint8 (h, w) or (h, w, 3) RGB by frame of the video: onset, apex, offset of expressions.
        flows: optical flow from onset to apex float32 (2, h, w), pixels, by the position of the event.
        not_spotted: by type why none was looked for, e.g. a video too slow for micro-expressions.
    """

    source: Source
    events: tuple[Event, ...]
    seconds: np.ndarray
    frames: np.ndarray
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    spotter: Mapping[str, Any] | None = None
    recogniser: Mapping[str, Any] | None = None
    faces: Mapping[int, np.ndarray] = field(default_factory=dict)
    flows: Mapping[int, np.ndarray] = field(default_factory=dict)
    not_spotted: Mapping[str, str] = field(default_factory=dict)
