"""``mexflow spot``: when the face in a video moved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.analyse import Annotate, EveryFace, Fps, Output, Videos
from mexflow.cli.options import command


def main(
    videos: Videos,
    model: Annotated[
        Path | None, typer.Option(help="Network that spots: its folder, or its packed file; else one of this run's.")
    ] = None,
    output: Output = Path("analysis"),
    apex: Annotated[str, typer.Option(help="The apex: of the largest 'score', or of the largest 'motion'.")] = "score",
    fps: Fps = None,
    annotated: Annotate = False,
    every_face: EveryFace = False,
) -> None:
    """Spot the expressions in videos."""
    from mexflow.analysis import default_models
    from mexflow.analysis.command import Plan, run

    spotter = model or default_models.spotter(default_models.cards())
    run(videos, output, Plan(__name__, spotter, None, apex, False, fps, annotated, every_face))


app = command(main)
