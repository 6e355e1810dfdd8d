"""The composites against the official lists of the challenges, by digest: the lists themselves are not ours to ship.

A list in its canonical form is a line a clip, ``dataset/subject/clip/label`` (``casme2/01/sub01_EP02_01f/positive``),
sorted by code point, each line ended by a line feed, as UTF-8.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Member:
    """What an official list has of a raw dataset: the digest of its lines, its subjects, its clips by class."""

    digest: str
    subjects: int
    classes: Mapping[str, int]

    @property
    def clips(self) -> int:
        return sum(self.classes.values())


@dataclass(frozen=True)
class OfficialList:
    """An official list: its digest, that of its lines in lower case, and its members."""

    digest: str
    lower: str
    members: Mapping[str, Member]

    @property
    def clips(self) -> int:
        return sum(member.clips for member in self.members.values())


def lines(rows: Iterable[Mapping[str, Any]], composite: str) -> list[str]:
    """The lines of a composite's index in the canonical form; excluded rows count too.

    Args:
        rows: rows of the composite's index, whose `subject` is ``dataset/subject``; one without its label is none.
        composite: the column of the label.
    """
    return sorted(f"{row['subject']}/{row['clip']}/{row[composite]}" for row in rows if row[composite] is not None)


def digest(texts: Sequence[str]) -> str:
    """Sha256 (hex) of sorted lines."""
    return hashlib.sha256("".join(f"{line}\n" for line in texts).encode()).hexdigest()


def lower_digest(texts: Sequence[str]) -> str:
    """Sha256 (hex) of the lines in lower case, sorted anew: copies differ in case."""
    return digest(sorted(line.lower() for line in texts))


def compared(rows: Sequence[Mapping[str, Any]], composite: str, official: OfficialList) -> list[str]:
    """Notes on whether a composite's rows are the official list, and what differs.

    Args:
        rows: all rows of the composite's index.
        composite: its name, which is its label column's.
        official: the list.
    """
    here = lines(rows, composite)
    sha256 = digest(here)
    if sha256 == official.digest:
        return [f"equals the official list of {official.clips} clips (sha256 {sha256})"]
    if lower_digest(here) == official.lower:
        return [f"equals the official list of {official.clips} clips but for the case of names (sha256 {sha256})"]
    notes = [f"differs from the official list: {len(here)} clips, {official.clips} there (sha256 {sha256})"]
    for name, member in official.members.items():
        some = [row for row in rows if row["dataset"] == name and row[composite] is not None]
        if digest(lines(some, composite)) != member.digest:
            notes.append(f"differs from the official list in {name}: {_difference(some, composite, member)}")
    return notes


def _difference(rows: Sequence[Mapping[str, Any]], composite: str, member: Member) -> str:
    counts = Counter(row[composite] for row in rows)
    subjects = len({row["subject"] for row in rows})
    parts = [
        f"{counts[label]} {label}, {wanted} there"
        for label, wanted in {**member.classes, **{label: 0 for label in counts if label not in member.classes}}.items()
        if counts[label] != wanted
    ]
    if subjects != member.subjects:
        parts.append(f"{subjects} subjects, {member.subjects} there")
    return "; ".join(parts) if parts else "as many clips of each class, but other names, or labels exchanged"
