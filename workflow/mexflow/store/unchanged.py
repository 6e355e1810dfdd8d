"""Whether an artifact that a job reads is what the job that made it wrote, by that job's record.

Found by names alone, without reading all records: ``results/STAGE/REST.npy`` and its table are in the record
``results/records/STAGE/REST.json``, and those of a fold, or of a network for use, in one of the few of its experiment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mexflow.errors import Changed
from mexflow.store.artifacts import Digest

_RESULTS = "results"


def check(path: str, found: Digest) -> None:
    """Compare what was read with what was written; what no record names is not compared.

    Args:
        path: the artifact, as the records write it.
        found: the digest of what was read.

    Raises:
        Changed: if the bytes are others.
    """
    if Path(path).parts[:1] != (_RESULTS,):
        return
    # A file may be named by the records of two configurations: the job that ended last wrote what lies there.
    candidates = [
        (contents["observed"]["ended"], contents["job"], contents["outputs"][path]) for contents in _records(path)
    ]
    if candidates:
        _, job, stated = max(candidates, key=lambda one: one[0])
        if stated["sha256"] != found.sha256:
            raise Changed(path, job)


def _records(path: str) -> Iterator[dict]:
    for record in _places(path):
        contents = _load(record)
        if path in contents.get("outputs", ()):
            yield contents


def _places(path: str) -> list[Path]:
    stage, *rest = Path(path).parts[1:]
    records = Path(_RESULTS) / "records"
    if stage in ("folds", "models"):
        return _of_experiment(*rest[:2])
    name = rest[-1].split(".")[0] if rest else ""
    return [records.joinpath(stage, *rest[:-1], f"{name}.json")]


@cache
def _of_experiment(paper: str, experiment: str) -> list[Path]:
    return sorted((Path(_RESULTS) / "records").glob(f"*/{paper}/{experiment}/**/*.json"))


@cache
def _load(record: Path) -> dict:
    """A record; nothing where there is none, or where it cannot be read: an audit finds that, reading goes on."""
    try:
        contents = json.loads(record.read_bytes())
        return contents if contents["observed"]["ended"] and contents["job"] else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
