"""Null controls: experiments trained again on labels permuted within subject.

What such a network scores by chance lies between two levels, both computed from the evaluated clips: the agreement
expected of its own predictions if they know nothing of the label, and, at most, the share of the majority class. A
control *lands at chance* if its 95 % interval meets that range. One that lies above it has seen what it must not
see: labels leak.
"""

from __future__ import annotations

from dataclasses import dataclass

from mexflow.evaluation import recognition
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence
from mexflow.tables.measurement import Measurement
from mexflow.tables.recognition_metrics import score

TABLE = "controls"
TITLE = "Null controls: labels permuted within subject"
AT_CHANCE = "lands at chance"
ABOVE_CHANCE = "above chance"


@dataclass(frozen=True)
class Control:
    """An experiment and its null control, with what is to be said of each."""

    experiment: str
    cells: list[Cell]
    null_verdict: str
    verdict: str


def controls(evidence: Evidence) -> list[Control]:
    """A `Control` for each experiment of the paper that asks for one.

    Its cells are ``<experiment>/experiment/accuracy``, ``<experiment>/null/accuracy``,
    ``<experiment>/null/expected_agreement`` and ``<experiment>/majority/share``, all in per cent.
    """
    wanted = [
        name
        for name, experiment in evidence.paper.experiments.items()
        if getattr(experiment, "null_control", False) and evidence.paper.kind(name).recognises
    ]
    return [_control(evidence, name) for name in wanted]


def _control(evidence: Evidence, name: str) -> Control:
    real, null = score(evidence, name), score(evidence, f"{name}-null")
    pooled = evidence.pooled(f"{name}-null")
    if null.value is None:
        expected = Measurement("expected_agreement", notes=list(null.notes))
        share = Measurement("share", notes=list(null.notes))
        null_verdict = verdict = "no verdict"
    else:
        level = 100 * float(recognition.expected_agreement(pooled.matrix))
        majority = 100 * float(recognition.majority_share(pooled.matrix))
        expected = Measurement("expected_agreement", level, None, pooled.clips, ["by the class shares predicted"])
        share = Measurement("share", majority, None, pooled.clips, ["of the evaluated clips"])
        null_verdict = judge_null(null, level, majority)
        verdict = judge(real, null, majority)
    # Trained from scratch it is another experiment than started from weights that others trained.
    if started := evidence.started(name):
        null_verdict, verdict = (f"{text}, {started}" for text in (null_verdict, verdict))
    real.notes.append(verdict)
    null.notes.append(null_verdict)
    places = (("experiment", real), ("null", null), ("null", expected), ("majority", share))
    cells = [
        cell_from(
            evidence.paper.paper, TABLE, name, column, number, [name if column == "experiment" else f"{name}-null"]
        )
        for column, number in places
    ]
    return Control(name, cells, null_verdict, verdict)


def judge_null(null: Measurement, expected: float, majority: float) -> str:
    """Whether a control's interval meets the range of chance, `expected` to `majority` (per cent)."""
    if null.interval is None:
        return "no verdict (no interval)"
    low, high = null.interval
    if low > majority:
        return "does not land at chance: above it, labels leak"
    if high < expected:
        return "does not land at chance: below it"
    return AT_CHANCE


def judge(real: Measurement, null: Measurement, majority: float) -> str:
    """Whether the experiment's interval lies above the majority share and above its control's interval."""
    if real.interval is None or null.interval is None:
        return "no verdict (no interval)"
    return ABOVE_CHANCE if real.interval[0] > max(majority, null.interval[1]) else "not shown to be above chance"
