"""Proof from the records that no test subject reached what scored it.

Of each fold: whom it was trained and validated on, whom it tests, whose clips its predictions and test scores are of,
and whose scores its thresholds were chosen on. Its model, normalisation and early stopping know the first two alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.audit.graph import Graph, Record
from mexflow.store.artifacts import Inputs

STAGES = ("train", "spot", "spot_recognise", "difference")


@dataclass(frozen=True)
class FoldProof:
    """What the records say of a fold, and what is wrong with it (nothing, as a rule)."""

    paper: str
    experiment: str
    fold: str
    training: int
    validation: int
    tested: tuple[str, ...]
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        end = f"FAIL: {'; '.join(self.wrong)}" if self.wrong else "PASS"
        return (
            f"{self.paper}/{self.experiment}/{self.fold}: trained on {self.training} subjects, validated on "
            f"{self.validation}, tested on {', '.join(self.tested)}: {end}"
        )


def proofs(graph: Graph, paper: str | None = None) -> Iterator[FoldProof]:
    """A proof of each fold of a paper's experiments, or of all papers', in the order of their names.

    Raises:
        UserError: if a table of a fold cannot be read.
    """
    for record in graph.records.values():
        if record.stage not in STAGES:
            continue
        _, name, experiment, _ = record.job.split("/")
        if paper not in (None, name):
            continue
        for fold, facts in sorted(record.contents["folds"].items()):
            tested = set(facts["test_subjects"])
            if not tested:
                continue  # a network for use, trained on all subjects
            training = set(facts.get("training_subjects", ()))
            validation = set(facts.get("validation_subjects", ()))
            wrong = [
                f"{role} on {', '.join(sorted(tested & subjects))}, whom it tests"
                for role, subjects in (("trained", training), ("validated", validation))
                if tested & subjects
            ]
            wrong += _tables(graph, record, f"results/folds/{name}/{experiment}/{fold}", tested)
            yield FoldProof(name, experiment, fold, len(training), len(validation), tuple(sorted(tested)), tuple(wrong))


def _tables(graph: Graph, record: Record, folder: str, tested: set[str]) -> list[str]:
    """What is wrong with whom a fold's predictions and test scores are of, and its thresholds chosen on."""
    wrong = []
    checks: tuple[tuple[str, list[str], Any], ...] = (
        ("predictions", ["dataset", "subject"], lambda row: True),
        ("scores", ["dataset", "subject", "role"], lambda row: row["role"] == "test"),
    )
    for name, columns, counts in checks:
        path = f"{folder}/{name}.parquet"
        if path in record.outputs:
            table = Inputs().table(path, columns)
            rows = table.group_by(columns, use_threads=False).aggregate([]).to_pylist()
            others = {row["subject"] for row in rows if counts(row)} - tested
            if others:
                wrong.append(f"{name} of {', '.join(sorted(others))}, whom it does not test")
    path = f"{folder}/thresholds.parquet"
    if path in graph.maker:
        chosen = {subject for row in Inputs().table(path, ["subjects"]).to_pylist() for subject in row["subjects"]}
        if chosen & tested:
            wrong.append(f"thresholds chosen on {', '.join(sorted(chosen & tested))}, whom it tests")
    return wrong


def untested(graph: Graph, paper: str | None = None) -> list[str]:
    """Models of folds of the run that no proof is about."""
    proved = {f"results/folds/{proof.paper}/{proof.experiment}/{proof.fold}/model.pt" for proof in proofs(graph, paper)}
    models = {path for path in graph.maker if path.startswith("results/folds/") and path.endswith("/model.pt")}
    wanted = {path for path in models if paper is None or Path(path).parts[2] == paper}
    return sorted(wanted - proved)


def for_use(graph: Graph, paper: str | None = None) -> list[str]:
    """Networks for use of the run: trained on all subjects, so they score nobody and there is nothing to prove."""
    models = {path for path in graph.maker if path.startswith("results/models/") and path.endswith("/model.pt")}
    return sorted(path for path in models if paper is None or Path(path).parts[2] == paper)
