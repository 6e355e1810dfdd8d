"""``mexflow export``: a network for use as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of a network for use: results/models/PAPER/EXPERIMENT.")],
    output: Annotated[Path, typer.Option(help="File to write.", dir_okay=False)],
) -> None:
    """Pack a network for use, with its card, as one file to hand on."""
    from mexflow.analysis.model import pack
    from mexflow.store.artifacts import Inputs, Outputs

    with Outputs() as outputs:
        card = pack(folder, output, Inputs(), outputs)
        outputs.commit()
    print(f"{output}: {card.paper}/{card.experiment}, data {card.data}, budget {card.budget}")
    print(f"sha256 {outputs.digests[output.as_posix()].sha256}")
    print(f"licence: {card.licence}")


app = command(main)
