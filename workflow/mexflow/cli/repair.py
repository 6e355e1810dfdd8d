"""``mexflow repair``: make a changed artifact again, in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    path: Annotated[list[str], typer.Argument(help="Artifacts, as the records write them.")],
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Make changed artifacts again, each from its recorded command, if its bytes come out as they were written."""
    from mexflow.audit.graph import load
    from mexflow.audit.repair import repair

    graph = load(records)
    for artifact in path:
        for repaired in repair(graph, artifact):
            print(f"{repaired}: made again, with the bytes that its record states")


app = command(main)
