"""The paper's claims in words, checked: one experiment against another, on the subjects that both were tested on.

A claim *holds* if every difference that it is about is above 0, and *beyond chance* if the 95 % interval of each is:
the subjects are drawn anew with replacement, the same ones for both experiments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mexflow.evaluation.uncertainty import bootstrap, seed_of
from mexflow.papers import Claim
from mexflow.reporting.cells import Cell, cell_from
from mexflow.reporting.evidence import Evidence
from mexflow.reporting.metrics import NOT_RUN, SCORES, Measurement

TABLE = "claims"
TITLE = "The paper's claims, checked"
BEYOND, HOLDS, FAILS, UNKNOWN = "holds, beyond chance", "holds, not beyond chance", "does not hold", "not measured"


@dataclass(frozen=True)
class Checked:
    """A claim, what was found, and the cells of the differences that it is about."""

    claim: Claim
    verdict: str
    cells: list[Cell]


def check(evidence: Evidence) -> list[Checked]:
    """Every claim of the paper against what was measured.

    The cells are ``<number>. <claim>/<better> - <worse>/<metric>_difference``, in percentage points.
    """
    return [_check(evidence, number, claim) for number, claim in enumerate(evidence.paper.claims, start=1)]


def _check(evidence: Evidence, number: int, claim: Claim) -> Checked:
    pairs = [pair for chain in claim.descending for pair in zip(chain, chain[1:], strict=False)]
    found = [_difference(evidence, claim.metric, *pair) for pair in pairs]
    values = [one.value for one in found if one.value is not None]
    if len(values) < len(found):
        verdict = UNKNOWN
    elif min(values) <= 0:
        verdict = FAILS
    else:
        sure = all(one.interval is not None and one.interval[0] > 0 for one in found)
        verdict = BEYOND if sure else HOLDS
    cells = [
        cell_from(evidence.paper, TABLE, f"{number}. {claim.claim}", f"{better} - {worse}", one)
        for (better, worse), one in zip(pairs, found, strict=True)
    ]
    return Checked(claim, verdict, cells)


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
    score = SCORES[metric]

    def difference(matrices: np.ndarray) -> np.ndarray:
        return score(matrices[..., 0, :, :]) - score(matrices[..., 1, :, :])

    seed = seed_of(evidence.seed, evidence.paper.paper, better, worse, metric, "difference")
    interval = bootstrap(both, difference, seed)
    notes = [] if interval else ["no interval: one subject"]
    if len(common) < max(len(first.subjects), len(second.subjects)):
        notes.append(f"on the {len(common)} subjects that both tested")
    value = 100 * float(difference(both.sum(0)))
    return Measurement(name, value, interval and (100 * interval[0], 100 * interval[1]), len(common), notes)


def _of(pooled, subjects: Sequence[str]) -> np.ndarray:
    """The confusion matrices of some of the subjects, in their order."""
    return pooled.confusions[[pooled.subjects.index(subject) for subject in subjects]]
