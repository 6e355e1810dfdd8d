"""What a contact sheet is made from: the artifacts of a few subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mexflow.errors import UserError
from mexflow.preprocess.aligned import AlignedFaces
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results, table_of


@dataclass(frozen=True)
class Folders:
    """Where the artifacts of subjects are: folders below the results, empty for what was not made.

    Attributes:
        lcn: LCN frames; their rows are those of the tables of faces.
        flow: flow, the table beside each array.
        residuals: residual images by kind, the table beside each array.
        truth: true intensities of one embedded dataset, ``<subject>.parquet``: a folder anywhere, or None.
    """

    lcn: str = "lcn"
    flow: str = ""
    residuals: Mapping[str, str] = field(default_factory=dict)
    truth: Path | None = None


OF_FACES = ("file", "sha256", "choice", "landmarks", "matrix")
"""What it shows of a face beside its image, columns of :data:`mexflow.preprocess.table_schemas.FACES`."""


@dataclass(frozen=True)
class Rows:
    """An array and the table beside it: row i of the one is row i of the other."""

    array: np.ndarray
    rows: list[dict[str, Any]]

    def of_clip(self, clip: str, pair: str | None = None) -> tuple[np.ndarray | None, str]:
        """A clip's row of the array, or None and why there is none."""
        for values, row in zip(self.array, self.rows, strict=True):
            if row["clip"] == clip and row.get("pair") == pair:
                return (None, row["excluded"]) if row["excluded"] else (values, "")
        return None, "no row of this clip"


@dataclass
class SubjectFiles:
    """One subject's artifacts; whatever was not made is None or absent. Of the faces :data:`OF_FACES` are read, too."""

    subject: str
    faces: AlignedFaces
    lcn: np.ndarray | None = None
    flow: Rows | None = None
    residuals: Mapping[str, Rows] = field(default_factory=dict)
    truth: pa.Table | None = None

    def why_not(self, row: Mapping[str, Any]) -> str | None:
        """Why an expression of the index cannot be shown, or None."""
        if row["excluded"]:
            return row["excluded"]
        video = self.faces.video(row["video"])
        for name in ("onset", "apex", "offset"):
            if reason := video.why_not([row[name]]):
                return reason if video.excluded else f"{reason}, the {name}"
        return None

    def first_usable(self, rows: Sequence[Mapping[str, Any]], kind: str) -> tuple[Mapping[str, Any] | None, str]:
        """The first expression of a type that can be shown, or None and why there is none.

        Args:
            rows: the index; rows of other subjects are passed over.
            kind: ``micro`` or ``macro``.
        """
        expressions = [row for row in rows if row["subject"] == self.subject and row["type"] == kind]
        reasons = []
        for row in expressions:
            reason = self.why_not(row)
            if reason is None:
                return row, ""
            reasons.append(reason)
        if not expressions:
            return None, f"no {kind}-expression is annotated"
        several = f" (the first of {len(reasons)})" if len(reasons) > 1 else ""
        return None, f"every {kind}-expression is left out: {reasons[0]}{several}"


def load(
    inputs: Inputs, results: Results, dataset: str, subjects: Sequence[str], folders: Folders
) -> list[SubjectFiles]:
    """Read the artifacts of subjects of a dataset; arrays stay on disk, memory-mapped.

    Args:
        inputs: reads the files, remembering their digests.
        results: the folder of the results.
        dataset: name of the raw dataset.
        subjects: the subjects, in the order in which they are shown.
        folders: where the artifacts are beside the aligned faces.

    Raises:
        UserError: if a file cannot be read, or does not fit the faces.
    """
    loaded = []
    for subject in subjects:

        def place(folder: str, subject: str = subject) -> Path:
            return results.array(folder, dataset, subject)

        aligned = AlignedFaces(inputs, place("faces"), OF_FACES)
        loaded.append(
            SubjectFiles(
                subject,
                aligned,
                _array(inputs, place(folders.lcn), len(aligned)) if folders.lcn else None,
                _rows(inputs, place(folders.flow)) if folders.flow else None,
                {kind: _rows(inputs, place(folder)) for kind, folder in folders.residuals.items()},
                inputs.table(folders.truth / f"{subject}.parquet") if folders.truth else None,
            )
        )
    return loaded


def _array(inputs: Inputs, path: Path, rows: int) -> np.ndarray:
    array = inputs.array(path)
    if len(array) != rows:
        raise UserError(f"{path}: {len(array)} rows, its table has {rows}; delete it and run again")
    return array


def _rows(inputs: Inputs, path: Path) -> Rows:
    rows = inputs.table(table_of(path)).to_pylist()
    return Rows(_array(inputs, path, len(rows)), rows)


def counted(words: Collection[str]) -> str:
    """How often each word occurs, in words: ``3 detected, 1 tracked``, or ``none``."""
    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {word}" for word, count in counts) or "none"
