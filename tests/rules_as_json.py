"""Print, as JSON, what Snakemake makes of every rule: ``python rules_as_json.py PROJECT FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings, StorageSettings

from mexflow.engine import progress_lines as lines


def files(listed) -> dict[str, int]:
    """How many files are listed, and how many of them under a name."""
    named = {
        index for start, end in listed._names.values() for index in range(start, start + 1 if end is None else end)
    }
    return {"all": len(listed), "named": len(named)}


def main(project: Path, folder: Path) -> None:
    with SnakemakeApi(OutputSettings()) as api:
        loaded = api.workflow(
            resource_settings=ResourceSettings(cores=2),
            config_settings=ConfigSettings(),
            storage_settings=StorageSettings(),
            snakefile=project / "Snakefile",
            workdir=folder,
        )
        rules = [
            {
                "name": rule.name,
                "docstring": rule.docstring,
                "input": files(rule.input),
                "output": files(rule.output),
                "outputs": list(rule.output.keys()),
                "params": {name: str(value) for name, value in rule.params.items()},
                "log": len(rule.log),
                "benchmark": rule.benchmark is not None,
                "conda": str(rule.conda_env) if rule.conda_env else None,
                "resources": sorted(rule.resources),
                "shell": rule.shellcmd,
                "stage": lines.STAGES.get(rule.name),
                "runs": bool(rule.shellcmd or rule.script or rule.notebook or rule.wrapper or rule.is_run),
            }
            for rule in loaded._workflow.rules
        ]
    print(json.dumps(rules))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
