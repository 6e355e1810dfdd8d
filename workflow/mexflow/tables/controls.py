"""Null controls: experiments trained again on labels permuted within subject.

What is chance is found without training: the labels of the test clips are permuted within each subject, thousands of
times, against the predictions as they are. Each score then has its *range of chance*, which holds 95 % of these
permutations. It knows which classes a network favours, and how many clips of each class a subject has.

A control that lies above its range has seen what it must not see: labels leak. Below it nothing is wrong: where few
clips, balanced over classes, are left out by subject, what is left to train on has fewer of just the classes that are
tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mexflow.evaluation import recognition
from mexflow.evaluation.uncertainty import percentiles, seed_of
from mexflow.papers.metrics import CONTROLLED
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence
from mexflow.tables.measurement import Measurement
from mexflow.tables.paper_cells import score_of
from mexflow.tables.recognition_metrics import score_function

PERMUTATIONS = 5000

TABLE = "controls"
TITLE = "Null controls: labels permuted within subject"
NO_VERDICT = "no verdict"
NOTHING_TO_PERMUTE = "no verdict (no subject has clips of two classes)"
AT_CHANCE = "at or below chance"
LEAKS = "above chance: labels leak"
ABOVE_CHANCE = "above chance"
ABOVE_RANGE = "above its range of chance, but not shown to be above its control"


@dataclass(frozen=True)
class Control:
    """One score of an experiment and of its null control, with what is to be said of each.

    Attributes:
        cells: of the experiment, its range of chance, the control, its range of chance, and the constant answer.
        learns: whether the experiment is above chance, by a control that is not.
    """

    experiment: str
    metric: str
    cells: list[Cell]
    null_verdict: str
    verdict: str
    learns: bool


def controls(evidence: Evidence) -> list[Control]:
    """A `Control` for each score of each experiment of the paper that asks for one.

    Its cells are ``<experiment>/experiment/<metric>``, ``…/chance/<metric>``, ``…/null/<metric>``,
    ``…/null chance/<metric>`` and ``…/constant/<metric>``, all in per cent.
    """
    wanted = [
        name for name in evidence.paper.controlled(evidence.source.budget) if evidence.paper.kind(name).recognises
    ]
    return [control for name in wanted for control in controls_of(evidence, name)]


def controls_of(evidence: Evidence, name: str, table: str = TABLE) -> list[Control]:
    """A `Control` for each score of an experiment that recognises; `table` is what its cells are called after."""
    null_name = f"{name}-null"
    chances, null_chances = chance(evidence, name), chance(evidence, null_name)
    constant = recognition.constant_answer(evidence.pooled(null_name).matrix)
    judged = []
    for metric in CONTROLLED:
        real, null = score_of(evidence, name, metric), score_of(evidence, null_name, metric)
        answer = Measurement(metric, notes=list(null.notes))
        if null.value is not None:
            value = 100 * float(score_function(metric)(constant))
            answer = Measurement(metric, value, None, null.n, ["every clip said to be of the most frequent class"])
        null_verdict = judge_null(null, null_chances[metric])
        verdict = judge(real, chances[metric], null)
        learns = verdict == ABOVE_CHANCE and null_verdict == AT_CHANCE
        # Trained from scratch it is another experiment than started from weights that others trained.
        if started := evidence.started(name):
            null_verdict, verdict = (f"{text}, {started}" for text in (null_verdict, verdict))
        real.notes.append(verdict)
        null.notes.append(null_verdict)
        places = (
            ("experiment", name, real),
            ("chance", name, chances[metric]),
            ("null", null_name, null),
            ("null chance", null_name, null_chances[metric]),
            ("constant", null_name, answer),
        )
        cells = [
            cell_from(evidence.paper.paper, table, name, column, number, evidence.repeats(source))
            for column, source, number in places
        ]
        judged.append(Control(name, metric, cells, null_verdict, verdict, learns))
    return judged


def chance(evidence: Evidence, experiment: str) -> dict[str, Measurement]:
    """What each score of an experiment is by chance: the mean over permutations, and the range that holds 95 % of them.

    Of an experiment that was trained from several seeds, it is that of the mean over these. Labels that all seeds share
    are permuted for all alike, as the seeds may well agree in what they answer; those of a control, which were permuted
    anew for each seed, are permuted so here too. Without a number where folds are missing, or no subject has clips of
    two classes, so that nothing can be permuted.
    """
    names = evidence.repeats(experiment)
    of_seeds = [evidence.pooled(name) for name in names]
    if not all(pooled.complete and pooled.clips for pooled in of_seeds):
        return {
            metric: Measurement(metric, notes=list(score_of(evidence, experiment, metric).notes))
            for metric in CONTROLLED
        }
    if all((pooled.confusions.any(2).sum(1) < 2).all() for pooled in of_seeds):
        return {metric: Measurement(metric, notes=[NOTHING_TO_PERMUTE]) for metric in CONTROLLED}
    if getattr(evidence.paper.experiment(experiment), "permute_labels", False):
        matrices = np.stack(
            [
                recognition.permuted(pooled.confusions, PERMUTATIONS, _seed(evidence, name))
                for name, pooled in zip(names, of_seeds, strict=True)
            ]
        )
    else:
        said, classes = evidence.answers(experiment), len(evidence.classes(experiment))
        matrices = recognition.permuted_together(*said, classes, PERMUTATIONS, _seed(evidence, experiment))
    ranges = {}
    for metric in CONTROLLED:
        values = 100 * score_function(metric)(matrices).mean(0)
        note = f"{PERMUTATIONS} permutations"
        ranges[metric] = Measurement(metric, float(values.mean()), percentiles(values), of_seeds[0].clips, [note])
    return ranges


def _seed(evidence: Evidence, experiment: str) -> int:
    return seed_of(evidence.seed, evidence.paper.paper, experiment, "permutations")


def judge_null(null: Measurement, by_chance: Measurement) -> str:
    """Whether a control lies above its range of chance; below it is no failure."""
    if null.value is None:
        return NO_VERDICT
    if by_chance.interval is None:
        return NOTHING_TO_PERMUTE
    return LEAKS if null.value > by_chance.interval[1] else AT_CHANCE


def judge(real: Measurement, by_chance: Measurement, null: Measurement) -> str:
    """Whether the experiment lies above its range of chance, and its interval above its control's interval."""
    if real.value is None or null.value is None:
        return NO_VERDICT
    if by_chance.interval is None:
        return NOTHING_TO_PERMUTE
    if real.value <= by_chance.interval[1]:
        return AT_CHANCE
    bar = null.interval[1] if null.interval else null.value
    return ABOVE_CHANCE if real.interval and real.interval[0] > bar else ABOVE_RANGE
