"""``mexflow run_root``: close a run with the digest of what all its records say, and keep its history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    config_digest: Annotated[str, typer.Option(help="Sha256 of the configuration.")],
    outcome: Annotated[str, typer.Option(help="How the run ended: finished or failed.")] = "finished",
    log: Annotated[Path | None, typer.Option(help="Snakemake's log, which names the rules that failed.")] = None,
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Write ``run.json`` beside the records (the run root, each record's leaf), and a line into ``history.jsonl``."""
    import platform
    from datetime import UTC, datetime

    from mexflow.audit import history, root
    from mexflow.audit.graph import Graph, load
    from mexflow.errors import choose
    from mexflow.store.artifacts import Outputs
    from mexflow.store.records import git_state

    choose("outcome", outcome, ("finished", "failed"))
    # A run may fail before its first job has ended.
    graph = load(records) if outcome == "finished" or any(records.rglob("*.json")) else Graph([])
    attempts = [record.contents["observed"]["attempt"] for record in graph.records.values()]
    entry = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": f"{_user()}@{platform.node()}",
        "outcome": outcome,
        "root": root.merkle(list(root.leaves(graph).values())),
        "jobs": len(graph.records),
        "retries": sum(attempt - 1 for attempt in attempts),
        "failures": history.failures(log),
        "config_digest": config_digest,
        **git_state(),
    }
    folder = records.parent
    past = history.add(folder / "history.jsonl", entry)
    if outcome == "failed":
        print("the run failed")
        return
    contents = root.described(graph, past)
    with Outputs() as outputs:
        outputs.json(folder / "run.json", contents)
        outputs.commit()
    print(f"run root {contents['root']} over {len(contents['leaves'])} records")


def _user() -> str:
    """The user's name, or number where the machine knows none, as in some containers."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


app = command(main)
