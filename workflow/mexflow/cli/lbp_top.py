"""``mexflow lbp_top``: LBP-TOP features of one subject's clips."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from mexflow.cli.options import AlignedFacesPath, Record, command, listed


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    faces: AlignedFacesPath,
    output: Annotated[Path, typer.Option(help="Array to write: float32 (M, d), a row per clip.")],
    option: Annotated[list[str], typer.Option(help="Setting of LBP-TOP, e.g. radii=1,1,4; repeatable.")] = [],  # noqa: B006
    table: Annotated[Path | None, typer.Option(help="Table to write, one row per clip; else beside the array.")] = None,
    record: Record = None,
) -> None:
    """LBP-TOP features of one subject's clips, from onset to offset; a clip that has none is a row of zeros."""
    import numpy as np
    import pyarrow as pa

    from mexflow.errors import UserError, choose
    from mexflow.preprocess.aligned import AlignedFaces
    from mexflow.preprocess.lbp_top import ClipTooShort, grey_levels, lbp_top
    from mexflow.preprocess.table_schemas import CLIP_FEATURES
    from mexflow.progress import progress
    from mexflow.store.paths import table_of
    from mexflow.store.records import Job

    options: dict[str, Any] = listed("--option", option)
    for name in options:
        choose("setting of LBP-TOP", name, list(inspect.signature(lbp_top).parameters)[1:])
    with Job(record, __name__, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        clips = [r for r in job.inputs.table(index).to_pylist() if r["subject"] == subject and r["excluded"] is None]
        aligned = AlignedFaces(job.inputs, faces)

        def features(clip: dict[str, Any]) -> tuple[np.ndarray | None, str | None]:
            # Every number between: patterns over time are of frames that follow each other.
            numbers = range(clip["onset"], clip["offset"] + 1)
            if reason := aligned.video(clip["video"]).why_not(numbers):
                return None, reason
            try:
                return lbp_top(grey_levels(aligned[clip["video"], numbers]), **options), None
            except ClipTooShort as error:
                return None, str(error)
            except (ValueError, TypeError) as error:
                raise UserError(f"LBP-TOP: {error}") from None

        described = []
        with progress(f"lbp_top {dataset}/{subject}", len(clips)) as advance:
            for clip in clips:
                described.append(features(clip))
                advance(1)
        width = next((len(values) for values, _ in described if values is not None), 1)
        with job.outputs.array(output, (len(clips), width), np.float32) as append:
            for values, _ in described:
                append((np.zeros(width, np.float32) if values is None else values)[None])
        rows = [
            {**{key: clip[key] for key in ("dataset", "subject", "video", "clip")}, "excluded": reason}
            for clip, (_, reason) in zip(clips, described, strict=True)
        ]
        job.outputs.table(table or table_of(output), pa.Table.from_pylist(rows, schema=CLIP_FEATURES))
        job.finish()
    left_out = [row for row in rows if row["excluded"]]
    print(f"{dataset} {subject}: {len(rows)} clips, {len(left_out)} without features")
    for row in left_out:
        print(f"  {row['clip']}: {row['excluded']}")


app = command(main)
