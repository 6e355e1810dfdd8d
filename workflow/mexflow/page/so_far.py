"""The page of a run that failed, or that still runs: what is there, and what is not there yet, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mexflow.audit.changes import options
from mexflow.audit.graph import Graph, Record
from mexflow.engine.status import Status
from mexflow.errors import UserError
from mexflow.papers.reporting_recipe import PageRecipe

EMBEDDED = "embedded"

SHOWN = {"tables": "its tables", "incomplete": "its tables", "figures": "its figures", "timing": "its times"}
"""The stages whose files the page shows, and what they are of a paper."""


@dataclass
class SoFar:
    """What a page lacks.

    Attributes:
        failed: the jobs that failed, a line each with what they said last.
        older: what an earlier run made and this one was to make anew, a line each.
        absent: what is not on the page, for its file is not there; whoever finds that adds it.
    """

    failed: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def lacks(self, path: Path, what: str) -> bool:
        """Whether a file is not there; if so, that is told as `what`."""
        if path.is_file():
            return False
        self.absent.append(f"{what}: {path} is not made yet")
        return True


def older(run: Status, graph: Graph) -> list[str]:
    """What an earlier run made and this one was to make anew, but has not: a line each, with when it was made."""
    done = {job.rule for job in run.jobs.values() if job.state == "done"}
    # Snakemake's log has the time of the place, records that of Greenwich.
    started = datetime.strptime(run.started, "%Y-%m-%d %H:%M:%S").astimezone(UTC) if run.started else datetime.now(UTC)
    found = []
    for record in graph.records.values():
        rule, ended = record.contents["rule"], datetime.fromisoformat(record.contents["observed"]["ended"])
        if record.stage in SHOWN and rule in run.counts and rule not in done and ended < started:
            found.append(f"{_name(record)}, {SHOWN[record.stage]}: made on {ended:%Y-%m-%d at %H:%M} UTC")
    return sorted(found)


def recipe_of(graph: Graph, so_far: SoFar) -> PageRecipe:
    """The recipe of the page of what there is, of the records of tables and indexes.

    Of tables of different budgets, readings or intervals those like the newest table are shown. Faces are shown of
    rendered data alone.

    Args:
        graph: of the run.
        so_far: takes the papers that are left out.

    Raises:
        UserError: if there is no table of a paper.
    """
    tables = [record for record in graph.records.values() if record.stage in ("tables", "incomplete")]
    if not tables:
        raise UserError("records: none of a paper's tables yet, so there is nothing to show; go on with the run")
    shared = {record.job: _shared(record) for record in tables}
    newest = max(tables, key=lambda record: record.contents["observed"]["ended"])
    papers = {}
    for record in tables:
        if shared[record.job] == shared[newest.job]:
            papers[_name(record)] = record.contents["recipe"]["data"]
        else:
            so_far.absent.append(f"{_name(record)}: its tables are of another budget, reading or kind of intervals")
    indexes = {_name(record): record for record in graph.records.values() if record.stage == "index"}
    roots = {name: options(record.contents["command"]).get("root", "") for name, record in indexes.items()}
    data = {name: _data(name, root, graph) for name, root in roots.items()}
    raw = {name: of for name, of in data.items() if "=" not in roots[name]}
    return PageRecipe(**shared[newest.job], papers=papers, datasets={**raw, **data}, raw=raw)  # composites last


def _shared(record: Record) -> dict[str, str]:
    return {name: record.contents["recipe"][name] for name in ("budget", "reading", "intervals")}


def _name(record: Record) -> str:
    return record.job.partition("/")[2]


def _data(name: str, roots: str, graph: Graph) -> str:
    """Which data an index is of: ``embedded`` where every root of it was rendered, else its roots."""
    named = [part.rpartition("=")[2] for part in roots.split(", ")]
    rendered = {path for record in graph.records.values() if record.stage == "embed" for path in record.outputs}
    if named and all(any(path.startswith(f"{root}/") for path in rendered) for root in named):
        return EMBEDDED
    return f"{roots} ({name})"
