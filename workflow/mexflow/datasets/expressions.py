"""From an annotation to a row of the index: frame numbers, repairs and exclusions.

The rules here hold for every dataset. Each repair and exclusion begins with a stable code and a colon:

========================  ===========================================================================
repair                    when
========================  ===========================================================================
``apex_missing``          the table has no number for the apex: the middle of onset and offset is used
``apex_out_of_range``     the apex lies before the onset or after the offset: likewise
``fraction_dropped``      a frame number is not whole: it is truncated
========================  ===========================================================================

========================  ===========================================================================
exclusion                 when
========================  ===========================================================================
``not_a_number``          the table has no number for the onset or the offset
``onset_after_offset``    the onset lies after the offset
``folder_missing``        the folder of frames is not there
``folder_empty``          the folder holds no frame
``frames_missing``        the folder lacks the frame of the onset, the apex or the offset
========================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mexflow.datasets.cells import number, text
from mexflow.datasets.folders import FrameFolder


def expression(
    cells: Mapping[str, Any], where: str, folder: FrameFolder | None, expected: str, **columns: Any
) -> dict[str, Any]:
    """Make one row of the index.

    Args:
        cells: the cells ``onset``, ``apex`` and ``offset`` as the table has them.
        where: the place of the annotation, for messages.
        folder: the folder of frames, None if there is none.
        expected: the path, relative to the root, where the folder should be.
        columns: the other columns of the row; labels left out are null.

    Returns:
        A dict with every column of `mexflow.datasets.schema.ROWS`.
    """
    repairs: list[str] = []
    onset, apex, offset = (_frame(name, cells[name], repairs) for name in ("onset", "apex", "offset"))
    excluded = _order(cells, where, onset, offset)
    if excluded is None:
        apex = _apex(cells["apex"], onset, apex, offset, repairs)
        excluded = _frames(folder, expected, {"onset": onset, "apex": apex, "offset": offset})
    labels = dict.fromkeys(("casme2_5class", "objective_class", "megc2018", "megc2019", "mmew_5class"))
    return {
        **labels,
        "onset": onset,
        "apex": apex,
        "offset": offset,
        "path": folder.path if folder else expected,
        "repairs": repairs,
        "excluded": excluded,
        **columns,
    }


def _frame(name: str, cell: Any, repairs: list[str]) -> int | None:
    value = number(cell)
    if value is None:
        return None
    if value != int(value):
        repairs.append(f"fraction_dropped: the table says {name} {text(cell)}, {int(value)} is used")
    return int(value)


def _order(cells: Mapping[str, Any], where: str, onset: int | None, offset: int | None) -> str | None:
    unreadable = [
        f"{name} is {text(cells[name])!r}" for name, value in (("onset", onset), ("offset", offset)) if value is None
    ]
    if unreadable:
        return f"not_a_number: {where}: {' and '.join(unreadable)}"
    if onset > offset:
        return f"onset_after_offset: {where}: onset {onset} is after offset {offset}"
    return None


def _apex(cell: Any, onset: int, apex: int | None, offset: int, repairs: list[str]) -> int:
    middle = (onset + offset) // 2
    if apex is None:
        said = f"says {text(cell)!r}" if text(cell) else "has none"
        repairs.append(f"apex_missing: the table {said}, the middle of onset and offset ({middle}) is used")
        return middle
    if not onset <= apex <= offset:
        repairs.append(
            f"apex_out_of_range: the table says {apex}, outside onset {onset} to offset {offset}, "
            f"their middle ({middle}) is used"
        )
        return middle
    return apex


def _frames(folder: FrameFolder | None, expected: str, wanted: Mapping[str, int]) -> str | None:
    if folder is None:
        return f"folder_missing: there is no folder {expected}"
    if not folder.numbers:
        return f"folder_empty: {folder.path} holds no frame"
    absent = [f"{name} {frame}" for name, frame in wanted.items() if not folder.holds(frame)]
    if absent:
        return f"frames_missing: {', '.join(absent)} not in {folder.path}, which holds {folder.span()}"
    return None
