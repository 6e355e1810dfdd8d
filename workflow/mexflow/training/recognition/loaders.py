"""What networks are fed, other than flow: samples made of residual images, of aligned frames, of LBP-TOP features.

Each loader joins the rows of an index to the rows of preprocessed arrays, and returns the samples in the order of
(dataset, clip), and a line for each clip that it had to leave out, saying why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mexflow.errors import UserError
from mexflow.papers.recipe import FlowRecipe, FramesRecipe, Recipe, ResidualRecipe
from mexflow.preprocess.aligned import COLUMNS, by_video
from mexflow.preprocess.key_frames import thirteen
from mexflow.registry import Registry
from mexflow.store.artifacts import Inputs
from mexflow.training.recognition.samples import Samples, load_flow

Rows = list[dict[str, Any]]


def load(recipe: Recipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    """The samples that a recipe asks for, of these rows of the index, and a line for each clip left out."""
    return LOADERS[recipe.kind](recipe, inputs, arrays, rows)


LOADERS: Registry[Callable[[Any, Inputs, Sequence[Path], Rows], tuple[Samples, list[str]]]] = Registry(
    "kind of input", __name__
)


@LOADERS.entry("flow")
def _flow(recipe: FlowRecipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    pairs = {*recipe.train_pairs, *recipe.test_pairs}
    return load_flow(inputs, arrays, rows, recipe.label, recipe.classes, pairs, recipe.channels)


@LOADERS.entry("residual")
def _residual(recipe: ResidualRecipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    return load_residual(inputs, arrays, rows, recipe.label, recipe.classes, recipe.size)


@LOADERS.entry("frames")
def _frames(recipe: FramesRecipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    return load_frames(inputs, arrays, rows, recipe.label, recipe.classes, recipe.size)


@LOADERS.entry("lbp_top")
def _lbp_top(recipe: Recipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    return load_lbp_top(inputs, arrays, rows, recipe.label, recipe.classes)


def load_residual(
    inputs: Inputs, arrays: Sequence[Path], rows: Rows, label: str, classes: Sequence[str], size: int | None
) -> tuple[Samples, list[str]]:
    """Residual images of the clips.

    Args:
        arrays: uint8 (m, h, w, 3), each with its table beside it, a row per clip.
        rows: rows of the index, see `mexflow.training.recognition.samples.labelled`.
        size: width and height to scale the images to, pixels; None leaves them as they are stored.

    Returns:
        Samples with images uint8 (n, 3, h, w), and the lines on clips left out.

    Raises:
        UserError: if a table does not fit its array.
    """
    import cv2

    by_clip = {(row["dataset"], row["clip"]): row for row in rows}
    found, left_out = [], []
    for images, entry in _rows(inputs, arrays):
        row = by_clip.get((entry["dataset"], entry["clip"]))
        if row is None:
            continue
        if entry["excluded"]:
            left_out.append(f"{entry['dataset']} {entry['clip']}: {entry['excluded']}")
            continue
        image = images[entry["row"]]
        if size is not None and image.shape[0] != size:
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        found.append((row, np.ascontiguousarray(image.transpose(2, 0, 1))))
    return _samples(found, label, classes, (3, size or 1, size or 1), np.uint8), sorted(left_out)


def load_frames(
    inputs: Inputs, arrays: Sequence[Path], rows: Rows, label: str, classes: Sequence[str], size: int
) -> tuple[Samples, list[str]]:
    """Thirteen aligned frames of each clip, grey (upadhy2025).

    Args:
        arrays: aligned faces uint8 (n, 112, 112, c), each with its table beside it, a row per frame.
        size: width and height of a frame, pixels, at most 112.

    Returns:
        Samples with images uint8 (n, 13, size, size), and the lines on clips left out.

    Raises:
        UserError: if a table does not fit its array.
    """
    from mexflow.preprocess.scaling import scaled

    videos: dict[tuple[str, str, str], Rows] = {}
    for row in rows:
        videos.setdefault((row["dataset"], row["subject"].rpartition("/")[2], row["video"]), []).append(row)
    found, left_out = [], []
    for path in arrays:
        images = inputs.rows(path)
        table = _table(inputs, path, len(images)).select(["dataset", "subject", *COLUMNS])
        for key, video in by_video(table, ("dataset", "subject", "video")).items():
            for row in videos.get(key, ()):
                wanted = thirteen(row)
                if reason := video.why_not(wanted):
                    left_out.append(f"{row['dataset']} {row['clip']}: {reason}")
                else:
                    faces = scaled(images[[video.rows[frame] for frame in wanted]], size)
                    found.append((row, np.rint(faces * 255).astype(np.uint8)))
    return _samples(found, label, classes, (13, size, size), np.uint8), sorted(left_out)


def load_lbp_top(
    inputs: Inputs, arrays: Sequence[Path], rows: Rows, label: str, classes: Sequence[str]
) -> tuple[Samples, list[str]]:
    """LBP-TOP features of the clips.

    Args:
        arrays: float32 (m, d), each with its table beside it, a row per clip.

    Returns:
        Samples with images float32 (n, d), and the lines on clips left out.

    Raises:
        UserError: if a table does not fit its array.
    """
    by_clip = {(row["dataset"], row["clip"]): row for row in rows}
    found, left_out = [], []
    for features, entry in _rows(inputs, arrays):
        row = by_clip.get((entry["dataset"], entry["clip"]))
        if row is not None and entry["excluded"]:
            left_out.append(f"{entry['dataset']} {entry['clip']}: {entry['excluded']}")
        elif row is not None:
            found.append((row, np.array(features[entry["row"]])))
    return _samples(found, label, classes, (1,), np.float32), sorted(left_out)


def _rows(inputs: Inputs, arrays: Sequence[Path]) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Each array, memory-mapped, with each row of its table; `row` is that row's number."""
    for path in arrays:
        images = inputs.array(path)
        for number, entry in enumerate(_table(inputs, path, len(images)).to_pylist()):
            yield images, {**entry, "row": number}


def _table(inputs: Inputs, path: Path, length: int) -> pa.Table:
    """The table beside an array, which has as many rows."""
    table = inputs.table(path.with_suffix(".parquet"))
    if table.num_rows != length:
        raise UserError(f"{path}: {length} rows, its table has {table.num_rows}; delete both and run again")
    return table


def _samples(
    found: list[tuple[dict[str, Any], np.ndarray]],
    label: str,
    classes: Sequence[str],
    shape: tuple[int, ...],
    dtype: type[np.generic],
) -> Samples:
    found = sorted(found, key=lambda item: (item[0]["dataset"], item[0]["clip"]))
    images = np.stack([image for _, image in found]) if found else np.zeros((0, *shape), dtype)
    clips = [{**{key: row[key] for key in ("dataset", "subject", "clip")}, "pair": ""} for row, _ in found]
    labels = np.array([classes.index(row[label]) for row, _ in found], np.int64)
    return Samples(images, labels, clips, list(classes))
