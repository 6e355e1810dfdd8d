"""What the workflow enumerates its jobs from: the rows of an index, before the index is made.

For an embedded dataset they follow from its plan. For a licensed copy they are listed once, in a process of its
own, and kept beside the indexes until a folder or an annotation file of the copy changes, or the code that lists
them. The Snakefile itself imports nothing for this but the standard library.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.commands import code_digest
from mexflow.config import Config
from mexflow.datasets import reading
from mexflow.datasets.registry import COMPOSITES, DATASETS
from mexflow.datasets.stamp import stamp
from mexflow.errors import UserError


@dataclass(frozen=True)
class Enumerated:
    """A raw dataset as the workflow sees it.

    `rows` have at least the index columns `dataset`, `subject`, `clip`, `excluded` and the labels; `subjects` are
    those with frames on disk, annotated or not; `annotations` are the annotation files, and `version` changes when
    a licensed copy changes (empty for embedded data).
    """

    rows: list[dict[str, Any]]
    subjects: list[str]
    annotations: list[str]
    version: str


def enumerate_dataset(config: Config, dataset: str, results: Path) -> Enumerated:
    """Enumerate a raw dataset.

    Raises:
        UserError: if a licensed copy cannot be listed, or a layout and the adapter disagree about labels.
    """
    root = config.root(reading.adapter(dataset).name)
    if root != "embedded":
        return _licensed(dataset, Path(root), results / "index" / f".{dataset}.listing.json")
    from mexflow import embedded

    plan = embedded.plan(dataset, config.embedded.size, config.embedded.seed)
    rows = plan.expected_rows()
    reading.check_labels(dataset, rows, *embedded.modules(dataset))
    annotations = [f"{results.as_posix()}/embedded/{dataset}/{name}" for name in embedded.annotation_files(dataset)]
    return Enumerated(rows, list(plan.subjects), annotations, "")


def known_indexes() -> list[str]:
    """The names of all indexes: of the raw datasets and the composites."""
    return [*DATASETS, *COMPOSITES]


def rows_of(index: str, enumerated: dict[str, Enumerated]) -> list[dict[str, Any]]:
    """The rows of an index; in a composite, labelled rows only, with `subject` as ``dataset/subject``."""
    if index not in COMPOSITES:
        return enumerated[index].rows
    return [
        {**row, "subject": f"{row['dataset']}/{row['subject']}"}
        for member in reading.members(index)
        for row in enumerated[member].rows
        if row[index] is not None
    ]


def _licensed(dataset: str, root: Path, cache: Path) -> Enumerated:
    code = code_digest("listing", *reading.modules(dataset))
    try:
        listing = json.loads(cache.read_bytes())
        same = listing["root"] == str(root) and listing["code"] == code
        fresh = same and listing["stamp"] == stamp(root, listing["places"])
    except (OSError, ValueError, KeyError, TypeError):
        fresh = False
    if not fresh:
        command = [sys.executable, "-m", "mexflow", "listing", "--dataset", dataset, "--root", str(root)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        result = subprocess.run([*command, "--output", str(cache)], capture_output=True, text=True, env=environment)
        if result.returncode:
            lines = result.stderr.strip().splitlines() or [f"listing {root} failed"]
            raise UserError(lines[-1].removeprefix("mexflow: error: "))
        listing = json.loads(cache.read_bytes())
    return Enumerated(listing["rows"], listing["subjects"], listing["annotations"], listing["version"])


def spread(every: list[str], wanted: int) -> list[str]:
    """So many of a list, evenly spread over it; all where there are not more."""
    if wanted >= len(every):
        return every
    return [every[(2 * i + 1) * len(every) // (2 * wanted)] for i in range(wanted)]
