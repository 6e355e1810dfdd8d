"""What the Snakefile asks of a paper's tables, scores and times: files, recipes, codes.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from shlex import quote
from typing import TYPE_CHECKING

from mexflow.datasets.subjects import with_clips
from mexflow.papers.experiment_scores import scores_of
from mexflow.papers.parts import Timing
from mexflow.papers.reporting_recipe import ExperimentFolds, ReportingRecipe, picks
from mexflow.plan.flags import flags

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow


class Reporting:
    """The tables, scores and times of the papers in use."""

    def __init__(self, plan: Workflow) -> None:
        self._plan = plan
        self._results = plan.sources.results
        # Snakemake asks for each of the files that it declares.
        self._subjects = cache(lambda index: with_clips(plan.sources.rows(index)))

    def recipe(self, paper: str, only: str | None = None) -> ReportingRecipe:
        """What the tables of a paper depend on, or the scores of one experiment."""
        recipe = self.recipe_of(paper, self._experiments(paper, only))
        return recipe if only is None else recipe.model_copy(update={"null_controls": False})

    def recipe_of(self, paper: str, names: Sequence[str]) -> ReportingRecipe:
        """What tables of some experiments of a paper depend on."""
        plan = self._plan
        alike: dict[tuple[str, ...], list[str]] = {}
        for name in names:
            alike.setdefault(tuple(plan.folds(paper, name)), []).append(name)
        totals: dict[str, int] = {}
        for name in names:
            data = plan.papers[paper].data_name(name)
            if data not in totals:
                totals[data] = len(plan.all_folds(paper, name))
        return ReportingRecipe(
            budget=plan.config.budget,
            reading=plan.config.reading,
            data=plan.data(paper),
            seed=plan.config.seed,
            intervals=plan.config.intervals,
            null_controls=plan.config.null_controls,
            folds=[ExperimentFolds(experiments=names, folds=list(folds)) for folds, names in alike.items()],
            total_folds=totals,
        )

    def indexes(self, paper: str, only: str | None = None) -> list[str]:
        """The indexes that a paper's tables read, or the scores of one experiment."""
        if only is not None:
            return [self._plan.index_of(paper, only)]
        return list(self._plan.indexes(paper).values())

    def array_tables(self, paper: str, only: str | None = None) -> list[str]:
        """The tables beside arrays that say which clips were left out."""
        return self.tables_beside(paper, self._experiments(paper, only))

    def tables_beside(self, paper: str, experiments: Iterable[str]) -> list[str]:
        """The tables beside the arrays that some experiments read."""
        spec = self._plan.papers[paper]
        paths = {
            f"{self._results}/{spec.reads(name)[0]}/{dataset}/{subject}.parquet"
            for name in experiments
            for dataset, subject in self._subjects(spec.data_of(name).index)
        }
        return sorted(paths)

    def code(self, paper: str, only: str | None = None) -> str:
        """The code digest of a paper's tables, or of the scores of one experiment.

        Of the networks, protocols and metrics of these, and of no others.
        """
        spec = self._plan.papers[paper]
        spec = spec if only is None else scores_of(spec, only)
        return self._plan.code("tables", *picks(spec, self.recipe(paper, only), only))

    def timed_model(self, paper: str) -> str:
        """The network that is timed: the first fold's of the timed experiment."""
        experiment = self._timing(paper).experiment
        fold = self._plan.folds(paper, experiment)[0]
        return f"{self._results}/folds/{paper}/{experiment}/{fold}/model.pt"

    def timed_index(self, paper: str) -> str:
        """The index of the clips that are classified against the clock."""
        return self._plan.index_of(paper, self._timing(paper).experiment)

    def timed_faces(self, paper: str) -> list[str]:
        """The aligned faces that are classified against the clock."""
        index = self._plan.papers[paper].data_of(self._timing(paper).experiment).index
        return [f"{self._results}/faces/{dataset}/{subject}.npy" for dataset, subject in self._subjects(index)]

    def timing_code(self, paper: str) -> str:
        """The code digest of timing: of the timed network, the method of its flow and its channels, and of no other."""
        return self._plan.code("timing", *self._plan.papers[paper].timed_picks())

    def incomplete_flags(self) -> str:
        """All papers with the recipes of their tables, and what is left out, as options of ``mexflow incomplete``."""
        plan = self._plan
        owed = (f"{plan.paper_file(paper)}={self.recipe(paper).text()}" for paper in plan.whole)
        unlisted = (f"{paper}={reason}" for paper, reason in plan.unlisted.papers.items())
        return f"--results {quote(str(self._results))} {flags('paper', owed)} {flags('unlisted', unlisted)}"

    def _experiments(self, paper: str, only: str | None) -> list[str]:
        """The experiments that tables are of, or the one that scores are of, with their repeats."""
        return list(self._plan.experiments(paper)) if only is None else self._plan.repeated(paper, only)

    def _timing(self, paper: str) -> Timing:
        timing = self._plan.papers[paper].timing
        assert timing is not None
        return timing
