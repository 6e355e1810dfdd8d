"""The score of every frame of a test video, with what was spotted and what is true (elface2021, figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError
from mexflow.evaluation import spotted
from mexflow.evaluation.curves import Curve, curves
from mexflow.figures.drawing import ALARM, INK, QUIET, SHADES, canvas
from mexflow.figures.material import Drawn, Material, of_first_seed
from mexflow.papers.figure_kinds import Scores

HIT, FALSE = "#1f5fa8", ALARM
"""Colours of predicted intervals that are matched with a true one, and of those that are not."""

_TRUTH, _BAR = 0.45, 0.055


def draw(figure: Scores, material: Material) -> Drawn:
    """The scores of one test video of the experiment, as the figure's variant has them.

    Raises:
        UserError: if a table cannot be read, or lacks what it should hold.
    """
    evidence, paper, title = material.evidence, material.paper, material.title(figure)
    notes = [*of_first_seed(evidence, figure.experiment), *evidence.notes_of([figure.experiment])]
    roles = {"scores": "test", "thresholds": None, "intervals": None}
    tables = [dict(evidence.tables(figure.experiment, name, role)) for name, role in roles.items()]
    expected = evidence.folds.get(figure.experiment, ())
    if not expected or any(len(folds) < len(expected) for folds in tables):
        shown, summary = [], "not run" if not expected else f"INCOMPLETE {min(map(len, tables))}/{len(expected)}"
    else:
        scores, thresholds, intervals = tables
        video = choose(list(scores.values()))
        fold = next(fold for fold, table in scores.items() if video[2] in table["video"].unique().to_pylist())
        rows = material.rows(paper.data_name(figure.experiment))
        variant = figure.variant or scores[fold]["variant"][0].as_py()
        types = evidence.classes(figure.experiment)
        k = {kind: half_length(rows, kind).k for kind in types}
        order = paper.intervals.order
        shown = curves(scores[fold], thresholds[fold], intervals[fold], video, variant, k, types, order)
        summary = f"{video[0]} {video[2]}, {variant} frame skips"
    foot = material.foot(summary, *notes)
    return Drawn(score_figure(shown, title, foot, material.alarm, material.mark), foot, summary)


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
        labels = table.select([*keys, "variant", "type", "label"])
        grouped = labels.group_by([*keys, "variant", "type"], use_threads=False)
        groups = grouped.aggregate([("label", "count"), ("label", "any")])
        for row in groups.to_pylist():
            video = (row["dataset"], row["subject"], row["video"])
            frames[video] = row["label_count"]
            types.setdefault(video, set()).update([row["type"]] if row["label_any"] else [])
    if not frames:
        raise UserError("no test video has scores; spot an experiment first")
    return min(frames, key=lambda video: (-len(types[video]), -frames[video], video))


def score_figure(shown: Sequence[Curve], title: str, foot: str, alarm: bool, mark: str) -> Figure:
    """The curves of one video, one panel a type, over the same frames.

    Args:
        shown: see :func:`mexflow.evaluation.curves.curves`; where there is none, the figure says so.
        mark: what is set behind what was measured.
    """
    figure = canvas(0.7 + 1.25 * max(len(shown), 1), title, foot, alarm)
    if not shown:
        axis = figure.subplots()
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no scores", transform=axis.transAxes, ha="center", va="center", color=ALARM)
        return figure
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axis, curve in zip(axes, shown, strict=True):
        _panel(axis, curve, mark)
    axes[-1].set_xlabel("frame")
    return figure


def _panel(axis: Axes, curve: Curve, mark: str) -> None:
    shade = SHADES[curve.type]
    for truth in curve.truth:
        axis.axvspan(truth.first - 0.5, truth.last + 0.5, color=shade, alpha=_TRUTH, linewidth=0.6, zorder=0)
    for predicted, matched in curve.predicted:
        colour, span = HIT if matched else FALSE, (predicted.first - 0.5, predicted.last - predicted.first + 1)
        axis.broken_barh([span], (0, 1), facecolor="none", edgecolor=colour, hatch="////", linewidth=0, alpha=0.35)
        # The hatching of a short interval is easily missed: a bar above says where it is.
        axis.broken_barh([span], (1.03, _BAR), facecolor=colour, edgecolor=colour, linewidth=0.6)
    axis.plot(curve.frames, curve.raw, color=QUIET, linewidth=0.35, alpha=0.7)
    axis.plot(curve.frames, curve.scores, color=INK, linewidth=0.9)
    limit = "no threshold"
    if np.isfinite(curve.threshold):
        axis.axhline(curve.threshold, color=INK, linewidth=0.7, linestyle=(0, (5, 3)))
        limit = f"threshold {curve.threshold:.2f}"
    hits = sum(matched for _, matched in curve.predicted)
    axis.legend(
        handles=[
            Line2D([], [], color=INK, linewidth=0.9, label=f"score{mark}, smoothed"),
            Line2D([], [], color=QUIET, linewidth=0.5, label="score, not smoothed"),
            Line2D([], [], color=INK, linewidth=0.7, linestyle=(0, (3, 2)), label=limit),
            Patch(color=shade, alpha=_TRUTH, linewidth=0, label=f"{len(curve.truth)} true"),
            Patch(color=HIT, linewidth=0, label=f"{hits} spotted{mark}, matched"),
            Patch(color=FALSE, linewidth=0, label=f"{len(curve.predicted) - hits} spotted{mark}, not matched"),
        ],
        loc="upper left",
        bbox_to_anchor=(1.005, 1.04),
        fontsize=6,
        frameon=False,
        handlelength=1.6,
        labelspacing=0.4,
        borderpad=0,
    )
    axis.set_title(f"{curve.type}-expressions", loc="left", pad=2)
    # A smoothed score can pass [0, 1] by a little.
    low = min(0.0, float(np.nanmin([*curve.scores, 0.0])))
    high = max(1.03 + _BAR, float(np.nanmax([*curve.scores, 0.0])))
    axis.set(xlim=(curve.frames[0] - 0.5, curve.frames[-1] + 0.5), ylim=(low - 0.02, high + 0.02), yticks=[0, 0.5, 1])
    axis.set_ylabel("score")
    axis.spines[["top", "right"]].set_visible(False)
