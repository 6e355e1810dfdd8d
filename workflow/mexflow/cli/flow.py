"""``mexflow flow``: optical flow between pairs of aligned faces of one subject."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command, pairs, scalar

_BATCH = 64


def main(
    method: Annotated[str, typer.Option(help="Flow method: horn_schunck.")],
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    faces: Annotated[Path, typer.Option(help="Aligned faces of the subject.")],
    faces_table: Annotated[Path, typer.Option(help="Table of the aligned faces.")],
    pair: Annotated[list[str], typer.Option(help="A pair of frames, e.g. onset-apex; repeatable.")],
    size: Annotated[int, typer.Option(help="Width and height the faces are scaled to, pixels.")],
    output: Annotated[Path, typer.Option(help="Array to write: float32 (M, 2, size, size), pixels.")],
    table: Annotated[Path, typer.Option(help="Table to write: one row per pair.")],
    option: Annotated[list[str], typer.Option(help="Setting of the method, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    record: Record = None,
) -> None:
    """Optical flow between pairs of aligned faces of one subject."""
    import cv2
    import numpy as np
    import pyarrow as pa

    from mexflow.errors import choose
    from mexflow.preprocess import flow
    from mexflow.preprocess.pairs import PAIRS
    from mexflow.preprocess.tables import FLOW
    from mexflow.progress import progress
    from mexflow.records import Job

    cv2.setNumThreads(1)
    choose("flow method", method, flow.METHODS)
    for name in pair:
        choose("pair of frames", name, PAIRS)
    options = {name: scalar(value) for name, value in pairs("--option", option).items()}
    with Job(record, __name__, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        clips = [r for r in job.inputs.table(index).to_pylist() if r["subject"] == subject and r["excluded"] is None]
        images = job.inputs.array(faces)
        at: dict[tuple[str, int], int] = {}
        excluded: dict[str, str] = {}
        columns = ("video", "frame", "state", "excluded")
        for i, row in enumerate(job.inputs.table(faces_table).select(columns).to_pylist()):
            if row["state"] != "missing" and row["state"] != "unreadable":
                at[row["video"], row["frame"]] = i
            if row["excluded"]:
                excluded[row["video"]] = row["excluded"]

        rows = []
        for clip in clips:
            for name in pair:
                first, second = PAIRS[name](clip)
                reason = excluded.get(clip["video"])
                absent = [frame for frame in (first, second) if (clip["video"], frame) not in at]
                if reason is None and absent:
                    reason = f"frame_absent: no aligned face of frame {absent[0]}"
                keys = {key: clip[key] for key in ("dataset", "subject", "video", "clip")}
                rows.append({**keys, "pair": name, "first_frame": first, "second_frame": second, "excluded": reason})

        with (
            job.outputs.array(output, (len(rows), 2, size, size), np.float32) as append,
            progress(f"flow {dataset}/{subject}", len(rows)) as advance,
        ):
            for start in range(0, len(rows), _BATCH):
                block = rows[start : start + _BATCH]
                fields = np.zeros((len(block), 2, size, size), np.float32)
                usable = [i for i, row in enumerate(block) if row["excluded"] is None]
                if usable:
                    ends = [
                        flow.prepare(images[[at[block[i]["video"], block[i][end]] for i in usable]], size)
                        for end in ("first_frame", "second_frame")
                    ]
                    fields[usable] = flow.compute(method, *ends, **options)
                append(fields)
                advance(len(block))
        job.outputs.table(table, pa.Table.from_pylist(rows, schema=FLOW))
        job.finish()
    left_out = [row for row in rows if row["excluded"]]
    print(f"{dataset} {subject}: {len(rows)} pairs, {len(left_out)} without flow")
    for row in left_out:
        print(f"  {row['clip']} {row['pair']}: {row['excluded']}")


app = command(main)
