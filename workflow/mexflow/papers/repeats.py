"""Repeats: an experiment that is trained again, from other seeds.

Each repeat is an experiment of its own for all that trains, records and audits, with a name, folds and records of its
own: the second of ``vy-3cl`` is ``vy-3cl-repeat-2``. Seeds follow from names, so it has other seeds. The first is the
experiment itself, and depends in nothing on how many there are. Imports nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 99
_NAME = re.compile(r"(?P<first>.+)-repeat-(?P<number>[2-9]|[1-9][0-9])")


def named(experiment: str, number: int) -> str:
    """The name of a repeat, counted from 1."""
    return experiment if number == 1 else f"{experiment}-repeat-{number}"


def first_of(name: str) -> str:
    """The experiment that this is a repeat of; its own name if it is the first."""
    found = _NAME.fullmatch(name)
    return found["first"] if found else name


def number_of(name: str) -> int:
    """Which repeat it is, from 1."""
    found = _NAME.fullmatch(name)
    return int(found["number"]) if found else 1


def among(names: Iterable[str], experiment: str) -> list[str]:
    """The repeats of an experiment among some names, the first before the others; of a repeat, itself alone."""
    same = [name for name in names if name == experiment or first_of(name) == experiment]
    return sorted(same, key=number_of)
