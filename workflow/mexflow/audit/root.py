"""The run root: one digest of what all records of a run say was made from what.

Times, host and attempt stand in the records but outside the root, so that the same run on another machine of the same
kind has the same root; so does the git commit, since the digest of the code that ran stands in it. A record whose
results are themselves times, or show some, is outside as well. The bytes of every record are kept beside the root, not
in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from mexflow.audit.graph import Graph, Record
from mexflow.audit.history import History
from mexflow.store.records import canonical_digest

FORMAT = 2
TIMES = ("timing", "page")
"""Stages whose results are measured times, or show when jobs ran and how long: other bits in every run."""
_OF_GIT = ("git_commit", "git_dirty")


def leaf(record: Record) -> str:
    """Sha256 (hex) of what a record says, but for `observed` and the git commit."""
    contents = {name: value for name, value in record.contents.items() if name != "observed"}
    contents["code"] = {name: value for name, value in contents["code"].items() if name not in _OF_GIT}
    return hashlib.sha256(b"\0" + json.dumps(contents, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def leaves(graph: Graph) -> dict[str, str]:
    """The leaf of each record that the root covers, by the job's name, sorted."""
    return {job: leaf(record) for job, record in sorted(graph.records.items()) if record.stage not in TIMES}


def merkle(hashes: list[str]) -> str:
    """The root, sha256 (hex), of a Merkle tree over such hashes in their order; an odd one is carried up."""
    level = [bytes.fromhex(sha256) for sha256 in hashes]
    if not level:
        return hashlib.sha256().hexdigest()
    while len(level) > 1:
        pairs = [level[start : start + 2] for start in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


def described(graph: Graph, history: str) -> dict[str, Any]:
    """What ``results/run.json`` says: the root, each record's leaf, and the sha256 of each record's bytes.

    Args:
        graph: of the run.
        history: sha256 of the history of runs, this one's line included.
    """
    leaf_by_job = leaves(graph)
    contents = {
        "format": FORMAT,
        "root": merkle(list(leaf_by_job.values())),
        "leaves": leaf_by_job,
        "outside": sorted(job for job, record in graph.records.items() if record.stage in TIMES),
        "records": {record.path: record.sha256 for record in graph.records.values()},
        "history": history,
    }
    return {**contents, "sha256": canonical_digest(contents).sha256}


def contradictions(content: Any, history: History) -> Iterator[str]:
    """What is wrong with ``run.json`` in itself, and with what the history of runs says of it; nothing, as a rule."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        yield f"not of format {FORMAT}; run the workflow again with this version"
        return
    hashed = {name: value for name, value in content.items() if name != "sha256"}
    if canonical_digest(hashed).sha256 != content.get("sha256"):
        yield "does not have its own sha256"
        return
    if merkle(list(content["leaves"].values())) != content["root"]:
        yield "its root is not that of its leaves"
    if content["history"] not in history.digests:
        yield "the history of runs is not what it was when the run ended"
    ended = [entry for entry in history.entries if isinstance(entry, dict) and entry.get("outcome") == "finished"]
    if not ended or ended[-1].get("root") != content["root"]:
        yield "its root is not that of the last finished run in the history"
