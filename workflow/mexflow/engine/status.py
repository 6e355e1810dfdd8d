"""Where a run stands: what of it is done, runs, failed and is left, per paper, read from Snakemake's own log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs

LOGS = Path(".snakemake/log")
DATA = "data"
"""The group of jobs that serve several papers: rendering, indexes, preprocessing, inspection."""
LAST_LINES = 3

# Jobs of a group, several that share a cluster job, are indented.
_RULE = re.compile(r"^ *(?:local)?rule (\S+):$")
_FACT = re.compile(r"^ +(jobid|log|output): (.+)$")
_FAILED_GROUP = "    jobs:"
_FINISHED = re.compile(r"^Finished jobid: (\d+) ")
_FAILED = re.compile(r"^Error in rule (\S+?):$")
_COUNT = re.compile(r"^(\S+) +(\d+)$")
_HEAD = re.compile(r"^  (Date|Host): (.+)$")


@dataclass
class Job:
    """A job that was started: its rule, log and outputs, and whether it is `running`, `done` or `failed`."""

    rule: str
    log: str = ""
    state: str = "running"
    outputs: tuple[str, ...] = ()


@dataclass
class Status:
    """A run: when and where it was started, its jobs by number, and how many each rule has in all."""

    started: str = ""
    host: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def rows(self, papers: Iterable[str]) -> Iterator[tuple[str, int, int, int, int]]:
        """Name, jobs done, running, failed and left of each paper, before them of what serves several."""
        longest_first = sorted(papers, key=len, reverse=True)
        for group in (DATA, *sorted(longest_first)):
            rules = {rule for rule in self.counts if group_of(rule, longest_first) == group}
            states = [job.state for job in self.jobs.values() if job.rule in rules]
            done, running, failed = (states.count(state) for state in ("done", "running", "failed"))
            total = sum(self.counts[rule] for rule in rules)
            if total:
                yield group, done, running, failed, total - done - running - failed

    @property
    def failed(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.state == "failed"]


def group_of(rule: str, papers: Iterable[str]) -> str:
    """The paper that a rule's name names, the first that fits of `papers` (longest first); else `DATA`."""
    return next((paper for paper in papers if paper in rule), DATA)


def newest(folder: Path = LOGS) -> Path | None:
    """The log of the newest run; None if none was started."""
    return max(folder.glob("*.snakemake.log"), default=None)


def read(folder: Path = LOGS) -> Status:
    """The newest run.

    Raises:
        UserError: if there is none, or its log cannot be read.
    """
    log = newest(folder)
    if log is None:
        raise UserError(f"{folder}: no run was started here; call this from the folder the workflow runs in")
    return of_log(log)


def of_log(log: Path) -> Status:
    """The status that a log's file tells.

    Raises:
        UserError: if it cannot be read.
    """
    return parse(Inputs().bytes(log).decode(errors="replace").splitlines())


def parse(lines: Iterable[str]) -> Status:
    """The status that a log of Snakemake tells, whole or as far as it was written."""
    status, job, counting, failing = Status(), None, False, False
    for line in lines:
        if head := _HEAD.match(line):
            if head[1] == "Date":
                status.started = head[2]
            else:
                status.host = status.host or head[2]
        elif line == "Job stats:":
            counting, status.counts = True, {}
        elif counting and (count := _COUNT.match(line)):
            if count[1] not in ("job", "total", "all"):
                status.counts[count[1]] = int(count[2])
            counting = count[1] != "total"
        elif line == _FAILED_GROUP or line.startswith("["):
            failing = line == _FAILED_GROUP
        elif rule := _RULE.match(line):
            job = Job(rule[1], state="failed" if failing else "running")
        elif error := _FAILED.match(line):
            job = Job(error[1], state="failed")
        elif done := _FINISHED.match(line):
            status.jobs.setdefault(done[1], Job("")).state = "done"
        elif job and (fact := _FACT.match(line)):
            if fact[1] == "log":
                # On a cluster the scheduler's own log stands behind the job's.
                job.log = fact[2].split(" (check")[0].split(", ")[0]
            elif fact[1] == "output":
                job.outputs = tuple(fact[2].split(", "))
            else:
                earlier = status.jobs.get(fact[2])
                job.log = job.log or (earlier.log if earlier else "")
                status.jobs[fact[2]] = job
    status.jobs = {number: job for number, job in status.jobs.items() if job.rule != "all"}
    return status


def last_lines(log: str) -> list[str]:
    """The last lines that a job wrote; none where its log is gone."""
    try:
        text = Inputs().bytes(log).decode(errors="replace")
    except UserError:
        return []
    return [line for line in text.replace("\r", "\n").splitlines() if line.strip()][-LAST_LINES:]


def is_alive(folder: Path) -> bool:
    """Whether a Snakemake runs in a folder, on this machine."""
    import psutil

    for process in psutil.process_iter(["name", "cmdline"]):
        try:
            words = process.info["cmdline"] or []
            if any(Path(word).name == "snakemake" for word in words[:3]) and Path(process.cwd()) == folder.resolve():
                return True
        except (psutil.Error, OSError):
            continue
    return False
