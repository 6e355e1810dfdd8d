"""``mexflow lcnfigure``: what LCN makes of changed brightness and contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Data, Record, command


def main(
    faces: Annotated[Path, typer.Option(help="Aligned faces of a subject; the table is beside them.")],
    sigma: Annotated[float, typer.Option(help="Sigma of LCN's Gaussian, pixels.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="PNG to write.")],
    record: Record = None,
) -> None:
    """One aligned face under changed light, and its LCN: the subject's first face that was seen, not guessed."""
    from mexflow.errors import UserError
    from mexflow.figures import lcn_figure
    from mexflow.preprocess.aligned import AlignedFaces
    from mexflow.preprocess.lcn import grey
    from mexflow.store.records import Job

    with Job(record, __name__, threads=1, device="cpu") as job:
        aligned = AlignedFaces(job.inputs, faces)
        usable = (video for video in aligned.videos.values() if video.why_none() is None)
        video = next(usable, None)
        if video is None:
            raise UserError(f"{faces}: holds no face that was seen; give another subject's")
        frame = int(video.frames[video.seen][0])
        (face,) = grey(aligned[video.name, [frame]])
        origin = f"{aligned.dataset}, video {video.name}, frame {frame}"
        job.outputs.bytes(output, lcn_figure.draw(face, sigma, data, origin))
        job.finish()
    print(f"{output}: {origin}")


app = command(main)
