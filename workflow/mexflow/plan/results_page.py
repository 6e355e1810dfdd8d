"""What the Snakefile asks of the results page: what it is made from, its recipe, its code.

Imports nothing heavy.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mexflow.page import looks
from mexflow.papers.reporting_recipe import PageRecipe
from mexflow.plan.flags import flags

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow


class ResultsPage:
    """The page of the papers in use whose data can be listed; of a run without any there is none."""

    def __init__(self, plan: Workflow) -> None:
        self._plan = plan
        self._results = plan.sources.results

    @property
    def targets(self) -> list[str]:
        """The page, or nothing."""
        return [f"{self._results}/index.html"] if self._plan.whole else []

    @property
    def paper_files(self) -> list[str]:
        """The files of the papers that it shows."""
        return [self._plan.paper_file(paper) for paper in self._plan.whole]

    @property
    def tables(self) -> list[str]:
        """Their tables of cells, and the records that say how these were made."""
        cells = [f"{self._results}/tables/{paper}.parquet" for paper in self._plan.whole]
        records = [f"{self._results}/records/tables/{paper}.json" for paper in self._plan.whole]
        timed = [
            f"{self._results}/tables/{paper}.timing.parquet"
            for paper in self._plan.whole
            if self._plan.papers[paper].timing
        ]
        return cells + records + timed

    @property
    def figures(self) -> list[str]:
        """Their figures."""
        return [
            f"{self._results}/figures/{paper}/{name}.svg"
            for paper in self._plan.whole
            for name in self._plan.papers[paper].figures
        ]

    @property
    def folds(self) -> list[str]:
        """What their folds predicted and spotted."""
        return [
            path for paper in self._plan.whole for path in (*self._plan.predictions(paper), *self._plan.spotted(paper))
        ]

    @property
    def faces(self) -> list[str]:
        """The aligned faces of clips that it shows, with their tables."""
        plan, raw = self._plan, self._raw
        subjects = {
            (dataset, subject)
            for paper in plan.whole
            for name in plan.experiments(paper)
            if plan.papers[paper].kind(name).recognises
            for dataset, subject in plan.sources.subjects(plan.papers[paper].data_of(name).index)
            if self.recipe.shows(raw.get(dataset, ""))
        }
        arrays = [f"{self._results}/faces/{dataset}/{subject}.npy" for dataset, subject in sorted(subjects)]
        return [*arrays, *plan.beside(arrays)]

    @property
    def _raw(self) -> dict[str, str]:
        """Which data each raw dataset that can be listed is."""
        return {name: self._plan.sources.data(name) for name in self._plan.sources.listed}

    @cached_property
    def recipe(self) -> PageRecipe:
        """What the page depends on beside its files."""
        config = self._plan.config
        return PageRecipe(
            budget=config.budget,
            reading=config.reading,
            intervals=config.intervals,
            papers={paper: self._plan.data(paper) for paper in self._plan.whole},
            datasets={name: self._plan.sources.data(name) for name in self._plan.sources.indexes},
            raw=self._raw,
            faces=config.page.show_faces,
        )

    def incomplete_flags(self) -> str:
        """What ``mexflow incomplete`` makes of the page of a failed run, as options; none where there is no page."""
        if not self.targets:
            return ""
        return f"{flags('papers', [self._plan.papers_place])} {flags('page', [self.recipe.text()])}"

    @property
    def looks(self) -> str:
        """The digest of its templates, style and script."""
        return looks.digest()

    @property
    def code(self) -> str:
        """The digest of its code, which picks nothing by name."""
        return self._plan.code("page")
