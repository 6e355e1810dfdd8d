"""The run root: one digest of what all records of a run say was made from what.

Times, host and attempt stand in the records but outside the root, so that the same run on another machine of the same
kind has the same root. A record whose results are themselves times is outside as well.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mexflow.audit.graph import Graph, Record

TIMES = ("timing",)
"""Stages whose results are measured times: other bits in every run."""


def leaf(record: Record) -> str:
    """Sha256 (hex) of what a record says, but for `observed`."""
    said = {name: value for name, value in record.said.items() if name != "observed"}
    return hashlib.sha256(b"\0" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def leaves(graph: Graph) -> dict[str, str]:
    """The leaf of each record that the root covers, by the job's name, sorted."""
    return {job: leaf(record) for job, record in sorted(graph.records.items()) if record.stage not in TIMES}


def merkle(hashes: list[str]) -> str:
    """The root, sha256 (hex), of a Merkle tree over such hashes in their order; an odd one is carried up."""
    level = [bytes.fromhex(one) for one in hashes]
    if not level:
        return hashlib.sha256().hexdigest()
    while len(level) > 1:
        pairs = [level[start : start + 2] for start in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


def described(graph: Graph) -> dict[str, Any]:
    """What ``results/run.json`` says: the root, and each record's leaf, so that a changed one can be named."""
    own = leaves(graph)
    outside = sorted(job for job, record in graph.records.items() if record.stage in TIMES)
    return {"format": 1, "root": merkle(list(own.values())), "leaves": own, "outside": outside}
