"""The paper's claims in words, checked: one experiment against another, on the subjects that both were tested on.

A claim *holds* if every difference that it is about is above 0, and *beyond chance* if the 95 % interval of each is:
the subjects are left out, or drawn anew, in both experiments alike. It *does not hold* beyond chance if
the interval of one of the differences is below 0. Where a budget trains two experiments for different numbers of epochs
or on images of different sizes, the verdict says so: the difference may come from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mexflow.evaluation.uncertainty import DIFFERENCE, over_subjects, seed_of
from mexflow.papers.parts import Claim
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence, Pooled
from mexflow.tables.measurement import NOT_RUN, Measurement
from mexflow.tables.recognition_metrics import score_function

TABLE = "claims"
TITLE = "The paper's claims, checked"
BEYOND, HOLDS = "holds, beyond chance", "holds, not beyond chance"
REFUTED, FAILS = "does not hold, beyond chance", "does not hold, not beyond chance"
UNKNOWN = "not measured"
UNLIKE = "but trained unlike"


@dataclass(frozen=True)
class CheckedClaim:
    """A claim, its number from 1, its verdict, the cells of its differences, and what qualifies it."""

    number: int
    claim: Claim
    verdict: str
    cells: list[Cell]
    remarks: list[str]


def check(evidence: Evidence) -> list[CheckedClaim]:
    """Every claim of the paper against what was measured.

    The cells are ``<number>. <claim>/<better> - <worse>/<metric>_difference``, in percentage points; the last note of
    each is the claim's verdict.
    """
    return [_check(evidence, number, claim) for number, claim in enumerate(evidence.paper.claims, start=1)]


def _check(evidence: Evidence, number: int, claim: Claim) -> CheckedClaim:
    pairs = [pair for chain in claim.descending for pair in zip(chain, chain[1:], strict=False)]
    differences = [_difference(evidence, claim.metric, *pair) for pair in pairs]
    verdict = judge(differences)
    if verdict != UNKNOWN and any(_unlike(evidence, pair) for pair in pairs):
        verdict = f"{verdict}, {UNLIKE}"
    remarks = evidence.notes_of([name for chain in claim.descending for name in chain])
    cells = []
    for pair, difference in zip(pairs, differences, strict=True):
        column = " - ".join(pair)
        if difference.value is not None:
            remarks += [f"{column}: {note}" for note in difference.notes]
        whole = replace(difference, notes=[*difference.notes, *evidence.notes_of(pair), f"the claim: {verdict}"])
        cells.append(cell_from(evidence.paper.paper, TABLE, f"{number}. {claim.claim}", column, whole, pair))
    return CheckedClaim(number, claim, verdict, cells, remarks)


def judge(differences: Sequence[Measurement]) -> str:
    """The verdict on a claim that says that each of some differences is above 0."""
    if any(difference.value is None for difference in differences):
        return UNKNOWN
    intervals = [difference.interval for difference in differences]
    if all(difference.value > 0 for difference in differences):
        return BEYOND if all(interval and interval[0] > 0 for interval in intervals) else HOLDS
    return REFUTED if any(interval and interval[1] < 0 for interval in intervals) else FAILS


def _unlike(evidence: Evidence, experiments: Sequence[str]) -> bool:
    """Whether the budget gives more to one experiment than to another; what is fitted at once takes no part."""
    trained = [name for name in experiments if evidence.paper.kind(name).training]
    efforts = [evidence.paper.effort(name, evidence.source.budget) for name in trained]
    return len({(effort.epochs, getattr(effort, "size", None)) for effort in efforts}) > 1


def _difference(evidence: Evidence, metric: str, better: str, worse: str) -> Measurement:
    """How much better one experiment is than another, in percentage points; `n` counts the subjects of both."""
    name = f"{metric}_difference"
    first, second = evidence.pooled(better), evidence.pooled(worse)
    for pooled in (first, second):
        if not pooled.complete:
            return Measurement(name, notes=[pooled.incomplete or NOT_RUN])
    common = sorted({*first.subjects} & {*second.subjects})
    if not common:
        return Measurement(name, n=0, notes=["no subject was tested by both"])
    both = np.stack([_of(first, common), _of(second, common)], 1)
    score = score_function(metric)

    def difference(matrices: np.ndarray) -> np.ndarray:
        return score(matrices[..., 0, :, :]) - score(matrices[..., 1, :, :])

    seed = seed_of(evidence.seed, evidence.paper.paper, better, worse, metric, "difference")
    spread = over_subjects(both, difference, seed, evidence.source.intervals, DIFFERENCE)
    notes = spread.notes
    if len(common) < max(len(first.subjects), len(second.subjects)):
        notes.append(f"on the {len(common)} subjects that both tested")
    if (both[:, 0].sum(-1) != both[:, 1].sum(-1)).any():
        notes.append("not on the same clips of these subjects")
    value = 100 * float(difference(both.sum(0)))
    return Measurement(name, value, spread.percent, len(common), notes)


def _of(pooled: Pooled, subjects: Sequence[str]) -> np.ndarray:
    """The confusion matrices of some of the subjects, in their order."""
    return pooled.confusions[[pooled.subjects.index(subject) for subject in subjects]]
