"""The whole page, as one file of HTML: everything that it shows and everything that it does is inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mexflow.audit.graph import Graph
from mexflow.errors import UserError
from mexflow.page import listed_data, looks, portraits, sections, summary
from mexflow.page.drawings import Letters
from mexflow.page.origins import Origins
from mexflow.page.so_far import SoFar
from mexflow.papers.paper import Paper
from mexflow.papers.reporting_recipe import PageRecipe
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results
from mexflow.tables.source import Source

PAGE = "page"
"""The page's own job."""


def page(
    papers: list[Paper], graph: Graph, results: Path, recipe: PageRecipe, inputs: Inputs, so_far: SoFar | None = None
) -> tuple[str, str]:
    """The page, and what it holds in one line.

    Args:
        papers: those that it shows.
        graph: of the run, without the page's own job: made again of the same run, the page is the same.
        results: the folder of the results.
        recipe: what the page depends on beside the results.
        inputs: reads what it shows.
        so_far: of a run that failed or still runs: takes what is not there, which else is an error.

    Raises:
        UserError: if something that it shows is missing, or cannot be read; if there is no table at all.
    """
    origins, letters = Origins(graph, results, inputs), Letters()
    shown = []
    for paper in papers:
        if so_far and so_far.lacks(results / "tables" / f"{paper.paper}.parquet", f"{paper.paper}, all of it"):
            continue
        source = _source(paper, recipe)
        pixels = recipe.shows(source.data)
        shown.append(sections.of_paper(paper, results, source, pixels, graph, origins, letters, inputs, so_far))
    if not shown:
        raise UserError(f"{results / 'tables'}: no paper's tables yet, so there is nothing to show; go on with the run")
    checks = sections.of_preprocessing(results, graph, origins, inputs)
    raw = [name for name, data in recipe.raw.items() if recipe.shows(data)]
    listed = dict(recipe.datasets)
    if so_far:
        listed = {name: of for name, of in listed.items() if not so_far.lacks(Results(results).index(name), name)}
    rows = portraits.index_rows({key[0] for key in origins.clips} & recipe.raw.keys() & listed.keys(), results, inputs)
    clips = portraits.described(origins.clips, rows, graph)
    if so_far:
        rows = {key: row for key, row in rows.items() if Results(results).array("faces", *key[:2]).is_file()}
    faces = portraits.sheets(clips, rows, raw, results, inputs)
    data = {
        "papers": {section.name: _data(section) for section in [*shown, *([checks] if checks else [])]},
        "experiments": origins.experiments,
        "jobs": origins.chains.jobs,
        "clips": clips,
        "faces": faces,
        "names": origins.names.values,
        "groups": origins.groups.values,
        "words": origins.chains.words.values,
    }
    text = _rendered(
        sections=shown,
        run=summary.of_run(graph),
        recipe=recipe,
        letters=letters,
        data=data,
        checks=checks,
        datasets=listed_data.listed(listed, raw, results, inputs),
        data_used=list(dict.fromkeys(section.source.data for section in shown)),
        so_far=so_far,
        warnings=list(dict.fromkeys(warning for section in shown if (warning := section.source.warning()))),
    )
    cells = sum(len(section.cells) for section in shown)
    size = len(text.encode())
    return text, f"{len(shown)} papers, {cells} cells, {len(origins.experiments)} experiments, {size:,} bytes"


def _data(section: sections.Section | sections.Checks) -> dict[str, Any]:
    """What panels need of a section."""
    decisions = section.decisions if isinstance(section, sections.Section) else []
    return {
        "cells": section.cells,
        "remarks": section.remarks.texts,
        "decisions": [[one["setting"], one["value"], one["paper"], one["why"]] for one in decisions],
    }


def _source(paper: Paper, recipe: PageRecipe) -> Source:
    return Source(recipe.papers[paper.paper], recipe.budget, recipe.reading, recipe.intervals)


def _rendered(**content: Any) -> str:
    made = looks.environment()
    made.filters["tone"] = sections.tone
    return made.get_template("page.html").render(**content)
