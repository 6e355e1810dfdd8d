"""What the Snakefile asks of the target ``models``: networks for use, trained on all subjects, each with its card.

They are of the experiments that the target ``learning`` is about, without controls and repeats, each trained as the
budget in use says. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.datasets.reading import members
from mexflow.evaluation.folds import ALL
from mexflow.papers.kinds import KINDS, Kind
from mexflow.papers.reporting_recipe import CardRecipe, Faces, Lcn, MadeWith

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow


@dataclass(frozen=True)
class Group:
    """Experiments of a paper of one kind of input: networks of one rule.

    Attributes:
        name: of the rule that trains them.
        card: of the rule that writes their cards.
    """

    paper: str
    kind: Kind
    experiments: tuple[str, ...]
    name: str
    card: str

    @property
    def files(self) -> list[str]:
        """The files of a training, for any of the experiments."""
        return [f"results/models/{self.paper}/{{experiment}}/{name}" for name in self.kind.for_use]


class Models:
    """The networks for use, of the papers in use whose data can be listed."""

    fold = ALL

    def __init__(self, plan: Workflow) -> None:
        self._plan = plan
        self._results = plan.sources.results

    @cached_property
    def groups(self) -> list[Group]:
        """All of them, by paper and kind of input."""
        return [
            Group(paper, KINDS[kind], names, f"train_{paper}_{ALL}_{kind}", f"card_{paper}_{kind}")
            for paper in self._plan.papers
            for kind, names in self._by_kind(paper)
        ]

    def _by_kind(self, paper: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        spec, listed = self._plan.papers[paper], self._plan.experiments(paper)
        names = [name for name in spec.learning if name in listed and spec.kind(name).for_use]
        for kind in dict.fromkeys(spec.experiment(name).kind for name in names):
            yield kind, tuple(name for name in names if spec.experiment(name).kind == kind)

    @property
    def targets(self) -> list[str]:
        """The networks and their cards."""
        return [
            f"{self._results}/models/{group.paper}/{name}/{file}"
            for group in self.groups
            for name in group.experiments
            for file in (*group.kind.for_use, "card.json")
        ]

    def read(self, paper: str, experiment: str) -> list[str]:
        """What a training reads beside its index."""
        spec = self._plan.papers[paper]
        return self._plan.read_beside(spec.kind(experiment), spec.data_of(experiment).index, spec.reads(experiment))

    def tables(self, paper: str) -> list[str]:
        """The paper's tables; none where they cannot be made."""
        return [f"{self._results}/tables/{paper}.parquet"] if paper in self._plan.whole else []

    def recipe(self, paper: str, experiment: str) -> CardRecipe:
        """What a card depends on."""
        config, index = self._plan.config, self._plan.papers[paper].data_of(experiment).index
        return CardRecipe(
            budget=config.budget,
            reading=config.reading,
            data=self._plan.sources.data(index),
            release=self._release(index),
            preprocess=self._made_with(paper, experiment),
            tables=paper in self._plan.whole,
        )

    def _release(self, index: str) -> str:
        """The annotation files of each dataset, and of synthetic ones which they are."""
        sources, settings = self._plan.sources, self._plan.config.embedded
        texts = []
        for name in members(index):
            files = ", ".join(sorted(Path(path).name for path in sources.enumerated(name).annotations))
            text = f"{name}: {files or 'file names alone'}"
            if name in sources.embedded:
                text += f" (rendered, synthetic, size {settings.size}, seed {settings.seed})"
            texts.append(text)
        return "; ".join(texts)

    def _made_with(self, paper: str, experiment: str) -> MadeWith:
        config, spec = self._plan.config, self._plan.papers[paper]
        faces, datasets = config.preprocess.faces, members(spec.data_of(experiment).index)
        settings: dict[str, Any] = {}
        for folder in spec.reads(experiment):
            stage, _, name = folder.partition("/")
            if name:
                settings[stage] = spec.preprocessing.named(stage)[name]
            elif stage == "lcn":
                settings[stage] = Lcn(sigma=config.preprocess.lcn.sigma)
        return MadeWith(
            faces=Faces(
                smoothing=faces.smoothing,
                max_missed=faces.max_missed,
                openface=any(config.openface(name) for name in datasets),
            ),
            **settings,
        )
