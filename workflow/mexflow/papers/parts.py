"""The parts of a paper's file that are no experiments: its data, how intervals are made, tables, figures, claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mexflow.errors import nearest
from mexflow.papers.metrics import ClaimedName, MetricName
from mexflow.papers.part import Part

Budget = Literal["demo", "learning", "paper"]
"""How much is trained: for a first look, until the proposed methods learn, or as printed."""

BudgetSection = Literal["demo", "paper"]
"""The budgets that a paper's file has a section for; ``learning`` is said by the experiments that it is about."""

TsneSetting = Literal["perplexity", "early_exaggeration", "learning_rate", "max_iter"]


class Data(Part):
    """The clips of a paper: an index, the label column it uses, and its classes in the paper's order.

    `protocol` says how folds are made of them where not as the paper's does.
    """

    index: str
    label: str
    classes: list[str]
    protocol: str | None = None


class IntervalSettings(Part):
    """How the scores of a video become intervals, and what a true positive is.

    `order` of the Butterworth low-pass, run both ways; runs of fewer than `least` frames are dropped; `iou` is the
    least one of a match.

    `videos` says which test videos count, in metrics of frames and of intervals alike: ``all``; ``annotated``, those
    with any expression; or ``with_expressions``, those with an expression of the type alone, as in some published
    code. All train, and choose thresholds, in any case. `frame_scores` says what metrics of frames are of: scores
    ``normalised`` min-max within their video, or ``raw``, as they are; neither is smoothed.
    """

    order: int = Field(2, ge=1)
    least: int = Field(2, ge=1)
    iou: float = Field(0.5, gt=0, le=1)
    videos: Literal["all", "annotated", "with_expressions"] = "all"
    frame_scores: Literal["normalised", "raw"] = "raw"


class Column(Part):
    """A column of a table: its name, and where not the row's, the metric and the member dataset it is about."""

    name: str
    metric: MetricName | None = None
    part: str | None = None


class Row(Part):
    """A row of a table: its name, one published value a column, and the experiment of each column.

    `published` values are numbers, null (the paper prints none), or text where the paper prints text.
    `experiments` has one name a column, null where the row is not ours. `variant` names one of several ways that an
    experiment is tested. `pending` is shown in place of a measurement that this version does not make.
    """

    name: str
    variant: str | None = None
    metric: MetricName = "accuracy"
    published: list[float | int | str | None] = []
    experiments: list[str | None] = []
    pending: str | None = None
    note: str | None = None


class Table(Part):
    """A table of the paper, in the paper's own form."""

    title: str
    row_header: str
    columns: list[Column]
    rows: list[Row]
    note: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @field_validator("columns", mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        """A column of which only the name is to be said may be written as its name."""
        if not isinstance(values, list):
            return values
        return [value if isinstance(value, dict | Column) else {"name": str(value)} for value in values]


def printed_number(tables: Mapping[str, Table], place: str, metric: str) -> float:
    """The number that a paper prints in a row of a table, in the one column of a metric or in the one named.

    Args:
        tables: those of the paper, by name.
        place: ``TABLE/ROW`` or ``TABLE/ROW/COLUMN``.
        metric: the name of one.

    Raises:
        ValueError: if there is none.
    """
    table, row, column = [*place.split("/"), None, None][:3]
    if table not in tables:
        raise ValueError(f"no table {table!r}{nearest(table, tables)}")
    rows = {one.name: one for one in tables[table].rows}
    if row not in rows:
        raise ValueError(f"no row {row!r} in {table}{nearest(row or '', rows)}")
    numbers = {
        of.name: value
        for of, value in zip(tables[table].columns, rows[row].published, strict=False)
        if isinstance(value, int | float) and metric == (of.metric or rows[row].metric)
        if column in (None, of.name)
    }
    if len(numbers) != 1:
        raise ValueError(f"{place}: {len(numbers)} printed numbers of {metric} there, and one is needed")
    return float(next(iter(numbers.values())))


class Term(Part):
    """One number that a claim is about, in the claim's metric: that of an `experiment`, a `printed` one, or a `level`.

    Attributes:
        experiment: its name.
        variant: one of several ways that it is tested.
        part: a member dataset, or a type of expression.
        of_class: the class whose recall is meant, where the metric is ``class_share``.
        printed: a row of a table, ``T2/Kim et al.``, whose number in the metric's column (or in the column
            ``T2/fear/TLCNN fear``) others measured.
        level: a number, in the unit of the metric.
    """

    experiment: str | None = None
    variant: str | None = None
    part: str | None = None
    of_class: str | None = None
    printed: str | None = None
    level: float | None = None

    @model_validator(mode="after")
    def _one_number(self) -> Term:
        if [self.experiment, self.printed, self.level].count(None) != 2:
            raise ValueError("a claim is about an experiment, a printed number, or a level: one of them at a time")
        if self.experiment is None and (self.variant or self.part or self.of_class):
            raise ValueError("variant, part and of_class say what of an experiment is meant")
        return self

    @property
    def label(self) -> str:
        """How tables call it."""
        if self.level is not None:
            return f"{self.level:g}"
        name = self.experiment or f"printed {self.printed}"
        details = [detail for detail in (self.variant, self.part, self.of_class) if detail]
        return f"{name} ({', '.join(details)})" if details else name


def _term(value: Any) -> Any:
    """An experiment of which only the name is to be said may be written as its name, a level as the number."""
    if isinstance(value, str):
        return {"experiment": value}
    return {"level": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Chain = Annotated[list[Annotated[Term, BeforeValidator(_term)]], Field(min_length=2)]
"""Numbers that a claim compares, each with the next."""


class Claim(Part):
    """What the paper says in words of its experiments, by one of three relations of each number to the next.

    The experiments of a list have the same data.

    Attributes:
        claim: the words, shortened.
        metric: by which it is checked.
        descending: in each list, each is better than the next.
        at_least: each is no worse than the next by `margin` or more.
        alike: each differs from the next by less than `margin`.
        margin: in the unit of the metric (decided; the paper's words have none).
        note: what is to be said of the claim itself.
    """

    claim: str
    metric: ClaimedName
    descending: list[Chain] = []
    at_least: list[Chain] = []
    alike: list[Chain] = []
    margin: float | None = Field(None, gt=0)
    note: str | None = None

    @model_validator(mode="after")
    def _one_relation(self) -> Claim:
        if sum(map(bool, (self.descending, self.at_least, self.alike))) != 1:
            raise ValueError("a claim has one of descending, at_least and alike")
        if (self.margin is None) != bool(self.descending):
            raise ValueError("at_least and alike need a margin, and descending has none")
        return self

    @property
    def chains(self) -> list[Chain]:
        """The lists of its one relation."""
        return self.descending or self.at_least or self.alike

    @property
    def pairs(self) -> list[tuple[Term, Term]]:
        """The numbers that are compared, two and two, in the order of the file."""
        return [pair for chain in self.chains for pair in zip(chain, chain[1:], strict=False)]

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which each difference lies if the claim holds, in the unit of the metric."""
        if self.margin is None:
            return 0, math.inf
        return -self.margin, self.margin if self.alike else math.inf


class Timing(Part):
    """The printed time to classify a clip, in milliseconds, and the experiment whose network is timed."""

    experiment: str
    published: dict[str, float]
    hardware: str
