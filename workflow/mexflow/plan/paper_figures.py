"""What the figures of a paper are drawn from: the files that their rule names, and the recipe that their command reads.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from mexflow.papers import repeats
from mexflow.papers.figure_kinds import Embedding, Figure
from mexflow.papers.figure_recipe import FigureRecipe, FlowFolder, Shown
from mexflow.papers.interval_methods import DEFAULT
from mexflow.registries import Registry

if TYPE_CHECKING:
    from mexflow.plan.workflow import Workflow

FACES = "faces"
"""The folder of aligned faces."""


class PaperFigures:
    """The figures of one paper.

    Args:
        plan: the workflow.
        paper: the paper's name.
        results: the folder of the results.
    """

    def __init__(self, plan: Workflow, paper: str, results: str) -> None:
        self.plan, self.name, self._results = plan, paper, results
        self.paper = plan.papers[paper]

    @property
    def code(self) -> str:
        """The code digest of drawing them: of the kinds that there are, and of no others."""
        return self.plan.code("figures", *self._recipe.picks())

    @property
    def recipe(self) -> str:
        """Their recipe, one line of JSON."""
        return self._recipe.text()

    @cached_property
    def _recipe(self) -> FigureRecipe:
        totals = {self.paper.data_name(name): name for name in self._experiments}
        scores = {name for figure in self.paper.figures.values() for name in getattr(figure, "metrics", ())}
        return FigureRecipe(
            budget=self.plan.config.budget,
            reading=self.plan.config.reading,
            data=self.plan.data(self.name),
            seed=self.plan.config.seed,
            intervals=self.plan.config.intervals if scores else DEFAULT,
            indexes={data: self._index(data) for data in self._indexed},
            folds={name: self.plan.folds(self.name, name) for name in self._experiments},
            protocols=sorted({self.paper.protocol_of(name) for name in self._experiments}),
            metrics=sorted(scores),
            total_folds={data: len(self.plan.all_folds(self.name, name)) for data, name in totals.items()},
            figures=self._shown,
        )

    @property
    def indexes(self) -> list[str]:
        """The indexes that they look clips up in, and those of the experiments that they show."""
        return [f"{self._results}/{self._index(data)}" for data in self._indexed]

    @cached_property
    def arrays(self) -> list[str]:
        """The arrays, each with its table beside it, that they are drawn from."""
        paths: set[str] = set()
        for name, shown in self._shown.items():
            figure = self.paper.figures[name]
            data = figure.indexed_data(self.paper)
            flow = [shown.flow.folder] if shown.flow else []
            for folder in [*flow, *shown.residuals.values(), *([shown.faces] if shown.faces else [])]:
                subjects = [shown.subject] if shown.subject else self._subjects(data, figure.shown_part)
                paths |= {f"{self._results}/{folder}/{dataset}/{subject}.npy" for dataset, subject in subjects}
        return sorted(paths)

    @property
    def tables(self) -> list[str]:
        """The tables beside these arrays, and beside those that the experiments read, which say what is left out."""
        read = self.plan.reporting.tables_beside(self.name, self._experiments)
        return sorted({*self.plan.beside(self.arrays), *read})

    @property
    def predictions(self) -> list[str]:
        """The predictions of the experiments that they show."""
        return [path for name in self._first for path in self.plan.predictions(self.name, name)]

    @property
    def spotted(self) -> list[str]:
        """What these experiments spotted."""
        return [path for name in self._first for path in self.plan.spotted(self.name, name)]

    @cached_property
    def _shown(self) -> dict[str, Shown]:
        return {
            name: NEEDS[figure.kind](self, figure) if figure.kind in NEEDS else Shown(kind=figure.kind)
            for name, figure in self.paper.figures.items()
        }

    @property
    def _first(self) -> list[str]:
        """The experiments that they show, without their repeats."""
        return [name for name in self._experiments if repeats.number_of(name) == 1]

    @property
    def _experiments(self) -> list[str]:
        shown = {name for figure in self.paper.figures.values() for name in figure.experiments}
        return [name for name in self.plan.experiments(self.name) if repeats.first_of(name) in shown]

    @property
    def _indexed(self) -> list[str]:
        read = {figure.indexed_data(self.paper) for figure in self.paper.figures.values()}
        read |= {self.paper.data_name(name) for name in self._experiments}
        return [data for data in self.paper.data if data in read]

    def _index(self, data: str) -> str:
        return f"index/{self.paper.data[data].index}.parquet"

    def _subjects(self, data: str | None, part: str | None) -> list[tuple[str, str]]:
        """Dataset and subject of all of the data, or of its member dataset `part`."""
        subjects = self.plan.sources.subjects(self.paper.data[data].index) if data else []
        return [(dataset, subject) for dataset, subject in subjects if part in (None, dataset)]


NEEDS: Registry[Callable[[PaperFigures, Figure], Shown]] = Registry("kind of figure", __name__)
"""What figures are drawn from beside the folds of their experiments; a kind without an entry, from nothing."""


@NEEDS.entry("flow_sample")
def _flow_and_faces(of: PaperFigures, figure: Figure) -> Shown:
    return Shown(kind=figure.kind, flow=_flow(of), faces=FACES)


@NEEDS.entry("mean_flow")
def _mean_flow(of: PaperFigures, figure: Figure) -> Shown:
    return Shown(kind=figure.kind, flow=_flow(of))


@NEEDS.entry("embedding")
def _residual_images(of: PaperFigures, figure: Embedding) -> Shown:
    return Shown(kind=figure.kind, residuals={kind: f"residual/{kind}" for kind in figure.residuals})


@NEEDS.entry("aligned")
def _one_face(of: PaperFigures, figure: Figure) -> Shown:
    """The faces of the first subject with a usable expression, and what training makes of them."""
    data = figure.indexed_data(of.paper)
    usable = [row for row in of.plan.sources.rows(of.paper.data[data].index) if row["excluded"] is None]
    subjects = sorted((row["dataset"], row["subject"].rpartition("/")[2]) for row in usable)
    return Shown(
        kind=figure.kind,
        faces=FACES if subjects else None,
        subject=subjects[0] if subjects else None,
        augment=of.paper.training.get("augment", ()),
        sigma=of.plan.config.preprocess.lcn.sigma,
    )


def _flow(of: PaperFigures) -> FlowFolder:
    name, flow = next(iter(of.paper.preprocessing.flow.items()))
    return FlowFolder(folder=f"flow/{name}", pair=of.paper.test_pairs[0], size=flow.size)
