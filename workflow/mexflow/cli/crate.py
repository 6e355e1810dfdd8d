"""``mexflow crate``: a run as an RO-Crate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    output: Annotated[Path, typer.Option(help="The crate's folder; one that is there is replaced.")] = Path(
        "results/crate"
    ),
    licence: Annotated[str | None, typer.Option(help="Licence of the crate, a text or an address.")] = None,
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Describe the run as an RO-Crate (Provenance Run Crate): tables, records, workflow; data by digest alone."""
    from mexflow.audit import crate
    from mexflow.audit.graph import load
    from mexflow.errors import UserError
    from mexflow.store.artifacts import Outputs

    metadata = output / "ro-crate-metadata.json"
    if output.exists() and any(output.iterdir()) and not metadata.is_file():
        raise UserError(f"{output}: holds something else than a crate; give another folder with --output")
    built = crate.build(load(records), records.parent / "run.json", licence or crate.NO_LICENCE)
    with Outputs() as outputs:
        with outputs.directory(output) as folder:
            built.write(folder)
        outputs.commit()
    print(f"{metadata}: {len(list(built.get_entities()))} entities")


app = command(main)
