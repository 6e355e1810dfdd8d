"""The subjects of an index: whose arrays are made, and read. Standard library only; the Snakefile enumerates with
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def with_clips(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(dataset, subject) of every subject with a clip that is not excluded, sorted.

    Args:
        rows: rows of an index, in a composite with `subject` as ``dataset/subject``.
    """
    subjects = {(row["dataset"], row["subject"]) for row in rows if row["excluded"] is None}
    return sorted((dataset, subject.rpartition("/")[2]) for dataset, subject in subjects)


def with_videos(videos: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(dataset, subject) of every subject with frames on disk, annotated or not, sorted.

    Args:
        videos: rows of the table of an index's videos.
    """
    return sorted(
        {(row["dataset"], row["subject"]) for row in videos if row["frame_count"] and row["excluded"] is None}
    )
