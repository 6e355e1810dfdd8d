"""Datasets in use that cannot be listed: what needs them is not made and says why; all else is made.

A root that does not exist, a table with a fault: such a dataset has no rows, so there is nothing to enumerate jobs
from. Its indexes and sheet, its composites and the papers on it are left out. A run that owes them makes all else
first, and then fails, in the rule ``unlisted``, with the line that says what is wrong. Who asks for nothing but one of
them is told at once.

Imports nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from mexflow.datasets.reading import members
from mexflow.errors import UserError, lines
from mexflow.plan.flags import flags

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow


class Unlisted:
    """What of a workflow cannot be made for want of a listing, and why."""

    def __init__(self, plan: Workflow) -> None:
        self._plan = plan
        self._reasons = plan.sources.unlisted

    @cached_property
    def papers(self) -> dict[str, str]:
        """The papers that need such a dataset, each with the line that says what is wrong."""
        reasons = {}
        for paper, spec in self._plan.papers.items():
            for data in spec.data.values():
                if reason := self._reason(data.index):
                    reasons.setdefault(paper, reason)
        return reasons

    def _reason(self, index: str) -> str | None:
        return next((self._reasons[name] for name in members(index) if name in self._reasons), None)

    def targets(self, name: str) -> list[str]:
        """What ``all``, ``datasets``, ``learning``, ``models`` or a paper waits for so as to fail.

        Nothing where all is listed.
        """
        of_methods = self._plan.learning.left_out
        lacking = {
            "all": self._reasons,
            "datasets": self._reasons,
            "learning": of_methods,
            "models": of_methods,
        }.get(name, self.papers.get(name))
        return [f"{self._plan.sources.results}/index/.unlisted.{name}"] if lacking else []

    def before(self, name: str, asked: Iterable[str]) -> list[str]:
        """All else that is made before `name` fails: what is asked for beside it, or what it asks for itself."""
        targets: list[str] = []
        for target in {name, *asked}:
            if target == "all":
                targets += [*self._plan.paper_targets(), *self._plan.dataset_targets()]
            elif target == "datasets":
                targets += self._plan.dataset_targets()
            elif target == "learning":
                targets += self._plan.learning.targets
            elif target == "models":
                targets += self._plan.models.targets
            elif target in self._plan.whole:
                targets += self._plan.targets(target)
            elif "/" in target:
                targets.append(target)
        return sorted(set(targets))

    def reasons(self, name: str) -> str:
        """The lines that say why `name` fails, as options of ``mexflow unlisted``."""
        if name in self.papers:
            return flags("reason", [self.papers[name]])
        reasons = self._plan.learning.left_out if name in ("learning", "models") else self._reasons
        return flags("reason", dict.fromkeys(reasons.values()))

    def warn(self) -> None:
        """Say what is left out, a line for each dataset."""
        for dataset, reason in self._reasons.items():
            left_out = [f"{dataset} is left out"]
            without = [paper for paper, spec in self._plan.papers.items()
                       if any(dataset in members(data.index) for data in spec.data.values())]  # fmt: skip
            if without:
                left_out.append(f"and with it {', '.join(without)}")
            print(f"mexflow: {reason} ({', '.join(left_out)}; all else is made)", file=sys.stderr, flush=True)

    def refuse(self, asked: Iterable[str]) -> None:
        """Look at what is asked for on the command line.

        Raises:
            UserError: if it is nothing but papers that cannot be made, or has a file that cannot.
        """
        asked = list(asked)
        for target in asked:
            if reason := self._of_file(target):
                raise UserError(reason)
        if asked and all(target in self.papers for target in asked):
            raise UserError(lines(self.papers[target] for target in asked))

    def _of_file(self, target: str) -> str | None:
        """Why a file cannot be made: every file's path names its dataset, composite, or paper and experiment."""
        words = [word for part in target.split("/")[1:] for word in (part, part.partition(".")[0])]
        for word in words:
            if word in self._plan.sources.known and (reason := self._reason(word)):
                return reason
        for paper in self.papers.keys() & set(words):
            if not set(words) & set(self._plan.experiments(paper)):
                return self.papers[paper]
        return None
