"""The intensity of an expression frame by frame, coloured by its state, for sample clips (nag2019, figure 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mexflow.figures.drawing import ALARM, INK, QUIET, canvas
from mexflow.figures.material import Drawn, Material, of_first_seed
from mexflow.papers.figure_kinds import States
from mexflow.tables.exclusions import clip_key

COLOURS = {
    "neutral": "#b3b3b3",
    "onset": "#7fc8b4",
    "onset-apex": "#2c7d4f",
    "apex": "#a3262a",
    "apex-offset": "#c2611f",
    "offset": "#f3c178",
}
"""Colours of the states, warm from the apex on; in the order in which an expression runs through them."""

SHARES = {"onset": 0.2, "apex": 0.8}
"""Intensities that part the states: below the first onset, offset or neutral, from the second on apex."""

MARKS = ("onset", "apex", "offset")
ROOM = 0.13
"""What the name of a mark takes of a panel's width."""


@dataclass(frozen=True)
class Clip:
    """A clip's intensity, frame by frame.

    Attributes:
        name: what it is called in the figure.
        frames: int64 (n,), their numbers, rising.
        intensity: float64 (n,), in [0, 1].
        states: (n,), each a key of :data:`COLOURS`.
        target: float64 (n,), what the network was to say, in [0, 1].
        marks: the annotated onset, apex and offset, frame numbers.
    """

    name: str
    frames: np.ndarray
    intensity: np.ndarray
    states: Sequence[str]
    target: np.ndarray
    marks: Mapping[str, int]


def draw(figure: States, material: Material) -> Drawn:
    """Of each class the first clip that was tested.

    Raises:
        UserError: if a table cannot be read.
    """
    evidence, data = material.evidence, material.paper.data_of(figure.experiment)
    tables, expected = evidence.tables(figure.experiment, "states"), evidence.folds.get(figure.experiment, ())
    if not expected or len(tables) < len(expected):
        clips, summary = [], f"INCOMPLETE {len(tables)}/{len(expected)}" if expected else "not run"
    else:
        rows = material.rows(material.paper.data_name(figure.experiment))
        clips = sample_clips([table for _, table in tables], rows, data.label, data.classes)
        summary = "of each class the first clip tested"
    first = of_first_seed(evidence, figure.experiment)
    foot = material.foot(summary, *first, *evidence.notes_of([figure.experiment]))
    drawn = states_figure(clips, material.title(figure), foot, material.alarm, material.mark)
    return Drawn(drawn, foot, summary)


def sample_clips(
    tables: Sequence[pa.Table], rows: Sequence[Mapping[str, Any]], label: str, classes: Sequence[str], most: int = 6
) -> list[Clip]:
    """The clips that a report shows: of each class the first that was tested, by dataset, subject and clip.

    What the network said decides nothing, so they are neither the best nor the worst.

    Args:
        tables: states of test videos: dataset, subject, video, frame, intensity, state, target.
        rows: of the index; `label` names the column of the class.
        classes: in their order.
        most: how many clips at most.
    """
    # Clips of one video share its frames; the first one by onset gives the video its annotation.
    clips: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (*clip_key(row)[:2], row["video"], row["onset"] or 0, row["clip"])):
        if row[label] in classes and row["excluded"] is None:
            clips.setdefault((*clip_key(row)[:2], row["video"]), row)
    tested: dict[tuple[str, str, str], pa.Table] = {}
    names = ["dataset", "subject", "video"]
    for table in tables:
        for row in table.select(names).group_by(names, use_threads=False).aggregate([]).to_pylist():
            tested[row["dataset"], row["subject"].rpartition("/")[2], row["video"]] = table
    first: dict[str, tuple[str, str, str]] = {}
    for key in sorted(clips.keys() & tested.keys(), key=lambda key: (*key[:2], clips[key]["clip"])):
        first.setdefault(clips[key][label], key)
    return [_clip(tested[first[name]], clips[first[name]], name) for name in classes if name in first][:most]


