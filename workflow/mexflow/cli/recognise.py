"""``mexflow recognise``: of which class expressions of a video are, whose onset and apex are given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.analyse import Annotate, Fps, Output
from mexflow.cli.options import command


def main(
    video: Annotated[Path, typer.Argument(help="Video file, or folder of frames.", show_default=False)],
    model: Annotated[
        Path | None,
        typer.Option(help="Network that recognises: its folder, or its packed file; else one of this run's."),
    ] = None,
    onset: Annotated[int | None, typer.Option(help="First frame of the expression.", show_default=False)] = None,
    apex: Annotated[int | None, typer.Option(help="Frame of its greatest motion.", show_default=False)] = None,
    offset: Annotated[int | None, typer.Option(help="Its last frame; else the apex.", show_default=False)] = None,
    clips: Annotated[
        Path | None, typer.Option(help="A csv table of them instead: onset, apex [, offset].", show_default=False)
    ] = None,
    output: Output = Path("analysis"),
    fps: Fps = None,
    annotated: Annotate = False,
) -> None:
    """Say of which class expressions of a video are."""
    from mexflow.analysis import default_models
    from mexflow.analysis.classifying import INPUTS
    from mexflow.analysis.command import Plan, run
    from mexflow.analysis.listed_clips import listed
    from mexflow.errors import UserError

    if (clips is None) == (onset is None or apex is None):
        raise UserError("recognise: say --onset and --apex, frames of the video, or give a table of them with --clips")
    wanted = listed(clips) if clips is not None else [(onset, apex, apex if offset is None else offset)]
    recogniser = model or default_models.recogniser(default_models.cards(), INPUTS)
    if recogniser is None:
        raise UserError(
            f"{default_models.MODELS}: no network that recognises; make the networks with './run snakemake --cores all "
            "models', or name one with --model"
        )
    run([video], output, Plan(__name__, None, recogniser, "score", True, fps, annotated, clips=tuple(wanted)))


app = command(main)
