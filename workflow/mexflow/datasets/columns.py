"""The columns of an index, and the labels among them.

A label column is declared once: by the adapter of its dataset (`labels`), or by its composite. What is not declared is
refused, so that no label gets lost on its way. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mexflow.errors import UserError, nearest

BASE = {
    "dataset": "string",
    "subject": "string",
    "video": "string",
    "clip": "string",
    "type": "string",
    "onset": "int64",
    "apex": "int64",
    "offset": "int64",
    "fps": "double",
    "action_units": "string",
    "emotion": "string",
    "path": "string",
    "repairs": "list<string>",
    "excluded": "string",
}
"""The columns that every row of an index has, with their Arrow types; the label columns stand before `path`."""

COMMON = {
    "casme2_5class": "string",
    "objective_class": "int64",
    "megc2018": "string",
    "megc2019": "string",
    "mmew_5class": "string",
}
"""Label columns that every index file has, null where its dataset does not declare them.

They were there before datasets could declare columns of their own; the files of the first datasets keep their bytes.
A new dataset adds nothing here.
"""

OBJECTIVE_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
"""The objective classes 1 to 7 as they are printed."""


@dataclass(frozen=True)
class Label:
    """A label column: its name and its classes, texts or whole numbers; null stands for none of them.

    `printed` has the classes as a summary prints them, where that is not as they are.
    """

    name: str
    classes: tuple[str, ...] | tuple[int, ...]
    printed: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The Arrow type of the column."""
        return "int64" if all(isinstance(value, int) for value in self.classes) else "string"

    def text(self, value: str | int) -> str:
        """A class as a summary prints it."""
        return self.printed[self.classes.index(value)] if self.printed else str(value)


OBJECTIVE_CLASS = Label("objective_class", tuple(range(1, 8)), OBJECTIVE_NUMERALS)
"""The objective classes I to VII, by action units (Davison et al. 2018), for the adapters of tables that have them."""


def check(rows: Iterable[Mapping[str, Any]], labels: Iterable[Label], source: str, declared_in: str) -> None:
    """Make sure that rows have the columns of every index and the declared labels, and no others.

    Args:
        rows: rows of one dataset's index.
        labels: the label columns that are declared for it.
        source: what the rows come from, for messages.
        declared_in: where its label columns are declared, for messages.

    Raises:
        UserError: naming the column, or the clip and its class.
    """
    declared = {label.name: label for label in labels}
    for row in rows:
        if stray := sorted(row.keys() - BASE.keys() - declared.keys()):
            raise UserError(
                f"{source}: it gives the column {stray[0]!r}, which nobody declares{nearest(stray[0], declared)}; "
                f"declare it in {declared_in}"
            )
        if absent := [name for name in (*BASE, *declared) if name not in row]:
            where = f", which {declared_in} declares" if absent[0] in declared else ", which every index has"
            raise UserError(f"{source}: it does not give the column {absent[0]!r}{where}; give it, None for no class")
        for name, label in declared.items():
            value = row[name]
            if value is not None and value not in label.classes:
                raise UserError(
                    f"{source}: clip {row['clip']} has the {name} {value!r}, which nobody declares"
                    f"{nearest(str(value), map(str, label.classes))}; declare the class in {declared_in}"
                )
