"""The faces of test clips, at onset and apex: one sheet of small pictures a dataset, each face once.

And of each clip, whatever the data, which raw frames it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mexflow.audit.graph import Graph
from mexflow.page.pictures import uri
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results, table_of
from mexflow.tables.exclusions import Key, clip_key

SIDE = 56
"""Pixels of a face's side in the sheet."""
_QUALITY = 50
_COLUMNS = 16


def index_rows(datasets: Iterable[str], results: Path, inputs: Inputs) -> dict[Key, dict[str, Any]]:
    """The rows of the indexes of some raw datasets, by clip.

    Raises:
        UserError: if an index cannot be read.
    """
    tables = (inputs.table(Results(results).index(dataset)) for dataset in sorted(datasets))
    return {clip_key(row): row for table in tables for row in table.to_pylist()}


def described(clips: Iterable[Key], rows: Mapping[Key, Mapping[str, Any]], graph: Graph) -> list[list[Any]]:
    """Of each clip its key, the folder of its raw frames with their numbers, and a place for its face in a sheet."""
    return [[*key, _frames(key, rows.get(key), graph), None] for key in clips]


def _frames(key: Key, row: Mapping[str, Any] | None, graph: Graph) -> str:
    if row is None:
        return ""
    record = graph.records.get(f"faces/{key[0]}/{key[1]}")
    root = record.contents["raw"]["root"] + "/" if record and "raw" in record.contents else ""
    numbers = (f"{name} {row[name]}" for name in ("onset", "apex", "offset") if row[name] is not None)
    return f"{root}{row['path']}, frames: {', '.join(numbers)}"


def sheets(
    clips: list[list[Any]],
    rows: Mapping[Key, Mapping[str, Any]],
    shown: Iterable[str],
    results: Path,
    inputs: Inputs,
) -> list[str]:
    """Sheets of the faces of clips at onset and apex, a row of them after the other.

    Args:
        clips: of :func:`described`; the last place of those that are shown becomes the sheet and the number there of
            the face at onset. That at apex is the next one.
        rows: of :func:`index_rows`.
        shown: the datasets whose faces may be shown.
        results: the folder with ``faces/``.
        inputs: reads the faces.

    Returns:
        The sheets, as addresses that hold them, of `_COLUMNS` faces a row.

    Raises:
        UserError: if faces cannot be read.
    """
    made = []
    for dataset in sorted(shown):
        by_subject: dict[str, list[list[Any]]] = {}
        for clip in clips:
            if clip[0] == dataset and tuple(clip[:3]) in rows:
                by_subject.setdefault(clip[1], []).append(clip)
        faces: list[np.ndarray] = []
        for subject, of_subject in sorted(by_subject.items()):
            array = Results(results).array("faces", dataset, subject)
            table = inputs.table(table_of(array), ["video", "frame"]).to_pylist()
            places = {(row["video"], row["frame"]): number for number, row in enumerate(table)}
            pixels = inputs.rows(array)
            for clip in of_subject:
                row = rows[tuple(clip[:3])]
                both = [places.get((row["video"], row[name])) for name in ("onset", "apex")]
                if None not in both:
                    clip[4] = [len(made), len(faces)]
                    faces += map(_small, pixels[np.array(both)])
        if faces:
            made.append(uri(_tiled(faces), _QUALITY))
    return made


def _small(face: np.ndarray) -> np.ndarray:
    """An aligned face, uint8 (H, W, 1) or (H, W, 3) of red, green, blue, as OpenCV has them: ``(SIDE, SIDE, 3)``."""
    small = cv2.resize(np.ascontiguousarray(face), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_GRAY2BGR if small.ndim == 2 else cv2.COLOR_RGB2BGR)


def _tiled(faces: list[np.ndarray]) -> np.ndarray:
    rows = -(-len(faces) // _COLUMNS)
    sheet = np.zeros((rows * SIDE, _COLUMNS * SIDE, 3), np.uint8)
    for number, face in enumerate(faces):
        top, left = SIDE * (number // _COLUMNS), SIDE * (number % _COLUMNS)
        sheet[top : top + SIDE, left : left + SIDE] = face
    return sheet
