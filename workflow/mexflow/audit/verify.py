"""Whether what lies on disk is what the records say, and whether the records fit each other.

Offline, without Snakemake, and each file is read once. What is looked at:

artifact  a file or folder that a record names still has the bytes that were written, or read where no job made it
edge      a job read the very bytes that another one wrote
code      the source of the modules that a job ran is unchanged
lock      so is the list of pinned libraries
raw       a raw frame still has the bytes that were decoded, see the table of aligned faces
record    a record has the bytes that it had when the run ended, see :mod:`mexflow.audit.root`
run       so has ``run.json``, and the history of runs, see :mod:`mexflow.audit.history`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.audit import history, root
from mexflow.audit.graph import Graph, Record
from mexflow.errors import UserError
from mexflow.store import digest
from mexflow.store.artifacts import Digest, Inputs, hash_file, hash_path


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its `kind` (see the module), its `name`, and what is wrong, if anything is."""

    kind: str
    name: str
    wrong: str | None = None

    def __str__(self) -> str:
        return (
            f"{'FAIL' if self.wrong else 'PASS'}  {self.kind:<8}  {self.name}{f': {self.wrong}' if self.wrong else ''}"
        )


def verify(
    graph: Graph,
    paths: Iterable[str],
    lock: Path,
    said_before: dict[str, Any] | None = None,
    raw: bool = False,
    threads: int = 1,
    after: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Look at some artifacts, at the jobs that made them, and at what these read.

    Args:
        graph: of the run.
        paths: the artifacts, e.g. ``graph.ancestors(path)``.
        lock: the list of pinned libraries.
        said_before: ``results/run.json``, as :func:`ended` found it; None where there is none.
        raw: whether raw frames are hashed, too.
        threads: so many files are hashed at a time.
        after: called after each file.
    """
    paths = sorted(set(paths))
    jobs = sorted({graph.maker[path] for path in paths if path in graph.maker})
    yield from _records(graph, jobs, said_before)
    for job in jobs:
        yield from _job(graph, graph.records[job], lock)
    with ThreadPoolExecutor(threads) as pool:  # hashlib lets other threads run meanwhile
        for finding in pool.map(lambda path: _artifact(graph, path), paths):
            after()
            yield finding
        if raw:
            tables = [path for path in paths if _holds_frames(graph, path)]
            for some in pool.map(lambda path: _frames(graph, path), tables):
                yield from some


def ended(folder: Path) -> tuple[dict[str, Any] | None, list[Finding]]:
    """``run.json`` of a folder of results, None where there is none to go by, and whether it and the history hold.

    Raises:
        UserError: if one of them cannot be read.
    """
    past = history.read(folder / "history.jsonl")
    findings = [Finding("run", f"{folder}/history.jsonl", past.wrong)] if past.entries or past.wrong else []
    path = folder / "run.json"
    if not path.is_file():
        finished = any(isinstance(entry, dict) and entry.get("outcome") == "finished" for entry in past.entries)
        return None, [*findings, Finding("run", path.as_posix(), "gone since a run ended")] if finished else findings
    contents = Inputs().json(path)
    wrong = "; ".join(root.contradictions(contents, past)) or None
    usable = (
        isinstance(contents, dict)
        and isinstance(contents.get("records"), dict)
        and isinstance(contents.get("leaves"), dict)
    )
    return contents if usable else None, [*findings, Finding("run", path.as_posix(), wrong)]


def _records(graph: Graph, jobs: list[str], before: dict[str, Any] | None) -> Iterator[Finding]:
    if before is None:
        return
    recorded = before["records"]
    for record in (graph.records[job] for job in jobs):
        wrong = None
        if record.path not in recorded:
            wrong = "not of that run"
        elif recorded[record.path] != record.sha256:
            same = before["leaves"].get(record.job) == root.leaf(record)
            what = "when, where or of which commit it was" if same else "what it says"
            wrong = f"{what} is not as it was when the run ended"
        yield Finding("record", record.path, wrong)
    for path in sorted(recorded.keys() - {record.path for record in graph.records.values()}):
        yield Finding("record", path, "gone since the run ended")


def _job(graph: Graph, record: Record, lock: Path) -> Iterator[Finding]:
    for path, read in record.inputs.items():
        if path in graph.maker:
            written = graph.records[graph.maker[path]].outputs[path]
            wrong = None if written == read else f"{record.job} read other bytes than {graph.maker[path]} wrote"
            yield Finding("edge", f"{path} -> {record.job}", wrong)
    changed = ", ".join(digest.changed(record.contents["code"]["modules"]))
    yield Finding("code", record.job, f"source changed since: {changed}" if changed else None)
    lock_digest = record.contents.get("lock_digest")
    if lock_digest is not None and lock.is_file():
        wrong = None if hash_file(lock).sha256 == lock_digest else f"{lock} is not the one that it ran under"
        yield Finding("lock", record.job, wrong)


def _artifact(graph: Graph, path: str) -> Finding:
    versions = _known(graph, path)
    if len(versions) > 1:
        return Finding("artifact", path, f"read with different bytes by {', '.join(graph.readers[path])}")
    (sha256, size) = versions[0]
    try:
        current = hash_path(Path(path))
    except UserError as error:
        return Finding("artifact", path, str(error).removeprefix(f"{path}: "))
    return Finding("artifact", path, _differs(current, sha256, size))


def _known(graph: Graph, path: str) -> list[tuple[str, int]]:
    """What the maker of an artifact wrote; where no job made it, what its readers read, each once."""
    recorded = [graph.records[graph.maker[path]].outputs[path]] if path in graph.maker else [
        graph.records[job].inputs[path] for job in graph.readers[path]
    ]  # fmt: skip
    return sorted({(artifact["sha256"], artifact["size"]) for artifact in recorded})


def _differs(now: Digest, sha256: str, size: int) -> str | None:
    if now.sha256 == sha256:
        return None
    return f"{now.size} bytes, {size} recorded" if now.size != size else "other bytes than recorded, as many"


def _holds_frames(graph: Graph, path: str) -> bool:
    return path in graph.maker and graph.records[graph.maker[path]].stage == "faces" and path.endswith(".parquet")


def _frames(graph: Graph, path: str) -> list[Finding]:
    """Each raw frame that a table of aligned faces names."""
    raw = Path(graph.records[graph.maker[path]].contents["raw"]["root"])
    try:
        rows = Inputs().table(path, ["file", "sha256", "size"]).to_pylist()
    except UserError as error:
        return [Finding("raw", path, str(error))]
    findings = []
    for row in rows:
        file = raw / row["file"]
        try:
            wrong = _differs(hash_file(file), row["sha256"], row["size"])
        except UserError as error:
            wrong = str(error).removeprefix(f"{file}: ")
        findings.append(Finding("raw", file.as_posix(), wrong))
    return findings
