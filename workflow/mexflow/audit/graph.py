"""The graph of a finished run: every record, which job made an artifact, and what that was made from.

Read from ``results/records/`` alone, offline and without Snakemake. Paths are as the records write them: relative to
the folder that the workflow ran in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mexflow.artifacts import Inputs
from mexflow.errors import UserError
from mexflow.records import FORMAT

RECORDS = Path("results/records")


@dataclass(frozen=True)
class Record:
    """A job's record: where it lies, and what it says (see :mod:`mexflow.records`)."""

    path: str
    said: dict[str, Any]
    sha256: str

    @property
    def job(self) -> str:
        """The job's name, e.g. ``train/belaiche2020/vy-3cl/0``."""
        return self.said["job"]

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """`sha256` and `size` of what it read, by path."""
        return self.said["inputs"]

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """`sha256` and `size` of what it wrote, by path."""
        return self.said["outputs"]

    @property
    def stage(self) -> str:
        """The first part of the job's name: which command it was."""
        return self.job.partition("/")[0]


class Graph:
    """All records of a run.

    Attributes:
        records: by the job's name, sorted.
        maker: the job that made an artifact, by the artifact's path: the last one that did.
        superseded: jobs of another configuration, all of whose artifacts have been made again by other jobs.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.maker: dict[str, str] = {}
        known = sorted(records, key=lambda record: (record.said["observed"]["ended"], record.job))
        for record in known:
            self.maker.update(dict.fromkeys(record.outputs, record.job))
        current = {*self.maker.values()}
        self.records = {one.job: one for one in sorted(known, key=lambda one: one.job) if one.job in current}
        self.superseded = sorted({record.job for record in known} - current)

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """The jobs that read an artifact, by its path."""
        found: dict[str, list[str]] = {}
        for record in self.records.values():
            for path in record.inputs:
                found.setdefault(path, []).append(record.job)
        return found

    @property
    def artifacts(self) -> list[str]:
        """Every path that a record names, made or only read."""
        return sorted({*self.maker, *self.readers})

    def parents(self, path: str) -> list[str]:
        """What the job that made an artifact read; nothing for what no job made."""
        return sorted(self.records[self.maker[path]].inputs) if path in self.maker else []

    def ancestors(self, path: str) -> Iterator[str]:
        """An artifact and everything it was made from, each once, nearest first."""
        seen, pending = {path}, [path]
        while pending:
            pending, level = [], pending
            for one in level:
                yield one
                for parent in self.parents(one):
                    if parent not in seen:
                        seen.add(parent)
                        pending.append(parent)


def load(folder: Path = RECORDS) -> Graph:
    """The graph of the records in a folder.

    Raises:
        UserError: if there are none, or one cannot be read or lacks what every record has.
    """
    paths = sorted(folder.rglob("*.json")) if folder.is_dir() else []
    if not paths:
        raise UserError(f"{folder}: no records; run the workflow first, or call this from the folder it ran in")
    return Graph(_record(path) for path in paths)


def _record(path: Path) -> Record:
    inputs = Inputs()
    said = inputs.json(path)
    if isinstance(said, dict) and said.get("format") != FORMAT:
        raise UserError(
            f"{path}: of format {said.get('format')}, not {FORMAT}; run the workflow again with this version"
        )
    needed = ("format", "job", "command", "inputs", "outputs", "code", "observed")
    if not isinstance(said, dict) or (absent := [name for name in needed if name not in said]):
        what = f"no {absent[0]!r}" if isinstance(said, dict) else "no record"
        raise UserError(f"{path}: {what} in it; delete it and what it names, and run again")
    return Record(path.as_posix(), said, inputs.digests[path.as_posix()].sha256)
