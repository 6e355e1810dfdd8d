"""``mexflow motion``: optical flow from each aligned face of one subject to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import AlignedFacesPath, Record, command, scalar
from mexflow.cli.options import pairs as split

_BLOCK = 64


def main(
    method: Annotated[str, typer.Option(help="Flow method: horn_schunck, farneback or tvl1.")],
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    faces: AlignedFacesPath,
    output: Annotated[Path, typer.Option(help="Array to write: float32 (N, 2, size, size), rows as in the table.")],
    size: Annotated[int, typer.Option(min=1, help="Width and height the faces are scaled to, pixels.")] = 64,
    option: Annotated[list[str], typer.Option(help="Setting of the method, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    record: Record = None,
) -> None:
    """Optical flow from each aligned face of one subject to the video's next one.

    A row is zero where the face was not seen in the frame or in the one after, where the next number is not there, and
    in an excluded video.
    """
    import cv2
    import numpy as np

    from mexflow.preprocess import flow
    from mexflow.preprocess.aligned import AlignedFaces
    from mexflow.preprocess.scaling import scaled
    from mexflow.progress import progress
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    options = {name: scalar(value) for name, value in split("--option", option).items()}
    picked = flow.METHODS.identity(method)
    with Job(record, __name__, picked, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        aligned = AlignedFaces(job.inputs, faces)
        images, following = aligned.images, aligned.next_rows()
        with (
            job.outputs.array(output, (len(following), 2, size, size), np.float32) as append,
            progress(f"motion {dataset}/{subject}", len(following)) as advance,
        ):
            for start in range(0, len(following), _BLOCK):
                block = following[start : start + _BLOCK]
                fields = np.zeros((len(block), 2, size, size), np.float32)
                moving = np.flatnonzero(block >= 0)
                if len(moving):
                    ends = [scaled(images[rows], size) for rows in (start + moving, block[moving])]
                    fields[moving] = flow.compute(method, *ends, **options)
                append(fields)
                advance(len(block))
        job.finish()
    print(f"{dataset} {subject}: {len(following)} frames, {int((following >= 0).sum())} with flow to the next")


app = command(main)
