"""What networks are fed, other than flow: samples made of residual images, of aligned frames, of LBP-TOP features.

Each loader joins the rows of an index to the rows of preprocessed arrays, and returns the samples in the order of
(dataset, clip), and a line for each clip that it had to leave out, saying why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.artifacts import Inputs
from mexflow.errors import UserError
from mexflow.preprocess.key_frames import thirteen
from mexflow.training.samples import Samples

Rows = list[dict[str, Any]]
_USELESS = ("missing", "unreadable")


def load_residual(
    inputs: Inputs, arrays: Sequence[Path], rows: Rows, label: str, classes: Sequence[str], size: int | None
) -> tuple[Samples, list[str]]:
    """Residual images of the clips.

    Args:
        arrays: uint8 (m, h, w, 3), each with its table beside it, a row per clip.
        rows: rows of the index, see `mexflow.training.samples.labelled`.
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
        at: dict[tuple[str, str, str], dict[int, int]] = {}
        reasons: dict[tuple[str, str, str], str] = {}
        images = inputs.rows(path)
        for entry in _entries(inputs, path, len(images), ["dataset", "subject", "video", "frame", "state", "excluded"]):
            key = (entry["dataset"], entry["subject"], entry["video"])
            frames = at.setdefault(key, {})
            if entry["excluded"]:
                reasons[key] = entry["excluded"]
            elif entry["state"] not in _USELESS:
                frames[entry["frame"]] = entry["row"]
        for key in at:
            for row in videos.get(key, ()):
                wanted = thirteen(row)
                absent = [frame for frame in wanted if frame not in at[key]]
                if reason := reasons.get(key) or (absent and f"frame_absent: no aligned face of frame {absent[0]}"):
                    left_out.append(f"{row['dataset']} {row['clip']}: {reason}")
                else:
                    faces = scaled(images[[at[key][frame] for frame in wanted]], size)
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
        for entry in _entries(inputs, path, len(images)):
            yield images, entry


def _entries(inputs: Inputs, path: Path, length: int, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of the table beside an array, with their numbers."""
    table = inputs.table(path.with_suffix(".parquet"))
    if table.num_rows != length:
        raise UserError(f"{path}: {length} rows, its table has {table.num_rows}; delete both and run again")
    for number, entry in enumerate((table.select(columns) if columns else table).to_pylist()):
        yield {**entry, "row": number}


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
