"""From an annotation to a row of the index: frame numbers, repairs and exclusions.

The rules here hold for every dataset. Each repair and exclusion begins with a stable code and a colon:

========================  ===========================================================================
repair                    when
========================  ===========================================================================
``fraction_dropped``      a frame number is not whole: it is truncated
``onset_zero``            the onset is 0 where frames are numbered from 1: 1 is used, unless there is a frame 0
``offset_missing``        the offset is not annotated, in a dataset known for it: the apex is used
``apex_missing``          the apex is not annotated: the middle of onset and offset is used
``apex_out_of_range``     the apex lies before the onset or after the offset: likewise
``emotion_spelling``      the emotion is misspelt
``emotion_renamed``       the copy names the emotion differently from the owners' release
``name_spelling``         the folder's name is spelt differently from the owners'
``clip_renamed``          two expressions of other types have one name: the second has its type added
========================  ===========================================================================

========================  ===========================================================================
exclusion                 when
========================  ===========================================================================
``not_a_number``          there is no number for the onset or the offset, or a cell holds neither a number nor a mark
                          that stands for none
``subject_mismatch``      the clip's or its folder's name says another subject: it would be in two folds
``frames_repeated``       the folder holds two files of one frame number
``onset_after_offset``    the onset lies after the offset
``folder_missing``        the folder of frames is not there
``folder_empty``          the folder holds no frame
``frames_missing``        the folder lacks the frame of the onset, the apex or the offset
========================  ===========================================================================

Where the middle is used and has no frame, the nearest frame that there is takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mexflow.datasets.cell_values import is_grouped, is_unset, number, text
from mexflow.datasets.folders import FrameFolder


def expression(
    cells: Mapping[str, Any],
    where: str,
    folder: FrameFolder | None,
    expected: str,
    unset: Mapping[str, int] = MappingProxyType({}),
    mismatch: str | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """Make one row of the index.

    Args:
        cells: the cells ``onset``, ``apex`` and ``offset`` as the table has them.
        where: the place of the annotation, for messages.
        folder: the folder of frames, None if there is none.
        expected: the path, relative to the root, where the folder should be.
        unset: the number that a dataset writes for a frame that is not annotated, by cell; an offset is mended
            only where its dataset has one.
        mismatch: why the row cannot be of its subject, None if it can.
        columns: the other columns of the row, its labels among them.

    Returns:
        A row of the index.
    """
    repairs: list[str] = []
    frames = {name: _frame(name, cells[name], repairs) for name in ("onset", "apex", "offset")}
    texts = {name: text(cells[name]) for name in frames}
    wrong = [name for name in frames if frames[name] is None and not is_unset(cells[name])]
    # A copy may number its frames from 0: what is there is meant.
    if "onset" in unset and frames["onset"] == unset["onset"] and not (folder and folder.holds(unset["onset"])):
        frames["onset"] = 1
        repairs.append(f"onset_zero: the table says {texts['onset']}, frames are numbered from 1, 1 is used")
    for name in ("apex", "offset"):
        if name in unset and frames[name] == unset[name]:
            frames[name] = None
    if "offset" in unset and frames["offset"] is None and frames["apex"] is not None and "offset" not in wrong:
        frames["offset"] = frames["apex"]
        repairs.append(f"offset_missing: {_says(texts['offset'])}, the apex ({frames['apex']}) is used")
    excluded = mismatch or (folder and folder.excluded) or _empty(folder) or _order(texts, where, frames, wrong)
    if excluded is None:
        frames["apex"] = _apex(texts["apex"], frames, folder, repairs)
        excluded = _absent(folder, expected, frames)
    return {
        **frames,
        "path": folder.path if folder else expected,
        "repairs": repairs,
        "excluded": excluded,
        **columns,
    }


def _frame(name: str, cell: Any, repairs: list[str]) -> int | None:
    value = number(cell)
    if value is None or is_grouped(cell):
        return None
    if value != int(value):
        repairs.append(f"fraction_dropped: the table says {name} {text(cell)}, {int(value)} is used")
    return int(value)


def _says(cell: str) -> str:
    return f"the table says {cell!r}" if cell else "none is annotated"


def _empty(folder: FrameFolder | None) -> str | None:
    return f"folder_empty: {folder.path} holds no frame" if folder and not folder.numbers else None


def _order(cells: Mapping[str, str], where: str, frames: Mapping[str, int | None], wrong: Sequence[str]) -> str | None:
    unreadable = [
        f"{name} is {cells[name]!r}" for name in frames if name in wrong or (frames[name] is None and name != "apex")
    ]
    if unreadable:
        return f"not_a_number: {where}: {' and '.join(unreadable)}"
    if frames["onset"] > frames["offset"]:
        return f"onset_after_offset: {where}: onset {frames['onset']} is after offset {frames['offset']}"
    return None


def _apex(cell: str, frames: Mapping[str, int | None], folder: FrameFolder | None, repairs: list[str]) -> int:
    onset, apex, offset = (frames[name] for name in ("onset", "apex", "offset"))
    if apex is not None and onset <= apex <= offset:
        return apex
    middle = (onset + offset) // 2
    frame = folder.nearest(middle) if folder else middle
    if not onset <= frame <= offset:
        frame = middle
    near = "" if frame == middle else "the frame nearest to "
    if apex is None:
        repairs.append(f"apex_missing: {_says(cell)}, {near}the middle of onset and offset ({frame}) is used")
    else:
        repairs.append(
            f"apex_out_of_range: the table says {apex}, outside onset {onset} to offset {offset}, "
            f"{near}their middle ({frame}) is used"
        )
    return frame


def _absent(folder: FrameFolder | None, expected: str, wanted: Mapping[str, int]) -> str | None:
    if folder is None:
        return f"folder_missing: there is no folder {expected}"
    absent = [f"{name} {frame}" for name, frame in wanted.items() if not folder.holds(frame)]
    if absent:
        return f"frames_missing: {', '.join(absent)} not in {folder.path}, which holds {folder.span()}"
    return None
