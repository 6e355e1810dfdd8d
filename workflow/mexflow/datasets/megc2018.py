"""MEGC2018: CASME II and SAMM under the objective classes I to V, 253 clips of 47 subjects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mexflow.datasets import COMPOSITES, casme2, require_roots
from mexflow.datasets.base import ReadBytes
from mexflow.datasets.composite import combine
from mexflow.datasets.listing import Listing
from mexflow.datasets.spreadsheet import unreadable_formats
from mexflow.errors import UserError


def read(roots: Mapping[str, Path], read_bytes: ReadBytes = Path.read_bytes) -> Listing:
    """The rows of CASME II and SAMM that have an objective class from I to V; see `composite.combine`.

    Raises:
        UserError: if a root is not given or not usable, or CASME II comes without its objective classes.
    """
    require_roots("megc2018", COMPOSITES["megc2018"], roots)
    root = roots["casme2"]
    casme2.ADAPTER.check_root(root)
    casme2.ADAPTER.coding_file(root)
    if casme2.objective_file(root) is None:
        other = unreadable_formats(root, re.escape(casme2.OBJECTIVE_FILE))
        raise UserError(
            f"{root}: MEGC2018 needs {casme2.OBJECTIVE_FILE}, {casme2.OBJECTIVE_RELEASE} for each clip of CASME II; "
            f"put it there, beside the coding file (it cannot be derived from the action units, and the column in "
            f"the coding file of 2019 is another assignment){other and f'; {other}'}"
        )
    return combine("megc2018", roots, read_bytes)
