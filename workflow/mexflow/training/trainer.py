"""What every trainer offers a training job: the folds of an experiment, its samples at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from mexflow.errors import UserError
from mexflow.evaluation.folds import ALL
from mexflow.papers.recipe import Recipe
from mexflow.store.artifacts import Outputs
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.starting import Starts


class Folds:
    """The folds of an experiment. Each trainer (:mod:`mexflow.papers.kinds`) has a class of this name and kind.

    A trainer's ``Folds(recipe, material)`` reads the samples (:class:`mexflow.training.job.Material`) and sets these.

    Attributes:
        recipe: the experiment's.
        testing: the test subjects of each fold of the protocol.
        samples: what all folds are made of, whatever the trainer takes.
        left_out: a line for each clip or video that is left out, saying why.
        epochs: how many epochs a fold takes at most, of all its networks.
        facts: what the record says of the job beside its folds.
        starts: the weights that parts of its networks start from; none by default.
    """

    recipe: Recipe
    testing: Mapping[str, frozenset[str]]
    samples: Any
    left_out: list[str]
    epochs: int = 1

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.starts: Starts = {}

    def add_all(self) -> None:
        """Have all subjects trained on too, under the name ``all``.

        Raises:
            UserError: if a fold has this name.
        """
        if ALL in self.testing:
            raise UserError(
                f"{self.recipe.paper}/{self.recipe.experiment}: a fold is called {ALL!r}, the name under which a "
                "network is trained on all subjects; give that subject another name"
            )
        self.testing = {**self.testing, ALL: frozenset()}

    @staticmethod
    def run(
        recipe: Any,
        fold: str,
        testing: frozenset[str],
        samples: Any,
        device: torch.device,
        folder: Path,
        outputs: Outputs,
        checkpoints: Checkpoints,
        after_epoch: Callable[[], None],
        starts: Starts,
    ) -> dict[str, Any]:
        """Train and test a fold, whose test subjects are `testing`, and write its files to `folder`.

        Where there is no test subject, nothing is tested: no file is written that only tests fill.

        Returns:
            What the record says of it.
        """
        raise NotImplementedError  # every trainer has its own

    def train(
        self,
        fold: str,
        device: torch.device,
        folder: Path,
        outputs: Outputs,
        checkpoints: Checkpoints,
        after_epoch: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Train and test one fold, see :meth:`run`."""
        place = (device, folder, outputs, checkpoints, after_epoch)
        return self.run(self.recipe, fold, self.testing[fold], self.samples, *place, self.starts)

    def saved_as(self, fold: str) -> list[str]:
        """The names of a fold's checkpoints: its own."""
        return [fold]
