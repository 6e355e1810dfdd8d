"""Batches: the folds that one training job trains. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mexflow.engine.scheduling import TRAINING


@dataclass(frozen=True)
class Batch:
    """Folds of a paper that one job trains, and the experiments that run just these folds on the same arrays.

    Where a job trains one fold, the batch is any of `choices`, its fold and number Snakemake's wildcard: jobs of
    one rule can go to a cluster as an array.
    """

    name: str
    paper: str
    number: int | str
    folds: tuple[str, ...]
    experiments: tuple[str, ...]
    index: str
    arrays: tuple[str, ...]
    keep_features: bool
    input: str
    choices: tuple[str, ...]

    @property
    def priority(self) -> int:
        """Which jobs come before others that could start as well."""
        return TRAINING.get(self.input, 0)

    def files(self, name: str) -> list[str]:
        """The file of that name of each fold, for any experiment."""
        return [f"results/folds/{self.paper}/{{experiment}}/{fold}/{name}" for fold in self.folds]

    @property
    def folders(self) -> list[str]:
        """The folder of each fold, for any experiment."""
        return [f"results/folds/{self.paper}/{{experiment}}/{fold}" for fold in self.folds]


def cut(name: str, paper: str, folds: Sequence[str], step: int, *common: Any) -> Iterator[Batch]:
    """The batches of folds of some experiments, at most `step` in each; `common` is what is the same for all.

    Args:
        name: of the rules, before the batch's number.
        paper: the paper.
        folds: all folds that these experiments run.
        step: folds a batch.
        common: experiments, index, arrays, whether features are kept, and the input, as in :class:`Batch`.
    """
    if step == 1:
        yield Batch(name, paper, "{fold}", ("{fold}",), *common, choices=tuple(folds))
        return
    for number, start in enumerate(range(0, len(folds), step)):
        own = tuple(folds[start : start + step])
        yield Batch(f"{name}_{number}", paper, number, own, *common, choices=own)
