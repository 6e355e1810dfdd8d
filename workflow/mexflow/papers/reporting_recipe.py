"""What a paper's tables depend on beside its file and the results: one typed, frozen document.

The plan makes it of the configuration, and ``mexflow tables`` takes it as its option ``--recipe``. Imports nothing
heavy.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from mexflow.errors import UserError, nearest
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Budget, Part


class ExperimentFolds(Part):
    """Experiments that are measured on the same folds.

    Attributes:
        experiments: their names, those of null controls too.
        reads: the folder, below the results, of the arrays they read, ``<reads>/<dataset>/<subject>.npy``; the tables
            beside these say which clips were left out.
        folds: the names of the folds that the budget runs; one that is not there makes every number INCOMPLETE.
    """

    experiments: list[str] = Field(min_length=1)
    reads: str
    folds: list[str]


class ReportingRecipe(Part):
    """What a paper's tables depend on.

    Attributes:
        budget: how the networks were trained.
        data: ``embedded``, or a text that names the licensed copies.
        seed: base seed of bootstraps and of the choice of samples.
        null_controls: whether null controls were run and are to be judged.
        folds: the folds of each experiment.
        total_folds: how many folds the whole protocol has, by the name of the paper's data.
        missing: after a run that failed, why folds are not there, by ``EXPERIMENT/FOLD``; told in the notes. Then
            tables beside arrays may be missing as well.
    """

    budget: Budget
    data: str
    seed: int
    null_controls: bool = True
    folds: list[ExperimentFolds]
    total_folds: dict[str, int]
    missing: dict[str, str] = {}

    @property
    def expected(self) -> dict[str, list[str]]:
        """The folds of each experiment, by its name."""
        return {name: group.folds for group in self.folds for name in group.experiments}

    @property
    def reads(self) -> dict[str, str]:
        """The folder of the arrays that each experiment reads, by its name."""
        return {name: group.reads for group in self.folds for name in group.experiments}

    def text(self) -> str:
        """The recipe as JSON, on one line, without what is as it is by default."""
        return self.model_dump_json(exclude_defaults=True)


def parse(text: str) -> ReportingRecipe:
    """A recipe, of its JSON, or of the path of a file that holds it.

    Raises:
        UserError: naming every key that is wrong, with the nearest valid one.
    """
    place = "--recipe"
    if not text.lstrip().startswith("{"):
        place = text
        try:
            text = Path(text).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text"
            raise UserError(f"--recipe {place}: {reason}; give JSON, or a file that holds it") from None
    try:
        return ReportingRecipe.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{place}: " + "; ".join(_mistake(details) for details in error.errors())) from None


def _mistake(details) -> str:
    *above, key = details["loc"] or ("",)
    if details["type"] != "extra_forbidden":
        return f"{'.'.join(map(str, details['loc']))}: {details['msg']}".removeprefix(": ")
    keys = (ExperimentFolds if above[:1] == ["folds"] else ReportingRecipe).model_fields
    return f"unknown key {'.'.join(map(str, details['loc']))!r}{nearest(str(key), keys)}"


def metrics_of(paper: Paper, null_controls: bool = True) -> list[str]:
    """The metrics that a paper's tables ask for, its claims and null controls too; each once."""
    rows = [(row, column) for table in paper.tables.values() for row in table.rows for column in table.columns]
    names = [column.metric or row.metric for row, column in rows]
    names += [claim.metric for claim in paper.claims]
    if null_controls:
        controlled = [experiment for experiment in paper.experiments.values() if experiment.null_control]
        names += ["accuracy" if experiment.recognises else "interval_f1" for experiment in controlled]
    return list(dict.fromkeys(names))
