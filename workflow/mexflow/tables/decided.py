"""The decisions that a paper's numbers rest on (:mod:`mexflow.papers.decisions`), on the page of its tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mexflow.papers import decisions
from mexflow.papers.metrics import METRICS
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Budget, Table
from mexflow.tables.markdown import NOTHING, escape, pipe_table

TITLE = "Decisions"


def section(paper: Paper, experiments: Iterable[str], budget: Budget) -> list[str]:
    """The decisions that numbers of some experiments, or figures, rest on, with their numbers; then by experiment."""
    by_experiment = {name: _numbers(paper, [name], budget) for name in experiments}
    shown = {number for numbers in by_experiment.values() for number in numbers}
    shown |= {i for i, one in enumerate(paper.decisions, start=1) if one.path[0] == "figures" and paper.figures}
    if not shown:
        return []
    lines = [
        [
            str(number),
            f"`{decision.setting}`",
            escape(written(decision.value)),
            escape(f"{decision.paper}: {decision.place}"),
            escape(", ".join(map(written, decision.alternatives)) or NOTHING),
            escape(" ".join(decision.why.split())),
        ]
        for number, decision in enumerate(paper.decisions, start=1)
        if number in shown
    ]
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, numbers in by_experiment.items():
        groups.setdefault(tuple(numbers), []).append(name)
    rests = "\n".join(f"- {escape(', '.join(names))}: {ranges(numbers)}" for numbers, names in groups.items())
    return [
        f"## {TITLE}",
        "What numbers rest on where the paper is silent or contradicts itself, or prints something else than is done "
        "here. Each is a setting of the paper's file, which takes the alternatives too.",
        pipe_table(["", "setting", "value", "in print", "alternatives", "why"], lines, 6),
        "By experiment:",
        rests,
    ]


def behind(paper: Paper, table: Table, budget: Budget) -> list[str]:
    """A line on the decisions that a table's own numbers rest on, if there are any."""
    numbers: set[int] = set()
    for row in table.rows:
        for column, experiment in zip(table.columns, row.experiments, strict=False):
            if experiment is not None:
                of_data = METRICS[column.metric or row.metric].of_data
                numbers.update(_numbers(paper, [experiment], budget, of_data))
    noun = "decision" if len(numbers) == 1 else "decisions"
    return [f"Measured numbers rest on {noun} {ranges(sorted(numbers))}; see *{TITLE}*."] if numbers else []


def recorded(paper: Paper, experiments: Sequence[str], budget: Budget) -> list[dict[str, Any]]:
    """The decisions as a record holds them, each with the experiments that rest on it."""
    resting: dict[str, list[str]] = {}
    for name in experiments:
        for decision in decisions.of_experiment(paper, name, budget):
            resting.setdefault(decision.setting, []).append(name)
    return [
        {
            **decision.model_dump(mode="json", exclude={"literal"}),
            "of_networks": decision.of_networks,
            "experiments": resting[decision.setting],
        }
        for decision in paper.decisions
        if decision.setting in resting
    ]


def written(value: Any) -> str:
    """A value as a file may have it, on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def ranges(numbers: Sequence[int]) -> str:
    """``1 to 3, 7`` of numbers in their order; ``none``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    texts = [f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part)) for part in parts]
    return ", ".join(texts) or "none"


def _numbers(paper: Paper, experiments: Iterable[str], budget: Budget, of_data: bool = True) -> list[int]:
    """The numbers, from 1, of the decisions that these rest on; without data, of those on networks alone."""
    taken = {
        decision.setting
        for name in experiments
        for decision in decisions.of_experiment(paper, name, budget)
        if of_data or decision.of_networks
    }
    return [number for number, decision in enumerate(paper.decisions, start=1) if decision.setting in taken]
