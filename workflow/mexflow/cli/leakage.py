"""``mexflow leakage``: proof from the records that no test subject reached what scored it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    paper: Annotated[str | None, typer.Argument(help="A paper; else all.")] = None,
    records: Annotated[Path, typer.Option(help="Folder of the records.")] = Path("results/records"),
) -> None:
    """Fold by fold, that no test subject reached the model, threshold, normalisation or early stopping of its score."""
    from mexflow.audit import leakage
    from mexflow.audit.graph import load
    from mexflow.errors import choose

    graph = load(records)
    if paper is not None:
        jobs = [record.job.split("/") for record in graph.records.values() if record.stage in leakage.STAGES]
        choose("paper of this run", paper, {parts[1] for parts in jobs})
    proofs = list(leakage.proofs(graph, paper))
    for proof in proofs:
        print(proof)
    missing = leakage.untested(graph, paper)
    for path in missing:
        print(f"{path}: FAIL: no record says whom it was trained on")
    for path in leakage.for_use(graph, paper):
        print(f"{path}: for use, trained on all subjects; it scores none of them")
    failed = sum(bool(proof.wrong) for proof in proofs) + len(missing)
    print(f"{len(proofs)} folds, {failed} failed")
    if failed:
        raise SystemExit(1)


app = command(main)
