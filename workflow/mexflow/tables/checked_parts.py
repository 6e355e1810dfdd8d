"""The parts of a paper's page that judge: its claims, and null controls, with their verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mexflow.papers.metrics import METRICS
from mexflow.tables import claims, shifted_controls
from mexflow.tables.cell_lines import (
    INTERVAL,
    MEASURED,
    PUBLISHED,
    beside,
    counts,
    form_of,
    legend,
    place_of,
    remarks_on,
)
from mexflow.tables.cells import Cell
from mexflow.tables.controls import PERMUTATIONS, TITLE, Control
from mexflow.tables.markdown import NOTHING, escape, pipe_table
from mexflow.tables.notes import Notes, Place, number
from mexflow.tables.source import Source


def claimed(checked: Sequence[claims.CheckedClaim], source: Source) -> list[str]:
    """The claims: each with its verdict, then the differences that they are about."""
    if not checked:
        return []
    remarks: dict[Place, list[str]] = {}
    for check in checked:
        remarks[(str(check.number), "")] = [] if check.claim.note is None else [check.claim.note]
        for cell, own in zip(check.cells, check.of_differences, strict=True):
            remarks[(_row(check, cell), "")] = own
    notes = number(remarks, [])
    verdicts, lines = [], []
    for check in checked:
        margin = "" if check.claim.margin is None else f" (margin {check.claim.margin:g})"
        claim = f"{check.number}. {escape(check.claim.claim)}{margin}{notes.on(str(check.number))}"
        plain = check.verdict in (claims.UNKNOWN, claims.NOT_COMPARABLE)
        verdict = check.verdict if plain else f"{check.verdict}{source.mark}"
        in_print = NOTHING if check.in_print is None else "yes" if check.in_print else "no"
        verdicts.append([claim, METRICS[check.claim.metric].label, verdict, in_print])
        for place, cell in enumerate(check.cells):
            printed = NOTHING if cell.published is None else format(cell.published, form_of(cell.metric))
            measured, interval = beside(cell, source, Notes())
            row = "" if place else str(check.number)
            lines.append([row, escape(cell.column), printed, f"{measured}{notes.on(_row(check, cell))}", interval])
    said = counts([cell for check in checked for cell in check.cells], "subjects of both")
    return [
        f"## {claims.TITLE}",
        pipe_table(["claim", "by", "verdict", "so in print"], verdicts, 4),
        "A claim holds if each of its differences is above 0 (or, where it has a margin, above minus it, or within "
        "it), and beyond chance if each interval is; it does not hold beyond chance if an interval lies outside. So in "
        "print: whether the paper's own numbers bear it out. Not comparable: with numbers of others, on other data. "
        "Trained unlike: for other numbers of epochs or samples, or on images of another size.",
        f"The differences, in the metric's unit (of per cent, in percentage points).{said}",
        pipe_table(["claim", "difference", PUBLISHED, MEASURED, INTERVAL], lines, 2),
        *legend(source),
        *notes.below(),
        *_of_experiments(checked),
    ]


def _row(check: claims.CheckedClaim, cell: Cell) -> str:
    return f"{check.number} {cell.column}"


def _of_experiments(checked: Sequence[claims.CheckedClaim]) -> list[str]:
    """What qualifies the numbers of the experiments that claims are about, those alike together."""
    about = {name: tuple(notes) for check in checked for name, notes in check.of_experiments.items()}
    lines = [f"- {escape(', '.join(names))}: {escape('; '.join(notes))}"
             for notes, names in _alike(about).items() if notes]  # fmt: skip
    return ["The experiments in these differences:", "\n".join(lines)] if lines else []


def _alike(texts: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, ...], list[str]]:
    """The names of what has the same texts, by these."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, of in texts.items():
        alike.setdefault(of, []).append(name)
    return alike


def moved(shifted: Sequence[shifted_controls.ShiftedControl], source: Source) -> list[str]:
    """The null controls of spotting."""
    if not shifted:
        return []
    heads = ["experiment", "expressions", "score", MEASURED, INTERVAL, "moved in time", INTERVAL, "verdict"]
    lines = []
    for control in shifted:
        real, chance = control.cells[:2]
        lines.append(
            [
                escape(control.experiment),
                control.part or "all",
                METRICS[control.metric].label,
                *beside(real, source, Notes()),
                *beside(chance, source, Notes()),
                control.verdict,
            ]
        )
    return [
        f"## {shifted_controls.TITLE}",
        pipe_table(heads, lines, 3, 1),
        f"Moved in time is the mean over repetitions, with the range that holds {INTERVAL} of them: each predicted "
        "interval goes to a random place of its video and keeps its length; of frames, all scores of a video move on "
        "by a random number of frames, the last ones to its beginning.",
        *legend(source),
    ]


def controlled(controls: Sequence[Control] | None, source: Source) -> list[str]:
    """The null controls of recognition (None: they were not run)."""
    parts = [f"## {TITLE}"]
    if controls is None:
        return [*parts, "Not run: `null_controls` is off."]
    if not controls:
        return [*parts, "This paper's file asks for none."]
    remarks: dict[Place, list[str]] = {}
    for control in controls:
        real, _, null, _, _ = control.cells
        for cell, verdict in ((real, control.verdict), (null, control.null_verdict)):
            clips = [f"n = {cell.n} test clips"] if cell.n is not None else []
            texts = [note for note in remarks_on(cell) if note != verdict]
            remarks[place_of(cell)] = [*clips, *texts]
    notes = number(remarks, list(remarks))
    heads = ["experiment", "score"]
    for column in (MEASURED, "by chance", "null control", "by chance"):
        heads += [column, INTERVAL]
    lines = []
    for control in controls:
        *judged, constant = control.cells
        numbers = [text for cell in judged for text in beside(cell, source, notes)]
        lines.append(
            [notes.row(control.experiment), METRICS[control.metric].label, *numbers, beside(constant, source, notes)[0]]
        )
    return [
        *parts,
        pipe_table([*heads, "constant answer"], lines, 2),
        _verdicts(controls),
        f"By chance: the mean over {PERMUTATIONS} permutations of the labels within each subject, the predictions as "
        f"they are, with the range that holds {INTERVAL} of them. A control fails if it lies above that range; below "
        "it, few balanced clips left out by subject explain it.",
        *legend(source),
        *notes.below(),
    ]


def _verdicts(controls: Sequence[Control]) -> str:
    """A line for each verdict on an experiment, with the scores that it is of where it is not of all."""
    scores: dict[str, dict[str, list[str]]] = {}
    for control in controls:
        verdict = f"control {control.null_verdict}; experiment {control.verdict}"
        of = scores.setdefault(control.experiment, {})
        of.setdefault(verdict, []).append(METRICS[control.metric].label)
    lines = []
    for experiment, verdicts in scores.items():
        for verdict, of in verdicts.items():
            which = "" if len(verdicts) == 1 else f", {', '.join(of)}"
            lines.append(f"- {escape(experiment)}{which}: {verdict}")
    return "\n".join(lines)
