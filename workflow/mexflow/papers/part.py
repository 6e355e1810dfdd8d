"""What every part of a paper's file is: a typed, frozen model that refuses keys it does not know."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mexflow.errors import UserError
from mexflow.validation import explain

Option = int | float | str | bool


class Part(BaseModel):
    """A part of a paper's file."""

    # Built when it is first used: the Snakefile starts sooner.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def parsed(model: Any, values: Any, place: str) -> Any:
    """`values`, which stand at that place of a file, as `model`.

    Raises:
        ValueError: saying what is wrong with them, and for a key that is unknown the nearest valid one.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ValueError(explain(error, model, place=place)) from None


def document(words: str) -> tuple[str, str]:
    """The text of a JSON document that is given as such, or as the file that holds it, and what errors call it.

    Raises:
        UserError: if it is neither.
    """
    if words.lstrip().startswith("{"):
        return words, "the recipe"
    try:
        with open(words, encoding="utf-8") as file:
            return file.read(), words
    except (OSError, ValueError) as error:
        raise UserError(f"{words}: no recipe and no file with one ({error})") from None


def stated(part: Part) -> dict[str, Any]:
    """The settings that a part states, without those it leaves to the defaults of what it is handed to."""
    return part.model_dump(exclude_none=True)
