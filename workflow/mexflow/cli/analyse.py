"""``mexflow analyse``: when the face in a video moved, how, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command

Videos = Annotated[list[Path], typer.Argument(help="Video files, or folders of frames.", show_default=False)]
Output = Annotated[Path, typer.Option(help="Folder to write to.")]
Fps = Annotated[float | None, typer.Option(help="Frames a second, of a folder of frames.", show_default=False)]
Annotate = Annotated[bool, typer.Option("--annotated", help="Also write the video with the marks on it.")]

EveryFace = Annotated[
    bool, typer.Option("--every-face", help="Of several people each, in files of their own; else who persists.")
]


def main(
    videos: Videos,
    spot: Annotated[
        Path | None, typer.Option(help="Network that spots: its folder, or its packed file; else one of this run's.")
    ] = None,
    recognise: Annotated[
        str | None, typer.Option(help="Network that recognises, likewise; 'none' for none.", show_default=False)
    ] = None,
    output: Output = Path("analysis"),
    apex: Annotated[str, typer.Option(help="The apex: of the largest 'score', or of the largest 'motion'.")] = "score",
    macro_too: Annotated[
        bool, typer.Option("--macro-too", help="Classify macro-expressions too, by a network of micro-expressions.")
    ] = False,
    fps: Fps = None,
    annotated: Annotate = False,
    every_face: EveryFace = False,
) -> None:
    """Spot the expressions in videos, and say of which class they are."""
    from mexflow.analysis import default_models
    from mexflow.analysis.classifying import INPUTS
    from mexflow.analysis.command import Plan, run

    found = default_models.cards() if spot is None or recognise is None else {}
    spotter = spot or default_models.spotter(found)
    if recognise == "none":
        recogniser = None
    else:
        recogniser = Path(recognise) if recognise else default_models.recogniser(found, INPUTS)
    run(videos, output, Plan(__name__, spotter, recogniser, apex, macro_too, fps, annotated, every_face))


app = command(main)
