"""What a figure of a paper is drawn from, and what drawing it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mexflow.papers.figure_recipe import FigureRecipe, Shown
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results
from mexflow.tables.evidence import Evidence

if TYPE_CHECKING:
    import matplotlib.figure

    from mexflow.papers.figure_kinds import Figure
    from mexflow.papers.paper import Paper

T = TypeVar("T")


@dataclass(frozen=True)
class Drawn:
    """A figure, the line at its foot, and what is to be said of it, in a few words."""

    figure: matplotlib.figure.Figure
    foot: str
    summary: str


@dataclass(frozen=True)
class Material:
    """What one figure of a paper is drawn from.

    Attributes:
        name: of the figure, e.g. ``F3``.
        evidence: the paper and the folds of its experiments.
        recipe: of all figures of the paper.
        results: the results, which the recipe's paths are below.
        inputs: reads the files.
    """

    name: str
    evidence: Evidence
    recipe: FigureRecipe
    results: Results
    inputs: Inputs
    _kept: dict[str, Any] = field(default_factory=dict)

    @property
    def paper(self) -> Paper:
        """The paper."""
        return self.evidence.paper

    @property
    def shown(self) -> Shown:
        """What this figure is drawn from beside folds."""
        return self.recipe.figures[self.name]

    @property
    def mark(self) -> str:
        """What is set behind what was measured, where it is not comparable."""
        return self.evidence.source.mark

    @property
    def alarm(self) -> bool:
        """Whether the line at the foot is a warning."""
        return not self.evidence.source.comparable

    def title(self, figure: Figure) -> str:
        """The title with the figure's name."""
        return f"{self.name}. {figure.title}"

    def foot(self, *remarks: str) -> str:
        """The line at the foot of a figure of something measured: where it comes from, and remarks."""
        return " · ".join([f"{self.mark} {self.evidence.source.line()}".strip(), *remarks])

    def rows(self, data: str) -> list[dict[str, Any]]:
        """The index of one of the paper's data.

        Raises:
            UserError: if it cannot be read.
        """
        path = self.results.root / self.recipe.indexes[data]
        return self.once(f"index {data}", lambda: self.inputs.table(path).to_pylist())

    def array(self, folder: str, dataset: str, subject: str) -> Path:
        """The array of a subject in one of the recipe's folders; its table is beside it."""
        return self.results.array(folder, dataset, subject)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What several figures of a paper are drawn from, made for the first of them."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def of(self, name: str) -> Material:
        """The material of another figure of the paper."""
        return Material(name, self.evidence, self.recipe, self.results, self.inputs, self._kept)


def mean_over_seeds(evidence: Evidence, experiments: Sequence[str]) -> list[str]:
    """What is to be said of numbers that are means over the seeds of experiments; nothing where each has one."""
    counts = sorted({len(evidence.repeats(name)) for name in experiments} - {1})
    return [f"mean over {' or '.join(map(str, counts))} seeds"] if counts else []


def of_first_seed(evidence: Evidence, experiment: str) -> list[str]:
    """What is to be said where the first seed of an experiment stands for all; nothing where it has one."""
    count = len(evidence.repeats(experiment))
    return [f"the first of {count} seeds"] if count > 1 else []


def subjects(rows: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Dataset and subject of rows of an index, each once, sorted; a composite's subjects without their dataset."""
    return sorted({(row["dataset"], row["subject"].rpartition("/")[2]) for row in rows})
