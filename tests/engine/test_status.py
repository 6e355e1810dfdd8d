"""Where a run stands, told from Snakemake's log."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditing import command
from mexflow.engine import status
from mexflow.errors import UserError

HEAD = """
SNAKEMAKE
=========
  Date: 2026-11-21 15:05:58
  Host: node7

Building DAG of jobs...
Job stats:
job                   count
------------------  -------
faces                     3
train_upadhy2025_0        2
tables_upadhy2025         1
all                       1
total                     7

"""
STARTED = """[Sat Nov 21 15:06:02 2026]
{kind} {rule}:
    output: x
    log: results/logs/{number}.log
    jobid: {number}
    reason: Missing output files: x
"""
FINISHED = "[Sat Nov 21 15:06:02 2026]\nFinished jobid: {number} (Rule: {rule})\n1 of 7 steps (14%) done\n"
FAILED = """[Sat Nov 21 15:06:02 2026]
Error in rule {rule}:
    message: None
    jobid: {number}
    output: x
    log: results/logs/{number}.log (check log file(s) for error details)
"""


def log(*events: tuple[str, str, int]) -> status.Status:
    """The status after such events: what happened, a rule, a job's number."""
    text = HEAD + "".join(event.format(rule=rule, number=number, kind="rule") for event, rule, number in events)
    return status.parse(text.splitlines())


PAPERS = ("upadhy2025", "nag2019")


def test_what_is_done_runs_failed_and_is_left() -> None:
    found = log(
        (STARTED, "faces", 4),
        (STARTED.replace("{kind}", "localrule"), "faces", 5),
        (FINISHED, "faces", 4),
        (STARTED, "train_upadhy2025_0", 6),
        (FAILED, "train_upadhy2025_0", 6),
    )
    assert (found.started, found.host) == ("2026-11-21 15:05:58", "node7")
    assert list(found.rows(PAPERS)) == [("data", 1, 1, 0, 1), ("upadhy2025", 0, 0, 1, 2)]
    assert [(job.rule, job.log) for job in found.failed] == [("train_upadhy2025_0", "results/logs/6.log")]


def test_a_job_that_is_tried_again_runs_again() -> None:
    events = [(STARTED, "faces", 4), (FAILED, "faces", 4), (STARTED, "faces", 4)]
    assert next(log(*events).rows(PAPERS)) == ("data", 0, 1, 0, 2)
    assert next(log(*events, (FINISHED, "faces", 4)).rows(PAPERS)) == ("data", 1, 0, 0, 2)


def test_jobs_of_a_group_that_share_a_cluster_job() -> None:
    started = "".join(f"    {line}\n" for line in STARTED.splitlines())
    failed = "[Sat Nov 21 15:06:02 2026]\n    message: None\n    jobs:\n        rule {rule}:\n"
    failed += "            jobid: {number}\n            output: x\n            log: results/logs/{number}.log (check)\n"
    events = [(started, "faces", 4), (started, "faces", 5)]
    assert next(log(*events).rows(PAPERS)) == ("data", 0, 2, 0, 1)
    assert next(log(*events, (FINISHED, "faces", 4), (failed, "faces", 5)).rows(PAPERS)) == ("data", 1, 0, 1, 1)
    assert [job.log for job in log(*events, (failed, "faces", 5)).failed] == ["results/logs/5.log"]


def test_a_log_that_is_still_short(tmp_path: Path) -> None:
    assert list(status.parse(HEAD.splitlines()[:5]).rows(PAPERS)) == []
    with pytest.raises(UserError, match="no run was started here"):
        status.read(tmp_path)


def test_the_command_shows_a_finished_and_a_failed_run(finished: Path, tmp_path: Path) -> None:
    result = command(finished, "status")
    assert result.returncode == 0, result.stderr
    heading, columns, *rows = result.stdout.splitlines()
    assert heading.endswith(": ended") and columns.split() == ["done", "running", "failed", "left"]
    counts = {row.split()[0]: [int(text) for text in row.split()[1:]] for row in rows}
    assert set(counts) >= {"mini", "all"}
    assert all(done and not (running or failed or left) for done, running, failed, left in counts.values())
    logs = tmp_path / ".snakemake" / "log"
    logs.mkdir(parents=True)
    (tmp_path / "results" / "logs").mkdir(parents=True)
    (tmp_path / "results" / "logs" / "6.log").write_text("one\ntwo\n\nmexflow: error: no face was found\n")
    text = HEAD + FAILED.format(rule="faces", number=6) + STARTED.format(kind="rule", rule="faces", number=7)
    (logs / "1.snakemake.log").write_text(text)
    (tmp_path / "workflow").symlink_to(finished / "workflow")
    result = command(tmp_path, "status")
    assert (
        result.returncode == 1 and "failed: faces, results/logs/6.log\n    one\n    two\n    mexflow" in result.stdout
    )
