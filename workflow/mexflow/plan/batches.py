"""Batches: the folds that one training job trains. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mexflow.evaluation.folds import ALL
from mexflow.papers.kinds import Kind


@dataclass(frozen=True)
class Batch:
    """Folds of a paper that one job trains, and the experiments that run just these folds on the same arrays.

    Where a job trains one fold, the batch is any of `choices`, its fold and number Snakemake's wildcard: jobs of
    one rule can go to a cluster as an array.

    Attributes:
        name: of its rule.
        experiments: of one `kind`.
        index: their index.
        inputs: the files that they read beside it.
        files_of_fold: the names of the files of each fold.
    """

    name: str
    paper: str
    number: int | str
    folds: tuple[str, ...]
    experiments: tuple[str, ...]
    kind: Kind
    index: str
    inputs: tuple[str, ...]
    files_of_fold: tuple[str, ...]
    choices: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """The files of its folds, for any experiment."""
        return [f"{folder}/{name}" for folder in self.folders for name in self.files_of_fold]

    def file(self, name: str) -> list[str]:
        """The file of that name of each fold, for any experiment."""
        return [f"{folder}/{name}" for folder in self.folders]

    @property
    def folders(self) -> list[str]:
        """The folder of each fold, for any experiment; that of a network for use, where all subjects are trained on."""
        return [
            f"results/models/{self.paper}/{{experiment}}"
            if fold == ALL
            else f"results/folds/{self.paper}/{{experiment}}/{fold}"
            for fold in self.folds
        ]


def cut(name: str, paper: str, folds: Sequence[str], step: int, **common: Any) -> Iterator[Batch]:
    """The batches of folds of some experiments, at most `step` in each; `common` is what is the same for all.

    Args:
        name: of the rules, before the batch's number.
        paper: the paper.
        folds: all folds that these experiments run.
        step: folds a batch.
        common: of :class:`Batch`.
    """
    if step == 1:
        yield Batch(name, paper, "{fold}", ("{fold}",), choices=tuple(folds), **common)
        return
    for number, start in enumerate(range(0, len(folds), step)):
        some = tuple(folds[start : start + step])
        yield Batch(f"{name}_{number}", paper, number, some, choices=some, **common)
