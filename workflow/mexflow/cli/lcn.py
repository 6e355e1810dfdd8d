"""``mexflow lcn``: local contrast normalisation of one subject's aligned faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import AlignedFacesPath, Record, command

_BLOCK = 16  # what is at work at a time then fits the processor's cache


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    faces: AlignedFacesPath,
    output: Annotated[Path, typer.Option(help="Array to write: float16 (N, 112, 112), rows as in the faces' table.")],
    sigma: Annotated[float, typer.Option(help="Sigma of the Gaussian, pixels.")] = 4.0,
    record: Record = None,
) -> None:
    """Local contrast normalisation of one subject's aligned faces; a row whose face was not seen is zero."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mexflow.errors import UserError
    from mexflow.preprocess.aligned import AlignedFaces
    from mexflow.preprocess.lcn import grey, lcn
    from mexflow.progress import progress
    from mexflow.store.records import Job

    if not sigma > 0:
        raise UserError(f"--sigma {sigma}: a positive number is expected")
    with Job(record, __name__, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        aligned, absent = AlignedFaces(job.inputs, faces, images=False), 0
        with (
            # One thread, whatever the machine has, so that sums are added in one order everywhere.
            threadpool_limits(1),
            job.outputs.array(output, aligned.shape[:3], np.float16) as append,
            progress(f"lcn {dataset}/{subject}", len(aligned)) as advance,
        ):
            for block, seen in aligned.blocks(_BLOCK):
                normalised = lcn(grey(block), sigma).astype(np.float16)
                normalised[~seen] = 0
                append(normalised)
                absent += int((~seen).sum())
                advance(len(block))
        job.finish()
    print(f"{dataset} {subject}: {len(aligned)} frames, {absent} without a face that was seen")


app = command(main)
