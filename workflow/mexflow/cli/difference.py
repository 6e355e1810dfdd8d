"""``mexflow difference``: spotting by feature difference, of LBP or HOOF, in the test videos of some folds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command, scalar
from mexflow.cli.options import pairs as split

FEATURES = ("lbp", "hoof")
EDGES = ("hold", "clip")


def main(
    paper: Annotated[str, typer.Option(help="Name of the paper.")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")],
    fold: Annotated[list[str], typer.Option(help="A fold, whose test videos are scored; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the experiment's clips.")],
    label: Annotated[str, typer.Option(help="Column of the index that holds the label.")],
    class_: Annotated[list[str], typer.Option("--class", help="A class, in the paper's order; repeatable.")],
    protocol: Annotated[str, typer.Option(help="How folds are made, e.g. leave_one_subject_out.")],
    faces: Annotated[list[Path], typer.Option(help="Aligned faces of a subject, the table beside; repeatable.")],
    features: Annotated[str, typer.Option(help="lbp or hoof.")],
    output: Annotated[Path, typer.Option(help="Folder to write a folder a fold into.")],
    k: Annotated[
        int | None, typer.Option(min=1, help="Half the length of an expression, frames; else its mean's.")
    ] = None,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks across and down.")] = 6,
    edges: Annotated[str, typer.Option(help="The first and last k frames: hold or clip.")] = "hold",
    method: Annotated[str, typer.Option(help="Flow method of HOOF: horn_schunck, farneback or tvl1.")] = "farneback",
    method_option: Annotated[list[str], typer.Option(help="Setting of the method, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    reference: Annotated[str, typer.Option(help="Frame that HOOF's flow comes from: previous or first.")] = "previous",
    bins: Annotated[int, typer.Option(min=2, help="Directions of HOOF.")] = 8,
    record: Record = None,
) -> None:
    """Spotting by feature difference, of LBP or HOOF, in the test videos of some folds; nothing is trained.

    A frame in which the face was not seen has no score; those before and after it are compared among themselves alone.
    """
    import cv2
    import numpy as np
    import pyarrow as pa

    from mexflow.datasets.half_length import half_length
    from mexflow.errors import choose
    from mexflow.evaluation import scores
    from mexflow.evaluation.folds import PROTOCOLS
    from mexflow.evaluation.spotting import contrast, swept
    from mexflow.preprocess.feature_difference import REFERENCES, difference, hoof_features
    from mexflow.preprocess.flow import METHODS
    from mexflow.preprocess.lbp_top import grey_levels, lbp_histograms
    from mexflow.progress import progress
    from mexflow.store.records import Job
    from mexflow.training.memory.clips import TYPE, Clip, load
    from mexflow.training.recognition.samples import labelled

    cv2.setNumThreads(1)
    choose("features", features, FEATURES)
    choose("value of --edges", edges, EDGES)
    choose("protocol", protocol, PROTOCOLS)
    choose("flow method", method, METHODS)
    choose("reference of HOOF", reference, REFERENCES)
    options = {name: scalar(value) for name, value in split("--method-option", method_option).items()}
    grid = (blocks, blocks)

    def described(rows: np.ndarray, clip: Clip) -> np.ndarray:
        """Histograms float32 (n, blocks, bins) of some of the video's frames, which follow each other."""
        frames = grey_levels(clip.faces[rows])
        if features == "lbp":
            return lbp_histograms(frames, blocks=grid)
        return hoof_features(frames, method, reference, grid, bins, **options)

    with Job(record, __name__, paper=paper, experiment=experiment, threads=1, device="cpu") as job:
        expressions = job.inputs.table(index).to_pylist()
        rows = labelled(expressions, label, class_)
        half = half_length(expressions, "micro").k if k is None else k
        folds = {f.name: f for f in PROTOCOLS[protocol](rows, label)}
        for name in fold:
            choose("fold", name, folds)
        testing = {name: folds[name].test_subjects for name in fold}
        clips, left_out = load(job.inputs, faces, None, rows, expressions, label, class_)
        for line in left_out:
            print(f"left out: {line}")
        # The clips of one video share its frames.
        videos = {(clip.dataset, clip.subject, clip.video): clip for clip in clips}
        with progress(f"difference {paper}/{experiment}", len(videos)) as advance:
            for name in fold:
                batches, short = [], 0
                for clip in (clip for clip in videos.values() if clip.subject in testing[name]):
                    # Frames that follow each other are a video of their own: none is compared with one behind a gap.
                    contrasts = [
                        contrast(difference(described(clip.rows[start:end], clip), half, edges), half)
                        for start, end in clip.stretches
                    ]
                    values = swept(np.concatenate(contrasts)).astype(np.float32)
                    texts = {
                        "fold": name,
                        "role": "test",
                        "dataset": clip.dataset,
                        "subject": clip.subject,
                        "video": clip.video,
                        "variant": "",
                    }
                    batches += scores.rows(texts, clip.frames, (TYPE,), values[:, None], clip.inside[:, None])
                    short += len(clip) <= 2 * half
                    advance(1)
                table = pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries()
                job.outputs.table(output / name / "scores.parquet", table)
                print(f"{name}: {len(batches)} videos, {short} of at most 2 k = {2 * half} frames")
        job.state(
            k=half,
            folds={name: {"training_subjects": [], "test_subjects": sorted(testing[name])} for name in fold},
            left_out=left_out,
        )
        job.finish()


app = command(main)
