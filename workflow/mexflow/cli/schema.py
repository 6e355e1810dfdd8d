"""``mexflow schema``: the JSON schema of ``config.yaml``, generated from the typed model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command
from mexflow.config import Config
from mexflow.store.artifacts import Outputs


def main(output: Annotated[Path, typer.Option(help="The schema file to write.")]) -> None:
    """Write the JSON schema of config.yaml."""
    with Outputs() as outputs:
        outputs.json(output, {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()})
        outputs.commit()


app = command(main)
