"""The graph of a finished run: every record, which job made an artifact, and what that was made from.

Read from ``results/records/`` alone, offline and without Snakemake. Paths are as the records write them: relative to
the folder that the workflow ran in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs
from mexflow.store.records import FORMAT

RECORDS = Path("results/records")
_REMEDY = "delete it and what it names, and run again"


@dataclass(frozen=True)
class Record:
    """A job's record: where it lies, and what it says (see :mod:`mexflow.store.records`)."""

    path: str
    contents: dict[str, Any]
    sha256: str

    @property
    def job(self) -> str:
        """The job's name, e.g. ``train/belaiche2020/vy-3cl/0``."""
        return self.contents["job"]

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """`sha256` and `size` of what it read, by path."""
        return self.contents["inputs"]

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """`sha256` and `size` of what it wrote, by path."""
        return self.contents["outputs"]

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
        ordered = sorted(records, key=lambda record: (record.contents["observed"]["ended"], record.job))
        for record in ordered:
            self.maker.update(dict.fromkeys(record.outputs, record.job))
        current = {*self.maker.values()}
        self.records = {
            record.job: record for record in sorted(ordered, key=lambda record: record.job) if record.job in current
        }
        self.superseded = sorted({record.job for record in ordered} - current)

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """The jobs that read an artifact, by its path."""
        readers: dict[str, list[str]] = {}
        for record in self.records.values():
            for path in record.inputs:
                readers.setdefault(path, []).append(record.job)
        return readers

    @property
    def artifacts(self) -> list[str]:
        """Every path that a record names, made or only read."""
        return sorted({*self.maker, *self.readers})

    def parents(self, path: str) -> list[str]:
        """What the job that made an artifact read; nothing for what no job made.

        Raw frames stand in the table of aligned faces, not in its record; where they were rendered, their folders, and
        with them the jobs that rendered them, count among what was read.
        """
        if path not in self.maker:
            return []
        record = self.records[self.maker[path]]
        return sorted({*record.inputs, *self._rendered(record)})

    def _rendered(self, record: Record) -> list[str]:
        """The folders of rendered raw frames that a job read."""
        if "raw" not in record.contents:
            return []
        rendered = self.records.get(f"embed/{record.contents['dataset']}/{record.contents['subject']}")
        root = f"{record.contents['raw']['root']}/"
        outputs = rendered.outputs if rendered else ()
        return [path for path in outputs if path.startswith(root) and not Path(path).suffix]

    def ancestors(self, *paths: str) -> Iterator[str]:
        """Artifacts and everything they were made from, each once, nearest first."""
        seen, pending = {*paths}, list(dict.fromkeys(paths))
        while pending:
            pending, level = [], pending
            for artifact in level:
                yield artifact
                for parent in self.parents(artifact):
                    if parent not in seen:
                        seen.add(parent)
                        pending.append(parent)


def load(folder: Path = RECORDS, inputs: Inputs | None = None, left_out: Collection[str] = ()) -> Graph:
    """The graph of the records in a folder.

    Args:
        folder: of the records.
        inputs: reads them, where a job's own record is to name them.
        left_out: names of jobs whose records are not read.

    Raises:
        UserError: if there are none, or one cannot be read or lacks what every record has.
    """
    own = {folder / f"{job}.json" for job in left_out}
    paths = sorted(path for path in folder.rglob("*.json") if path not in own) if folder.is_dir() else []
    if not paths:
        raise UserError(f"{folder}: no records; run the workflow first, or call this from the folder it ran in")
    inputs = inputs or Inputs()
    return Graph(_record(path, inputs) for path in paths)


def _record(path: Path, inputs: Inputs) -> Record:
    contents = inputs.json(path)
    if not isinstance(contents, dict):
        raise UserError(f"{path}: no record in it; {_REMEDY}")
    if contents.get("format") != FORMAT:
        raise UserError(
            f"{path}: of format {contents.get('format')}, not {FORMAT}; run the workflow again with this version"
        )
    if absent := _absent(contents):
        raise UserError(f"{path}: no {absent} in it; {_REMEDY}")
    if not path.with_suffix("").as_posix().endswith(f"/{contents['job']}"):
        raise UserError(f"{path}: of another job, {contents['job']}; {_REMEDY}")
    return Record(path.as_posix(), contents, inputs.digests[path.as_posix()].sha256)


def _absent(contents: dict[str, Any]) -> str | None:
    """What every record has and this one has not."""
    parts = {"code": ("digest", "modules"), "observed": ("started", "ended", "host", "machine", "attempt")}
    if "raw" in contents:
        parts |= {"raw": ("root", "files", "bytes", "sha256"), "dataset": (), "subject": ()}
    for name in ("job", "command", "inputs", "outputs", "lock_digest", "versions", *parts):
        if name not in contents:
            return repr(name)
    for name, needed in parts.items():
        for part in needed:
            if not isinstance(contents[name], dict) or part not in contents[name]:
                return f"{name!r} with {part!r}"
    for name in ("inputs", "outputs"):
        described = contents[name].values() if isinstance(contents[name], dict) else [None]
        if not all(isinstance(artifact, dict) and {"sha256", "size"} <= artifact.keys() for artifact in described):
            return f"sha256 and size of each of its {name}"
    return None
