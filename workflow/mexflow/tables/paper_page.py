"""A paper's tables as Markdown, in the paper's own form, published beside measured.

The text depends on nothing but its arguments: no date, no path, no order of work. Where measured numbers must not be
compared with the published ones, a banner at the top and one beside each table say so, and every such number
carries a mark.
"""

from __future__ import annotations

from collections.abc import Sequence

from mexflow.evaluation.starts import NOTE, noted
from mexflow.papers.metrics import METRICS, Metric
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Column, Row, Table
from mexflow.tables import claims, decided, shifted_controls
from mexflow.tables.cells import QUOTED, Cell
from mexflow.tables.controls import PERMUTATIONS, TITLE, Control
from mexflow.tables.counted_metrics import COUNTED
from mexflow.tables.markdown import NOTHING, escape, pipe_table
from mexflow.tables.measurement import NOT_RUN
from mexflow.tables.source import Source

_FOLD_AWAY = 6


def markdown(
    paper: Paper,
    cells: Sequence[Cell],
    controls: Sequence[Control] | None,
    source: Source,
    checked: Sequence[claims.CheckedClaim] = (),
    shifted: Sequence[shifted_controls.ShiftedControl] = (),
) -> str:
    """The whole page: banner, the paper's tables, its claims, errata, null controls (None: they were not run)."""
    parts = [f"# {escape(paper.title)}", escape(" ".join(paper.citation.split()))]
    everything = [*cells, *(cell for part in [*(controls or ()), *checked, *shifted] for cell in part.cells)]
    parts.append(made_of(source, everything))
    if source.warning():
        parts.append(f"> [!WARNING]\n> {escape(source.warning())} They carry the mark {source.mark}.")
    for name, table in paper.tables.items():
        parts += _section(name, table, [cell for cell in cells if cell.table == name], source)
        parts += decided.behind(paper, table, source.budget)
    parts += _claims(checked, source)
    shown = {name for cell in cells for name in cell.experiments}
    parts += decided.section(paper, [name for name in paper.with_null_controls() if name in shown], source.budget)
    parts += _errata(paper)
    parts += _shifted(shifted, source)
    if any(paper.kind(experiment).recognises for experiment in paper.experiments):
        parts += _controls(controls, source)
    return "\n\n".join(parts) + "\n"


def made_of(source: Source, cells: Sequence[Cell]) -> str:
    """What the numbers of some cells rest on: data, budget, reading, and the weights that networks started from."""
    parts = {"Data": source.data, "budget": source.budget, "reading": source.reading}
    return " · ".join(f"{name}: {escape(value)}" for name, value in parts.items()) + _started(cells)


def _started(cells: Sequence[Cell]) -> str:
    """`` · weights: from scratch``: what the networks of some cells started from; empty where that is no question."""
    started = dict.fromkeys(text for cell in cells for text in noted(cell.notes))
    return f" · {NOTE}{escape(' and '.join(started))}" if started else ""


def _form(metric: str) -> str:
    """How numbers of a metric are written, a format specification; differences have a sign."""
    if metric.endswith("_difference"):
        return f"+{METRICS[metric.removesuffix('_difference')].form}"
    return METRICS[metric].form


def _section(name: str, table: Table, cells: list[Cell], source: Source) -> list[str]:
    parts = [f"## {name}. {escape(table.title)}", _grid(table, cells, source)]
    named = (column.metric or row.metric for row in table.rows for column in table.columns)
    metrics = [METRICS[metric] for metric in dict.fromkeys(named)]
    if any(metric.of_data for metric in metrics):
        intervals = " or ".join(
            dict.fromkeys(metric.interval or source.interval for metric in metrics if metric.of_data)
        )
        units = dict.fromkeys(metric.unit for metric in metrics if metric.of_data)
        counts = _counts([cell for cell in cells if not cell.extra], " and ".join(units))
        parts.append(f"Each cell: published / measured [95 % interval, {intervals}].{counts} {made_of(source, cells)}.")
        for metric in metrics:
            parts += _extras(table, [cell for cell in cells if cell.extra], metric, source)
        parts += legend(source)
    else:
        parts.append(
            "Each cell: published / measured. The measured numbers are counted from the networks alone: they depend "
            f"neither on the data (here: {escape(source.data)}) nor on the budget (here: {escape(source.budget)})."
        )
    if table.note:
        parts.append(f"Note: {escape(table.note)}")
    return parts + _remarks(table, cells)


def legend(source: Source) -> list[str]:
    """The line under a table whose numbers must not be compared, if they must not."""
    return [f"> **{source.mark} {escape(source.warning())}**"] if source.warning() else []


