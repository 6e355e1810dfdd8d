"""What stands behind an experiment, from its folds back to the raw frames: the jobs, by stage."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime
from functools import cache
from typing import Any

from mexflow.audit.graph import Graph, Record

ORDER = (
    "embed", "index", "faces", "lcn", "motion", "flow", "residual", "lbp_top", "train", "intervals", "tables",
    "incomplete", "timing", "quality",
)  # fmt: skip
"""Stages from the raw data on; those not named here stand in front of the tables, by their names."""
BETWEEN = " --"
"""What stands between the options of a command."""

_DIGITS = 16


class Names:
    """Texts, or other values, each once, by number in the order of their first use."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, value: Hashable) -> int:
        """The number of a value."""
        return self._numbers.setdefault(value, len(self._numbers))

    def numbers(self, values: Iterable[Hashable]) -> list[int]:
        """The numbers of some values."""
        return [self.number(value) for value in values]

    @property
    def values(self) -> list[Any]:
        return list(self._numbers)


class Chains:
    """The jobs that numbers of a page rest on, each once.

    Attributes:
        jobs: of each job what the page shows, in the order in which they were first asked for: name, command, seconds,
            begin, digest of the code, raw frames, and each artifact as path, digest and size.
        words: the options of commands. Thousands of folds share a recipe, so a command is a list of their numbers.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.words = Names()
        self._numbers: dict[str, int] = {}
        self.jobs: list[list[Any]] = []
        self._behind = cache(self._jobs_behind)
        self._read_of = cache(self._makers_read)

    def number(self, job: str) -> int:
        """The place of a job in `jobs`."""
        if job not in self._numbers:
            self._numbers[job] = len(self.jobs)
            self.jobs.append(self._described(self._graph.records[job]))
        return self._numbers[job]

    def behind(self, paths: Iterable[str]) -> list[list[Any]]:
        """The stages behind some artifacts, the raw data first: each a name and the numbers of its jobs."""
        jobs = {job for path in paths if path in self._graph.maker for job in self._behind(self._graph.maker[path])}
        stages: dict[str, list[str]] = {}
        for job in sorted(jobs):
            stages.setdefault(self._graph.records[job].stage, []).append(job)
        return [[stage, [self.number(job) for job in stages[stage]]] for stage in sorted(stages, key=_place)]

    def _described(self, record: Record) -> list[Any]:
        contents = record.contents
        raw = contents.get("raw")
        return [
            record.job,
            self.words.numbers(contents["command"].split(BETWEEN)),
            seconds(record),
            contents["observed"]["started"][:19].replace("T", " "),
            contents["code"]["digest"][:_DIGITS],
            [raw["root"], raw["files"], raw["sha256"][:_DIGITS]] if raw else None,
            [[path, made["sha256"][:_DIGITS], made["size"]] for path, made in sorted(record.outputs.items())],
        ]

    def _jobs_behind(self, job: str) -> frozenset[str]:
        """A job and all that made what it read, back to the first ones."""
        seen, pending = {job}, [job]
        while pending:
            new = self._read_of(pending.pop()) - seen
            seen |= new
            pending += new
        return frozenset(seen)

    def _makers_read(self, job: str) -> frozenset[str]:
        """The jobs that made what a job read."""
        # What a job read is the same for all that it wrote.
        read = self._graph.parents(next(iter(self._graph.records[job].outputs), ""))
        return frozenset(self._graph.maker[path] for path in read if path in self._graph.maker)


def seconds(record: Record) -> float:
    """How long a job took."""
    started, ended = (datetime.fromisoformat(record.contents["observed"][name]) for name in ("started", "ended"))
    return round((ended - started).total_seconds(), 1)


def _place(stage: str) -> tuple[int, str]:
    place = ORDER.index(stage) if stage in ORDER else ORDER.index("train") - 0.5
    return place, stage
