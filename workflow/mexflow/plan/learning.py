"""What the Snakefile asks of the target ``learning``: whether the papers' proposed methods learn, on held-out subjects.

It is about the experiments that have an effort for the budget ``learning``, and valid under every budget: each of them
is trained as the budget in use says, with its controls, and all else of its paper is left out. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from mexflow.datasets.reading import members
from mexflow.papers.reporting_recipe import LearningRecipe, learning_picks

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow


class Learning:
    """The experiments that are to learn, of the papers in use whose data can be listed."""

    def __init__(self, plan: Workflow) -> None:
        self._plan = plan
        self._results = plan.sources.results

    @cached_property
    def papers(self) -> dict[str, list[str]]:
        """Of each paper with such experiments, these and their controls; papers of which none is left are not there."""
        chosen = {paper: self._experiments(paper) for paper in self._plan.papers}
        return {paper: names for paper, names in chosen.items() if names}

    def _experiments(self, paper: str) -> list[str]:
        spec, listed = self._plan.papers[paper], self._plan.experiments(paper)
        learning = [name for name in spec.learning if name in listed]
        controls = {f"{name}-null" for name in learning} | {spec.place_control(name) for name in learning}
        return [name for name in listed if name in learning or name in controls]

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Why experiments that are to learn are left out, by ``PAPER/EXPERIMENT``: their data cannot be listed."""
        reasons = self._plan.sources.unlisted
        return {
            f"{paper}/{name}": next(reasons[one] for one in members(spec.data_of(name).index) if one in reasons)
            for paper, spec in self._plan.papers.items()
            for name in spec.learning
            if name not in self._plan.experiments(paper)
        }

    @property
    def targets(self) -> list[str]:
        """The tables, and the record that says that they are whole; none where there is nothing to learn."""
        tables = [f"{self._results}/tables/learning.{ending}" for ending in ("parquet", "csv", "md")]
        return [*tables, f"{self._results}/records/learning.json"] if self.papers else []

    @property
    def paper_files(self) -> list[str]:
        """The papers' files."""
        return [self._plan.paper_file(paper) for paper in self.papers]

    @property
    def indexes(self) -> list[str]:
        """The indexes of the experiments' data."""
        return _once(self._plan.index_of(paper, name) for paper, names in self.papers.items() for name in names)

    @property
    def array_tables(self) -> list[str]:
        """The tables beside arrays that say which clips were left out."""
        return _once(
            path for paper, names in self.papers.items() for path in self._plan.reporting.tables_beside(paper, names)
        )

    @property
    def folds(self) -> list[str]:
        """What the experiments' folds predict, and what they spot."""
        return [
            path
            for paper, names in self.papers.items()
            for name in names
            for path in (*self._plan.predictions(paper, name), *self._plan.spotted(paper, name))
        ]

    @cached_property
    def recipe(self) -> LearningRecipe:
        """What the table depends on."""
        recipes = {paper: self._plan.reporting.recipe_of(paper, names) for paper, names in self.papers.items()}
        return LearningRecipe(papers=recipes, left_out=self.left_out)

    def code(self) -> str:
        """The code digest of the table: of the protocols and metrics of its experiments, and of no others."""
        picks = {
            name
            for paper, recipe in self.recipe.papers.items()
            for name in learning_picks(self._plan.papers[paper], recipe)
        }
        return self._plan.code("learning", *picks)


def _once(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(paths))
