"""What spotting stores of a fold: scores of every frame, thresholds, and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_NAME = pa.dictionary(pa.int32(), pa.string())

ROLES = ("train", "validation", "test")

SCORES = pa.schema(
    [
        ("fold", _NAME),
        ("role", _NAME),
        ("dataset", _NAME),
        ("subject", _NAME),
        ("video", _NAME),
        ("frame", pa.int64()),
        ("variant", _NAME),
        ("type", _NAME),
        ("score", pa.float32()),
        ("label", pa.bool_()),
    ]
)
"""One row per frame, variant and type of expression, a video's frames in order.

`role` is what the fold used the video for: ``train``, ``validation`` or ``test``. `variant` names a way of testing one
network, e.g. with which frame skips; empty where there is one. `score` is in [0, 1], or NaN where nothing was
measured: the face was not seen in a frame that it needs. Such a frame keeps its place in time, is in no interval, and
counts in no metric of frames. `label` says whether the frame is inside an expression of the type.
"""

THRESHOLDS = pa.schema(
    [
        ("fold", pa.string()),
        ("variant", pa.string()),
        ("type", pa.string()),
        ("threshold", pa.float64()),
        ("youden", pa.float64()),
        ("normalised_threshold", pa.float64()),
        ("raw_threshold", pa.float64()),
        ("frames", pa.int64()),
        ("subjects", pa.list_(pa.string())),
    ]
)
"""One row per variant and type: thresholds, and the frames and subjects that they were chosen on.

`threshold`, with its Youden J, is of the smoothed scores, from which intervals are cut. `normalised_threshold` and
`raw_threshold` are of scores that are not smoothed, normalised within their video or as they are.
"""

INTERVALS = pa.schema(
    [
        ("fold", pa.string()),
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("variant", pa.string()),
        ("type", pa.string()),
        ("source", pa.string()),
        ("first", pa.int64()),
        ("last", pa.int64()),
        ("matched", pa.bool_()),
    ]
)
"""One row per interval of a test video, `first` to `last` its frames, both included.

`source` is ``predicted`` or ``truth``; `matched` says whether it has a partner of the other source.
"""


def rows(
    names: Mapping[str, str], frames: np.ndarray, types: Sequence[str], scores: np.ndarray, labels: np.ndarray
) -> list[pa.RecordBatch]:
    """The rows of `SCORES` of one video under one variant.

    Args:
        names: the columns of the schema that are texts, but for `type`.
        frames: int64 (n,).
        scores: float32 (n, types).
        labels: bool (n, types).
    """
    texts = {name: _repeated(value, len(frames)) for name, value in names.items()}
    batches = []
    for number, kind in enumerate(types):
        columns: dict[str, Any] = {
            **texts,
            "frame": pa.array(frames, pa.int64()),
            "type": _repeated(kind, len(frames)),
            "score": pa.array(scores[:, number], pa.float32()),
            "label": pa.array(labels[:, number], pa.bool_()),
        }
        batches.append(pa.RecordBatch.from_arrays([columns[field.name] for field in SCORES], schema=SCORES))
    return batches


def _repeated(text: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))
