"""The columns of the index: one row per annotated expression, and one row per folder of frames."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from mexflow.datasets import columns
from mexflow.datasets.columns import Label

_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "list<string>": pa.list_(pa.string()),
}


def rows_schema(labels: Iterable[Label] = ()) -> pa.Schema:
    """The columns of the index of a dataset that declares these labels: `ROWS`, and its own labels before `path`."""
    every = {**columns.COMMON, **{label.name: label.type for label in labels}}
    named: dict[str, str] = {}
    for name, kind in columns.BASE.items():
        if name == "path":
            named |= every
        named[name] = kind
    return pa.schema([(name, _TYPES[kind]) for name, kind in named.items()])


ROWS = rows_schema()
"""One row per annotated expression, without the labels that a dataset declares beyond the common ones.

`onset`, `apex` and `offset` are the numbers in the file names (null where the annotation has none), `fps` is in
frames per second, `type` is ``micro`` or ``macro``. The labels are null where a row has no class of that kind;
`objective_class` is 1 to 7. `path` is relative to the dataset's root, with ``/``. `repairs` says what was changed
and why; `excluded`, where not null, says why the row is left out of everything. Both begin with a stable code.
"""

VIDEOS = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("path", pa.string()),
        ("frame_name", pa.string()),
        ("first_frame", pa.int64()),
        ("last_frame", pa.int64()),
        ("frame_count", pa.int64()),
        ("missing_frames", pa.int64()),
        ("fps", pa.float64()),
        ("annotated", pa.bool_()),
        ("excluded", pa.string()),
    ]
)
"""One row per folder of frames, told apart by `dataset`, `subject` and `video`.

`frame_name` is the pattern, without case, of the file names of its frames, whose first group is the frame number
(`mexflow.datasets.folders.numbered`). `missing_frames` counts the numbers between the first and the last frame that
have no file; it and the two frame numbers are null where the folder holds no frame. `annotated` says whether any
expression lies in the folder; `excluded`, where not null, says why its frames are not used, with a stable code first.
"""
