"""The history of the runs in a folder: ``history.jsonl``, a line a run, only ever added to.

Each line states the sha256 of all lines before it, and ``run.json`` that of all lines up to its own run, so that a line
that was changed or taken out is seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs, append_line, hash_bytes, hash_file

_FAILED = re.compile(r"^Error in rule (\S+?):", re.MULTILINE)


@dataclass
class History:
    """The runs, oldest first; the sha256 of the file up to each of them; and what is wrong with it, if anything is."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    wrong: str | None = None


def add(path: Path, entry: dict[str, Any]) -> str:
    """Add a run; the sha256 of the file with it.

    Raises:
        UserError: if the file cannot be read or written.
    """
    before = Inputs().bytes(path) if path.exists() else b""
    if before and not before.endswith(b"\n"):  # the machine died while a line was written
        append_line(path, "")
        before = Inputs().bytes(path)
    append_line(path, json.dumps({**entry, "previous": hash_bytes(before).sha256}))
    return hash_file(path).sha256


def read(path: Path) -> History:
    """The history; an empty one where there is no file.

    Raises:
        UserError: if the file cannot be read.
    """
    history, before = History(), hashlib.sha256()
    for number, line in enumerate(Inputs().bytes(path).splitlines(keepends=True) if path.exists() else (), 1):
        try:
            entry = json.loads(line)
            history.entries.append(entry)
            if entry["previous"] != before.hexdigest():
                history.wrong = history.wrong or f"line {number} does not follow on the lines before it"
        except (ValueError, KeyError, TypeError):
            history.wrong = history.wrong or f"line {number} is no entry of a run"
        before.update(line)
        history.digests.append(before.hexdigest())
    return history


def failures(log: Path | None) -> list[str]:
    """The rules that failed, a name a failure, by Snakemake's log; none where it cannot be read."""
    if log is None:
        return []
    try:
        return _FAILED.findall(Inputs().bytes(log).decode(errors="replace"))
    except UserError:
        return []
