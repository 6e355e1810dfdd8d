"""Decisions on the page of a paper's tables, in the record of these, and in a trace."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from mexflow.audit import trace
from mexflow.papers import paper as papers
from mexflow.tables import decided
from mexflow.tables.cells import Cell, to_table
from project import WORKFLOW, squeezed

FOLDER = WORKFLOW / "papers"


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load(FOLDER, "belaiche2020")


def number(paper: papers.Paper, setting: str) -> int:
    return [decision.setting for decision in paper.decisions].index(setting) + 1


def test_the_page_shows_each_decision_and_who_rests_on_it(paper: papers.Paper) -> None:
    title, _, table, _, rests = map(squeezed, decided.section(paper, ["vy-3cl", "vy-3cl-null", "lbp-top"], "demo"))
    assert title == "## Decisions"
    for i, decision in enumerate(paper.decisions, start=1):
        if decision.setting == "experiments.resnet-*.weights":
            assert f"| `{decision.setting}` |" not in table
            continue
        line = next(line for line in table.splitlines() if f"| `{decision.setting}` |" in line)
        assert line.startswith(f"| {i} |") and decided.written(decision.value).replace("*", "\\*") in line
        assert f"| {decision.paper}: " in line
    flow, texture = rests.splitlines()
    assert flow.startswith("- vy-3cl, vy-3cl-null: ") and texture.startswith("- lbp-top: ")
    alone = "\n".join(decided.section(paper, ["lbp-top"], "demo"))
    assert "models.linear_svm.c" in alone and "training.normalise" not in alone
    assert (
        decided.section(papers.load(FOLDER, "liong2019").model_copy(update={"decisions": []}), ["ststnet"], "demo")
        == []
    )


def test_a_table_says_which_its_own_numbers_rest_on(paper: papers.Paper) -> None:
    (line,) = decided.behind(paper, paper.tables["T8"], "paper")
    assert str(number(paper, "data.megc2018.index")) in line and line.endswith("; see *Decisions*.")
    assert decided.behind(paper, paper.tables["T1"], "paper") == [], "parameters are counted from the networks"
    attention = papers.load(FOLDER, "upadhy2025")
    (both,) = decided.behind(attention, attention.tables["T1"], "paper")
    assert f"decisions 1 to {len(attention.decisions)};" in both


@pytest.mark.parametrize(
    ("numbers", "text"), [([1, 2, 3, 7], "1 to 3, 7"), ([1, 2, 5], "1, 2, 5"), ([4], "4"), ([], "none")]
)
def test_ranges(numbers: list[int], text: str) -> None:
    assert decided.ranges(numbers) == text


def test_a_trace_shows_what_was_decided_when_the_table_was_made(tmp_path: Path) -> None:
    attention = papers.load(FOLDER, "upadhy2025")
    names = ["2d", "lbp-top"]
    cells = [
        Cell("upadhy2025", "T1", name, metric, metric, experiments=(name,))
        for name, metric in (("2d", "accuracy"), ("2d", "parameters"), ("lbp-top", "accuracy"))
    ]
    pq.write_table(to_table(cells, "embedded", "demo"), tmp_path / "table.parquet")
    contents = {
        "cells": {cell.name: list(cell.experiments) for cell in cells},
        "decisions": decided.recorded(attention, names, "demo"),
    }
    record = SimpleNamespace(
        stage="tables", outputs={str(tmp_path / "table.parquet"): {}}, contents=json.loads(json.dumps(contents))
    )
    graph = SimpleNamespace(records={"tables": record})
    lines = {}
    for cell in cells:
        traced = trace.find_cell(graph, cell.name)
        lines[cell.row, cell.metric] = list(trace.decision_lines(traced))
    place = attention.decisions[number(attention, "training.normalise") - 1].place
    assert f'training.normalise: "mean_frame"; or "none" (silent: {place})' in lines["2d", "accuracy"]
    assert {line.partition(":")[0] for line in lines["2d", "parameters"]} == {
        "experiments.*.model", "models.attention.head_size"
    }  # fmt: skip
    assert not any("normalise" in line for line in lines["lbp-top", "accuracy"])
    assert any(line.startswith("models.linear_svm.c: 10000.0") for line in lines["lbp-top", "accuracy"])
