"""The methods of intervals over subjects, by name: what tables call them.

:mod:`mexflow.evaluation.uncertainty` has the methods. A new one is an entry here and one there. Imports nothing heavy.
"""

from __future__ import annotations

from typing import Literal

IntervalMethod = Literal["t", "percentile", "bca"]
"""The methods that `intervals` of the configuration may name."""

DEFAULT: IntervalMethod = "t"

LABELS: dict[IntervalMethod, str] = {
    "t": "t over subjects, jackknife",
    "percentile": "percentile bootstrap over subjects",
    "bca": "BCa bootstrap over subjects",
}
"""What each is called where numbers are shown."""


def identity(method: str) -> str:
    """A method as code digests name it."""
    return f"mexflow.evaluation.uncertainty:{method}"
