"""``mexflow lcn``: local contrast normalisation of one subject's aligned faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command

_BLOCK = 16  # what is at work at a time then fits the processor's cache


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    faces: Annotated[Path, typer.Option(help="Aligned faces of the subject.")],
    faces_table: Annotated[Path, typer.Option(help="Table of the aligned faces.")],
    output: Annotated[Path, typer.Option(help="Array to write: float16 (N, 112, 112), rows as in the faces' table.")],
    sigma: Annotated[float, typer.Option(help="Sigma of the Gaussian, pixels.")] = 4.0,
    record: Record = None,
) -> None:
    """Local contrast normalisation of one subject's aligned faces; a row whose face was not seen is zero."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mexflow.errors import UserError
    from mexflow.preprocess.aligned import are_seen
    from mexflow.preprocess.lcn import grey, lcn
    from mexflow.progress import progress
    from mexflow.store.records import Job

    if not sigma > 0:
        raise UserError(f"--sigma {sigma}: a positive number is expected")
    with Job(record, __name__, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        states = job.inputs.table(faces_table, ["state"])["state"].to_pylist()
        absent = ~are_seen(states)
        shape = job.inputs.shape(faces)
        if shape[0] != len(states):
            raise UserError(f"{faces}: {shape[0]} rows, its table has {len(states)}; delete both and run again")
        done = 0
        with (
            # One thread, whatever the machine has, so that sums are added in one order everywhere.
            threadpool_limits(1),
            job.outputs.array(output, shape[:3], np.float16) as append,
            progress(f"lcn {dataset}/{subject}", len(states)) as advance,
        ):
            for block in job.inputs.blocks(faces, _BLOCK):
                normalised = lcn(grey(block), sigma).astype(np.float16)
                normalised[absent[done : done + len(block)]] = 0
                append(normalised)
                done += len(block)
                advance(len(block))
        job.finish()
    print(f"{dataset} {subject}: {len(states)} frames, {int(absent.sum())} without a face that was seen")


app = command(main)
