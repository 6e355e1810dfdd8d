"""What tables depend on beside the papers' files and the results: one typed, frozen document.

The plan makes it of the configuration, and ``mexflow tables``, or ``mexflow learning``, takes it as its option
``--recipe``. Imports nothing heavy.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mexflow.papers import interval_methods, metrics
from mexflow.papers.decisions import Reading
from mexflow.papers.document import Document
from mexflow.papers.interval_methods import DEFAULT, IntervalMethod
from mexflow.papers.paper import Paper
from mexflow.papers.part import Part
from mexflow.papers.parts import Budget
from mexflow.papers.preprocessing import Flow, Motion, Residual

ShownFaces = Literal["embedded", "all", "none"]
"""Whose faces the results page shows: of synthetic data alone, of licensed data too, or none."""


class ExperimentFolds(Part):
    """Experiments that are measured on the same folds.

    Attributes:
        experiments: their names, those of null controls too.
        folds: the names of the folds that the budget runs; one that is not there makes every number INCOMPLETE.
    """

    experiments: list[str] = Field(min_length=1)
    folds: list[str]


class ReportingRecipe(Document):
    """What a paper's tables depend on.

    Attributes:
        budget: how the networks were trained.
        reading: how the paper is read: with its file's decisions, or literally.
        data: ``embedded``, or a text that names the licensed copies.
        seed: base seed of bootstraps and of the choice of samples.
        intervals: the method of intervals over subjects.
        null_controls: whether null controls were run and are to be judged.
        folds: the folds of each experiment.
        total_folds: how many folds the whole protocol has, by the name of the paper's data.
        missing: after a run that failed, why folds are not there, by ``EXPERIMENT/FOLD``; told in the notes. Then
            tables beside arrays may be missing as well.
    """

    budget: Budget
    reading: Reading = "decided"
    data: str
    seed: int
    intervals: IntervalMethod = DEFAULT
    null_controls: bool = True
    folds: list[ExperimentFolds]
    total_folds: dict[str, int]
    missing: dict[str, str] = {}

    @property
    def expected(self) -> dict[str, list[str]]:
        """The folds of each experiment, by its name."""
        return {name: group.folds for group in self.folds for name in group.experiments}


class LearningRecipe(Document):
    """What the table of what is learned depends on.

    Attributes:
        papers: the recipe of each paper, of the experiments that are to learn and their controls.
        left_out: why experiments are not there, by ``PAPER/EXPERIMENT``.
    """

    papers: dict[str, ReportingRecipe] = Field(min_length=1)
    left_out: dict[str, str] = {}


class PageRecipe(Document):
    """What the results page depends on beside the papers' files, the results and their records.

    Attributes:
        budget: how the networks were trained.
        reading: how the papers are read.
        intervals: the method of intervals over subjects.
        papers: which data each paper's numbers come from, by its name, in the order of the page.
        datasets: the indexes that it lists, each with the data it is of: ``embedded``, or its roots.
        raw: the raw datasets that clips are of, likewise.
        faces: whose faces, and figures with pixels, are shown: of ``embedded`` data, of ``all``, or of ``none``.
    """

    budget: Budget
    reading: Reading = "decided"
    intervals: IntervalMethod = DEFAULT
    papers: dict[str, str] = Field(min_length=1)
    datasets: dict[str, str] = {}
    raw: dict[str, str] = {}
    faces: ShownFaces = "embedded"

    def shows(self, data: str) -> bool:
        """Whether pixels of such data may stand on the page."""
        return self.faces == "all" or (self.faces == "embedded" and data == "embedded")


class Faces(Part):
    """How faces were found and aligned.

    `smoothing` of the landmarks over time is the sigma of a Gaussian, frames; a clip with a larger share of frames
    without a face than `max_missed` is left out. `openface` tells that faces and landmarks are OpenFace's.
    """

    smoothing: float
    max_missed: float
    openface: bool = False


class Lcn(Part):
    """Local contrast normalisation: the `sigma` of its Gaussian, pixels of the aligned face."""

    sigma: float


class MadeWith(Part):
    """Everything that the input of an experiment is made with, from raw frames on; null where it has no part in it."""

    faces: Faces
    lcn: Lcn | None = None
    flow: Flow | None = None
    motion: Motion | None = None
    residual: Residual | None = None


class CardRecipe(Document):
    """What the card of a network for use depends on, beside the paper's file, its training and its paper's tables.

    Attributes:
        budget: how it was trained.
        reading: how the paper was read.
        data: ``embedded``, or a text that names the licensed copies.
        release: which release of its datasets, in words.
        preprocess: what its input was made with.
        tables: whether the paper's tables can be made, in which its held-out scores stand.
    """

    budget: Budget
    reading: Reading = "decided"
    data: str
    release: str
    preprocess: MadeWith
    tables: bool = True


def metrics_of(paper: Paper, null_controls: bool = True, budget: Budget | None = None) -> list[str]:
    """The metrics that a paper's tables ask for, its claims and its null controls under a budget too; each once."""
    rows = [(row, column) for table in paper.tables.values() for row in table.rows for column in table.columns]
    names = [column.metric or row.metric for row, column in rows]
    names += [claim.metric for claim in paper.claims]
    if null_controls:
        for name in paper.controlled(budget):
            kind = paper.kind(name)
            if kind.recognises:
                names += metrics.CONTROLLED
            elif kind.every_video:
                names += [*metrics.SPOTTED_VIDEOS, *metrics.MOVED_FRAMES, *metrics.MOVED_FRAMES.values()]
    return list(dict.fromkeys(names))


def learning_picks(paper: Paper, recipe: ReportingRecipe) -> list[str]:
    """What the table of what a paper's experiments learn picks by name: modules, and ``module:entry``."""
    names = list(recipe.expected)
    asked: list[str] = []
    for kind in map(paper.kind, names):
        if kind.recognises:
            asked += metrics.CONTROLLED
        if kind.spots:
            asked += metrics.SPOTTED_VIDEOS if kind.every_video else metrics.SPOTTED_CLIPS
    return [
        *dict.fromkeys(f"mexflow.evaluation.folds:{paper.protocol_of(name)}" for name in names),
        *metrics.entries(asked),
        interval_methods.identity(recipe.intervals),
    ]


def picks(paper: Paper, recipe: ReportingRecipe, only: str | None = None) -> list[str]:
    """What a paper's tables, or the scores of one experiment, pick by name: modules, and ``module:entry``.

    Args:
        paper: the paper; for the scores :func:`mexflow.papers.experiment_scores.scores_of` it.
        only: the experiment whose scores these are.
    """
    networks = paper.models if only is None else []
    protocols = paper.protocols if only is None else [paper.protocol_of(only)]
    return [
        *(f"mexflow.models.{model}" for model in networks),
        *(f"mexflow.evaluation.folds:{protocol}" for protocol in protocols),
        *metrics.entries(metrics_of(paper, recipe.null_controls, recipe.budget)),
        interval_methods.identity(recipe.intervals),
    ]
