"""What the flow figures show of all clips, gathered in one pass with one subject's array open at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.errors import UserError
from mexflow.preprocess.aligned import AlignedFaces
from mexflow.store.artifacts import Inputs
from mexflow.tables.exclusions import clip_key


@dataclass(frozen=True)
class Sample:
    """One clip's flow, float32 ``(2, H, W)`` in pixels of the flow's own grid, and where its first frame is found."""

    dataset: str
    subject: str
    video: str
    clip: str
    label: str
    first_frame: int
    flow: np.ndarray


@dataclass(frozen=True)
class FlowSummary:
    """Mean Vx, Vy and M of each class, float64 ``(C, 3, H, W)`` in pixels (NaN without a clip), and clips a class."""

    mean: np.ndarray
    counts: np.ndarray
    sample: Sample | None


def local_motion(flow: np.ndarray) -> float:
    """Root mean square of a flow ``(2, H, W)`` about its mean vector, px: motion that is not the whole head's."""
    field = np.asarray(flow, dtype=np.float64)
    return float(np.sqrt(((field - field.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=0).mean()))


def summarise(
    rows: Sequence[Mapping[str, Any]],
    flow_root: Path,
    label: str,
    classes: Sequence[str],
    pair: str,
    size: int,
    inputs: Inputs,
) -> FlowSummary:
    """Average the flow of each class, and find the clip of the strongest local motion (the first of equals).

    Args:
        rows: the rows of the index.
        flow_root: the folder that holds ``<dataset>/<subject>.npy`` and ``.parquet``.
        label: the label column.
        classes: the classes in the paper's order.
        pair: the frame pair to show.
        size: height and width of the flow arrays, pixels.
        inputs: reads the files.

    Raises:
        UserError: if a file cannot be read, or an array does not fit its table.
    """
    labels = {clip_key(row): row[label] for row in rows if row[label] in classes and row["excluded"] is None}
    sums = np.zeros((len(classes), 3, size, size))
    counts = np.zeros(len(classes), dtype=np.int64)
    strongest, sample = -1.0, None
    for dataset, subject in sorted({key[:2] for key in labels}):
        base = flow_root / dataset / subject
        table = inputs.table(base.with_name(f"{subject}.parquet")).to_pylist()
        array = inputs.array(base.with_name(f"{subject}.npy"))
        if array.shape != (len(table), 2, size, size):
            raise UserError(f"{base}.npy: shape {array.shape}, {(len(table), 2, size, size)} expected; make it again")
        for number, row in enumerate(table):
            name = labels.get(clip_key(row))
            if name is None or row["pair"] != pair or row["excluded"] is not None:
                continue
            field = np.asarray(array[number], dtype=np.float64)
            sums[classes.index(name)] += np.stack([field[0], field[1], np.hypot(field[0], field[1])])
            counts[classes.index(name)] += 1
            motion = local_motion(field)
            if motion > strongest:
                strongest = motion
                where = (row["video"], row["clip"], name, row["first_frame"])
                sample = Sample(dataset, subject, *where, field.astype(np.float32))
    shape = (len(classes), 1, 1, 1)
    mean = np.divide(sums, counts.reshape(shape), out=np.full_like(sums, np.nan), where=counts.reshape(shape) > 0)
    return FlowSummary(mean, counts, sample)


def backdrop(sample: Sample, faces_root: Path, inputs: Inputs) -> np.ndarray:
    """The aligned face of the sample's first frame as grey, float64 ``(H, W)`` in [0, 255].

    Raises:
        UserError: if the faces cannot be read or that frame may not be used.
    """
    aligned = AlignedFaces(inputs, faces_root / sample.dataset / f"{sample.subject}.npy")
    image = aligned[sample.video, sample.first_frame].astype(np.float64)
    return image @ (0.299, 0.587, 0.114) if image.shape[-1] == 3 else image[..., 0]
