"""``mexflow faces``: the aligned faces of one subject."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    root: Annotated[Path, typer.Option(help="Folder of the raw dataset.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    videos: Annotated[Path, typer.Option(help="Videos table of the dataset.")],
    output: Annotated[Path, typer.Option(help="Array to write: uint8 (N, 112, 112, C).")],
    table: Annotated[Path, typer.Option(help="Table to write: one row per face.")],
    smoothing: Annotated[float, typer.Option(help="Sigma of the landmarks' smoothing over time, frames.")] = 2.0,
    max_missed: Annotated[float, typer.Option(help="Largest share of frames without a face.")] = 0.2,
    unreadable: Annotated[str, typer.Option(help="A damaged frame: 'error' or 'exclude' its clip.")] = "error",
    record: Record = None,
) -> None:
    """Find, track and align the face in every frame of a subject's annotated videos."""
    import cv2
    import numpy as np
    import pyarrow as pa

    from mexflow.errors import UserError, choose
    from mexflow.preprocess import faces
    from mexflow.preprocess.alignment import SIZE
    from mexflow.preprocess.frames import DamagedFrame, frame_files, read_frame
    from mexflow.preprocess.tables import FACES
    from mexflow.progress import progress
    from mexflow.records import Job

    cv2.setNumThreads(1)
    choose("value of --unreadable", unreadable, ("error", "exclude"))
    settings = faces.Settings(smoothing, max_missed, unreadable)
    with Job(record, __name__, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        rows = [r for r in job.inputs.table(index).to_pylist() if r["subject"] == subject]
        listed = [v for v in job.inputs.table(videos).to_pylist() if v["subject"] == subject]
        usable = {row["video"] for row in rows if row["excluded"] is None}
        chosen = [video for video in listed if video["video"] in usable]
        if not rows:
            raise UserError(f"{index}: no rows of subject {subject!r} of {dataset}")
        count = sum(video["frame_count"] for video in chosen)

        def channels() -> int:
            """1 for grey, 3 for colour, by the first frame that can be read."""
            for video in chosen:
                for _, file in frame_files(root / video["path"]):
                    try:
                        return 3 if read_frame(file).image.ndim == 3 else 1
                    except DamagedFrame:
                        continue
            return 1

        depth = channels()
        done, raw, raw_bytes = [], hashlib.sha256(), 0
        with (
            job.outputs.array(output, (count, SIZE, SIZE, depth), np.uint8) as append,
            progress(f"faces {dataset}/{subject}", count) as advance,
        ):
            for video in chosen:
                own = []
                for face in faces.align_video(root / video["path"], video["frame_count"], settings):
                    append(_with_channels(face.image, depth)[None])
                    advance(1)
                    file = f"{video['path']}/{face.row['file']}"
                    own.append({**face.row, "file": file, **{k: video[k] for k in ("dataset", "subject", "video")}})
                    raw.update(f"{face.row['sha256']} {file}\n".encode())
                    raw_bytes += face.row["size"] or 0
                reason = faces.exclusion([row["state"] for row in own], max_missed)
                if reason:
                    print(f"excluded: {dataset} {subject} {video['video']}: {reason}")
                done += [{**row, "excluded": reason} for row in own]
        job.outputs.table(table, pa.Table.from_pylist(done, schema=FACES))
        states = {s: sum(r["state"] == s for r in done) for s in sorted({r["state"] for r in done})}
        job.state(raw={"root": str(root), "files": count, "bytes": raw_bytes, "sha256": raw.hexdigest()}, states=states)
        job.finish()
    print(
        f"{dataset} {subject}: {len(chosen)} videos, {count} frames; "
        + ", ".join(f"{n} {s}" for s, n in states.items())
    )


def _with_channels(image, depth: int):
    """The image as (h, w, depth)."""
    import cv2

    if image.ndim == 2:
        image = image[..., None]
    if image.shape[2] == depth:
        return image
    if depth == 1:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    return image.repeat(depth, axis=2)


app = command(main)