def _grid(table: Table, cells: list[Cell], source: Source) -> str:
    several = len({row.metric for row in table.rows}) > 1
    at = {(cell.row, cell.column, cell.metric): cell for cell in cells}
    lines = []
    for row in table.rows:
        texts = [escape(row.name)] + ([METRICS[row.metric].label] if several else [])
        for number, column in enumerate(table.columns):
            cell = at[row.name, column.name, column.metric or row.metric]
            texts.append(f"{_published(row, column, number)} / {measured_text(cell, source, _instead(row, number))}")
        lines.append(texts)
    heads = [escape(table.row_header)] + (["metric"] if several else []) + [escape(column) for column in table.names]
    return pipe_table(heads, lines, 2 if several else 1)


def _extras(table: Table, cells: list[Cell], metric: Metric, source: Source) -> list[str]:
    """A grid for each number that we show beside a metric's and the paper does not print."""
    parts = []
    for name, label in metric.extras.items():
        chosen = [cell for cell in cells if cell.metric == name]
        at = {(cell.row, cell.column): cell for cell in chosen}
        lines = [
            [escape(row)] + [measured_text(at[row, column], source, form=metric.form) for column in table.names]
            for row in dict.fromkeys(cell.row for cell in chosen)
        ]
        parts.append(
            f"The same places, {label} [95 % interval, {source.interval}]; the paper prints none."
            f"{_counts(chosen, metric.unit)}"
        )
        parts.append(pipe_table([escape(table.row_header), *map(escape, table.names)], lines, 1))
    return parts


def _published(row: Row, column: Column, number: int) -> str:
    printed = row.published[number] if row.published else None
    if printed is None:
        return NOTHING
    return escape(printed) if isinstance(printed, str) else format(printed, _form(column.metric or row.metric))


def _instead(row: Row, number: int) -> str:
    """What stands in place of a number of ours that there is none of."""
    if row.experiments and row.experiments[number]:
        return NOTHING
    return escape(row.pending) if row.pending else NOTHING


def measured_text(cell: Cell, source: Source, instead: str = NOTHING, form: str | None = None) -> str:
    """Our number with its interval, or why there is none; `form` says how it is written if not as its metric is."""
    if cell.incomplete:
        return f"**{cell.incomplete}**"
    if cell.measured is None:
        return NOT_RUN if NOT_RUN in cell.notes else instead
    form = form or _form(cell.metric)
    if not _of_data(cell):
        return format(cell.measured, form)
    interval = f" [{cell.interval[0]:{form}}, {cell.interval[1]:{form}}]" if cell.interval else ""
    return f"{cell.measured:{form}}{source.mark}{interval}"


def _of_data(cell: Cell) -> bool:
    return cell.metric not in METRICS or METRICS[cell.metric].of_data


def _counts(cells: list[Cell], unit: str) -> str:
    """`` n = 60 test clips.`` or `` n = 1 to 340 pairs.``; empty where nothing was counted."""
    counts = [cell.n for cell in cells if cell.n]
    if not counts:
        return ""
    span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return f" n = {span} {unit}."


def _remarks(table: Table, cells: list[Cell]) -> list[str]:
    """The cells' notes, each once, with the places that it holds for; many on single cells are folded away."""
    shown_elsewhere = {COUNTED, QUOTED, NOT_RUN, *(row.pending for row in table.rows), _flat(table.note)}
    started = dict.fromkeys(text for cell in cells for text in noted(cell.notes))
    shown_elsewhere |= {f"{NOTE}{text}" for text in started} if len(started) == 1 else set()
    places: dict[str, set[tuple[str, str]]] = {}
    for cell in cells:
        for note in cell.notes:
            if note not in shown_elsewhere and not note.startswith("INCOMPLETE"):
                places.setdefault(note, set()).add((cell.row, cell.column))
    order = [(row, column) for row in dict.fromkeys(cell.row for cell in cells) for column in table.names]
    # Counts of a network qualify for no remark on data: "all" means all the others, where there are any.
    measured = [cell for cell in cells if cell.experiments]
    measured = [cell for cell in measured if _of_data(cell)] or measured
    ours = [place for place in order if place in {(cell.row, cell.column) for cell in measured}]
    general, single = [], []
    for note, holders in places.items():
        where, few = _where([place for place in order if place in holders], ours, table.names)
        (single if few else general).append(f"- {where}{escape(note)}")
    if len(single) <= _FOLD_AWAY:
        lines = general + single
        return ["\n".join(lines)] if lines else []
    parts = ["\n".join(general)] if general else []
    return [*parts, "<details><summary>Remarks on single cells</summary>", "\n".join(single), "</details>"]


def _where(holders: list[tuple[str, str]], ours: list[tuple[str, str]], columns: list[str]) -> tuple[str, bool]:
    """The shortest way to say which places a remark holds for, and whether they are single cells."""
    if holders == ours:
        return "", False
    rows = list(dict.fromkeys(row for row, _ in holders))
    if len(holders) == len(rows) * len(columns):
        return f"{', '.join(map(escape, rows))}: ", False
    others = [place for place in ours if place not in holders]
    if set(holders) <= set(ours) and len(others) < len(holders):
        return f"all but {_places(others)}: ", False
    return f"{_places(holders)}: ", True


