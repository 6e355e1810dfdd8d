"""Options that several commands share, and the making of a command."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mexflow import registries
from mexflow.errors import Changed, UserError
from mexflow.papers.interval_methods import IntervalMethod
from mexflow.store.records import MADE_AGAIN

Record = Annotated[
    Path | None, typer.Option(help="Where to write the job's provenance record.", dir_okay=False, show_default=False)
]

AlignedFacesPath = Annotated[Path, typer.Option(help="Aligned faces of the subject; their table is beside them.")]

PaperFile = Annotated[Path, typer.Option(help="The paper's file.")]
Budget = Annotated[str, typer.Option(help="demo, learning or paper, as the networks were trained.")]
Reading = Annotated[str, typer.Option(help="decided or literal, as the paper was read.")]
Data = Annotated[str, typer.Option(help="Which data: embedded, or the licensed copies.")]
Intervals = Annotated[IntervalMethod, typer.Option(help="Method of intervals over subjects.")]
Seed = Annotated[int, typer.Option(help="Base seed.")]


def command(function: Callable[..., None]) -> typer.Typer:
    """A command line of one command, with plain help and no traceback decoration.

    Where it finds that an input was changed since it was written, that input is made again and the command run anew.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

    @functools.wraps(function)
    def repairing(*args: Any, **options: Any) -> None:
        while True:
            registries.PICKED.clear()  # this call's picks alone are its job's
            try:
                return function(*args, **options)
            except Changed as error:
                if error.path in MADE_AGAIN:
                    raise
                _make_again(error)
                MADE_AGAIN.add(error.path)

    app.command()(repairing)
    return app


def _make_again(error: Changed) -> None:
    """Have an artifact made again; in a process of its own, so that the code for it is not part of every job's.

    Raises:
        Changed: if it cannot be made again.
    """
    print(f"mexflow: {error.path}: not what was written there; it is made again", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "mexflow", "repair", error.path]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout + done.stderr, end="", file=sys.stderr, flush=True)
    if done.returncode:
        raise error


def pairs(option: str, values: list[str]) -> dict[str, str]:
    """Split ``NAME=VALUE`` texts.

    Raises:
        UserError: if one has no ``=`` or a name is given twice.
    """
    result: dict[str, str] = {}
    for text in values:
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise UserError(f"{option} {text!r}: NAME=VALUE is expected")
        if name in result:
            raise UserError(f"{option} {name}: given twice")
        result[name] = value
    return result


def listed(option: str, values: list[str]) -> dict[str, int | float | bool | str | list]:
    """Settings of ``NAME=VALUE`` texts; a value with commas is a list.

    Raises:
        UserError: as `pairs`.
    """
    return {
        name: [scalar(part) for part in value.split(",")] if "," in value else scalar(value)
        for name, value in pairs(option, values).items()
    }


def scalar(text: str) -> int | float | bool | str:
    """The number, truth value or text that `text` spells."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
