"""``mexflow unlisted``: the end of a run that owes what is made of datasets that cannot be listed."""

from __future__ import annotations

from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    reason: Annotated[list[str], typer.Option(help="Why a dataset cannot be listed, and what to do; repeatable.")],
) -> None:
    """Fail with these reasons, a line each."""
    from mexflow.errors import UserError, lines

    raise UserError(lines(reason))


app = command(main)