def _places(places: list[tuple[str, str]]) -> str:
    return ", ".join(f"{escape(row)} × {escape(column)}" for row, column in places)


def _flat(note: str | None) -> str | None:
    """A table's note as it stands among a cell's remarks."""
    return " ".join(note.replace(";", ",").split()) if note else None


def _in_print(cell: Cell) -> str:
    return NOTHING if cell.published is None else format(cell.published, _form(cell.metric))


def _claims(checked: Sequence[claims.CheckedClaim], source: Source) -> list[str]:
    if not checked:
        return []
    lines = []
    cells = [cell for check in checked for cell in check.cells]
    for check in checked:
        numbers = "<br>".join(
            f"{escape(cell.column)}: {_in_print(cell)} / {measured_text(cell, source)}" for cell in check.cells
        )
        margin = "" if check.claim.margin is None else f" (margin {check.claim.margin:g})"
        claim = f"{check.number}. {escape(check.claim.claim)}{margin}"
        plain = check.verdict in (claims.UNKNOWN, claims.NOT_COMPARABLE)
        verdict = check.verdict if plain else f"{check.verdict}{source.mark}"
        in_print = NOTHING if check.in_print is None else "yes" if check.in_print else "no"
        lines.append([claim, METRICS[check.claim.metric].label, verdict, in_print, numbers])
    notes = [f"- {check.number}: {escape('; '.join(check.remarks))}" for check in checked if check.remarks]
    return [
        f"## {claims.TITLE}",
        pipe_table(["claim", "by", "verdict", "so in print", "differences"], lines, 5),
        "Each difference: published / measured, in the metric's unit (of per cent, in percentage points) [95 % "
        f"interval, {source.interval}, the same ones for both]."
        f"{_counts(cells, 'subjects of both')} A claim holds if each difference is above 0 (or, where it has a margin, "
        "above minus it, or within it), and beyond chance if each interval is; it does not hold beyond chance if an "
        "interval lies outside. So in print: whether the paper's own numbers bear it out. Not comparable: with numbers "
        "of others, on other data. Trained unlike: for other numbers "
        f"of epochs, or on images of another size. {made_of(source, cells)}.",
        *legend(source),
        *(["\n".join(notes)] if notes else []),
    ]


def _errata(paper: Paper) -> list[str]:
    if not paper.errata:
        return []
    return ["## Errata", "\n".join(f"- {escape(erratum)}" for erratum in paper.errata)]


def _shifted(shifted: Sequence[shifted_controls.ShiftedControl], source: Source) -> list[str]:
    if not shifted:
        return []
    lines = [
        [escape(control.experiment), *(measured_text(cell, source) for cell in control.cells), control.verdict]
        for control in shifted
    ]
    return [
        f"## {shifted_controls.TITLE}",
        pipe_table(["experiment", "overall F1 of intervals", "moved to random places", "verdict"], lines, 1, 1),
        f"The first number [95 % interval, {source.interval}]; the second is the mean over repetitions in which "
        "each predicted interval keeps its length and its video [95 % of the repetitions]. "
        f"{made_of(source, [])}.",
        *legend(source),
    ]


def _controls(controls: Sequence[Control] | None, source: Source) -> list[str]:
    parts = [f"## {TITLE}"]
    if controls is None:
        return [*parts, "Not run: `null_controls` is off."]
    if not controls:
        return [*parts, "This paper's file asks for none."]
    heads = ["experiment", "score", "measured", "by chance", "null control", "by chance", "constant answer", "verdict"]
    lines = []
    notes: dict[str, None] = {}
    for control in controls:
        real, _, null, _, _ = control.cells
        verdict = f"control {control.null_verdict}; experiment {control.verdict}"
        numbers = [measured_text(cell, source) for cell in control.cells]
        lines.append([escape(control.experiment), METRICS[control.metric].label, *numbers, verdict])
        for cell, verdict in ((real, control.verdict), (null, control.null_verdict)):
            remarks = [escape(note) for note in cell.notes if note != verdict and not note.startswith("INCOMPLETE")]
            clips = [f"n = {cell.n} test clips"] if cell.n is not None else []
            notes[f"- {escape(control.experiment)}, {cell.column}: {'; '.join([*clips, *remarks])}"] = None
    parts.append(pipe_table(heads, lines, 2, 1))
    parts.append(
        f"Measured and null control [95 % interval, {source.interval}]. By chance: the mean over {PERMUTATIONS} "
        "permutations of the labels within each subject, the predictions as they are [95 % of the permutations]. A "
        "control fails if it lies above that range; below it, few balanced clips left out by subject explain it. "
        f"{made_of(source, [cell for control in controls for cell in control.cells])}."
    )
    return [*parts, *legend(source), "\n".join(notes)]
