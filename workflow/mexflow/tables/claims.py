"""The paper's claims in words, checked: one number against another, on the subjects that both were measured on.

A claim says between which bounds some differences lie: above 0; not below minus a margin, where one is no worse than
the other; or within a margin of 0, where both are alike. It *holds* if every difference does, and *beyond chance* if
the 95 % interval of each does as well: the subjects are left out, or drawn anew, in both numbers alike.
It *does not hold* beyond chance if the interval of one of the differences lies outside. Where a budget trains two
experiments for different numbers of epochs or samples, or on images of different sizes, the verdict says so: the
difference may come from there. Of networks that can start from weights of a file it says what they started from:
trained from scratch, they are other experiments.

The other number may be one that others measured and the paper prints. It is of the licensed data, so elsewhere the
claim is not comparable. What the paper's own numbers come to is said beside each claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mexflow.evaluation.uncertainty import DIFFERENCE, SIGNED, by_weights, seed_of
from mexflow.papers.metrics import METRICS, class_place
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Claim, Column, Row, Term, printed_number
from mexflow.tables import over_seeds
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import Measurement, Weighted
from mexflow.tables.paper_cells import measure
from mexflow.tables.similarity_metrics import of_matrix

TABLE = "claims"
TITLE = "The paper's claims, checked"
BEYOND, HOLDS = "holds, beyond chance", "holds, not beyond chance"
REFUTED, FAILS = "does not hold, beyond chance", "does not hold, not beyond chance"
UNKNOWN = "not measured"
NOT_COMPARABLE = "not comparable"
UNLIKE = "but trained unlike"
Number = Callable[[np.ndarray], np.ndarray]
"""A number of each row of weights of subjects, ``(B, S)`` to ``(B,)``."""

OTHERS = "the printed number is of the licensed data, with the printed budget"


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with its verdict.

    Attributes:
        number: from 1.
        claim: what the paper says.
        verdict: in words.
        cells: of its differences.
        of_differences: what qualifies each of these, where it has a number.
        of_experiments: what qualifies the numbers of each experiment that it is about.
        in_print: whether the paper's own numbers bear it out; None where it does not print them.
    """

    number: int
    claim: Claim
    verdict: str
    cells: list[Cell]
    of_differences: list[list[str]]
    of_experiments: Mapping[str, list[str]]
    in_print: bool | None = None


def check(evidence: Evidence) -> list[CheckedClaim]:
    """Every claim of the paper against what was measured.

    The cells are ``<number>. <claim>/<better> - <worse>/<metric>_difference``, in the unit of the metric, percentage
    points where that is per cent; the last note of each is the claim's verdict. Published is the difference in print.
    """
    return [_check(evidence, number, claim) for number, claim in enumerate(evidence.paper.claims, start=1)]


def _check(evidence: Evidence, number: int, claim: Claim) -> CheckedClaim:
    differences = [_difference(evidence, claim.metric, *pair) for pair in claim.pairs]
    printed = [printed_difference(evidence.paper, claim.metric, *pair) for pair in claim.pairs]
    low, high = claim.bounds
    in_print = None if None in printed else all(low < value < high for value in printed)
    others = any(term.printed for pair in claim.pairs for term in pair)
    verdict = NOT_COMPARABLE if others and not evidence.source.comparable else judge(differences, claim.bounds)
    judged = verdict not in (UNKNOWN, NOT_COMPARABLE)
    if judged and any(_unlike(evidence, _experiments(pair)) for pair in claim.pairs):
        verdict = f"{verdict}, {UNLIKE}"
    if judged and (started := evidence.started_of(_experiments([term for pair in claim.pairs for term in pair]))):
        verdict = f"{verdict}, {started}"
    cells = []
    for pair, difference, in_paper in zip(claim.pairs, differences, printed, strict=True):
        column, names = " - ".join(term.label for term in pair), _experiments(pair)
        whole = replace(difference, notes=[*difference.notes, *evidence.notes_of(names), f"the claim: {verdict}"])
        row = f"{number}. {claim.claim}"
        measured_of = over_seeds.all_of(evidence, names)
        cells.append(cell_from(evidence.paper.paper, TABLE, row, column, whole, measured_of, in_paper))
    of_differences = [[] if difference.value is None else difference.notes for difference in differences]
    about = _experiments([term for chain in claim.chains for term in chain])
    of_experiments = {name: evidence.notes(name) for name in about if evidence.folds.get(name)}
    return CheckedClaim(number, claim, verdict, cells, of_differences, of_experiments, in_print)


