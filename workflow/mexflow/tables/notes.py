"""The remarks on a table's numbers as numbered notes below it, each once; numbers in the table lead to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mexflow.tables.markdown import escape

Place = tuple[str, ...]
"""Where a number stands: its row, its column, and what else tells it from others there."""

_FOLD_AWAY = 12
_DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_RAISED = str.maketrans("0123456789", _DIGITS)


@dataclass(frozen=True)
class Notes:
    """What is to be said of a table's numbers.

    Attributes:
        general: what holds for all numbers that were measured.
        numbered: the notes from 1 on, each some remarks that hold for the same numbers.
        of_places: the notes on single numbers.
        of_rows: the notes on whole rows.
        of_columns: the notes on whole columns.
    """

    general: tuple[str, ...] = ()
    numbered: tuple[tuple[str, ...], ...] = ()
    of_places: Mapping[Place, Sequence[int]] = field(default_factory=dict)
    of_rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    of_columns: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def at(self, place: Place) -> str:
        """The raised numbers of a place's notes, ``¹,³``; empty where it has none."""
        return raised(self.of_places.get(place, ()))

    def on(self, row: str) -> str:
        """The raised numbers of the notes on all of a row."""
        return raised(self.of_rows.get(row, ()))

    def row(self, name: str) -> str:
        """The name of a row, with the numbers of the notes on all of it."""
        return marked(escape(name), self.on(name))

    def column(self, name: str) -> str:
        """The name of a column, with the numbers of the notes on all of it."""
        return marked(escape(name), raised(self.of_columns.get(name, ())))

    def below(self, subject: str = "For all measured numbers") -> list[str]:
        """The lines below the table; many notes are folded away."""
        parts = [f"{subject}: {escape('; '.join(self.general))}."] if self.general else []
        if self.numbered:
            lines = [f"{number}. {escape('; '.join(texts))}" for number, texts in enumerate(self.numbered, start=1)]
            folded = len(lines) > _FOLD_AWAY
            notes = ["\n".join(lines)]
            parts += [f"<details><summary>{len(lines)} notes</summary>", *notes, "</details>"] if folded else notes
        return parts


def raised(numbers: Sequence[int]) -> str:
    """``¹,³`` for 1 and 3."""
    return ",".join(str(number).translate(_RAISED) for number in numbers)


def marked(text: str, mark: str) -> str:
    """A text with a mark behind it, apart from a raised number that ends the text."""
    return f"{text} {mark}" if mark and text[-1:] in _DIGITS else f"{text}{mark}"


def number(remarks: Mapping[Place, Sequence[str]], measured: Collection[Place], by_column: bool = False) -> Notes:
    """The notes of a table.

    Args:
        remarks: those of each place, all places in the order of reading.
        measured: the places that hold numbers of ours. What holds for all of them needs no number.
        by_column: whether what holds for a whole column is said at its head.
    """
    holders: dict[str, list[Place]] = {}
    for place, texts in remarks.items():
        for text in dict.fromkeys(texts):
            holders.setdefault(text, []).append(place)
    groups: dict[tuple[Place, ...], list[str]] = {}
    general = []
    for text, places in holders.items():
        if measured and set(places) == set(measured):
            general.append(text)
        else:
            groups.setdefault(tuple(places), []).append(text)
    of_places: dict[Place, list[int]] = {}
    of_rows: dict[str, list[int]] = {}
    of_columns: dict[str, list[int]] = {}
    order = {place: count for count, place in enumerate(remarks)}
    noted = sorted(groups, key=lambda places: order[places[0]])
    for count, places in enumerate(noted, start=1):
        rest = list(places)
        for axis, of_whole in ((0, of_rows), (1, of_columns))[: 2 if by_column else 1]:
            for name in dict.fromkeys(place[axis] for place in rest):
                line = [place for place in remarks if place[axis] == name]
                if _is_whole(places, line, measured):
                    of_whole.setdefault(name, []).append(count)
                    rest = [place for place in rest if place[axis] != name]
        for place in rest:
            of_places.setdefault(place, []).append(count)
    return Notes(tuple(general), tuple(tuple(groups[places]) for places in noted), of_places, of_rows, of_columns)


def _is_whole(held: Collection[Place], line: Sequence[Place], measured: Collection[Place]) -> bool:
    """Whether what holds for some places does for a row's, or column's, measured ones, or where none is, for all."""
    ours = [place for place in line if place in measured]
    return set(ours) <= set(held) and len(ours) > 1 if ours else set(line) <= set(held)
