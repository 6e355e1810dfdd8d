"""What a paper's tables depend on beside its file and the results: one typed, frozen document.

The plan makes it of the configuration, and ``mexflow tables`` takes it as its option ``--recipe``. Imports nothing
heavy.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from mexflow.errors import UserError
from mexflow.papers import interval_methods, metrics
from mexflow.papers.decisions import Reading
from mexflow.papers.interval_methods import DEFAULT, IntervalMethod
from mexflow.papers.paper import Paper
from mexflow.papers.part import Part
from mexflow.papers.parts import Budget
from mexflow.validation import explain


class ExperimentFolds(Part):
    """Experiments that are measured on the same folds.

    Attributes:
        experiments: their names, those of null controls too.
        folds: the names of the folds that the budget runs; one that is not there makes every number INCOMPLETE.
    """

    experiments: list[str] = Field(min_length=1)
    folds: list[str]


class ReportingRecipe(Part):
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

    def text(self) -> str:
        """The recipe as JSON, on one line, without what is as it is by default."""
        return self.model_dump_json(exclude_defaults=True)


def read(words: str) -> ReportingRecipe:
    """The recipe of a JSON document, or of a file that holds one.

    Raises:
        UserError: if it is neither, or a key is wrong; the nearest valid one is suggested.
    """
    place = "the recipe"
    if not words.lstrip().startswith("{"):
        place = words
        try:
            words = Path(words).read_text()
        except (OSError, ValueError) as error:
            raise UserError(f"{place}: no recipe and no file with one ({error})") from None
    try:
        return ReportingRecipe.model_validate_json(words)
    except ValidationError as error:
        raise UserError(f"{place}: {explain(error, ReportingRecipe)}") from None


def metrics_of(paper: Paper, null_controls: bool = True) -> list[str]:
    """The metrics that a paper's tables ask for, its claims and null controls too; each once."""
    rows = [(row, column) for table in paper.tables.values() for row in table.rows for column in table.columns]
    names = [column.metric or row.metric for row, column in rows]
    names += [claim.metric for claim in paper.claims]
    if null_controls:
        controlled = [name for name, own in paper.experiments.items() if getattr(own, "null_control", False)]
        for name in controlled:
            names += metrics.CONTROLLED if paper.kind(name).recognises else ["interval_f1"]
    return list(dict.fromkeys(names))


def picks(paper: Paper, recipe: ReportingRecipe, only: str | None = None) -> list[str]:
    """What a paper's tables, or the scores of one experiment, pick by name: modules, and ``module:entry``.

    Args:
        paper: the paper; for the scores :func:`mexflow.papers.paper.scores_of` it.
        only: the experiment whose scores these are.
    """
    networks = paper.models if only is None else []
    protocols = paper.protocols if only is None else [paper.protocol_of(only)]
    return [
        *(f"mexflow.models.{model}" for model in networks),
        *(f"mexflow.evaluation.folds:{protocol}" for protocol in protocols),
        *metrics.entries(metrics_of(paper, recipe.null_controls)),
        interval_methods.identity(recipe.intervals),
    ]
