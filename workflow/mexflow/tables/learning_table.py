"""Whether the papers' proposed methods learn: the scores of each on held-out subjects, beside chance and a control.

An experiment that recognises is judged as in the table of null controls (:mod:`mexflow.tables.controls`): it learns if
it lies above its range of chance and its interval above that of its control, which was trained on permuted labels and
is itself not above chance.

One that spots in long videos learns if its interval lies above what its intervals score at random places of their
videos (:mod:`mexflow.tables.shifted_controls`). One that spots in clips, if its interval lies above what its scores
reach when they are moved in time, and above what a frame's place in its clip tells alone: clips have their expression
in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mexflow.papers.metrics import METRICS
from mexflow.tables import controls, shifted_controls
from mexflow.tables.cell_lines import INTERVAL, MEASURED, OUTCOMES, beside, legend, outcome, remarks_on
from mexflow.tables.cells import Cell, cell_from
from mexflow.tables.evidence import Evidence
from mexflow.tables.markdown import NOTHING, escape, pipe_table
from mexflow.tables.notes import Notes, Place, number
from mexflow.tables.paper_cells import score_of
from mexflow.tables.paper_page import made_of, of_seeds

TABLE = "learning"
TITLE = "What the papers' proposed methods learn"
PARTS = ("macro", "micro", None)
"""The types of expression of long videos; None: both."""

PLACE_TELLS = "above chance, but not above what a frame's place in its clip tells alone"


@dataclass(frozen=True)
class Learned:
    """One score of an experiment, with what it is held against.

    Attributes:
        experiment: its name.
        row: the same, with the variant of testing and the type of expression where it has such.
        metric: the score.
        cells: of the experiment, by chance, and where there is a control, of that; then of that by chance.
        verdict: in words.
    """

    experiment: str
    row: str
    metric: str
    cells: list[Cell]
    verdict: str

    def cell(self, column: str) -> Cell | None:
        """The cell of a column; None if it has none."""
        return next((cell for cell in self.cells if cell.column == column), None)


@dataclass(frozen=True)
class Run:
    """How an experiment was trained and tested.

    Attributes:
        folds: how many of its protocol's folds were run, ``3 of 6``.
        subjects: how many were tested.
        effort: what is unlike the printed effort: epochs, samples, size; empty where nothing is.
    """

    experiment: str
    data: str
    folds: str
    subjects: int
    effort: str


def learned(evidence: Evidence) -> list[Learned]:
    """A `Learned` for each score of each experiment of the paper that is to learn.

    Its cells are ``learning/<row>/experiment/<metric>``, ``…/chance/…``, ``…/null/…`` and ``…/null chance/…``.
    """
    scores: list[Learned] = []
    for name in evidence.paper.learning:
        if name not in evidence.folds:  # its data cannot be listed
            continue
        kind = evidence.paper.kind(name)
        if kind.recognises:
            scores += _recognised(evidence, name)
        if kind.every_video:
            scores += _spotted_in_videos(evidence, name)
        elif kind.spots:
            scores.append(_spotted_in_clips(evidence, name))
    return scores


def runs(evidence: Evidence) -> list[Run]:
    """How each experiment of the paper that is to learn was trained and tested."""
    paper = evidence.paper
    rows = []
    for name in paper.learning:
        if name in evidence.folds:
            run, printed = (paper.recipe(name, budget) for budget in (evidence.source.budget, "paper"))
            folds = f"{len(evidence.folds[name])} of {evidence.total_folds[paper.data_name(name)]}"
            index = paper.data_of(name).index
            rows.append(Run(name, index, folds, len(_tested(evidence, name)), ", ".join(run.unlike(printed))))
    return rows


def page(papers: Sequence[tuple[Evidence, Sequence[Learned]]], left_out: Mapping[str, str]) -> str:
    """The page: how each experiment was run, its scores and verdicts, a part a paper."""
    first = papers[0][0].source
    budget = f"Budget: {first.budget} · reading: {first.reading}."
    parts = [f"# {TITLE}", f"{budget} All numbers are of subjects that no network of their fold was trained on."]
    # That some data are synthetic is said once, and each paper says which are its own.
    if warnings := dict.fromkeys(filter(None, (evidence.source.warning() for evidence, _ in papers))):
        parts.append("\n".join(["> [!WARNING]", *(f"> {escape(warning)}" for warning in warnings)]))
    for evidence, scores in papers:
        parts += _section(evidence, scores)
    if left_out:
        parts += ["## Left out", "\n".join(f"- {escape(name)}: {escape(reason)}" for name, reason in left_out.items())]
    return "\n\n".join(parts) + "\n"


def _recognised(evidence: Evidence, name: str) -> list[Learned]:
    scores = []
    for control in controls.controls_of(evidence, name, TABLE):
        real = control.cells[0]
        if real.measured is None or control.verdict.startswith(controls.NO_VERDICT):
            verdict = control.verdict
        elif control.learns:
            verdict = f"learns: {control.verdict}"
        elif control.null_verdict.startswith(controls.LEAKS):
            verdict = f"not shown to learn: its control is {control.null_verdict}"
        else:
            verdict = f"not shown to learn: {control.verdict}"
        own = replace(real, notes=tuple(note for note in real.notes if note != control.verdict))
        others = [cell for cell in control.cells[1:] if cell.column != "constant"]
        scores.append(_learned(evidence, name, name, control.metric, [own, *others], verdict))
    return scores


def _spotted_in_videos(evidence: Evidence, name: str) -> list[Learned]:
    scores = []
    for variant in evidence.paper.variants(name):
        for part in PARTS:
            real, shifted, _ = shifted_controls.control(evidence, name, variant, part)
            row = f"{name}, {variant}, {part or 'overall'}"
            cells = [
                cell_from(evidence.paper.paper, TABLE, row, column, number, evidence.repeats(name))
                for column, number in (("experiment", real), ("chance", shifted))
            ]
            verdict = _in_words(controls.judge(real, shifted, shifted))
            scores.append(_learned(evidence, name, row, "interval_f1", cells, verdict))
    return scores


def _spotted_in_clips(evidence: Evidence, name: str) -> Learned:
    metric, place = "frame_auc_percent", evidence.paper.place_control(name)
    real, shifted = score_of(evidence, name, metric), score_of(evidence, name, "shifted_auc_percent")
    numbers = [("experiment", name, real), ("chance", name, replace(shifted, metric=metric))]
    verdict = controls.judge(real, shifted, shifted)
    if place is not None:
        control = score_of(evidence, place, metric)
        control.notes.append("a score of a frame's place in its clip alone")
        numbers.append(("null", place, control))
        against = controls.judge(real, shifted, control)
        if verdict == controls.ABOVE_CHANCE != against:
            verdict = PLACE_TELLS if against == controls.ABOVE_RANGE else against
    cells = [
        cell_from(evidence.paper.paper, TABLE, name, column, one, evidence.repeats(source))
        for column, source, one in numbers
    ]
    return _learned(evidence, name, name, metric, cells, _in_words(verdict))


def _in_words(verdict: str) -> str:
    """The verdict on spotting that a judgement comes to."""
    if verdict in (controls.NO_VERDICT, controls.NOTHING_TO_PERMUTE):
        return verdict
    if verdict == controls.ABOVE_RANGE:
        verdict = "above its range of chance, but its interval is not"
    return f"{'learns' if verdict == controls.ABOVE_CHANCE else 'not shown to learn'}: {verdict}"


def _learned(evidence: Evidence, name: str, row: str, metric: str, cells: list[Cell], verdict: str) -> Learned:
    """A `Learned` whose own cell says how many subjects were tested, and the verdict."""
    count = len(_tested(evidence, name))
    remarks = [f"{count} test subject{'' if count == 1 else 's'}"] if cells[0].measured is not None else []
    own = replace(cells[0], notes=(*cells[0].notes, *remarks, verdict))
    return Learned(name, row, metric, [own, *cells[1:]], verdict)


def _tested(evidence: Evidence, name: str) -> set[str]:
    """The subjects that were tested."""
    if evidence.paper.kind(name).recognises:
        return set(evidence.pooled(name).subjects)
    return {row["subject"] for row in evidence.test_videos(name)}


def _section(evidence: Evidence, scores: Sequence[Learned]) -> list[str]:
    source, paper = evidence.source, evidence.paper
    own = [cell for score in scores for cell in score.cells]
    how = [
        [escape(run.experiment), escape(run.data), run.folds, str(run.subjects), escape(run.effort) or "as printed"]
        for run in runs(evidence)
    ]
    named = {"experiment": MEASURED, "chance": "by chance", "null": "null control", "null chance": "by chance"}
    columns = [column for column in named if any(score.cell(column) for score in scores)]
    notes = _notes(scores)
    lines = []
    for score in scores:
        own_notes = [notes if column == columns[0] else Notes() for column in columns]
        shown = [
            text
            for column, of in zip(columns, own_notes, strict=True)
            for text in beside(score.cell(column), source, of, _place(score))
        ]
        count = NOTHING if score.cells[0].n is None else f"{score.cells[0].n:,} {METRICS[score.metric].unit}"
        count += f" ({OUTCOMES}: {outcome(score.cells[0])})" if outcome(score.cells[0]) else ""
        lines.append([notes.row(score.row), METRICS[score.metric].label, count, *shown, escape(score.verdict)])
    heads = ["experiment", "score", "of"]
    for column in columns:
        heads += [named[column], INTERVAL]
    spots = [name for name in paper.learning if name in evidence.folds and paper.kind(name).spots]
    return [
        f"## {escape(paper.paper)}",
        f"{escape(paper.title)}. {made_of(source, own)}.",
        pipe_table(["experiment", "data", "folds", "test subjects", "run"], how, 2, 1),
        pipe_table([*heads, "verdict"], lines, 3, 1),
        f"{INTERVAL} of measured and null control: {source.interval}.{of_seeds(own)} {_by_chance(evidence, spots)}",
        *legend(source),
        *notes.below(),
    ]


def _by_chance(evidence: Evidence, spots: Sequence[str]) -> str:
    texts = []
    kinds = [evidence.paper.kind(name) for name in evidence.paper.learning if name in evidence.folds]
    if any(kind.recognises for kind in kinds):
        texts.append(
            f"By chance, of classes: the mean over {controls.PERMUTATIONS} permutations of the labels within each "
            "subject [95 % of them]; the null control was trained on labels permuted within subject."
        )
    if any(kind.every_video for kind in kinds):
        texts.append(
            f"By chance, of intervals: the mean over {shifted_controls.SHIFTS} repetitions in which each predicted "
            "interval is moved to a random place of its video [95 % of them]; nothing is trained for it."
        )
    if any(evidence.paper.place_control(name) for name in spots):
        texts.append(
            "By chance, of frames: the same scores moved in time; the null control is a score of a frame's place in "
            "its clip alone."
        )
    return " ".join(texts)


def _place(score: Learned) -> Place:
    return score.row, score.metric


def _notes(scores: Sequence[Learned]) -> Notes:
    """The notes on the experiments' numbers."""
    remarks = {
        _place(score): [note for note in remarks_on(score.cells[0]) if note != score.verdict] for score in scores
    }
    return number(remarks, list(remarks))
