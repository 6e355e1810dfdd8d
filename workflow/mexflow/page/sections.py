"""A paper's section of the page: tables, figures, claims, controls, decisions, errata and the citation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mexflow.audit.graph import Graph
from mexflow.errors import UserError
from mexflow.page import printed_form, spotted_scores, summary
from mexflow.page.drawings import Letters, has_picture, inline
from mexflow.page.origins import Origins
from mexflow.page.printed_form import Grid, Remarks, Shown
from mexflow.page.so_far import SoFar
from mexflow.page.spotted_scores import Spotted
from mexflow.page.summary import Overview
from mexflow.papers.paper import Paper
from mexflow.store.artifacts import Inputs
from mexflow.tables import claims, controls, decided, shifted_controls
from mexflow.tables.source import Source

TIMING = "timing"
PREPROCESSING = "preprocessing"
_CLAIM = "the claim: "


@dataclass(frozen=True)
class Figure:
    """A figure: its name, its title, the element that draws it, and where the file lies.

    A figure with pixels of data whose pixels the page does not show has no element.
    """

    name: str
    title: str
    svg: str
    file: str


@dataclass(frozen=True)
class ShownClaim:
    """A claim of the paper, the verdict on it, and the differences that the verdict rests on."""

    text: str
    verdict: str
    tone: str
    differences: list[tuple[str, Shown]]


@dataclass(frozen=True)
class Section:
    """Everything that the page shows of a paper."""

    paper: Paper
    source: Source
    overview: Overview
    tables: list[Grid]
    figures: list[Figure]
    claims: list[ShownClaim]
    controls: list[Grid]
    decisions: list[dict[str, str]]
    bibtex: str
    remarks: Remarks
    cells: dict[str, list[Any]]
    spotted: list[Spotted]

    @property
    def name(self) -> str:
        """What begins the names of its cells."""
        return self.paper.paper


@dataclass(frozen=True)
class Checks:
    """The tables of a run that are of no paper: preprocessing held against the truth of embedded data."""

    name: str
    tables: list[Grid]
    remarks: Remarks
    cells: dict[str, list[Any]]


def of_preprocessing(results: Path, graph: Graph, origins: Origins, inputs: Inputs) -> Checks | None:
    """The check of preprocessing; None where no data are embedded, so that nothing is known to be true.

    Raises:
        UserError: as :func:`of_paper`.
    """
    path = results / "tables" / f"{PREPROCESSING}.parquet"
    if path.as_posix() not in graph.maker or not path.is_file():
        return None
    remarks = Remarks()
    rows, _, _ = _cells(path, graph, inputs)
    # It is of synthetic data by its nature, and nothing in print that it could be taken for.
    source = Source("", "paper")
    places = printed_form.by_place(rows)
    tables = [
        printed_form.pivot(
            name, name.replace("_", " "), {at: row for at, row in places.items() if at[0] == name}, source, remarks
        )
        for name in dict.fromkeys(row["table"] for row in rows)
    ]
    job = origins.chains.number(graph.maker[path.as_posix()])
    cells = {row["cell"]: [[], list(remarks.numbers(row["note"] or "")), [], row["n"], job, ""] for row in rows}
    return Checks(PREPROCESSING, tables, remarks, cells)


def of_paper(
    paper: Paper,
    results: Path,
    source: Source,
    pixels: bool,
    graph: Graph,
    origins: Origins,
    letters: Letters,
    inputs: Inputs,
    so_far: SoFar | None = None,
) -> Section:
    """The section of a paper.

    Args:
        paper: the paper.
        results: the folder with ``tables/`` and ``figures/``.
        source: what its numbers were made from.
        pixels: whether figures that hold pixels of its data are shown.
        graph: of the run.
        origins: takes the experiments that cells were measured of.
        letters: takes the letters of its figures.
        inputs: reads the tables and figures.
        so_far: takes which figures and times are not there, where that is no error.

    Raises:
        UserError: if a table or figure cannot be read, or no record says how a table was made.
    """
    remarks = Remarks()
    path = results / "tables" / f"{paper.paper}.parquet"
    rows, of_cells, recorded = _cells(path, graph, inputs)
    places = printed_form.by_place(rows)
    tables = printed_form.of_paper(paper, places, source, remarks)
    timing = results / "tables" / f"{paper.paper}.{TIMING}.parquet"
    judged = [
        printed_form.pivot(name, title, {at: row for at, row in places.items() if at[0] == name}, source, remarks, note)
        for name, title, note in _CONTROLS
        if any(at[0] == name for at in places)
    ]
    cells = {row["cell"]: _behind(row, path, of_cells, recorded, paper, graph, origins, remarks) for row in rows}
    if paper.timing and not (so_far and so_far.lacks(timing, f"{paper.paper}, the time to classify a clip")):
        timed, _, _ = _cells(timing, graph, inputs)
        judged.append(_timed(timed, source, remarks))
        own = {row["cell"]: [paper.timing.experiment] for row in timed}
        cells |= {row["cell"]: _behind(row, timing, own, {}, paper, graph, origins, remarks) for row in timed}
    return Section(
        paper,
        source,
        summary.of_paper(paper, rows, of_cells, source.budget),
        tables,
        [
            _figure(paper, name, results, pixels, letters, inputs)
            for name in paper.figures
            if not (so_far and so_far.lacks(_place(paper, name, results), f"{paper.paper}, figure {name}"))
        ],
        _claims(rows, source, remarks),
        judged,
        _decisions(paper),
        bibtex(paper),
        remarks,
        cells,
        spotted_scores.of_paper(paper, source.budget, results, origins.folds_of(paper.paper), inputs),
    )


def _cells(path: Path, graph: Graph, inputs: Inputs) -> tuple[list[dict[str, Any]], dict[str, list[str]], Any]:
    """The rows of a table of cells, the experiments behind each, and what its record says."""
    rows = inputs.table(path).to_pylist()
    job = graph.maker.get(path.as_posix())
    if job is None:
        raise UserError(f"{path}: no record says how it was made; delete it and run again")
    contents = graph.records[job].contents
    return rows, contents.get("cells", {}), contents


def _behind(
    row: Mapping[str, Any],
    path: Path,
    of_cells: Mapping[str, list[str]],
    recorded: Mapping[str, Any],
    paper: Paper,
    graph: Graph,
    origins: Origins,
    remarks: Remarks,
) -> list[Any]:
    """What the panel of a cell needs: experiments, remarks, decisions, what its n is, and the job of its table."""
    experiments = of_cells.get(row["cell"], [])
    settings = {decision.setting: number for number, decision in enumerate(paper.decisions)}
    resting = [
        settings[decision["setting"]]
        for decision in recorded.get("decisions", ())
        if set(decision["experiments"]) & set(experiments) and decision["setting"] in settings
    ]
    return [
        [origins.number(paper.paper, name) for name in experiments],
        list(remarks.numbers(row["note"] or "")),
        resting,
        row["n"],
        origins.chains.number(graph.maker[path.as_posix()]),
        _seeds(row),
    ]


def _seeds(row: Mapping[str, Any]) -> str:
    if row.get("seed_sd") is None:
        return ""
    return f"mean over {row['seeds']} seeds, standard deviation {row['seed_sd']:{printed_form.form_of(row['metric'])}}"


def _timed(rows: list[dict[str, Any]], source: Source, remarks: Remarks) -> Grid:
    title = "The time to classify a clip, in milliseconds"
    return printed_form.pivot(TIMING, title, printed_form.by_place(rows), source, remarks)


_CONTROLS = (
    (
        controls.TABLE,
        controls.TITLE,
        "Chance: the labels are permuted within each subject, the predictions stay. Null: trained on permuted labels.",
    ),
    (
        shifted_controls.TABLE,
        shifted_controls.TITLE,
        "Shifted: what was spotted, moved to a random place in its video; the mean over repetitions.",
    ),
)


def _place(paper: Paper, name: str, results: Path) -> Path:
    return results / "figures" / paper.paper / f"{name}.svg"


def _figure(paper: Paper, name: str, results: Path, pixels: bool, letters: Letters, inputs: Inputs) -> Figure:
    path = _place(paper, name, results)
    title = f"{name}. {paper.figures[name].title}"
    content = inputs.bytes(path)
    shown = pixels or not has_picture(content)
    svg = inline(content, f"{paper.paper}-{name}", title, letters, str(path)) if shown else ""
    return Figure(name, paper.figures[name].title, svg, path.relative_to(results).with_suffix(".png").as_posix())


def _claims(rows: list[dict[str, Any]], source: Source, remarks: Remarks) -> list[ShownClaim]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["table"] == claims.TABLE:
            grouped.setdefault(row["row"], []).append(row)
    found = []
    for text, of_claim in grouped.items():
        verdict = (of_claim[0]["note"] or "").rpartition(_CLAIM)[2] or claims.UNKNOWN
        differences = [(row["column"], printed_form.shown(row, source, remarks)) for row in of_claim]
        found.append(ShownClaim(text, verdict, tone(verdict), differences))
    return found


def tone(verdict: str) -> str:
    """Of which sort a verdict is, for its colour: ``good``, ``bad``, ``weak`` or ``none``."""
    if verdict.startswith((claims.UNKNOWN, claims.NOT_COMPARABLE, "no ")):
        return "none"
    if verdict.startswith((claims.BEYOND, "above chance")):
        return "good"
    return "bad" if verdict.startswith((claims.REFUTED, "at or below")) else "weak"


def _decisions(paper: Paper) -> list[dict[str, str]]:
    return [
        {
            "setting": decision.setting,
            "value": decided.written(decision.value),
            "paper": f"{decision.paper}: {decision.place}",
            "alternatives": ", ".join(map(decided.written, decision.alternatives)),
            "why": " ".join(decision.why.split()),
        }
        for decision in paper.decisions
    ]


def bibtex(paper: Paper) -> str:
    """An entry for a bibliography of what the paper's file says of itself: title, citation, year, DOI and arXiv."""
    citation = " ".join(paper.citation.split())
    fields = {"title": f"{{{_braced(' '.join(paper.title.split()))}}}"}
    before, _, _ = citation.partition(f". {' '.join(paper.title.split())}")
    if before != citation:
        fields["author"] = " and ".join(part.strip() for part in before.split(","))
    if year := re.findall(r"\b(?:19|20)\d\d\b", citation):
        fields["year"] = next((one for one in year if one in paper.paper), year[-1])
    if doi := re.search(r"doi:(\S+?)\.?(?:\s|$)", citation):
        fields["doi"] = doi[1]
    if arxiv := re.search(r"arXiv:(\d+\.\d+)", citation):
        fields["eprint"] = arxiv[1]
    fields["note"] = _braced(citation)
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{paper.paper},\n{lines}}}"


def _braced(text: str) -> str:
    return re.sub(r"[{}\\]", "", text).replace("&", r"\&").replace("%", r"\%")
