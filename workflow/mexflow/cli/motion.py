"""``mexflow motion``: optical flow from each aligned face of one subject to the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mexflow.cli.options import Record, command, scalar
from mexflow.cli.options import pairs as split

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 64


def main(
    method: Annotated[str, typer.Option(help="Flow method: horn_schunck, farneback or tvl1.")],
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    faces: Annotated[Path, typer.Option(help="Aligned faces of the subject.")],
    faces_table: Annotated[Path, typer.Option(help="Table of the aligned faces.")],
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

    from mexflow.errors import UserError
    from mexflow.preprocess import flow
    from mexflow.preprocess.scaling import scaled
    from mexflow.progress import progress
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    options = {name: scalar(value) for name, value in split("--option", option).items()}
    picked = flow.METHODS.identity(method)
    with Job(record, __name__, picked, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        images = job.inputs.rows(faces)
        after = next_rows(job.inputs.table(faces_table, ["video", "frame", "state", "excluded"]).to_pylist())
        if len(after) != len(images):
            raise UserError(f"{faces}: {len(images)} rows, its table has {len(after)}; delete both and run again")
        with (
            job.outputs.array(output, (len(after), 2, size, size), np.float32) as append,
            progress(f"motion {dataset}/{subject}", len(after)) as advance,
        ):
            for start in range(0, len(after), _BLOCK):
                block = after[start : start + _BLOCK]
                fields = np.zeros((len(block), 2, size, size), np.float32)
                moving = np.flatnonzero(block >= 0)
                if len(moving):
                    ends = [scaled(images[rows], size) for rows in (start + moving, block[moving])]
                    fields[moving] = flow.compute(method, *ends, **options)
                append(fields)
                advance(len(block))
        job.finish()
    print(f"{dataset} {subject}: {len(after)} frames, {int((after >= 0).sum())} with flow to the next")


def next_rows(rows: list[dict[str, Any]]) -> np.ndarray:
    """For each row of a faces table the row of its video's next frame, int64 (n,); -1 where there is no flow.

    That is where the face was not seen in one of the two (:data:`mexflow.preprocess.aligned.SEEN`), and across a gap
    in the numbers: what is moved over several frames is no single step.
    """
    import numpy as np

    from mexflow.preprocess.aligned import SEEN

    after = np.full(len(rows), -1, np.int64)
    at = {
        (row["video"], row["frame"]): number
        for number, row in enumerate(rows)
        if row["state"] in SEEN and not row["excluded"]
    }
    for (video, frame), number in at.items():
        after[number] = at.get((video, frame + 1), -1)
    return after


app = command(main)
