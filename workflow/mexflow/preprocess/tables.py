"""The tables beside the arrays: row i says what row i of the array is."""

from __future__ import annotations

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
        ("landmarks", pa.list_(pa.float32(), 136)),
        ("matrix", pa.list_(pa.float64(), 6)),
        ("excluded", pa.string()),
    ]
)
"""One row per aligned face.

`file` is relative to the dataset's root; `sha256` and `size` (bytes) are those of the raw file as it was decoded.
`state` is ``detected``, ``tracked``, ``interpolated`` (between neighbours), ``missing`` (no face known: the image is
black) or ``unreadable``. `faces` is how many faces were seen at the last detection. `landmarks` holds x, y of the 68
smoothed landmarks in raw pixels, `matrix` the two rows of the transform from raw to aligned pixels. `excluded`, where
not null, says why the whole video is left out.
"""

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
