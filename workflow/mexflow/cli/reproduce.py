"""``mexflow reproduce``: make one artifact again, and compare its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    path: Annotated[str, typer.Argument(help="The artifact, as the records write it.")],
    keep: Annotated[
        Path | None, typer.Option(help="A folder to make it in, and to keep; else a temporary one.")
    ] = None,
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Make one artifact again, from its recorded command and verified inputs, and compare its bytes."""
    import tempfile

    from mexflow.audit.graph import load
    from mexflow.audit.reproduce import reproduce

    graph = load(records)
    with tempfile.TemporaryDirectory(prefix="mexflow-") as scratch:
        outcome = reproduce(graph, path, keep or Path(scratch))
    if outcome.same:
        print(f"{path}: the same bytes")
        return
    print(f"{path}: other bytes; {'; '.join(outcome.differences)}")
    raise SystemExit(1)


app = command(main)
