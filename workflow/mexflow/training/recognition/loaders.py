"""What networks are fed: samples made of flow, of residual images, of aligned frames, of LBP-TOP features.

Each loader joins the rows of an index to the rows of preprocessed arrays, and returns the samples in the order of
(dataset, clip, pair), and a line for each that it had to leave out, saying why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.errors import UserError
from mexflow.papers.recipe import FlowRecipe, FramesRecipe, Recipe, ResidualRecipe
from mexflow.preprocess.aligned import AlignedFaces, by_video
from mexflow.preprocess.key_frames import thirteen
from mexflow.registries import Registry
from mexflow.store.arrays import assert_rows
from mexflow.store.artifacts import Inputs
from mexflow.training.recognition.channels import CHANNELS
from mexflow.training.recognition.levels import LEVELS
from mexflow.training.recognition.samples import Samples

Rows = list[dict[str, Any]]
Sample = tuple[dict[str, Any], str, np.ndarray]
"""A row of the index, the name of the pair of frames ("" where there is none), and what the network is fed."""


def load_flow(
    inputs: Inputs,
    arrays: Sequence[Path],
    rows: Rows,
    label: str,
    classes: Sequence[str],
    pairs: set[str],
    channels: Sequence[str],
    size: int | None = None,
    levels: str = "none",
) -> tuple[Samples, list[str]]:
    """Flow of the clips' pairs of frames.

    Args:
        arrays: float32 (m, 2, h, w), pixels, each with its table beside it, a row per pair.
        rows: rows of the index, see :func:`mexflow.training.recognition.samples.labelled`.
        pairs: names of the pairs of frames to use.
        channels: of :data:`mexflow.training.recognition.channels.CHANNELS`, in the order the network gets them.
        size: width and height to scale the channels to, pixels; None leaves them as they are stored. Their values stay:
            pixels of the stored size.
        levels: of :data:`mexflow.training.recognition.levels.LEVELS`, what each channel becomes after that.

    Returns:
        Samples with images float32 (n, c, h, w), and the lines on pairs left out.

    Raises:
        UserError: if a table does not fit its array, for an unknown channel or levels, or if the flow is smaller than
            `size`.
    """
    import cv2

    channel_of, level = [CHANNELS[name] for name in channels], LEVELS[levels]
    by_clip = {(row["dataset"], row["clip"]): row for row in rows}
    samples: list[Sample] = []
    left_out = []
    for path in arrays:
        if size is not None and size > min(inputs.shape(path)[2:]):
            raise UserError(f"{path}: flow of {inputs.shape(path)[2:]} pixels cannot be enlarged to {size}x{size}")
        for fields, entry in _entries(inputs, [path]):
            row = by_clip.get((entry["dataset"], entry["clip"]))
            if row is None or entry["pair"] not in pairs:
                continue
            if entry["excluded"]:
                left_out.append(f"{entry['dataset']} {entry['clip']} {entry['pair']}: {entry['excluded']}")
                continue
            field = fields[entry["row"]]
            images = [channel(field) for channel in channel_of]
            if size is not None and field.shape[1:] != (size, size):
                images = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images]
            samples.append((row, entry["pair"], np.stack([level(image) for image in images])))
    return _samples(samples, label, classes, (len(channels), 1, 1), np.float32), sorted(left_out)


def load(recipe: Recipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    """The samples that a recipe asks for, of these rows of the index, and a line for each clip left out."""
    return LOADERS[recipe.kind](recipe, inputs, arrays, rows)


LOADERS: Registry[Callable[[Any, Inputs, Sequence[Path], Rows], tuple[Samples, list[str]]]] = Registry(
    "kind of input", __name__
)


@LOADERS.entry("flow")
def _flow(recipe: FlowRecipe, inputs: Inputs, arrays: Sequence[Path], rows: Rows) -> tuple[Samples, list[str]]:
    pairs = {*recipe.train_pairs, *recipe.test_pairs}
    return load_flow(
        inputs, arrays, rows, recipe.label, recipe.classes, pairs, recipe.channels, recipe.size, recipe.levels
    )


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
        rows: as of :func:`load_flow`.
        size: width and height to scale the images to, pixels; None leaves them as they are stored.

    Returns:
        Samples with images uint8 (n, 3, h, w), and the lines on clips left out.

    Raises:
        UserError: if a table does not fit its array.
    """
    import cv2

    by_clip = {(row["dataset"], row["clip"]): row for row in rows}
    samples: list[Sample] = []
    left_out = []
    for images, entry in _entries(inputs, arrays):
        row = by_clip.get((entry["dataset"], entry["clip"]))
        if row is None:
            continue
        if entry["excluded"]:
            left_out.append(f"{entry['dataset']} {entry['clip']}: {entry['excluded']}")
            continue
        image = images[entry["row"]]
        if size is not None and image.shape[0] != size:
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        samples.append((row, "", np.ascontiguousarray(image.transpose(2, 0, 1))))
    return _samples(samples, label, classes, (3, size or 1, size or 1), np.uint8), sorted(left_out)


