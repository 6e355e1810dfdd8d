"""Make one artifact again, from its recorded command and verified inputs, beside the run and not in it."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.audit import trace
from mexflow.audit.graph import Graph, Record
from mexflow.errors import UserError
from mexflow.store import digest
from mexflow.store.artifacts import Inputs, hash_file, hash_path

_PACKAGE = Path(__file__).resolve().parents[2]
_VALUES = ("published", "measured", "ci_low", "ci_high", "n", "data", "budget", "reading", "note")


@dataclass(frozen=True)
class Outcome:
    """What came of making an artifact again: whether it has the same bytes, else what differs that may explain it."""

    path: str
    same: bool
    differences: list[str]


def reproduce(graph: Graph, path: str, folder: Path) -> Outcome:
    """Make an artifact again in `folder`, which the caller removes.

    Raises:
        UserError: if no job made it, an input is not what the job read, or the command fails.
    """
    if path not in graph.maker:
        raise UserError(f"{path}: no job of this run made it, so there is nothing to make again")
    record = graph.records[graph.maker[path]]
    _require_inputs(record)
    _lay_out(record, folder)
    words = shlex.split(record.contents["command"])
    # Every path of the command that it writes to is relative, its record's too: all of it stays in the folder.
    command = [sys.executable, *words[1:]]
    environment = {**os.environ, "PYTHONPATH": str(_PACKAGE)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"{path}: its command fails now ({last}): {record.contents['command']}")
    same = hash_path(folder / path).sha256 == record.outputs[path]["sha256"]
    return Outcome(path, same, [] if same else _differences(record, folder))


def cell(graph: Graph, traced: trace.Cell) -> str | None:
    """What is wrong with a cell, compared with its table made again from its predictions; None if nothing is."""
    with tempfile.TemporaryDirectory(prefix="mexflow-") as scratch:
        try:
            reproduce(graph, traced.table, Path(scratch))
        except UserError as error:
            return str(error)
        rows = {row["cell"]: row for row in Inputs().table(Path(scratch) / traced.table).to_pylist()}
    again = rows.get(traced.row["cell"])
    if again is None:
        return "made again, the table has no such cell"
    wrong = [
        f"{name} {traced.row[name]!r}, made again {again[name]!r}"
        for name in _VALUES
        if traced.row[name] != again[name]
    ]
    return "; ".join(wrong) or None


def _require_inputs(record: Record) -> None:
    read = {path: recorded["sha256"] for path, recorded in record.inputs.items()}
    for path, sha256 in {**read, **_records_read(record)}.items():
        if hash_file(Path(path)).sha256 != sha256:
            raise UserError(f"{path}: not the bytes that {record.job} read; make it again first, or restore it")


def _records_read(record: Record) -> dict[str, str]:
    """The records that a job was told by, with their sha256: the results page is made from them too."""
    return record.contents.get("records", {})


def _lay_out(record: Record, folder: Path) -> None:
    """Links to what the command reads, at the same relative places, and folders for what it writes."""
    written = {*record.outputs, record.path}
    for path in written:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    named = [word.rpartition("=")[2] for word in shlex.split(record.contents["command"])]
    for path in sorted({*record.inputs, *_records_read(record), *named}, key=len):
        # A recipe may be longer than the name of a file can be; pathlib raises for that.
        if path in written or not os.path.exists(path):
            continue
        source, target = Path(path), folder / path
        if source.is_absolute() or ".." in source.parts or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.absolute())


def _differences(record: Record, folder: Path) -> list[str]:
    """What is other now than it was when the record was written; `folder` holds what was made again."""
    contents: dict[str, Any] = record.contents
    differences = []
    if changed := digest.changed(contents["code"]["modules"]):
        differences.append(f"source changed: {', '.join(changed)}")
    if frames := _changed_frames(record, folder):
        differences.append(f"raw frames changed: {', '.join(frames[:3])}{', …' if len(frames) > 3 else ''}")
    if contents["versions"].get("python") != platform.python_version():
        differences.append(f"Python {platform.python_version()}, was {contents['versions'].get('python')}")
    if contents["observed"]["machine"] != platform.machine():
        differences.append(f"machine {platform.machine()}, was {contents['observed']['machine']}")
    if contents.get("device") not in (None, "cpu"):
        differences.append(f"it ran on {contents['device']}")
    return differences or ["nothing that the record tells: the processor may be of another kind"]


def _changed_frames(record: Record, folder: Path) -> list[str]:
    """Raw frames that have other bytes than the job decoded, by its table of aligned faces, if it wrote one."""
    if record.stage != "faces":
        return []
    (table,) = (path for path in record.outputs if path.endswith(".parquet"))
    try:
        then, now = ({row["file"]: row["sha256"] for row in Inputs().table(place, ["file", "sha256"]).to_pylist()}
                     for place in (Path(table), folder / table))  # fmt: skip
    except UserError:  # the table itself may be what was damaged
        return []
    return [f"{record.contents['raw']['root']}/{file}" for file, sha256 in then.items() if now.get(file) != sha256]
