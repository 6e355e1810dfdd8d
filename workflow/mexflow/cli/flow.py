"""``mexflow flow``: optical flow between pairs of aligned faces of one subject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import AlignedFacesPath, Record, command, scalar
from mexflow.cli.options import pairs as split

if TYPE_CHECKING:
    import pyarrow as pa

    from mexflow.store.artifacts import Inputs

_BATCH = 64


def main(
    method: Annotated[str, typer.Option(help="Flow method: horn_schunck, farneback or tvl1.")],
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    faces: AlignedFacesPath,
    size: Annotated[int, typer.Option(min=1, help="Width and height the faces are scaled to, pixels.")],
    output: Annotated[Path, typer.Option(help="Array to write: float32 (M, 2, size, size), pixels.")],
    pair: Annotated[list[str], typer.Option(help="A pair of frames of each clip, e.g. onset-apex; repeatable.")] = [],  # noqa: B006
    pairs: Annotated[
        Path | None,
        typer.Option(help="Table of pairs, parquet or csv: video, first_frame, second_frame [, clip, pair]."),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(help="Table of the dataset's videos, beside its index: what --pairs may name beyond the index."),
    ] = None,
    option: Annotated[list[str], typer.Option(help="Setting of the method, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    table: Annotated[Path | None, typer.Option(help="Table to write, one row per pair; else beside the array.")] = None,
    record: Record = None,
) -> None:
    """Optical flow between pairs of aligned faces of one subject."""
    import cv2
    import numpy as np
    import pyarrow as pa

    from mexflow.errors import UserError, choose
    from mexflow.preprocess import flow
    from mexflow.preprocess.aligned import AlignedFaces
    from mexflow.preprocess.pairs import PAIRS, STEPS, assert_somewhere, rows_of_table
    from mexflow.preprocess.scaling import scaled
    from mexflow.preprocess.table_schemas import FLOW
    from mexflow.progress import progress
    from mexflow.store.paths import table_of
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    for name in pair:
        choose("pair of frames", name, PAIRS)
    options = {name: scalar(value) for name, value in split("--option", option).items()}
    if not pair and pairs is None:
        raise UserError("flow: say between which frames: --pair NAME, or a table of pairs: --pairs FILE")
    picked = flow.METHODS.identity(method)
    with Job(record, __name__, picked, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        annotated = job.inputs.table(index).to_pylist()
        clips = [r for r in annotated if r["subject"] == subject and r["excluded"] is None]
        aligned = AlignedFaces(job.inputs, faces)
        wanted = [
            {"video": clip["video"], "clip": clip["clip"], "pair": name, "first_frame": first, "second_frame": second}
            for clip in clips
            for name in pair
            for first, second in PAIRS[name](clip, aligned.video(clip["video"]).numbers)
        ]
        if pairs is not None:
            every = rows_of_table(_table(job.inputs, pairs), pairs)
            listed = job.inputs.table(videos, ["video"])["video"].to_pylist() if videos is not None else []
            assert_somewhere(every, {*aligned.videos, *(row["video"] for row in annotated), *listed}, pairs, index)
            wanted += [row for row in every if row["video"] in aligned.videos]
        rows = []
        for row in wanted:
            ends = (row["first_frame"], row["second_frame"])
            reason = aligned.video(row["video"]).why_not(ends, steps=row["pair"] in STEPS)
            rows.append({"dataset": dataset, "subject": subject, **row, "excluded": reason})

        with (
            job.outputs.array(output, (len(rows), 2, size, size), np.float32) as append,
            progress(f"flow {dataset}/{subject}", len(rows)) as advance,
        ):
            for start in range(0, len(rows), _BATCH):
                block = rows[start : start + _BATCH]
                fields = np.zeros((len(block), 2, size, size), np.float32)
                usable = [i for i, row in enumerate(block) if row["excluded"] is None]
                if usable:
                    first, second = (
                        scaled(np.stack([aligned[block[i]["video"], block[i][end]] for i in usable]), size)
                        for end in ("first_frame", "second_frame")
                    )
                    fields[usable] = flow.compute(method, first, second, **options)
                append(fields)
                advance(len(block))
        job.outputs.table(table or table_of(output), pa.Table.from_pylist(rows, schema=FLOW))
        job.finish()
    left_out = [row for row in rows if row["excluded"]]
    print(f"{dataset} {subject}: {len(rows)} pairs, {len(left_out)} without flow")
    for row in left_out:
        print(f"  {row['clip'] or row['video']} {row['pair']}: {row['excluded']}")


def _table(inputs: Inputs, path: Path) -> pa.Table:
    """A table of pairs, parquet or csv."""
    if path.suffix.lower() != ".csv":
        return inputs.table(path)
    import io

    import pyarrow as pa
    import pyarrow.csv

    from mexflow.errors import UserError

    # A video's name may be all digits, and its zeros count.
    kinds = pyarrow.csv.ConvertOptions(column_types={"video": pa.string(), "clip": pa.string(), "pair": pa.string()})
    # On the thread of the caller, as `Inputs.table` reads.
    one = pyarrow.csv.ReadOptions(use_threads=False)
    try:
        return pyarrow.csv.read_csv(io.BytesIO(inputs.bytes(path)), read_options=one, convert_options=kinds)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a readable csv table ({str(error).splitlines()[0]})") from None


app = command(main)