def judge(differences: Sequence[Measurement], bounds: tuple[float, float] = (0, np.inf)) -> str:
    """The verdict on a claim that says that each of some differences is above the first bound and below the other."""
    if any(difference.value is None for difference in differences):
        return UNKNOWN
    low, high = bounds
    intervals = [difference.interval for difference in differences]
    if all(low < difference.value < high for difference in differences):
        inside = all(interval and low < interval[0] and interval[1] < high for interval in intervals)
        return BEYOND if inside else HOLDS
    outside = any(interval and (interval[1] < low or interval[0] > high) for interval in intervals)
    return REFUTED if outside else FAILS


def printed_difference(paper: Paper, metric: str, first: Term, second: Term) -> float | None:
    """The difference of two numbers as the paper prints them, in the unit of the metric; None where it does not."""
    printed = [_printed(paper, metric, term) for term in (first, second)]
    return None if None in printed else printed[0] - printed[1]


def _printed(paper: Paper, metric: str, term: Term) -> float | None:
    if term.level is not None:
        return term.level
    if term.printed is not None:
        return printed_number(paper.tables, term.printed, metric)
    wanted = "cosine_similarity" if METRICS.declared(metric).of_similarity else metric
    classes = paper.data_of(term.experiment).classes
    found: dict[tuple[int, int] | None, float] = {}
    for table in paper.tables.values():
        for row in table.rows:
            for column, experiment, value in zip(table.columns, row.experiments, row.published, strict=False):
                meant = (experiment, column.metric or row.metric, row.variant, column.part)
                if meant == (term.experiment, wanted, term.variant, term.part) and isinstance(value, int | float):
                    named = METRICS.declared(wanted).of_classes
                    place = tuple(class_place(one.name, classes) for one in (row, column)) if named else None
                    found.setdefault(place, float(value))
    if wanted != metric:
        matrix = np.full((len(classes), len(classes)), np.nan)
        for place, value in found.items():
            matrix[place] = value
        return float(of_matrix(metric)(matrix)) if found else None
    return found.get(None if term.of_class is None else (class_place(term.of_class, classes),) * 2)


def _experiments(terms: Sequence[Term]) -> list[str]:
    return list(dict.fromkeys(term.experiment for term in terms if term.experiment is not None))


_EFFORTS = ("epochs", "samples", "size")
"""What makes one training shorter than another, as budgets call it."""


def _unlike(evidence: Evidence, experiments: Sequence[str]) -> bool:
    """Whether the budget gives more to one experiment than to another; what is fitted at once takes no part."""
    trained = [name for name in experiments if evidence.paper.kind(name).training]
    efforts = [evidence.paper.effort(name, evidence.source.budget) for name in trained]
    return len({tuple(getattr(effort, name, None) for name in _EFFORTS) for effort in efforts}) > 1


