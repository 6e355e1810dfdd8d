"""``mexflow listing``: what the workflow enumerates a licensed dataset from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    root: Annotated[Path, typer.Option(help="Folder of the raw dataset.")],
    output: Annotated[Path, typer.Option(help="The JSON file to write.")],
) -> None:
    """List a licensed dataset by file names alone, for the enumeration of jobs."""
    from mexflow.commands import code_digest
    from mexflow.datasets.reading import modules, read
    from mexflow.datasets.stamp import stamp
    from mexflow.store.artifacts import Outputs
    from mexflow.store.records import canonical_digest

    listing = read(dataset, {dataset: root})
    annotations = [str(path) for path in listing.annotation_files]
    places = [*listing.folders, *(str(Path(a).relative_to(root)) for a in annotations)]
    value = {
        "root": str(root),
        "code": code_digest("listing", *modules(dataset)),
        "stamp": stamp(root, places),
        "version": canonical_digest([listing.rows, listing.videos, listing.unused]).sha256,
        "places": places,
        "annotations": annotations,
        "subjects": sorted(
            {video["subject"] for video in listing.videos if video["frame_count"] and video["excluded"] is None}
        ),
        "rows": listing.rows,
    }
    with Outputs() as outputs:
        outputs.json(output, value)
        outputs.commit()


app = command(main)
