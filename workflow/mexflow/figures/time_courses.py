"""What goes on in a long video, over its frames, with the annotated expressions shaded.

Where the truth is known it is shown: the intensity of each action unit. Elsewhere the change of the aligned face
stands in for it, and is labelled as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from mexflow.figures.drawing import INK, QUIET
from mexflow.sheets.sheet_files import SubjectFiles

SHADES = {"micro": "#f6a04d", "macro": "#9cc9e8"}
"""Colours of the annotated intervals."""

HALF_STEP = 0.1
"""Half the time between the two frames that a change is taken of, seconds."""

_POINTS = 1200
_SEEN = 0.03
_LISTED = 14
_BLINK = "blink"
_SHADE = 0.45
_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26)


@dataclass(frozen=True)
class Course:
    """Curves over the frames of a video: `label` says what they are, NaN is where there is nothing."""

    label: str
    frames: np.ndarray
    curves: Mapping[str, np.ndarray]


def of_truth(table: pa.Table, video: str) -> Course | None:
    """The true intensity of each action unit, the stronger side of the face, and of blinks; 0 to 1.

    Args:
        table: columns `video`, `frame`, `blink` and one or two for each unit, ``au12`` or ``au12_l`` and ``au12_r``.
        video: the video.

    Returns:
        The curves of units that move at all, or None where the table has no frame of the video.
    """
    own = np.array([name == video for name in table["video"].to_pylist()], bool)
    if not own.any():
        return None
    frames = table["frame"].to_numpy()[own]
    order = np.argsort(frames, kind="stable")
    curves: dict[str, np.ndarray] = {}
    for column in table.column_names:
        match = re.fullmatch(r"au(\d+)(?:_[lr])?", column)
        if match or column == _BLINK:
            name = f"AU{match[1]}" if match else _BLINK
            values = table[column].to_numpy()[own][order]
            curves[name] = np.fmax(curves[name], values) if name in curves else values
    moving = {name: values for name, values in curves.items() if np.nanmax(values) > _SEEN}
    return Course("the true intensity of action units", frames[order], moving)


def of_faces(files: SubjectFiles, video: str, fps: float) -> Course | None:
    """How much the aligned face changes within a fifth of a second, at up to 1200 frames spread over the video.

    The value at frame t is the mean absolute difference of the LCN frames (without LCN: of the aligned faces, in
    grey values) at t - h and t + h, h being :data:`HALF_STEP` in whole frames.

    Returns:
        The curve, or None where the video has no two faces so far apart.
    """
    stored, name = (files.faces.images, "aligned faces") if files.lcn is None else (files.lcn, "LCN frames")
    half = max(1, round(HALF_STEP * fps))
    aligned = files.faces.video(video)
    known = aligned.frames[aligned.seen].tolist()
    if not known or known[-1] - known[0] < 2 * half:
        return None
    frames = np.arange(known[0] + half, known[-1] - half + 1)
    frames = frames[:: max(1, -(-len(frames) // _POINTS))]
    values = np.full(len(frames), np.nan)
    for i, frame in enumerate(frames.tolist()):
        ends = [aligned.row(frame + step) for step in (-half, half)]
        if None not in ends:
            before, after = (stored[[end]].astype(np.float32) for end in ends)
            values[i] = np.abs(after - before).mean()
    label = f"mean |difference| of {name} {2 * half / fps:.2g} s apart (the truth is unknown)"
    return Course(label, frames, {"difference": values})


def draw(axis: Axes, course: Course | None, expressions: Sequence[Mapping[str, Any]], span: tuple[int, int]) -> None:
    """Draw a course, the intervals of the expressions shaded, their apexes marked at the upper edge.

    Args:
        axis: the axes to fill; the legend stands to the right of them.
        course: the curves, or None where there are none.
        expressions: rows of the index of this video, those left out among them or not.
        span: the first and the last frame of the video.
    """
    legend: list[Any] = []
    for kind, colour in SHADES.items():
        own = [row for row in expressions if row["type"] == kind and row["onset"] is not None]
        for row in own:
            # An expression of a few frames in a video of thousands is less than a pixel wide.
            axis.axvspan(row["onset"] - 0.5, row["offset"] + 0.5, color=colour, alpha=_SHADE, linewidth=0.6, zorder=0)
            axis.plot(row["apex"], 1.0, marker="v", markersize=3, color=INK, clip_on=False,
                      transform=axis.get_xaxis_transform())  # fmt: skip
        legend.append(Patch(color=colour, alpha=_SHADE, linewidth=0, label=f"{len(own)} {kind} annotated"))
    if course is None:
        axis.text(0.5, 0.5, "nothing to draw", transform=axis.transAxes, ha="center", va="center", color=QUIET)
    else:
        legend += _curves(axis, course)
    axis.set(xlim=(span[0] - 0.5, span[1] + 0.5), ylim=(0, None))
    axis.text(1.008, -0.1, "frame", transform=axis.transAxes, va="top", fontsize=6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=6)
    axis.legend(handles=legend, loc="upper left", bbox_to_anchor=(1.008, 1.1), ncols=2, fontsize=5.5, frameon=False,
                handlelength=1.2, columnspacing=1.0, labelspacing=0.35, borderpad=0)  # fmt: skip


def _curves(axis: Axes, course: Course) -> list[Any]:
    """The curves; those that reach highest stand in the legend."""
    palette = matplotlib.colormaps["tab10"].colors
    lines = {}
    for name, values in course.curves.items():
        style: dict[str, Any] = {"color": INK, "linewidth": 0.8}
        if name == _BLINK:
            style = {"color": QUIET, "linewidth": 0.5, "linestyle": ":"}
        elif name.startswith("AU"):
            # A unit keeps its colour and its stroke from video to video.
            number = int(name[2:])
            place = _UNITS.index(number) if number in _UNITS else number
            strokes = ("-", "--", "-.")
            style |= {"color": palette[place % 10], "linestyle": strokes[place // 10 % len(strokes)]}
        (lines[name],) = axis.plot(course.frames, values, label=name, **style)
    highest = sorted(lines, key=lambda name: -float(np.nanmax(course.curves[name], initial=0)))[:_LISTED]
    return [line for name, line in lines.items() if name in highest]
