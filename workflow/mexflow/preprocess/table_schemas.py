"""The tables beside the arrays: row i says what row i of the array is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

FACES = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("frame", pa.int64()),
        ("file", pa.string()),
        ("sha256", pa.string()),
        ("size", pa.int64()),
        ("state", pa.string()),
        ("faces", pa.int64()),
        ("choice", pa.string()),
        ("aligned_file", pa.string()),
        ("aligned_sha256", pa.string()),
        ("landmarks", pa.list_(pa.float32(), 136)),
        ("matrix", pa.list_(pa.float64(), 6)),
        ("excluded", pa.string()),
    ]
)
"""One row per aligned face.

`file` is relative to the dataset's root; `sha256` and `size` (bytes) are those of the raw file as it was decoded.
`state` is ``detected``, ``tracked``, ``interpolated`` (between neighbours), ``missing`` (no face known: the image is
black), ``unreadable`` (damaged, or of another size than its clip), or ``openface`` (taken from OpenFace's output).
`faces` is how many faces were seen at the last detection. `choice` says which of several faces was followed and why, as
``code: words``; null where one was seen. `aligned_file` (relative to the folder of OpenFace's output) and
`aligned_sha256` name the aligned picture that was taken from there, and are null otherwise. `landmarks` holds x, y of
the 68 landmarks in pixels of the raw picture, turned upright: smoothed, but for OpenFace's, which are as it wrote them.
`matrix` holds the two rows of the transform from raw (upright) to aligned pixels, null
where OpenFace made it. `excluded`, where not null, says why the whole video is left out.
"""


class FaceRows:
    """Collects the rows of a faces table in little memory: as arrow batches, not as Python objects."""

    BATCH = 256

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._video: list[pa.RecordBatch] = []
        self._done: list[pa.RecordBatch] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the video at hand; `excluded` is not looked at."""
        self._rows.append({**row, "excluded": None})
        if len(self._rows) == self.BATCH:
            self._pack()

    def end_video(self, excluded: str | None) -> None:
        """End the video at hand, and say of all its rows why it is left out (None if it is not)."""
        self._pack()
        if excluded is not None:
            at = FACES.get_field_index("excluded")
            self._video = [
                batch.set_column(at, FACES.field(at), pa.array([excluded] * len(batch), pa.string()))
                for batch in self._video
            ]
        self._done += self._video
        self._video = []

    def table(self) -> pa.Table:
        """The rows of the videos that have ended, in order."""
        return pa.Table.from_batches(self._done, schema=FACES)

    def _pack(self) -> None:
        if self._rows:
            self._video.append(pa.RecordBatch.from_pylist(self._rows, schema=FACES))
            self._rows = []


FLOW = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("clip", pa.string()),
        ("pair", pa.string()),
        ("first_frame", pa.int64()),
        ("second_frame", pa.int64()),
        ("excluded", pa.string()),
    ]
)
"""One row per pair of frames of a clip.

`pair` names how the two frames were chosen. `excluded`, where not null, says why there is no flow: that row of the
array is zero.
"""

RESIDUAL = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("clip", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("key_frames", pa.list_(pa.int64())),
        ("matrix", pa.list_(pa.float64(), 6)),
        ("excluded", pa.string()),
    ]
)
"""One row per clip.

`start` and `end` are the first and the last frame that count, `key_frames` those whose difference from the first was
summed (for flow: the end alone). `matrix` holds the two rows of the transform from raw pixels to those of the box, the
same for all frames of the clip. `excluded`, where not null, says why there is no image: that row of the array is zero.
"""

CLIP_FEATURES = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("clip", pa.string()),
        ("excluded", pa.string()),
    ]
)
"""One row per clip. `excluded`, where not null, says why there are no features: that row of the array is zero."""
