"""The contact sheet of a dataset: what became of a few of its clips, from the raw frame to the residual images.

Made to be looked at: landmarks off the face, a box that cuts it, an apex that looks like the onset, flow where nothing
moves, are seen at a glance. Whatever cannot be shown is said in its place.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mexflow.figures.drawing import ALARM, QUIET, style
from mexflow.figures.layout import Page, line_height
from mexflow.figures.tiles import LCN_LIMIT, TILE, flow_tile, normalised, picture, raw_tile
from mexflow.sheets import PAIR, RESIDUALS, time_courses
from mexflow.sheets.sheet_files import SubjectFiles, counted
from mexflow.tables.source import Source

_GAP = 8
_WIDTH = 8 * TILE + 7 * _GAP + 2 * 36
_CHART, _CHART_WIDTH = 190, 1370
_GREY, _LINES_COLOUR = 236, (208, 208, 208)
_SMALL = 6.2
_KINDS = {"micro": "micro-expression", "macro": "macro-expression"}
_LONGEST_NOTE = 100

ReadRaw = Callable[[str], np.ndarray]
"""Gives the raw frame of a row of the table of faces, by its place in that table's `file` column."""


@dataclass(frozen=True)
class Sheet:
    """What a sheet is of.

    Args:
        dataset: name of the raw dataset.
        rows: its index.
        videos: its table of videos.
        data: ``embedded``, or the folder of the licensed copy.
        flow_method: name of the flow method, for the heading; may be empty.
        long_videos: whether macro-expressions and the course of the videos are shown as well.
    """

    dataset: str
    rows: Sequence[Mapping[str, Any]]
    videos: Sequence[Mapping[str, Any]]
    data: str
    flow_method: str = ""
    long_videos: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of expressions to show."""
        return tuple(_KINDS) if self.long_videos else ("micro",)

    def video(self, subject: str, name: str) -> Mapping[str, Any]:
        """The row of a video in the table of videos."""
        return next(row for row in self.videos if (row["subject"], row["video"]) == (subject, name))


@dataclass(frozen=True)
class _Tile:
    """A picture and the words below it; where there is no picture, the words stand in its place."""

    image: np.ndarray | None
    words: str


def draw(
    sheet: Sheet, subjects: Sequence[SubjectFiles], read_raw: ReadRaw, advance: Callable[[int], None]
) -> tuple[bytes, list[str]]:
    """The sheet as PNG, 1920 pixels wide, and what it shows: a line a clip.

    Args:
        sheet: what the sheet is of.
        subjects: the artifacts of the subjects to show.
        read_raw: reads a raw frame.
        advance: is told of each subject done.
    """
    page, lines = Page(_WIDTH), []
    with style(f"{sheet.dataset}/sheet"):
        _head(page, sheet, subjects)
        for files in subjects:
            _rule(page)
            shown: list[str] = []
            for kind in sheet.kinds:
                row, reason = files.first_usable(sheet.rows, kind)
                if row is None:
                    lines.append(f"{files.subject}: {reason}")
                    page.paragraph(f"{files.subject} · {_KINDS[kind]}", 7.5, fontweight="bold")
                    page.paragraph(reason, color=ALARM)
                    page.y += 2 * _GAP
                    continue
                lines.append(f"{files.subject}: {row['clip']}")
                _clip(page, sheet, files, row, read_raw)
                if row["video"] not in shown:
                    shown.append(row["video"])
            if sheet.long_videos:
                for video in shown:
                    _course(page, sheet, files, video)
            advance(1)
        if not subjects:
            page.paragraph("No subject to show.", color=ALARM)
        _foot(page, sheet)
        return page.png(), lines


def _head(page: Page, sheet: Sheet, subjects: Sequence[SubjectFiles]) -> None:
    synthetic = " · synthetic faces" if Source(sheet.data, "paper").embedded else ""
    page.paragraph(f"{sheet.dataset}: from raw frames to residual images{synthetic}", 10, fontweight="bold")
    left_out = [row["excluded"].partition(":")[0] for row in sheet.rows if row["excluded"]]
    repairs = [repair.partition(":")[0] for row in sheet.rows for repair in row["repairs"]]
    types = counted([_KINDS[row["type"]] + "s" for row in sheet.rows])
    people = len({video["subject"] for video in sheet.videos})
    loose = sum(not video["annotated"] for video in sheet.videos)
    page.paragraph(
        f"{types}; {len(sheet.videos)} videos of {people} subjects, {loose} without an annotation.  "
        f"Left out by the index: {counted(left_out)}.  Repaired: {counted(repairs)}."
    )
    kinds = " and ".join(_KINDS[kind] for kind in sheet.kinds)
    noun = "subject" if len(subjects) == 1 else "subjects"
    page.paragraph(f"Shown: the first usable {kinds} of each of {len(subjects)} {noun}.", color=QUIET)
    page.y += _GAP
    flow = f"flow, {sheet.flow_method}" if sheet.flow_method else "flow"
    heads = ("raw frame", "onset", "apex", "offset", "LCN, apex", flow, *(kind.upper() for kind in RESIDUALS))
    for x, name in zip(_columns(page), heads, strict=True):
        page.place_text(x + TILE / 2, page.y, name, 7.5, ha="center", fontweight="bold")
    page.y += line_height(7.5) + _GAP // 2


def _columns(page: Page) -> list[int]:
    return [page.margin + i * (TILE + _GAP) for i in range(8)]


def _rule(page: Page) -> None:
    line = np.full((2, page.inner, 3), _LINES_COLOUR, np.uint8)
    page.place_image(page.margin, int(page.y), line)
    page.y += _GAP + 2


def _clip(page: Page, sheet: Sheet, files: SubjectFiles, row: Mapping[str, Any], read_raw: ReadRaw) -> None:
    """Heading and tiles of one clip."""
    units = f" · AU {row['action_units']}" if row["action_units"] else ""
    words = f"{files.subject} · {row['clip']} · {_KINDS[row['type']]} · {row['emotion'] or 'no emotion given'}{units}"
    page.paragraph(words, 7.5, fontweight="bold")
    video = sheet.video(files.subject, row["video"])
    aligned = files.faces.video(row["video"])
    inside = aligned.states[(row["onset"] <= aligned.frames) & (aligned.frames <= row["offset"])].tolist()
    gaps = f"{video['missing_frames']} numbers missing" if video["missing_frames"] else "no number missing"
    # A face that was never seen in the frame itself is worth a second look.
    guessed = not aligned.seen.all()
    page.paragraph(
        f"onset {row['onset']}, apex {row['apex']}, offset {row['offset']} at {row['fps']:g} frames a second · "
        f"video {row['video']}: {video['frame_count']} frames, {video['first_frame']} to {video['last_frame']}, {gaps}"
    )
    page.paragraph(
        f"faces from onset to offset: {counted(inside)} · in the whole video: {counted(aligned.states.tolist())}",
        color=ALARM if guessed else QUIET,
    )
    if choice := files.faces.table["choice"][aligned.row(row["apex"])].as_py():
        page.paragraph(f"several faces — {choice}", color=ALARM)
    for repair in row["repairs"]:
        page.paragraph(f"repaired — {repair}", color=ALARM)
    page.y += _GAP // 2
    top = int(page.y)
    for x, tile in zip(_columns(page), _tiles(files, row, read_raw), strict=True):
        if tile.image is None:
            page.place_image(x, top, np.full((TILE, TILE, 3), _GREY, np.uint8))
            words = textwrap.fill(
                textwrap.shorten(tile.words, _LONGEST_NOTE, placeholder=" …"), page.characters(TILE - 16, _SMALL)
            )
            middle = top + TILE / 2 - (words.count("\n") + 1) * line_height(_SMALL) / 2
            page.place_text(x + TILE / 2, middle, words, _SMALL, ha="center", color=QUIET)
        else:
            page.place_image(x, top, tile.image)
            page.place_text(x + TILE / 2, top + TILE + 5, tile.words, _SMALL, ha="center", color=QUIET)
    page.y = top + TILE + 5 + line_height(_SMALL) + _GAP


def _tiles(files: SubjectFiles, row: Mapping[str, Any], read_raw: ReadRaw) -> list[_Tile]:
    """The eight tiles of a clip."""
    shown = [row[name] for name in ("onset", "apex", "offset")]
    apex = files.faces.video(row["video"]).row(row["apex"])
    file, landmarks, matrix = (files.faces.table[name][apex].as_py() for name in ("file", "landmarks", "matrix"))
    points = None if landmarks is None else np.array(landmarks, np.float64).reshape(68, 2)
    transform = None if matrix is None else np.array(matrix, np.float64).reshape(2, 3)
    raw = read_raw(file)
    scale = "" if transform is None else f", 1 : {1 / np.hypot(transform[0, 0], transform[1, 0]):.1f}"
    tiles = [
        _Tile(raw_tile(raw, transform, points), f"{raw.shape[1]}×{raw.shape[0]}{scale}"),
        *(_Tile(picture(files.faces[row["video"], frame]), str(frame)) for frame in shown),
        _Tile(None, "not made") if files.lcn is None else _Tile(normalised(files.lcn[apex]), f"±{LCN_LIMIT:g}"),
    ]
    if files.flow is None:
        tiles.append(_Tile(None, "not made"))
    else:
        field, reason = files.flow.of_clip(row["clip"], PAIR)
        if field is None:
            tiles.append(_Tile(None, f"{PAIR}: {reason}"))
        else:
            image, scale = flow_tile(field)
            tiles.append(_Tile(image, f"wheel's rim {scale:g} px"))
    for kind in RESIDUALS:
        if kind not in files.residuals:
            tiles.append(_Tile(None, "not made"))
            continue
        image, reason = files.residuals[kind].of_clip(row["clip"])
        if image is None:
            tiles.append(_Tile(None, reason))
        else:
            residual = next(entry for entry in files.residuals[kind].rows if entry["clip"] == row["clip"])
            words = f"{residual['start']}–{residual['end']}, N = {len(residual['key_frames'])}"
            tiles.append(_Tile(picture(image), words))
    return tiles


def _course(page: Page, sheet: Sheet, files: SubjectFiles, name: str) -> None:
    """What goes on in a long video."""
    video = sheet.video(files.subject, name)
    expressions = [row for row in sheet.rows if (row["subject"], row["video"]) == (files.subject, name)]
    course = None if files.truth is None else time_courses.of_truth(files.truth, name)
    if course is None:
        course = time_courses.of_faces(files, name, video["fps"])
    usable = [row for row in expressions if row["excluded"] is None]
    left_out = f", {len(expressions) - len(usable)} left out" if len(usable) < len(expressions) else ""
    curves = f"curves: {course.label}" if course else "no curve: too short"
    page.paragraph(
        f"video {name}: {len(usable)} annotated expressions{left_out} over its {video['frame_count']} frames, "
        f"triangles at their apexes; {curves}"
    )
    page.y += 2 * _GAP
    span = (video["first_frame"], video["last_frame"])
    fill = partial(time_courses.draw, course=course, expressions=usable, span=span)
    page.place_axes(page.margin + 62, page.y, _CHART_WIDTH, _CHART, fill)
    page.y += _CHART + 48


def _foot(page: Page, sheet: Sheet) -> None:
    _rule(page)
    page.paragraph(
        "Raw frame: its size, raw pixels to a pixel of the aligned face, the aligned box, the 68 landmarks. "
        f"LCN: black -{LCN_LIMIT:g}, white {LCN_LIMIT:g}. Flow from onset to apex on the aligned face: the hue is the "
        "direction as on the wheel, the saturation the length up to its rim; what moves farther is darker. "
        "ARS, RRS: absolute and relative residual sums of so many (N) key frames, on a box of their own.",
        6.5,
        color=QUIET,
    )
    if Source(sheet.data, "paper").embedded:
        words = (
            "† Synthetic embedded data: faces rendered from two photographs in the public domain, with expressions "
            "and head motion that nobody made."
        )
        if sheet.long_videos:
            words += " The intensities are those they were rendered with."
        page.paragraph(words, 6.5, color=ALARM)
    else:
        page.paragraph(
            f"Data: {sheet.data}. The licence of the dataset says to whom its frames may be shown.", 6.5, color=ALARM
        )
