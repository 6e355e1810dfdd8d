"""Stretches of a video of which nothing can be said, and why: they are told, for silence would look like stillness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mexflow.preprocess.aligned import VideoFaces

SHORTEST = 0.1
"""Seconds that such a stretch lasts to be told of."""

_HOLE = 2.5
"""Steps between frames: a longer one is a hole."""

_REASONS = {
    "missing": "no face was found",
    "interpolated": "no face was found for a moment",
    "unreadable": "the frames cannot be read",
}


@dataclass(frozen=True)
class Stretch:
    """Positions in a video, first and last both included, of which nothing can be said, and why."""

    first: int
    last: int
    reason: str


def stretches(
    seconds: np.ndarray,
    fps: float,
    faces: VideoFaces,
    cuts: tuple[int, ...],
    positions: np.ndarray,
    scores: Mapping[str, np.ndarray],
) -> list[Stretch]:
    """All of a video.

    Args:
        seconds: float64 (n,), when each frame is.
        fps: frames per second.
        faces: the states of its frames.
        cuts: positions at which another shot begins.
        positions: int64 (m,), of the frames that were scored, positions in the video.
        scores: by type float (m,), NaN where nothing was measured.
    """
    step = 1 / fps

    def long_enough(first: int, last: int) -> bool:
        return seconds[last] - seconds[first] + step >= SHORTEST - 1e-9

    seen = faces.seen
    found = [
        Stretch(first, last, _REASONS[Counter(faces.states[first : last + 1].tolist()).most_common(1)[0][0]])
        for first, last in _runs(~seen)
        if long_enough(first, last) or not seen.any()
    ]
    holes = np.flatnonzero(np.diff(seconds) >= max(SHORTEST, _HOLE * step)).tolist()
    found += [
        Stretch(at, at + 1, f"the video has no frame for {seconds[at + 1] - seconds[at]:.2g} seconds") for at in holes
    ]
    found += [Stretch(cut - 1, cut, "the picture changes at once: a cut, or a flash") for cut in cuts]
    unmeasured: dict[tuple[int, int], list[str]] = {}
    for kind, values in scores.items():
        lost = np.zeros(len(seconds), bool)
        lost[positions[np.isnan(values)]] = True
        lost[positions[~np.isnan(values)]] = False
        for run in _runs(lost & seen):
            if long_enough(*run):
                unmeasured.setdefault(run, []).append(f"{kind}-expressions")
    found += [
        Stretch(
            *run, f"not measured for {' and '.join(kinds)}: a frame to compare with was not seen, or is beyond a cut"
        )
        for run, kinds in unmeasured.items()
    ]
    return sorted(found, key=lambda stretch: (stretch.first, stretch.last))


def _runs(marks: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last position of each run of true values, bool (n,)."""
    edges = np.flatnonzero(np.diff(marks, prepend=False, append=False))
    yield from zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
