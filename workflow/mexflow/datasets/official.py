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


LISTS = {
    "megc2018": OfficialList(
        "f7819dde69eb78dd92e007b880c8bce7ed4abf0e3150eb4da52a725cb5c4fb2a",
        "fb8baa9811b6274deeb99c0d30da67e4688341ec8a09704cdc08272bbe8a848e",
        {
            "casme2": Member(
                "be0f67fd542f4056576d8278b27db95542d263bb913ae1a7fd1349d47f1d8354",
                26,
                {"happiness": 25, "surprise": 15, "anger": 99, "disgust": 26, "sadness": 20},
            ),
            "samm": Member(
                "a0762a4e2e937fe90fd5b651e890bfca55f7de0f420f982efb72677e324f829e",
                21,
                {"happiness": 24, "surprise": 13, "anger": 20, "disgust": 8, "sadness": 3},
            ),
        },
    ),
    "megc2019": OfficialList(
        "1df541773a27315ab8e5497ef847c37f9908bacb1ad92755f0caf8c0eacb26c4",
        "4b7ab9c107b28243d89c4f11621f200fc30d2047179fb7d61679bcbe68129822",
        {
            "casme2": Member(
                "30a20f0b63159d72a12a640d8c1f22675206bcedec0fa10f06e40981a3ccf4ae",
                24,
                {"negative": 88, "positive": 32, "surprise": 25},
            ),
            "samm": Member(
                "c50dc22e17ed06d58d292167496e80bfef4b2c8d6ca7ead10289c33fc8585540",
                28,
                {"negative": 92, "positive": 26, "surprise": 15},
            ),
            "smic": Member(
                "3bcb761270776733c718f95cc8cdd6234e05ca9897e20758ead9d99c539226bd",
                16,
                {"negative": 70, "positive": 51, "surprise": 43},
            ),
        },
    ),
}


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


def compared(rows: Sequence[Mapping[str, Any]], composite: str) -> list[str]:
    """Notes on whether a composite's rows are the official list, and what differs.

    Args:
        rows: all rows of the composite's index.
        composite: its name, one of `LISTS`.
    """
    official, own = LISTS[composite], lines(rows, composite)
    found = digest(own)
    if found == official.digest:
        return [f"equals the official list of {official.clips} clips (sha256 {found})"]
    if lower_digest(own) == official.lower:
        return [f"equals the official list of {official.clips} clips but for the case of names (sha256 {found})"]
    notes = [f"differs from the official list: {len(own)} clips, {official.clips} there (sha256 {found})"]
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
