"""``mexflow faces``: the aligned faces of one subject."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mexflow.cli.options import Record, command

if TYPE_CHECKING:
    from mexflow.preprocess import faces


_NAMED = 5
"""Damaged frames of a video that are named one by one."""


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    subject: Annotated[str, typer.Option(help="The subject, as the index writes it.")],
    root: Annotated[Path, typer.Option(help="Folder of the raw dataset.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    videos: Annotated[Path, typer.Option(help="Videos table of the dataset.")],
    output: Annotated[Path, typer.Option(help="Array to write: uint8 (N, 112, 112, C).")],
    smoothing: Annotated[float, typer.Option(help="Sigma of the landmarks' smoothing over time, frames.")] = 15.0,
    max_missed: Annotated[float, typer.Option(help="Largest share of frames without a face.")] = 0.2,
    unreadable: Annotated[str, typer.Option(help="A damaged frame: 'error', or 'exclude' its clip.")] = "error",
    every_video: Annotated[
        bool,
        typer.Option(
            "--every-video",
            help="Long videos: also those without an annotation; 'exclude' leaves out the damaged frame alone.",
        ),
    ] = False,
    openface: Annotated[Path | None, typer.Option(help="Folder of OpenFace 2 output, used instead.")] = None,
    table: Annotated[Path | None, typer.Option(help="Table to write, one row per face; else beside the array.")] = None,
    record: Record = None,
) -> None:
    """Find, track and align the face in every frame of a subject's annotated videos."""
    from collections import Counter

    import cv2
    import numpy as np

    from mexflow.errors import UserError, choose
    from mexflow.preprocess import faces
    from mexflow.preprocess import openface as existing
    from mexflow.preprocess.alignment import SIZE
    from mexflow.preprocess.frames import common_shape, frame_files
    from mexflow.preprocess.table_schemas import FaceRows
    from mexflow.progress import progress
    from mexflow.store.artifacts import hash_file
    from mexflow.store.paths import table_of
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    choose("value of --unreadable", unreadable, ("error", "exclude"))
    if openface is not None and not openface.is_dir():
        raise UserError(f"{openface}: no such folder; --openface is the folder of OpenFace's output")
    settings = faces.FaceSettings(smoothing, max_missed, unreadable)
    with Job(record, __name__, dataset=dataset, subject=subject, threads=1, device="cpu") as job:
        rows = [r for r in job.inputs.table(index).to_pylist() if r["subject"] == subject]
        listed = [v for v in job.inputs.table(videos).to_pylist() if v["subject"] == subject]
        usable = {row["video"] for row in rows if row["excluded"] is None}
        chosen = [
            video
            for video in listed
            if video["frame_count"] and video["excluded"] is None and (every_video or video["video"] in usable)
        ]
        if not rows and not (every_video and listed):
            raise UserError(f"{index}: no rows of subject {subject!r} of {dataset}")
        count = sum(video["frame_count"] for video in chosen)

        def channels() -> int:
            """1 for grey, 3 for colour: what most frames of the subject are, each as most of its video are."""
            counts = Counter[int]()
            for video in chosen:
                shape = common_shape([file for _, file in frame_files(root / video["path"], video["frame_name"])])
                if shape is not None:
                    counts[3 if len(shape) == 3 else 1] += video["frame_count"]
            return counts.most_common(1)[0][0] if counts else 1

        def aligned(video: dict[str, Any]) -> Iterator[faces.AlignedFrame]:
            frames = video["frame_count"], video["frame_name"]
            if openface is None:
                return faces.align_video(root / video["path"], *frames, settings)
            file = existing.table_file(openface, video["path"])
            if file.is_file():
                job.inputs.digests[file.as_posix()] = hash_file(file)
            return existing.align_video(root, video["path"], *frames, openface, settings)

        depth = channels()
        done, states, raw, raw_bytes, all_rotated = FaceRows(), Counter[str](), hashlib.sha256(), 0, 0
        with (
            job.outputs.array(output, (count, SIZE, SIZE, depth), np.uint8) as append,
            progress(f"faces {dataset}/{subject}", count) as advance,
        ):
            for video in chosen:
                keys = {key: video[key] for key in ("dataset", "subject", "video")}
                video_states, choices, damages, rotated = Counter[str](), Counter[str](), [], 0
                for face in aligned(video):
                    append(_with_channels(face.image, depth)[None])
                    advance(1)
                    row = face.row
                    row["file"] = f"{video['path']}/{row['file']}"
                    video_states[row["state"]] += 1
                    if row["choice"]:
                        choices[row["choice"]] += 1
                    if face.damage:
                        damages.append(face.damage)
                    rotated += face.rotated
                    done.add({**row, **keys})
                    raw.update(f"{row['sha256']} {row['file']}\n".encode())
                    raw_bytes += row["size"] or 0
                for choice, frames in choices.items():
                    print(f"several faces: {dataset} {subject} {video['video']}, {frames} frames: {choice}")
                if rotated:
                    print(
                        f"rotated: {dataset} {subject} {video['video']}: {rotated} of {video_states.total()} frames "
                        "are turned as their EXIF orientation says"
                    )
                for damage in damages[:_NAMED]:
                    print(f"unreadable: {dataset} {subject} {video['video']}: {damage}")
                if len(damages) > _NAMED:
                    print(f"unreadable: {dataset} {subject} {video['video']}: and {len(damages) - _NAMED} more")
                reason = faces.exclusion(video_states, max_missed, long=every_video)
                if reason:
                    print(f"excluded: {dataset} {subject} {video['video']}: {reason}")
                done.end_video(reason)
                states += video_states
                all_rotated += rotated
        job.outputs.table(table or table_of(output), done.table())
        states = dict(sorted(states.items()))
        job.state(
            raw={"root": str(root), "files": count, "bytes": raw_bytes, "sha256": raw.hexdigest()},
            states=states,
            rotated=all_rotated,
        )
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
