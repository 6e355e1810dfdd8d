"""What the Snakefile asks of the target ``models``: networks for use, trained on all subjects, each with its card.

They are of the experiments that the target ``learning`` is about, without controls and repeats, each trained as the
budget in use says. Imports nothing heavy.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.datasets.reading import members
from mexflow.evaluation.folds import ALL
from mexflow.papers.reporting_recipe import CardRecipe, Faces, Lcn, MadeWith
from mexflow.plan.batches import Batch

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow


class Models:
    """The networks for use, of the papers in use whose data can be listed."""

    fold = ALL

    def __init__(self, plan: Workflow) -> None:
        self._plan = plan
        self._results = plan.sources.results

    @cached_property
    def experiments(self) -> dict[str, list[str]]:
        """Of each paper that has any, the experiments whose networks they are."""
        chosen = {
            paper: [name for name in spec.learning if name in self._plan.experiments(paper) and spec.kind(name).for_use]
            for paper, spec in self._plan.papers.items()
        }
        return {paper: names for paper, names in chosen.items() if names}

    @cached_property
    def batches(self) -> list[Batch]:
        """The training jobs: one an experiment."""
        batches = []
        for paper, names in self.experiments.items():
            spec = self._plan.papers[paper]
            for name in names:
                kind, index = spec.kind(name), spec.data_of(name).index
                batches.append(
                    Batch(
                        # By its place in the paper's file: the same, whatever else can be listed.
                        name=f"train_{paper}_{ALL}_{spec.learning.index(name)}",
                        paper=paper,
                        number=ALL,
                        folds=(ALL,),
                        experiments=(name,),
                        kind=kind,
                        index=index,
                        inputs=tuple(self._plan.read_beside(kind, index, spec.reads(name))),
                        files_of_fold=kind.for_use,
                        choices=(ALL,),
                    )
                )
        return batches

    @property
    def targets(self) -> list[str]:
        """The networks and their cards."""
        return [
            file
            for paper, names in self.experiments.items()
            for name in names
            for file in (*self.files(paper, name), f"{self._results}/models/{paper}/{name}/card.json")
        ]

    def files(self, paper: str, experiment: str) -> list[str]:
        """The files of a training."""
        names = self._plan.papers[paper].kind(experiment).for_use
        return [f"{self._results}/models/{paper}/{experiment}/{name}" for name in names]

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
