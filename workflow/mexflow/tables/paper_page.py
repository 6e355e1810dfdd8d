"""A paper's tables as Markdown, in the paper's own form, published above measured.

The text depends on nothing but its arguments: no date, no path, no order of work. Where measured numbers must not be
compared with the published ones, a banner at the top and a line below each table say so, and every such number
carries a mark. What the numbers of the whole page share is said once at its top; remarks are numbered notes
(:mod:`mexflow.tables.notes`), each once a table.
"""

from __future__ import annotations

from collections.abc import Sequence

from mexflow.evaluation.starts import NOTE, noted
from mexflow.papers.metrics import METRICS, Metric
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Column, Row, Table
from mexflow.tables import checked_parts, claims, decided, shifted_controls
from mexflow.tables.cell_lines import (
    INTERVAL,
    MEASURED,
    PUBLISHED,
    counts,
    form_of,
    legend,
    of_data,
    place_of,
    remarks_on,
    stacked,
    was_run,
)
from mexflow.tables.cells import QUOTED, Cell
from mexflow.tables.controls import Control
from mexflow.tables.counted_metrics import COUNTED
from mexflow.tables.markdown import NOTHING, escape, pipe_table
from mexflow.tables.measurement import NOT_RUN
from mexflow.tables.notes import Notes, number
from mexflow.tables.source import Source


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
    parts.append(_how_to_read(source, everything))
    for name, table in paper.tables.items():
        parts += _section(name, table, [cell for cell in cells if cell.table == name], source)
        parts += decided.behind(paper, table, source.budget)
    parts += checked_parts.claimed(checked, source)
    shown = {name for cell in cells for name in cell.experiments}
    parts += decided.section(paper, [name for name in paper.with_null_controls() if name in shown], source.budget)
    parts += _errata(paper)
    parts += checked_parts.moved(shifted, source)
    if any(paper.kind(experiment).recognises for experiment in paper.experiments):
        parts += checked_parts.controlled(controls, source)
    return "\n\n".join(parts) + "\n"


def made_of(source: Source, cells: Sequence[Cell]) -> str:
    """What the numbers of some cells rest on: data, budget, reading, and the weights that networks started from."""
    parts = {"Data": source.data, "budget": source.budget, "reading": source.reading}
    started = dict.fromkeys(text for cell in cells for text in noted(cell.notes))
    texts = [f"{name}: {escape(value)}" for name, value in parts.items()]
    return " · ".join(texts + [f"{NOTE}{escape(' and '.join(started))}"] * bool(started))


def _how_to_read(source: Source, cells: Sequence[Cell]) -> str:
    return (
        f"How to read: *{PUBLISHED}* is what the paper prints, *{MEASURED}* what came out here, and *{INTERVAL}* the "
        f"interval of what was measured ({source.interval}), where a table says nothing else. Lines that would be "
        f"empty are left out. Raised numbers lead to the notes below a table.{of_seeds(cells)}"
    )


def of_seeds(cells: Sequence[Cell]) -> str:
    """What is to be said of numbers that are means over seeds; empty where there is none."""
    seeds = sorted({cell.seeds for cell in cells if cell.seeds})
    if not seeds:
        return ""
    return (
        f" Where ± is said, the number is the mean over trainings from {' or '.join(map(str, seeds))} seeds; the "
        "interval is over subjects, of that mean, and ± is the standard deviation over the seeds."
    )


def _section(name: str, table: Table, cells: list[Cell], source: Source) -> list[str]:
    named = (column.metric or row.metric for row in table.rows for column in table.columns)
    metrics = [METRICS[metric] for metric in dict.fromkeys(named)]
    notes = _notes(table, cells)
    parts = [f"## {name}. {escape(table.title)}", _grid(table, cells, source, notes)]
    if not any(metric.of_data for metric in metrics):
        parts.append(
            "The measured numbers are counted from the networks alone: they depend neither on the data (here: "
            f"{escape(source.data)}) nor on the budget (here: {escape(source.budget)})."
        )
    else:
        intervals = dict.fromkeys(metric.interval or source.interval for metric in metrics if metric.of_data)
        units = dict.fromkeys(metric.unit for metric in metrics if metric.of_data)
        said = counts([cell for cell in cells if not cell.extra], " and ".join(units))
        if list(intervals) != [source.interval]:
            said += f" {INTERVAL}: {' or '.join(intervals)}."
        parts += [said.strip()] if said else []
        for metric in metrics:
            parts += _extras(table, [cell for cell in cells if cell.extra], metric, source, notes)
        parts += legend(source)
    if table.note:
        parts.append(f"Note: {escape(table.note)}")
    return parts + notes.below()


def _grid(table: Table, cells: list[Cell], source: Source, notes: Notes) -> str:
    several = len({row.metric for row in table.rows}) > 1
    at = {(cell.row, cell.column, cell.metric): cell for cell in cells}
    lines = []
    for row in table.rows:
        own = [at[row.name, column.name, column.metric or row.metric] for column in table.columns]
        published = [_published(row, column, place) for place, column in enumerate(table.columns)]
        names = [row.name, *([METRICS[row.metric].label] if several else [])]
        lines += stacked(names, own, source, notes, published)
    heads = [escape(table.row_header), *(["metric"] if several else []), "", *map(notes.column, table.names)]
    return pipe_table(heads, lines, 3 if several else 2)


def _extras(table: Table, cells: list[Cell], metric: Metric, source: Source, notes: Notes) -> list[str]:
    """A grid for each number that we show beside a metric's and the paper does not print."""
    parts = []
    for name, label in metric.extras.items():
        chosen = [cell for cell in cells if cell.metric == name]
        lines = []
        for row in dict.fromkeys(cell.row for cell in chosen):
            own = {cell.column: cell for cell in chosen if cell.row == row}
            lines += stacked([row], [own[column] for column in table.names], source, notes, form=metric.form)
        said = f"The same places, {label}; the paper prints none.{counts(chosen, metric.unit)}"
        if metric.interval:
            said += f" {INTERVAL}: {source.interval}."
        parts += [said, pipe_table([escape(table.row_header), "", *map(notes.column, table.names)], lines, 2)]
    return parts


def _published(row: Row, column: Column, place: int) -> str:
    printed = row.published[place] if row.published else None
    if printed is None:
        return NOTHING
    return escape(printed) if isinstance(printed, str) else format(printed, form_of(column.metric or row.metric))


def _notes(table: Table, cells: Sequence[Cell]) -> Notes:
    """The notes on the table's cells; what its grid, or its own note, says is left out."""
    elsewhere = {COUNTED, QUOTED, NOT_RUN, _flat(table.note)}
    remarks = {place_of(cell): [note for note in remarks_on(cell) if note not in elsewhere] for cell in cells}
    ours = [cell for cell in cells if was_run(cell)]
    # Counts of a network qualify for no remark on data: "all" means all the others, where there are any.
    ours = [cell for cell in ours if of_data(cell)] or ours
    return number(remarks, [place_of(cell) for cell in ours], by_column=True)


def _flat(note: str | None) -> str | None:
    """A table's note as it stands among a cell's remarks."""
    return " ".join(note.replace(";", ",").split()) if note else None


def _errata(paper: Paper) -> list[str]:
    if not paper.errata:
        return []
    return ["## Errata", "\n".join(f"- {escape(erratum)}" for erratum in paper.errata)]
