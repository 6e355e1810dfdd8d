"""What every part of a paper's file is: a typed, frozen model that refuses keys it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mexflow.errors import nearest
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


def require_name(what: str, name: str, known: Iterable[str], place: str) -> None:
    """Make sure that a name is among those that are known.

    Raises:
        ValueError: naming the place and the nearest of them.
    """
    if name not in known:
        raise ValueError(f"{place}: no {what} {name!r}{nearest(name, known)}; there are: {', '.join(known)}")


def stated(part: Part) -> dict[str, Any]:
    """The settings that a part states, without those it leaves to the defaults of what it is handed to."""
    return part.model_dump(exclude_none=True)