def states_figure(clips: Sequence[Clip], title: str, foot: str, alarm: bool, mark: str) -> Figure:
    """The clips, three side by side.

    Args:
        clips: see :func:`sample_clips`; where there is none, the figure says so.
        mark: what is set behind what was measured.
    """
    # One place more than there are clips: the legend's.
    across = min(3, len(clips) + 1)
    down = -(-(len(clips) + 1) // across)
    figure = canvas(0.7 + 1.35 * down, title, foot, alarm)
    axes = figure.subplots(down, across, sharey=True, squeeze=False)
    for axis in axes.flat[len(clips) :]:
        axis.set_axis_off()
    if not clips:
        axes[0, 0].text(0.5, 0.5, "no tested clip", ha="center", va="center", color=ALARM)
        return figure
    for axis, clip in zip(axes.flat, clips, strict=False):
        _panel(axis, clip)
    for axis in axes[:, 0]:
        axis.set_ylabel(f"intensity{mark}")
    handles: list[Any] = [
        Line2D([], [], marker="o", linestyle="", markersize=3.5, color=colour, label=state)
        for state, colour in COLOURS.items()
    ]
    handles.append(Line2D([], [], color=INK, linewidth=0.7, linestyle=(0, (3, 2)), label="target"))
    handles.append(Line2D([], [], color=INK, linewidth=0.6, label="annotated"))
    axes.flat[len(clips)].legend(handles=handles, loc="center", ncols=2, fontsize=6.5, frameon=False)
    return figure


def labels(marks: Mapping[str, float], room: float) -> dict[float, str]:
    """The names above marked frames, by where they stand; of marks that are closer than `room` frames, in one text."""
    groups: list[list[str]] = []
    for name in sorted(marks, key=lambda name: (marks[name], MARKS.index(name))):
        if groups and marks[name] - marks[groups[-1][0]] < room:
            groups[-1].append(name)
        else:
            groups.append([name])
    return {sum(marks[name] for name in group) / len(group): ", ".join(group) for group in groups}


def _panel(axis: Axes, clip: Clip) -> None:
    for share in SHARES.values():
        axis.axhline(share, color="#dddddd", linewidth=0.5, zorder=0)
    axis.vlines(list(clip.marks.values()), 0, 1.04, color=INK, linewidth=0.6, zorder=1)
    for place, names in labels(clip.marks, len(clip.frames) * ROOM).items():
        axis.text(place, 1.07, names, fontsize=5.5, ha="center", va="bottom", color=INK)
    axis.plot(clip.frames, clip.target, color=INK, linewidth=0.7, linestyle=(0, (5, 3)), zorder=2)
    axis.plot(clip.frames, clip.intensity, color=QUIET, linewidth=0.5, zorder=3)
    colours = [COLOURS[state] for state in clip.states]
    axis.scatter(clip.frames, clip.intensity, c=colours, s=9, linewidths=0, zorder=4)
    axis.set(ylim=(-0.05, 1.16), yticks=[0, 0.5, 1], xlabel="frame")
    axis.set_xlim(clip.frames[0] - 0.5, clip.frames[-1] + 0.5)
    axis.set_title(clip.name, loc="left", fontsize=7, pad=3)
    axis.spines[["top", "right"]].set_visible(False)


def _clip(table: pa.Table, row: Mapping[str, Any], name: str) -> Clip:
    dataset, subject, _ = clip_key(row)
    frames = [
        frame
        for frame in table.to_pylist()
        if (frame["dataset"], frame["subject"].rpartition("/")[2], frame["video"]) == (dataset, subject, row["video"])
    ]
    frames.sort(key=lambda frame: frame["frame"])
    return Clip(
        f"{dataset} {subject} {row['clip']}: {name}",
        np.array([frame["frame"] for frame in frames], np.int64),
        np.array([frame["intensity"] for frame in frames], np.float64),
        [frame["state"] for frame in frames],
        np.array([frame["target"] for frame in frames], np.float64),
        {mark: row[mark] for mark in MARKS if row[mark] is not None},
    )
