"""Seeds derived by name, so that no result depends on the order in which jobs run."""

from __future__ import annotations

import hashlib


def derive(base: int, *names: object) -> int:
    """A seed in [0, 2**63) that is a function of the base seed and the names alone."""
    text = "/".join(map(str, (base, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
