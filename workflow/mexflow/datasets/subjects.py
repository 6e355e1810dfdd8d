"""The subjects of an index, as the folders of preprocessed arrays call them. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def subjects_in_use(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The subjects with a usable clip.

    Args:
        rows: of an index, with at least `dataset`, `subject` and `excluded`.

    Returns:
        (dataset, subject), sorted; a composite calls a subject ``casme2/01`` that its dataset calls ``01``, as here.
    """
    used = {(row["dataset"], row["subject"]) for row in rows if row["excluded"] is None}
    return sorted((dataset, subject.rpartition("/")[2]) for dataset, subject in used)