def _difference(evidence: Evidence, metric: str, better: Term, worse: Term) -> Measurement:
    """How much greater one number is than another, in the unit of the metric; `n` counts the subjects of both."""
    name, terms = f"{metric}_difference", (better, worse)
    if any(term.printed for term in terms) and not evidence.source.comparable:
        return Measurement(name, notes=[OTHERS])
    measured = {term: _measure(evidence, metric, term) for term in terms if term.experiment is not None}
    for measurement in measured.values():
        if measurement.weighted is None:
            return Measurement(name, n=measurement.n, notes=measurement.notes[:1])
    numbers = [measured[term].weighted for term in terms if term in measured]
    common = sorted(set.intersection(*(set(number.subjects) for number in numbers)))
    if not common:
        return Measurement(name, n=0, notes=["no subject was tested by both"])
    scale = numbers[0].scale
    parts = [
        _of(measured[term].weighted, common) if term in measured else _constant(evidence, metric, term, scale)
        for term in terms
    ]

    def difference(weights: np.ndarray) -> np.ndarray:
        return parts[0](weights) - parts[1](weights)

    value = float(difference(np.ones((1, len(common)), dtype=np.int64))[0])
    if not np.isfinite(value):
        return Measurement(name, n=len(common), notes=["no number on the subjects of both"])
    seed = seed_of(evidence.seed, evidence.paper.paper, better.label, worse.label, metric, "difference")
    tested = np.ones(len(common), dtype=bool)
    # Of shares, or of cosines.
    bounds = DIFFERENCE if METRICS.declared(metric).of_similarity else SIGNED
    spread = by_weights(difference, tested, seed, evidence.source.intervals, bounds)
    notes = spread.notes
    if len(common) < max(len(number.subjects) for number in numbers):
        notes.append(f"on the {len(common)} subjects that both tested")
    samples = [_samples(number, common) for number in numbers if number.samples is not None]
    if len(samples) == 2 and (samples[0] != samples[1]).any():
        notes.append("not on the same clips of these subjects")
    ends = spread.interval
    return Measurement(
        name,
        scale * value,
        ends and (scale * ends[0], scale * ends[1]),
        len(common),
        notes,
        seeds=next((one.seeds for one in measured.values() if one.seeds), None),
        seed_sd=_over_seeds(numbers, common),
    )


def _over_seeds(numbers: Sequence[Weighted], subjects: Sequence[str]) -> float | None:
    """The standard deviation over seeds of a difference of two numbers on some subjects; None without seeds.

    The seeds of the two have nothing to do with each other, so that their variances add up. What was trained once, and
    what is in print, has none.
    """
    of_seeds = [[_of(replace(one, number=seed), subjects) for seed in one.of_seeds] for one in numbers if one.of_seeds]
    weights = np.ones((1, len(subjects)), dtype=np.int64)
    variances = [np.var([float(number(weights)[0]) for number in seeds], ddof=1) for seeds in of_seeds]
    return float(numbers[0].scale * np.sqrt(np.sum(variances))) if variances else None


def _measure(evidence: Evidence, metric: str, term: Term) -> Measurement:
    """The number of an experiment; the place is that of a table whose row and column ask for it."""
    name = term.of_class or term.experiment
    place = Place(Row(name=name, variant=term.variant), Column(name=name, part=term.part), term.experiment)
    return measure(metric, evidence, place)[0]


def _of(number: Weighted, subjects: Sequence[str]) -> Number:
    """A number as a function of the weights of some of its subjects; the others weigh nothing."""
    places = [list(number.subjects).index(subject) for subject in subjects]

    def of(weights: np.ndarray) -> np.ndarray:
        whole = np.zeros((*weights.shape[:-1], len(number.subjects)), weights.dtype)
        whole[..., places] = weights
        return number.number(whole)

    return of


def _constant(evidence: Evidence, metric: str, term: Term, scale: float) -> Number:
    """A level, or a number in print, as a function of weights that do not change it."""
    value = (
        term.level if term.level is not None else printed_number(evidence.paper.tables, term.printed, metric)
    ) / scale
    return lambda weights: np.full(weights.shape[:-1], value)


def _samples(number: Weighted, subjects: Sequence[str]) -> np.ndarray:
    """How many samples some of the subjects add, in their order."""
    return number.samples[[list(number.subjects).index(subject) for subject in subjects]]
