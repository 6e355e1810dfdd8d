"""From videos to files: what ``analyse``, ``spot`` and ``recognise`` do with each of the videos they are given."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.analysis import annotated, report_page, writing
from mexflow.analysis.analyse import SHOWN, Wanted, analyse, recognise
from mexflow.analysis.model import load
from mexflow.analysis.report import UNSEEN, Report
from mexflow.errors import UserError, lines
from mexflow.papers.recipe import Recipe
from mexflow.preprocess import flow, residual
from mexflow.preprocess.landmarks import Box
from mexflow.preprocess.video_files import everyone, open_video
from mexflow.store.artifacts import Inputs
from mexflow.store.records import Job


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
    twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
    if twice:
        raise UserError(f"{twice[0]}: given twice, or two videos of that name; give each a folder: --output")
    failed = []
    # What is between is tidied up when the command is killed, as after Ctrl-C.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        for video in videos:
            try:
                for suffix, near in _faces(video, plan):
                    print(_one(video, output, plan, suffix, near), flush=True)
            except UserError as error:
                failed.append(str(error))
    finally:
        signal.signal(signal.SIGTERM, before)
    if failed:
        raise UserError(lines(failed))


def _faces(video: Path, plan: Plan) -> list[tuple[str, Box | None]]:
    """What the files of each face are called behind the video's name, and where it is; of one face neither."""
    found = everyone(open_video(video, plan.fps)) if plan.every_face else []
    if len(found) < 2:
        return [("", None)]
    return [(f".face{number}", near) for number, near in enumerate(found, start=1)]


def _one(video: Path, output: Path, plan: Plan, suffix: str, near: Box | None) -> str:
    """Analyse a face of a video and write its files; a line that says what was found."""
    recipes = [load(path, Inputs()).recipe for path in (plan.spotter, plan.recogniser) if path is not None]
    base = output / f"{video.resolve().name}{suffix}"
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
            annotated.annotate(frames, report, Path(f"{base}.marked.mp4"), job.outputs, opened.numbers)
        job.state(video={"path": str(video), "sha256": report.source.sha256}, settings=_settings(plan))
        job.finish()
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
    """What an analysis picks by name, for the code digest: of these networks, and the flow that a page shows."""
    methods = {SHOWN, *residual.FLOWS, *flow.METHODS}
    return sorted({pick for recipe in recipes for pick in recipe.picks()} | {flow.METHODS.identity(m) for m in methods})


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
