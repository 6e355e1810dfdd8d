"""What the networks of a fold started from, in the metadata of its table of predictions, and in words.

A table without it is of networks that were trained from scratch: its bytes are the same as if nobody had asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

Starts = Mapping[str, Mapping[str, str]]
"""By the part of a network: `weights` (their name in the configuration), `file` (its name), `sha256` (hex)."""

SCRATCH = "from scratch"
NOTE = "weights: "
"""How a note begins that says what networks started from."""

_KEY = b"weights"
_SHORT = 12  # digits of a sha256


def with_starts(schema: pa.Schema, starts: Starts) -> pa.Schema:
    """The schema with what the networks started from in its metadata; unchanged where that is nothing."""
    if not starts:
        return schema
    text = json.dumps({part: dict(of) for part, of in starts.items()}, sort_keys=True, ensure_ascii=False)
    return schema.with_metadata({_KEY: text.encode()})


def starts_of(table: pa.Table) -> dict[str, dict[str, str]]:
    """What the networks that made a table started from; empty where from scratch."""
    return json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))


def in_words(parts: Sequence[str], starts: Starts) -> str:
    """What a network started from: ``from scratch``, or the file's name and the start of its sha256.

    Args:
        parts: of the network, those that can start from weights of a file; of several, each is named.
        starts: what they started from.
    """
    if not starts:
        return SCRATCH
    texts = []
    for part in parts:
        of = starts.get(part)
        text = f"{of['file']} (sha256 {of['sha256'][:_SHORT]})" if of else SCRATCH
        texts.append(f"{part} {text}" if len(parts) > 1 else text)
    return ", ".join(texts)


def noted(notes: Iterable[str]) -> list[str]:
    """Of the notes on numbers, what networks started from, each once."""
    return list(dict.fromkeys(note.removeprefix(NOTE) for note in notes if note.startswith(NOTE)))
