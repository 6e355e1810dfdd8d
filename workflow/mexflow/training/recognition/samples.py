"""Samples: labelled clips of an index joined to the rows of flow arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mexflow.errors import UserError, choose
from mexflow.evaluation.folds import usable
from mexflow.seeds import derive
from mexflow.store.artifacts import Inputs

CHANNELS = ("Vx", "Vy", "M")


@dataclass(frozen=True)
class Samples:
    """Images with their labels and clips.

    `images` float32 (n, c, h, w); `labels` int64 (n,), positions in `classes`; `clips` one mapping a row with
    `dataset`, `subject`, `clip` and `pair`.
    """

    images: np.ndarray
    labels: np.ndarray
    clips: list[dict[str, str]]
    classes: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: np.ndarray) -> Samples:
        """The samples at these positions, or where this mask is true."""
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Samples(self.images[positions], self.labels[positions], [self.clips[i] for i in positions], self.classes)

    @property
    def subjects(self) -> list[str]:
        """Subjects, sorted, each once."""
        return sorted({clip["subject"] for clip in self.clips})


def labelled(rows: Iterable[Mapping[str, Any]], label: str, classes: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of an index that are samples.

    Raises:
        UserError: if a label is none of the paper's classes.
    """
    kept = [dict(row) for row in rows if usable(row, label)]
    for row in kept:
        if row[label] not in classes:
            raise UserError(f"clip {row['clip']} of {row['dataset']}: {label} is {row[label]!r}, not one of {classes}")
    return kept


def permute_within_subject(rows: list[dict[str, Any]], label: str, seed: int) -> list[dict[str, Any]]:
    """The null control: each subject's labels in a random order over that subject's clips."""
    result = []
    for subject in sorted({row["subject"] for row in rows}):
        own = [row for row in rows if row["subject"] == subject]
        order = np.random.default_rng(derive(seed, "permute", subject)).permutation(len(own))
        result += [{**row, label: own[other][label]} for row, other in zip(own, order, strict=True)]
    return result


def load_flow(
    inputs: Inputs,
    arrays: Sequence[Path],
    rows: list[dict[str, Any]],
    label: str,
    classes: Sequence[str],
    pairs: set[str],
    channels: Sequence[str],
) -> tuple[Samples, list[str]]:
    """Join rows of an index to their flow.

    Args:
        arrays: flow arrays float32 (m, 2, h, w), each with its table beside it (same name, ``.parquet``).
        rows: rows of the index, see :func:`labelled`.
        pairs: names of the pairs of frames to use.
        channels: of Vx, Vy, M = sqrt(Vx² + Vy²), in the order the network gets them.

    Returns:
        The samples in the order of (dataset, clip, pair), and a line for each pair that has no flow, saying why.

    Raises:
        UserError: for an unknown channel, or if a table does not fit its array.
    """  # fmt: skip
    for name in channels:
        choose("channel of flow", name, CHANNELS)
    by_clip = {(row["dataset"], row["clip"]): row for row in rows}
    found: list[tuple[tuple[str, str, str], np.ndarray, dict[str, Any]]] = []
    left_out = []
    for path in arrays:
        fields = inputs.array(path)
        table = inputs.table(path.with_suffix(".parquet")).to_pylist()
        if len(table) != len(fields):
            raise UserError(f"{path}: {len(fields)} rows, its table has {len(table)}; delete both and run again")
        for field, entry in zip(fields, table, strict=True):
            row = by_clip.get((entry["dataset"], entry["clip"]))
            if row is None or entry["pair"] not in pairs:
                continue
            if entry["excluded"]:
                left_out.append(f"{entry['dataset']} {entry['clip']} {entry['pair']}: {entry['excluded']}")
                continue
            found.append(((entry["dataset"], entry["clip"], entry["pair"]), field, row))
    found.sort(key=lambda item: item[0])
    images = (
        np.stack([_select(field, channels) for _, field, _ in found]) if found else np.zeros((0, len(channels), 1, 1))
    )
    clips = [{"dataset": key[0], "subject": row["subject"], "clip": key[1], "pair": key[2]} for key, _, row in found]
    labels = np.array([classes.index(row[label]) for _, _, row in found], np.int64)
    return Samples(images.astype(np.float32), labels, clips, list(classes)), sorted(left_out)


def _select(field: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Channels (c, h, w) of one flow field (2, h, w)."""
    parts = {"Vx": field[0], "Vy": field[1]}
    if "M" in channels:
        parts["M"] = np.sqrt(field[0] ** 2 + field[1] ** 2)
    return np.stack([parts[name] for name in channels])
