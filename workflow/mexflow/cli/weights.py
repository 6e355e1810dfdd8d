"""``mexflow weights``: whether a file is one of the weights that networks may start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    name: Annotated[str, typer.Option(help="Name of the weights, as in config.yaml.")],
    file: Annotated[Path, typer.Option(help="The file.")],
    record: Record = None,
) -> None:
    """Whether a file is one of the weights that networks may start from: before anything is made for them.

    Without a record, just that.
    """
    import importlib

    from mexflow.errors import choose
    from mexflow.models.backbones.weights import parameters
    from mexflow.papers.pretrained import PRETRAINED
    from mexflow.store.records import Job
    from mexflow.training.starting import read_file

    choose("weights", name, PRETRAINED)
    module = PRETRAINED[name].module
    with Job(record, __name__, PRETRAINED.identity(name), module, threads=1, device="cpu") as job:
        weights = read_file(name, file, job.inputs)
        importlib.import_module(module).check(weights)
        job.finish()
    print(f"{file}: {name}, {parameters(weights.state):,} parameters, sha256 {weights.sha256}")


app = command(main)