def load_frames(
    inputs: Inputs, arrays: Sequence[Path], rows: Rows, label: str, classes: Sequence[str], size: int
) -> tuple[Samples, list[str]]:
    """Thirteen aligned frames of each clip, grey (upadhy2025).

    Args:
        arrays: aligned faces uint8 (n, 112, 112, c), one of each subject, each with its table beside it.
        rows: as of :func:`load_flow`.
        size: width and height of a frame, pixels, at most 112.

    Returns:
        Samples with images uint8 (n, 13, size, size), and the lines on clips left out.

    Raises:
        UserError: if a table does not fit its array.
    """
    from mexflow.preprocess.scaling import scaled

    clips = by_video(rows)
    samples: list[Sample] = []
    left_out = []
    for path in arrays:
        faces = AlignedFaces(inputs, path)
        for video in faces.videos.values():
            for row in clips.get(video.key, ()):
                wanted = thirteen(row)
                if reason := video.why_not(wanted):
                    left_out.append(f"{row['dataset']} {row['clip']}: {reason}")
                else:
                    images = scaled(faces[video.name, wanted], size)
                    samples.append((row, "", np.rint(images * 255).astype(np.uint8)))
    return _samples(samples, label, classes, (13, size, size), np.uint8), sorted(left_out)


def load_lbp_top(
    inputs: Inputs, arrays: Sequence[Path], rows: Rows, label: str, classes: Sequence[str]
) -> tuple[Samples, list[str]]:
    """LBP-TOP features of the clips.

    Args:
        arrays: float32 (m, d), each with its table beside it, a row per clip.
        rows: as of :func:`load_flow`.

    Returns:
        Samples with images float32 (n, d), and the lines on clips left out.

    Raises:
        UserError: if a table does not fit its array.
    """
    by_clip = {(row["dataset"], row["clip"]): row for row in rows}
    samples: list[Sample] = []
    left_out = []
    for features, entry in _entries(inputs, arrays):
        row = by_clip.get((entry["dataset"], entry["clip"]))
        if row is not None and entry["excluded"]:
            left_out.append(f"{entry['dataset']} {entry['clip']}: {entry['excluded']}")
        elif row is not None:
            samples.append((row, "", np.array(features[entry["row"]])))
    return _samples(samples, label, classes, (1,), np.float32), sorted(left_out)


def _entries(inputs: Inputs, arrays: Sequence[Path]) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Each array, memory-mapped, with each row of its table; `row` is that row's number."""
    for path in arrays:
        array, table = inputs.array(path), inputs.table(path.with_suffix(".parquet"))
        assert_rows(path, len(array), path.with_suffix(".parquet"), table.num_rows)
        for number, entry in enumerate(table.to_pylist()):
            yield array, {**entry, "row": number}


def _samples(
    samples: list[Sample], label: str, classes: Sequence[str], shape: tuple[int, ...], dtype: type[np.generic]
) -> Samples:
    """The samples in order; `shape` and `dtype` are those of one where there is none."""
    samples = sorted(samples, key=lambda sample: (sample[0]["dataset"], sample[0]["clip"], sample[1]))
    images = np.stack([image for _, _, image in samples]) if samples else np.zeros((0, *shape), dtype)
    clips = [{**{key: row[key] for key in ("dataset", "subject", "clip")}, "pair": pair} for row, pair, _ in samples]
    labels = np.array([classes.index(row[label]) for row, _, _ in samples], np.int64)
    return Samples(images, labels, clips, list(classes))
