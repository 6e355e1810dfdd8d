"""Clips that are left out of a paper's numbers, and why: what the index and the tables beside arrays say of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Key = tuple[str, str, str]
"""Dataset, subject and clip."""


def clip_key(row: Mapping[str, str]) -> Key:
    """What tells clips apart in every table: dataset, subject and clip.

    A composite index calls a subject ``casme2/01`` that its dataset calls ``01``; the key has the latter.
    """
    return row["dataset"], row["subject"].rpartition("/")[2], row["clip"]


def exclusions(
    rows: Sequence[Mapping[str, Any]], label: str, tables: Sequence[pa.Table] = (), wanted: Sequence[str] = ()
) -> dict[Key, str]:
    """Clips with a label that are left out, and why.

    Args:
        rows: the rows of the index.
        label: the label column; clips without a label are no clips of the paper.
        tables: the tables beside the arrays that were read: a row a clip, a pair of frames or a frame, with a column
            `excluded`.
        wanted: the names of the frame pairs that a test clip needs.
    """
    excluded: dict[Key, str] = {}
    of_video: dict[Key, list[Key]] = defaultdict(list)
    for row in rows:
        if row[label] is not None:
            key = clip_key(row)
            of_video[(*key[:2], row["video"])].append(key)
            if row["excluded"] is not None:
                excluded[key] = row["excluded"]
    clips = {key for keys in of_video.values() for key in keys}
    for table in tables:
        wished = ("dataset", "subject", "video", "clip", "pair", "excluded")
        names = [name for name in wished if name in table.column_names]
        # Most tables exclude nothing; those of frames are long.
        some = table.select(names).filter(pc.is_valid(table["excluded"]))
        for row in some.to_pylist():
            if "clip" not in row:
                keys = of_video[row["dataset"], row["subject"], row["video"]]
            elif clip_key(row) in clips and (row.get("pair") in wanted or "pair" not in row):
                keys = [clip_key(row)]
            else:
                keys = []
            for key in keys:
                excluded.setdefault(key, row["excluded"])
    return excluded


def count_reasons(excluded: Mapping[Key, str]) -> dict[str, int]:
    """How many clips are left out for each reason, by the code that begins it, sorted."""
    return dict(sorted(Counter(reason.partition(":")[0].strip() for reason in excluded.values()).items()))
