"""The columns of the index: one row per annotated expression, and one row per folder of frames."""

from __future__ import annotations

import pyarrow as pa

ROWS = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("clip", pa.string()),
        ("type", pa.string()),
        ("onset", pa.int64()),
        ("apex", pa.int64()),
        ("offset", pa.int64()),
        ("fps", pa.float64()),
        ("action_units", pa.string()),
        ("emotion", pa.string()),
        ("casme2_5class", pa.string()),
        ("objective_class", pa.int64()),
        ("megc2018", pa.string()),
        ("megc2019", pa.string()),
        ("mmew_5class", pa.string()),
        ("path", pa.string()),
        ("repairs", pa.list_(pa.string())),
        ("excluded", pa.string()),
    ]
)
"""One row per annotated expression.

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
