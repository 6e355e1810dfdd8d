"""``mexflow residual``: residual images of one subject's clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mexflow.cli.options import Record, command
from mexflow.cli.options import pairs as split


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    root: Annotated[Path, typer.Option(help="Folder of the raw dataset.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    faces_table: Annotated[Path, typer.Option(help="Table of the subject's aligned faces.")],
    image: Annotated[
        list[str], typer.Option(help="NAME=IMAGE,KEY_FRAMES,GAP to make, e.g. ars=ars,5,printed; repeatable.")
    ],
    output: Annotated[
        Path, typer.Option(help="Folder to write NAME/DATASET/SUBJECT.npy and .parquet into: uint8 (M, 320, 320, 3).")
    ],
    margin: Annotated[float, typer.Option(help="What the box adds to the landmarks' bounds at each side.")] = 0.1,
    record: Record = None,
) -> None:
    """Residual images of one subject's clips, every wanted kind from one reading of the raw frames."""
    import contextlib

    import cv2
    import numpy as np
    import pyarrow as pa

    from mexflow.errors import UserError
    from mexflow.preprocess import residual
    from mexflow.preprocess.aligned import AlignedFaces
    from mexflow.preprocess.boxes import SIZE, box_matrix, boxed
    from mexflow.preprocess.flow import METHODS
    from mexflow.preprocess.frames import DamagedFrame, read_frame
    from mexflow.preprocess.table_schemas import RESIDUAL
    from mexflow.progress import progress
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    kinds = {name: residual.Kind.parse(text) for name, text in split("--image", image).items()}
    arrays = {name: output / name / dataset / f"{subject}.npy" for name in kinds}
    picked = {METHODS.identity(kind.method) for kind in kinds.values() if kind.method in residual.FLOWS}
    facts = {"dataset": dataset, "subject": subject}
    with Job(record, __name__, *sorted(picked), threads=1, device="cpu", **facts) as job:
        clips = [r for r in job.inputs.table(index).to_pylist() if r["subject"] == subject and r["excluded"] is None]
        wanted: dict[str, list[int]] = {}
        needed: dict[str, set[int]] = {}
        for clip in clips:
            end = residual.clip_end(clip["onset"], clip["apex"], clip["offset"])
            wanted[clip["clip"]] = residual.wanted_frames(list(kinds.values()), clip["onset"], end)
            needed.setdefault(clip["video"], set()).update(wanted[clip["clip"]])
        aligned = AlignedFaces(job.inputs, faces_table, images=False)
        raw_frames = aligned.details(needed, ("file", "sha256", "landmarks"))

        def frame(row: dict[str, Any]) -> np.ndarray:
            """A raw frame, the very bytes that its face was found in."""
            try:
                raw = read_frame(root / row["file"])
            except DamagedFrame as error:
                raise UserError(f"{error}; restore it from the dataset's owners") from None
            if raw.sha256 != row["sha256"]:
                raise UserError(
                    f"{root / row['file']}: not the file that the aligned faces were made from; make them again: "
                    f"delete {faces_table} and run the workflow"
                )
            return raw.image

        rows = []
        with contextlib.ExitStack() as stack:
            append = {
                name: stack.enter_context(job.outputs.array(path, (len(clips), SIZE, SIZE, 3), np.uint8))
                for name, path in arrays.items()
            }
            advance = stack.enter_context(progress(f"residual {dataset}/{subject}", len(clips)))
            for clip in clips:
                start, end = clip["onset"], residual.clip_end(clip["onset"], clip["apex"], clip["offset"])
                video, numbers = clip["video"], wanted[clip["clip"]]
                reason = aligned.video(video).why_not(numbers)
                matrix, images = None, {}
                if reason is None:
                    matrix = box_matrix(np.array(raw_frames[video, start]["landmarks"]).reshape(68, 2), margin)
                    images = {number: boxed(frame(raw_frames[video, number]), matrix) for number in numbers}
                keys = {name: clip[name] for name in ("dataset", "subject", "video", "clip")}
                for name, kind in kinds.items():
                    image = residual.image_of(kind, images, start, end) if images else None
                    append[name]((np.zeros((SIZE, SIZE, 3), np.uint8) if image is None else image)[None])
                rows.append({**keys, "start": start, "end": end, "matrix": None if matrix is None else matrix.ravel(),
                             "excluded": reason})  # fmt: skip
                advance(1)
        for name, path in arrays.items():
            of_kind = [
                {
                    **row,
                    "key_frames": residual.key_frames(
                        row["start"], row["end"], kinds[name].key_frames, kinds[name].gap
                    ),
                }
                if kinds[name].method in residual.SUMS
                else {**row, "key_frames": [row["end"]]}
                for row in rows
            ]
            job.outputs.table(path.with_suffix(".parquet"), pa.Table.from_pylist(of_kind, schema=RESIDUAL))
        job.finish()
    left_out = [row for row in rows if row["excluded"]]
    print(f"{dataset} {subject}: {len(rows)} clips, {len(left_out)} without an image ({', '.join(kinds)})")
    for row in left_out:
        print(f"  {row['clip']}: {row['excluded']}")


app = command(main)
