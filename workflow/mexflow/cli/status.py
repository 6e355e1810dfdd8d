"""``mexflow status``: where a run stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    logs: Annotated[Path, typer.Option(help="Folder of Snakemake's logs.")] = Path(".snakemake/log"),
    papers: Annotated[Path | None, typer.Option(help="Folder of the papers' files.")] = None,
) -> None:
    """What of the newest run is done, runs, failed and is left, per paper; of a failed job the end of its log.

    The exit status is 1 if a job failed.
    """
    import platform

    from mexflow.engine import status

    folder = papers or Path(__file__).resolve().parents[2] / "papers"
    run = status.read(logs)
    alive = status.is_alive(logs.parent.parent)
    where = "running" if alive else "ended" if run.host == platform.node() else "not running on this machine"
    print(f"run of {run.started} on {run.host}: {where}")
    rows = list(run.rows(path.stem for path in folder.glob("*.yaml")))
    width = max((len(name) for name, *_ in rows), default=0)
    print(f"{'':<{width}}  {'done':>6} {'running':>8} {'failed':>7} {'left':>6}")
    for name, done, running, failed, left in [*rows, ("all", *(sum(row[i] for row in rows) for i in range(1, 5)))]:
        # What was running when a Snakemake was killed is left to do.
        lost = 0 if alive or run.host != platform.node() else running
        print(f"{name:<{width}}  {done:>6} {running - lost:>8} {failed:>7} {left + lost:>6}")
    for job in run.failed:
        print(f"failed: {job.rule}, {job.log or 'no log'}")
        print("\n".join(f"    {line}" for line in status.last_lines(job.log)))
    if run.failed:
        raise SystemExit(1)


app = command(main)
