"""From videos to files: what ``analyse``, ``spot`` and ``recognise`` do with each of the videos they are given."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.analysis import annotated, report_page, writing
from mexflow.analysis.analyse import Wanted, analyse, recognise
from mexflow.analysis.model import load
from mexflow.analysis.report import UNSEEN, Report
from mexflow.errors import UserError, lines
from mexflow.papers.recipe import Recipe
from mexflow.preprocess import flow
from mexflow.preprocess.landmarks import Box
from mexflow.preprocess.video_files import everyone, open_video
from mexflow.store.artifacts import Inputs
from mexflow.store.records import Job

_LONGEST_NAME = 150
"""Bytes of a video's name; file systems take 255, and the files that are written first have longer ones."""

_KILLED = (signal.SIGTERM, signal.SIGHUP)

_ENDINGS = {"analyse": "", "spot": ".spotted", "recognise": ".recognised"}
"""What follows a video's name, by command: none writes over what another wrote."""


@dataclass(frozen=True)
class Plan:
    """What is done with each video: the command's module, its networks, and the options of the analysis.

    `clips` are onset, apex and offset of expressions to recognise, where none is to be spotted.
    """

    module: str
    spotter: Path | None
    recogniser: Path | None
    apex: str
    macro_too: bool
    fps: float | None
    annotated: bool
    every_face: bool = False
    clips: tuple[tuple[int, int, int], ...] = ()


def run(videos: Sequence[Path], output: Path, plan: Plan) -> None:
    """Analyse videos one after the other, and write of each what was found.

    A video that cannot be analysed does not keep the others from it.

    Raises:
        UserError: in the end, one line for each video that could not be analysed.
    """
    names = Counter(video.resolve().name for video in videos)
    for name, times in names.items():
        if times > 1:
            raise UserError(f"{name}: given twice, or two videos of that name; give each a folder: --output")
        if len(os.fsencode(name)) > _LONGEST_NAME:
            raise UserError(f"{name}: too long a name for the names of its results; rename it, or link to it")
    failed = []
    with _tidy_when_killed():
        for video in videos:
            try:
                for suffix, near in _faces(video, plan):
                    print(_one(video, output, plan, suffix, near), flush=True)
            except UserError as error:
                failed.append(str(error))
    if failed:
        raise UserError(lines(failed))


@contextmanager
def _tidy_when_killed() -> Iterator[None]:
    """What is between is tidied up when the command is killed or its terminal closed, as after Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda got, _: sys.exit(128 + got)) for number in _KILLED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _faces(video: Path, plan: Plan) -> list[tuple[str, Box | None]]:
    """What the files of each face are called behind the video's name, and where it is; of one face neither."""
    found = everyone(open_video(video, plan.fps)) if plan.every_face else []
    if len(found) < 2:
        return [("", None)]
    return [(f".face{number}", near) for number, near in enumerate(found, start=1)]


def _one(video: Path, output: Path, plan: Plan, suffix: str, near: Box | None) -> str:
    """Analyse a face of a video and write its files; a line that says what was found."""
    # Before the job, whose code digest is of what they pick; the job reads them again, for its record.
    recipes = [load(path, Inputs()).recipe for path in (plan.spotter, plan.recogniser) if path is not None]
    base = output / f"{video.resolve().name}{suffix}{_ENDINGS[plan.module.rpartition('.')[2]]}"
    marked = base.with_name(f"{base.name}.marked.mp4")
    record = base.with_name(f"{base.name}.record.json")
    with Job(record, plan.module, *_picks(recipes), threads=1, device="cpu") as job:
        options = Wanted(plan.apex, plan.macro_too, plan.fps, near=near)
        places = {"wanted": options, "folder": output, "inputs": job.inputs}
        if plan.spotter is not None:
            report = analyse(video, plan.spotter, plan.recogniser, **places)
        else:
            assert plan.recogniser is not None
            report = recognise(video, plan.recogniser, plan.clips, **places)
        job.outputs.text(f"{base}.csv", writing.csv(report))
        job.outputs.text(f"{base}.json", writing.json(report))
        job.outputs.text(f"{base}.html", report_page.page(report))
        if plan.annotated:
            opened = open_video(video, plan.fps)
            frames = (frame.image for frame in opened.frames())
            annotated.annotate(frames, report, marked, job.outputs, opened.numbers)
        job.state(video={"path": str(video), "sha256": report.source.sha256}, settings=_settings(plan))
        job.finish()
    if not plan.annotated:
        marked.unlink(missing_ok=True)  # of an earlier run: it would show another result than the files beside it
    whose = f", {suffix[1:]}" if suffix else ""
    return f"{video}{whose}: {summary(report)}; see {base}.html"


def _settings(plan: Plan) -> dict[str, Any]:
    return {
        "apex": plan.apex,
        "macro_too": plan.macro_too,
        "fps": plan.fps,
        "every_face": plan.every_face,
        "clips": [list(clip) for clip in plan.clips],
    }


def _picks(recipes: Sequence[Recipe]) -> list[str]:
    """What an analysis picks by name, for the code digest: of its networks, and any flow: a card names one."""
    methods = {flow.METHODS.identity(name) for name in flow.METHODS}
    return sorted({pick for recipe in recipes for pick in recipe.picks()} | methods)


def summary(report: Report) -> str:
    """What was found, in a line: ``2 micro, 1 macro, 0.4 s of 12.0 s not seen``."""
    counts = Counter(event.type for event in report.events)
    parts = [f"{counts[kind]} {kind}" for kind in ("micro", "macro") if kind in report.scores or counts[kind]]
    parts += [f"no {kind} ({reason})" for kind, reason in report.not_spotted.items()]
    step = 1 / report.source.fps
    unseen = sum(e.offset_seconds - e.onset_seconds + step for e in report.events if e.type == UNSEEN)
    if unseen:
        parts.append(f"{unseen:.1f} s of {report.seconds[-1] + step:.1f} s not seen")
    return ", ".join(parts) or "nothing"
