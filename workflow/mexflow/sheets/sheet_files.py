"""What a contact sheet is made from: the artifacts of a few subjects, told apart by the names of their files."""

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

RESIDUALS = ("ars", "rrs")
"""The residual images that a contact sheet shows."""

PAIR = "onset-apex"
"""The pair of frames whose flow it shows."""


OF_FACES = ("file", "sha256", "choice", "landmarks", "matrix")
"""What it shows of a face beside its image, columns of :data:`mexflow.preprocess.tables.FACES`."""


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
        own = [row for row in rows if row["subject"] == self.subject and row["type"] == kind]
        reasons = []
        for row in own:
            reason = self.why_not(row)
            if reason is None:
                return row, ""
            reasons.append(reason)
        if not own:
            return None, f"no {kind}-expression is annotated"
        several = f" (the first of {len(reasons)})" if len(reasons) > 1 else ""
        return None, f"every {kind}-expression is left out: {reasons[0]}{several}"


def load(
    inputs: Inputs,
    faces: Sequence[Path],
    lcn: Sequence[Path] = (),
    flow: Sequence[Path] = (),
    residuals: Mapping[str, Sequence[Path]] | None = None,
    truth: Sequence[Path] = (),
) -> list[SubjectFiles]:
    """Read the artifacts of the subjects that have aligned faces; arrays stay on disk, memory-mapped.

    Args:
        inputs: reads the files, remembering their digests.
        faces: arrays named ``<subject>.npy``, the table beside each.
        lcn: LCN arrays named likewise; their rows are those of the faces' tables.
        flow: flow arrays, the table beside each.
        residuals: arrays of residual images by kind, the table beside each.
        truth: tables ``<subject>.parquet`` of an embedded dataset's true intensities.

    Raises:
        UserError: if a file cannot be read, does not fit the faces, or is of a subject without faces.
    """
    subjects = _by_subject("--faces", faces, None)
    lcn_of, flow_of, truth_of = (
        _by_subject(option, paths, subjects) for option, paths in (("--lcn", lcn), ("--flow", flow), ("--truth", truth))
    )
    residuals_of = {
        kind: _by_subject(f"--residual {kind}", paths, subjects) for kind, paths in (residuals or {}).items()
    }
    loaded = []
    for subject, path in subjects.items():
        aligned = AlignedFaces(inputs, path, OF_FACES)
        loaded.append(
            SubjectFiles(
                subject,
                aligned,
                _array(inputs, lcn_of[subject], len(aligned)) if subject in lcn_of else None,
                _rows(inputs, flow_of[subject]) if subject in flow_of else None,
                {kind: _rows(inputs, of[subject]) for kind, of in residuals_of.items() if subject in of},
                inputs.table(truth_of[subject]) if subject in truth_of else None,
            )
        )
    return loaded


def _by_subject(option: str, paths: Sequence[Path], known: Collection[str] | None) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in found:
            raise UserError(f"{option} {path}: a second file of subject {path.stem!r}; give one a subject")
        if known is not None and path.stem not in known:
            raise UserError(f"{option} {path}: no --faces of subject {path.stem!r}; give {path.stem}.npy there too")
        found[path.stem] = path
    return found


def _array(inputs: Inputs, path: Path, rows: int) -> np.ndarray:
    array = inputs.array(path)
    if len(array) != rows:
        raise UserError(f"{path}: {len(array)} rows, its table has {rows}; delete it and run again")
    return array


def _rows(inputs: Inputs, path: Path) -> Rows:
    rows = inputs.table(path.with_suffix(".parquet")).to_pylist()
    return Rows(_array(inputs, path, len(rows)), rows)


def counted(words: Collection[str]) -> str:
    """How often each word occurs, in words: ``3 detected, 1 tracked``, or ``none``."""
    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {word}" for word, count in counts) or "none"
