"""The course of a video as drawings: of each type of expression the scores over the seconds, and all events in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mexflow.analysis.report import UNSEEN, Event, Report
from mexflow.evaluation.frame_skips import TYPES
from mexflow.figures.colour_wheel import rounded_up
from mexflow.page.score_line import HEIGHT, WIDTH, path

_POINTS = 2 * WIDTH
"""Of a curve: the lowest and the highest score of each column of pixels."""
_LEAST = 3.0
"""Units that an event is wide at least, so that it is seen, and can be pressed, in a long video."""
_TICKS = 8


@dataclass(frozen=True)
class Band:
    """An event in a drawing: its number, where it is, and where its apex is (None without one)."""

    number: int
    event: Event
    at: float
    wide: float
    apex: float | None
    height: float | None


@dataclass(frozen=True)
class Course:
    """The drawing of a type of expression, `WIDTH` by `HEIGHT`.

    It begins at 0 and ends after `last` seconds. `top` is the score at its upper edge, in all drawings the same; `line`
    has the scores, empty where nothing was scored; `level` is the height of `threshold`; `why_not` says why no such
    expression was looked for.
    """

    type: str
    last: float
    top: float
    line: str
    threshold: float | None
    level: float | None
    bands: list[Band]
    unseen: list[Band]
    why_not: str

    @property
    def told(self) -> str:
        """What there is to see, in words."""
        found = f"{len(self.bands)} found" if self.bands else "none found"
        return f"{self.type}: {found}, {len(self.unseen)} stretches of which nothing can be said"


def courses(report: Report) -> list[Course]:
    """A drawing of each type that was looked for, or found, or is said not to have been looked for."""
    found = {event.type for event in report.events} - {UNSEEN}
    named = [*report.scores, *report.not_spotted, *found]
    kinds = sorted(set(named), key=lambda kind: (kind not in TYPES, TYPES.index(kind) if kind in TYPES else kind))
    top = _top(report)
    return [_course(kind, report, top) for kind in kinds]


def length(report: Report) -> float:
    """Seconds that a report is about: to the end of the last frame of which it says something."""
    ends = [event.offset_seconds for event in report.events] + list(map(float, report.seconds[-1:]))
    return max(ends, default=0.0) + 1 / report.source.fps


def ticks(last: float) -> list[tuple[float, str]]:
    """Where an axis of so many seconds has its marks, in per cent of its length, and what stands there."""
    step = rounded_up(last / _TICKS)
    digits = max(0, -int(np.floor(np.log10(step))))
    return [(100 * number * step / last, f"{number * step:.{digits}f}") for number in range(int(last / step) + 1)]


def _top(report: Report) -> float:
    """A round number that no score and no threshold is above."""
    values = np.concatenate([[0.0, *report.thresholds.values()], *report.scores.values()])
    most = float(np.max(values[np.isfinite(values)]))
    if most <= 0:
        return 1.0
    unit = 10.0 ** np.floor(np.log10(most)) / 5
    return float(round(np.ceil(most / unit) * unit, 9))


def _course(kind: str, report: Report, top: float) -> Course:
    last = length(report)
    scores = np.asarray(report.scores.get(kind, ()), np.float64)
    threshold = report.thresholds.get(kind)
    level = threshold if threshold is not None and np.isfinite(threshold) else None

    def band(number: int, event: Event) -> Band:
        scale = WIDTH / last
        wide = (event.offset_seconds - event.onset_seconds + 1 / report.source.fps) * scale
        apex = None if event.apex_seconds is None else round(event.apex_seconds * scale, 1)
        known = event.score is not None and np.isfinite(event.score)
        height = round(HEIGHT * (1 - min(1.0, max(0.0, event.score / top))), 1) if known else None
        return Band(number, event, round(event.onset_seconds * scale, 1), round(max(wide, _LEAST), 1), apex, height)

    def bands(wanted: str) -> list[Band]:
        return [band(number, event) for number, event in enumerate(report.events, 1) if event.type == wanted]

    return Course(
        type=kind,
        last=last,
        top=top,
        line=_line(report.seconds, scores / top, last),
        threshold=level,
        level=None if level is None else round(HEIGHT * (1 - level / top), 1),
        bands=bands(kind),
        unseen=bands(UNSEEN),
        why_not=report.not_spotted.get(kind, ""),
    )


def _line(seconds: np.ndarray, scores: np.ndarray, last: float) -> str:
    """Scores as a line from the first to the last second of a drawing, also where they begin later, or end earlier."""
    if not len(scores):
        return ""
    at = np.concatenate([[0.0], seconds, [last]])
    return path(at, np.concatenate([[np.nan], scores, [np.nan]]), _POINTS)
