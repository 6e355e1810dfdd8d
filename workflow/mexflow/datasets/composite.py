"""Composites: rows of several datasets under one labelling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.datasets.columns import Label
from mexflow.datasets.listing import Listing
from mexflow.datasets.official import OfficialList, compared


@dataclass(frozen=True)
class Composite(ABC):
    """Some rows of several raw datasets, its `members`, under classes of its own.

    Each member's index has the column of its name as well: an adapter names the `composites` that its dataset is part
    of. `official` is the list of the challenge.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    official: OfficialList

    @property
    def members(self) -> tuple[str, ...]:
        """The raw datasets that it is made of."""
        return tuple(self.official.members)

    @property
    def column(self) -> Label:
        """Its label column, which has its name."""
        return Label(self.name, self.classes)

    @abstractmethod
    def label(self, row: Mapping[str, Any]) -> str | None:
        """The class of a row of a member's index; None if it is no part of the composite."""

    def left_out(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Notes on rows of a member's index that are no part of it, though their class is one of it."""
        return []

    def check_roots(self, roots: Mapping[str, Path]) -> None:
        """Check, before anything is read, that the members' folders hold what the composite needs; not so by default.

        Raises:
            UserError: if one does not, with what is missing.
        """
        return

    def add_labels(self, listing: Listing) -> None:
        """Give a member's rows the composite's column."""
        for row in listing.rows:
            row[self.name] = self.label(row)
        listing.labels = (*listing.labels, self.column)
        listing.notes += self.left_out(listing.rows)

    def combined(self, members: Mapping[str, Listing]) -> Listing:
        """The members' rows that have a class of it, with the folders they lie in.

        `dataset` stays the member's name; `subject` becomes ``member/subject``, so that equal numbers never merge.
        Repairs, exclusions and what is not used are kept, and the notes say whether this is the official list.
        """
        labels = tuple({label.name: label for listing in members.values() for label in listing.labels}.values())
        nothing = dict.fromkeys(label.name for label in labels)
        whole = Listing(self.name, [], [], labels=labels)
        for member, listing in members.items():
            rows = [row for row in listing.rows if row[self.name] is not None]
            paths = {row["path"] for row in rows}
            videos = [video for video in listing.videos if video["path"] in paths]
            whole.rows += [{**nothing, **row, "subject": f"{member}/{row['subject']}"} for row in rows]
            whole.videos += [{**video, "subject": f"{member}/{video['subject']}"} for video in videos]
            whole.annotation_files += listing.annotation_files
            whole.notes.append(f"{member}: {len(rows)} of {len(listing.rows)} rows have a class of {self.name}")
            whole.notes += [f"{member}: {note}" for note in listing.notes]
            whole.unused += [f"{member}: {line}" for line in listing.doubted() + listing.unused]
        whole.notes[:0] = compared(whole.rows, self.name, self.official)
        return whole
