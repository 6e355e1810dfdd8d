"""The datasets on the page: the summary of each index, every repair and exclusion, and a piece of the contact sheet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mexflow.page.pictures import thumbnail
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results

_WIDTH, _HEIGHT = 640, 260


@dataclass(frozen=True)
class ListedData:
    """A dataset or composite: its summary, its changes as (clip, what, why), and its contact sheet where it has one."""

    name: str
    data: str
    summary: str
    clips: int
    excluded: int
    changes: list[tuple[str, str, str]]
    sheet: str = ""
    picture: str = ""


def listed(data: Mapping[str, str], shown: Collection[str], results: Path, inputs: Inputs) -> list[ListedData]:
    """The datasets of the page.

    Args:
        data: the indexes by name, each with which data it is, ``embedded`` or its root.
        shown: those whose pictures may be shown.
        results: the folder with ``index/`` and ``figures/datasets/``.
        inputs: reads these.

    Raises:
        UserError: if an index, its summary or a contact sheet cannot be read.
    """
    return [_of(name, of, name in shown, results, inputs) for name, of in data.items()]


def _of(name: str, data: str, shown: bool, results: Path, inputs: Inputs) -> ListedData:
    path = Results(results).index(name)
    rows = inputs.table(path, ["dataset", "subject", "clip", "repairs", "excluded"]).to_pylist()
    text = inputs.bytes(path.with_suffix(".txt")).decode("utf-8", "replace")
    changes = []
    for row in rows:
        clip = f"{row['subject']} {row['clip']}"
        changes += [(clip, *_parted(repair)) for repair in row["repairs"]]
        if row["excluded"] is not None:
            code, why = _parted(row["excluded"])
            changes.append((clip, f"excluded: {code}", why))
    sheet = results / "figures" / "datasets" / f"{name}.png"
    has_sheet = sheet.is_file()
    picture = thumbnail(sheet, _WIDTH, _HEIGHT, inputs) if has_sheet and shown else ""
    return ListedData(
        name,
        data,
        text,
        len(rows),
        sum(row["excluded"] is not None for row in rows),
        changes,
        sheet.relative_to(results).as_posix() if has_sheet else "",
        picture,
    )


def _parted(text: str) -> tuple[str, str]:
    code, _, why = text.partition(":")
    return code.strip(), why.strip()
