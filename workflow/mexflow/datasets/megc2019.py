"""MEGC2019: CASME II, SAMM and SMIC-HS under three classes, 442 clips of 68 subjects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mexflow.datasets.base import ReadBytes
from mexflow.datasets.composite import combine
from mexflow.datasets.listing import Listing


def read(roots: Mapping[str, Path], read_bytes: ReadBytes = Path.read_bytes) -> Listing:
    """The rows that are negative, positive or surprise; see `composite.combine`.

    Raises:
        UserError: if a root is not given or not usable.
    """
    return combine("megc2019", roots, read_bytes)
