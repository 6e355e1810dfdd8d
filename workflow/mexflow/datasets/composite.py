"""Composites: rows of several datasets under one labelling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mexflow.datasets import COMPOSITES, read, require_roots
from mexflow.datasets.base import ReadBytes
from mexflow.datasets.listing import Listing
from mexflow.datasets.official import compared


def combine(name: str, roots: Mapping[str, Path], read_bytes: ReadBytes = Path.read_bytes) -> Listing:
    """The members' rows that have a label in the column `name`, with the folders they lie in.

    `dataset` stays the member's name; `subject` becomes ``member/subject``, so that equal numbers never merge.
    Repairs, exclusions and what is not used are kept, and the notes say whether this is the official list.

    Raises:
        UserError: if a member's root is not given, or a member cannot be read.
    """
    require_roots(name, COMPOSITES[name], roots)
    whole = Listing(name, [], [])
    for member in COMPOSITES[name]:
        listing = read(member, roots, read_bytes)
        rows = [row for row in listing.rows if row[name] is not None]
        paths = {row["path"] for row in rows}
        videos = [video for video in listing.videos if video["path"] in paths]
        whole.rows += [{**row, "subject": f"{member}/{row['subject']}"} for row in rows]
        whole.videos += [{**video, "subject": f"{member}/{video['subject']}"} for video in videos]
        whole.annotation_files += listing.annotation_files
        whole.notes.append(f"{member}: {len(rows)} of {len(listing.rows)} rows have a class of {name}")
        whole.notes += [f"{member}: {note}" for note in listing.notes]
        whole.unused += [f"{member}: {line}" for line in listing.doubted() + listing.unused]
    whole.notes[:0] = compared(whole.rows, name)
    return whole
