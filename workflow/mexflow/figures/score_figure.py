"""The score of every frame of a test video, with what was spotted and what is true (elface2021, figure 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mexflow.errors import UserError
from mexflow.evaluation import spotted
from mexflow.evaluation.intervals import Interval
from mexflow.figures.drawing import ALARM, INK, QUIET, canvas
from mexflow.figures.time_courses import SHADES

HIT, FALSE = "#1f5fa8", ALARM
"""Colours of predicted intervals that are matched with a true one, and of those that are not."""

_TRUTH, _BAR = 0.45, 0.055


@dataclass(frozen=True)
class Curve:
    """The scores of one type of expression over a video.

    Attributes:
        type: ``micro`` or ``macro``.
        frames: int64 (n,), their numbers.
        raw: float64 (n,), normalised to [0, 1], not smoothed.
        scores: float64 (n,), normalised and smoothed.
        threshold: of the fold; infinite where none could be chosen.
        truth: the true intervals, first and last frame.
        predicted: the spotted intervals, and whether each is matched with a true one.
    """

    type: str
    frames: np.ndarray
    raw: np.ndarray
    scores: np.ndarray
    threshold: float
    truth: Sequence[Interval]
    predicted: Sequence[tuple[Interval, bool]]


def choose(tables: Sequence[pa.Table]) -> spotted.Video:
    """The video that a report shows: of those with most types of expression the longest, then the first by name.

    The scores decide nothing, so it is neither the best nor the worst case.

    Args:
        tables: the scores of test videos, see :data:`mexflow.evaluation.scores.SCORES`.

    Raises:
        UserError: if there is no video.
    """
    keys = ["dataset", "subject", "video"]
    frames: dict[spotted.Video, int] = {}
    types: dict[spotted.Video, set[str]] = {}
    for table in tables:
        own = table.select([*keys, "variant", "type", "label"])
        groups = own.group_by([*keys, "variant", "type"]).aggregate([("label", "count"), ("label", "any")])
        for row in groups.to_pylist():
            video = (row["dataset"], row["subject"], row["video"])
            frames[video] = row["label_count"]
            types.setdefault(video, set()).update([row["type"]] if row["label_any"] else [])
    if not frames:
        raise UserError("no test video has scores; spot an experiment first")
    return min(frames, key=lambda video: (-len(types[video]), -frames[video], video))


def curves(
    scores: pa.Table,
    thresholds: pa.Table,
    intervals: pa.Table,
    video: spotted.Video,
    variant: str,
    k: Mapping[str, int],
    types: Sequence[str] = ("micro", "macro"),
    order: int = spotted.ORDER,
) -> list[Curve]:
    """The curves of a test video, one a type.

    Args:
        scores: of its fold, see :mod:`mexflow.evaluation.scores`; likewise `thresholds` and `intervals`.
        video: dataset, subject and name.
        variant: of testing.
        k: by type, see :func:`mexflow.datasets.spotting.interval`.
        types: in the order in which they are shown.
        order: of the smoothing, as the intervals were made with.

    Raises:
        UserError: if the fold has no scores of the video.
    """
    limits = {(row["variant"], row["type"]): row["threshold"] for row in thresholds.to_pylist()}
    found: dict[tuple[str, str], list[tuple[Interval, bool]]] = {}
    for row in intervals.to_pylist():
        if (row["dataset"], row["subject"], row["video"], row["variant"]) == (*video, variant):
            own = found.setdefault((row["source"], row["type"]), [])
            own.append((Interval(row["first"], row["last"]), row["matched"]))
    chosen = pc.equal(scores["role"], "test")
    for name, value in zip(("dataset", "subject", "video", "variant"), (*video, variant), strict=True):
        chosen = pc.and_(chosen, pc.equal(scores[name], value))
    videos = spotted.scored(scores.filter(chosen), k, order)
    result = []
    for kind in types:
        if (variant, kind) not in videos:
            raise UserError(
                f"no scores of {kind}-expressions in test video {video[2]} under {variant!r}; spot it first"
            )
        (one,) = videos[variant, kind]
        truth = [interval for interval, _ in found.get(("truth", kind), ())]
        result.append(
            Curve(
                kind,
                one.frames,
                spotted.normalised(one.raw),
                one.scores,
                limits[variant, kind],
                truth,
                found.get(("predicted", kind), []),
            )
        )
    return result


def score_figure(found: Sequence[Curve], title: str, foot: str, alarm: bool, mark: str) -> Figure:
    """The curves of one video, one panel a type, over the same frames.

    Args:
        found: see :func:`curves`; where there is none, the figure says so.
        mark: what is set behind what was measured.
    """
    figure = canvas(0.7 + 1.25 * max(len(found), 1), title, foot, alarm)
    if not found:
        axis = figure.subplots()
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no scores", transform=axis.transAxes, ha="center", va="center", color=ALARM)
        return figure
    axes = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    for axis, one in zip(axes, found, strict=True):
        _panel(axis, one, mark)
    axes[-1].set_xlabel("frame")
    return figure


def _panel(axis: Axes, one: Curve, mark: str) -> None:
    shade = SHADES[one.type]
    for interval in one.truth:
        axis.axvspan(interval.first - 0.5, interval.last + 0.5, color=shade, alpha=_TRUTH, linewidth=0.6, zorder=0)
    for interval, matched in one.predicted:
        colour, span = HIT if matched else FALSE, (interval.first - 0.5, interval.last - interval.first + 1)
        axis.broken_barh([span], (0, 1), facecolor="none", edgecolor=colour, hatch="////", linewidth=0, alpha=0.35)
        # The hatching of a short interval is easily missed: a bar above says where it is.
        axis.broken_barh([span], (1.03, _BAR), facecolor=colour, edgecolor=colour, linewidth=0.6)
    axis.plot(one.frames, one.raw, color=QUIET, linewidth=0.35, alpha=0.7)
    axis.plot(one.frames, one.scores, color=INK, linewidth=0.9)
    limit = "no threshold"
    if np.isfinite(one.threshold):
        axis.axhline(one.threshold, color=INK, linewidth=0.7, linestyle=(0, (5, 3)))
        limit = f"threshold {one.threshold:.2f}"
    hits = sum(matched for _, matched in one.predicted)
    axis.legend(
        handles=[
            Line2D([], [], color=INK, linewidth=0.9, label=f"score{mark}, smoothed"),
            Line2D([], [], color=QUIET, linewidth=0.5, label="score, not smoothed"),
            Line2D([], [], color=INK, linewidth=0.7, linestyle=(0, (3, 2)), label=limit),
            Patch(color=shade, alpha=_TRUTH, linewidth=0, label=f"{len(one.truth)} true"),
            Patch(color=HIT, linewidth=0, label=f"{hits} spotted{mark}, matched"),
            Patch(color=FALSE, linewidth=0, label=f"{len(one.predicted) - hits} spotted{mark}, not matched"),
        ],
        loc="upper left",
        bbox_to_anchor=(1.005, 1.04),
        fontsize=6,
        frameon=False,
        handlelength=1.6,
        labelspacing=0.4,
        borderpad=0,
    )
    axis.set_title(f"{one.type}-expressions", loc="left", pad=2)
    # A smoothed score can pass [0, 1] by a little.
    low = min(0.0, float(np.nanmin([*one.scores, 0.0])))
    high = max(1.03 + _BAR, float(np.nanmax([*one.scores, 0.0])))
    axis.set(xlim=(one.frames[0] - 0.5, one.frames[-1] + 0.5), ylim=(low - 0.02, high + 0.02), yticks=[0, 0.5, 1])
    axis.set_ylabel("score")
    axis.spines[["top", "right"]].set_visible(False)
