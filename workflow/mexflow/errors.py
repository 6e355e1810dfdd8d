"""Errors a user can mend.

Every mistake a user can make (a missing folder, a damaged frame, a typo in the configuration) is
raised as a :class:`UserError`, whose text is one line that names the file and the remedy. The
command line prints that line and exits with status 1; it never shows a traceback for it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any


class UserError(Exception):
    """A mistake in the input or its surroundings, told in one line: what, where, what to do."""


def lines(texts: Iterable[str]) -> str:
    """Several errors, each once, as the text of one: what shows it puts ``mexflow: error: `` before the first."""
    return "\nmexflow: error: ".join(dict.fromkeys(texts))


class Changed(UserError):
    """An artifact that is not what its job wrote."""

    def __init__(self, path: str, job: str) -> None:
        super().__init__(f"{path}: not the bytes that {job} wrote; delete it and run again")
        self.path = path


def told(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns; a UserError ends the program with its line.

    Snakemake would show it with places in the sources, or with a traceback.

    Raises:
        SystemExit: with that line, in place of the UserError.
    """
    try:
        return function(*arguments)
    except UserError as error:
        raise SystemExit(f"mexflow: error: {error}") from None


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known word nearest to `word`, or an empty text."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {match[0]!r}?)" if match else ""


def choose(kind: str, word: str, known: Iterable[str]) -> str:
    """Return `word` if it is one of `known`.

    Raises:
        UserError: naming the nearest valid `kind` and listing all of them.
    """
    options = sorted(known)
    if word in options:
        return word
    hint = nearest(word, options)
    raise UserError(f"unknown {kind} {word!r}{hint}; one of: {', '.join(options)}")
