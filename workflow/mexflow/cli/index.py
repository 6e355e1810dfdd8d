"""``mexflow index``: list the expressions and frame folders of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command
from mexflow.datasets.registry import COMPOSITES, DATASETS

_RAW, _WHOLE = ", ".join(DATASETS), ", ".join(COMPOSITES)


def main(
    dataset: Annotated[str, typer.Option(help=f"A raw dataset ({_RAW}) or a composite ({_WHOLE}).")],
    root: Annotated[
        list[str], typer.Option(help="Folder of the raw dataset; for a composite NAME=DIR, once for each member.")
    ],
    output: Annotated[Path, typer.Option(help="Index to write: one row per annotated expression.")],
    videos: Annotated[Path, typer.Option(help="Table to write: one row per folder of frames.")],
    summary: Annotated[Path | None, typer.Option(help="Where to write the printed summary as well.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Any repair or exclusion is an error.")] = False,
    record: Record = None,
) -> None:
    """List a dataset's annotated expressions and frame folders, by file names alone, and print a summary.

    For a dataset of long videos the summary has k, the half length of an expression that spotting uses.
    """
    from mexflow.datasets.reading import modules, read
    from mexflow.store.records import Job

    with Job(record, __name__, *modules(dataset), dataset=dataset) as job:
        listing = read(dataset, _roots(dataset, root), job.inputs.bytes)
        if strict:
            listing.strict()
        job.outputs.table(output, listing.rows_table())
        job.outputs.table(videos, listing.videos_table())
        if summary:
            job.outputs.text(summary, listing.summary() + "\n")
        job.state(repairs=len(listing.repairs()), exclusions=len(listing.exclusions()))
        job.finish()
    print(listing.summary())


def _roots(dataset: str, values: list[str]) -> dict[str, Path]:
    """Folders by dataset, of ``DIR`` or ``NAME=DIR`` texts.

    Raises:
        UserError: if a text does not name one of the dataset's members.
    """
    from mexflow.datasets.reading import members
    from mexflow.errors import UserError, choose

    parts = members(dataset)
    roots: dict[str, Path] = {}
    for value in values:
        name, separator, folder = value.partition("=")
        if not separator or (name not in parts and dataset not in COMPOSITES):
            if dataset in COMPOSITES:
                raise UserError(f"--root {value!r}: {dataset} needs NAME=DIR for each of {', '.join(parts)}")
            name, folder = dataset, value
        choose("member", name, parts)
        if name in roots:
            raise UserError(f"--root {name}: given twice")
        roots[name] = Path(folder)
    return roots


app = command(main)
