"""Documents that a command takes as an option: JSON on its line, or a file that holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from mexflow.errors import UserError
from mexflow.papers.part import Part
from mexflow.validation import explain

Read = TypeVar("Read")


class Document(Part):
    """A document that a command takes as an option."""

    def text(self) -> str:
        """It as JSON, on one line, without what is as it is by default."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def read(cls, words: str) -> Self:
        """The document of this kind that `words` are, or that the file of that name holds; see :func:`read`."""
        return read(words, cls, cls.model_validate)


def read(words: str, model: Any, validate: Callable[[Any], Read]) -> Read:
    """What a JSON document, or a file that holds one, says.

    Args:
        words: the document, or the path of the file.
        model: what it is of: a model, or a union of models.
        validate: makes it of the document's values.

    Raises:
        UserError: if it is neither, or a key is given twice or wrong; the nearest valid one is suggested.
    """
    words, place = _given(words)
    try:
        values = json.loads(words, object_pairs_hook=_once)
    except ValueError as error:
        raise UserError(f"{place}: not readable JSON ({error})") from None
    try:
        return validate(values)
    except ValidationError as error:
        raise UserError(f"{place}: {explain(error, model)}") from None


def _given(words: str) -> tuple[str, str]:
    """The text of the document, and what errors call it."""
    if words.lstrip().startswith("{"):
        return words, "the recipe"
    try:
        with open(words, encoding="utf-8") as file:
            return file.read(), words
    except (OSError, ValueError) as error:
        raise UserError(f"{words}: no recipe and no file with one ({error})") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
    return values
