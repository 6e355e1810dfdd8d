"""Progress of a run: one line a paper and stage, on a terminal, elsewhere and in the log file."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import project
from mexflow.engine import progress_lines as lines
from mexflow.engine import status
from project import WORKFLOW

PAPERS = ("nag2019", "upadhy2025")
RULES = {
    "faces": "preprocess",
    "flow": "preprocess",
    "train_upadhy2025_0": "training",
    "train_nag2019_0": "training",
    "tables_upadhy2025": "reporting",
}


@pytest.fixture
def run_lines(monkeypatch: pytest.MonkeyPatch) -> lines.Lines:
    """The lines of a run of those rules."""
    monkeypatch.setattr(lines, "STAGES", {})
    rules = [
        SimpleNamespace(name=name, snakefile=f"/x/rules/{stage}.smk", shellcmd="x") for name, stage in RULES.items()
    ]
    lines.register([*rules, SimpleNamespace(name="all", snakefile="/x/Snakefile", shellcmd=None)])
    found = lines.Lines(PAPERS)
    found.count({"faces": 3, "flow": 2, "train_upadhy2025_0": 4, "tables_upadhy2025": 1, "all": 1, "total": 11})
    return found


def told(found: lines.Lines, now: float) -> dict[str, tuple[str, str]]:
    return {line.name: line.cells(now) for line in found.all}


# What the lines say


def test_a_line_a_paper_and_stage_of_what_the_run_has(run_lines: lines.Lines) -> None:
    assert told(run_lines, 0) == {
        "data · preprocess": ("0/5", "time left unknown"),
        "upadhy2025 · training": ("0/4", "time left unknown"),
        "upadhy2025 · reporting": ("0/1", "time left unknown"),
    }


def test_time_left_is_unknown_until_a_job_of_the_line_is_done(run_lines: lines.Lines) -> None:
    run_lines.start(1, "faces", 100.0)
    run_lines.start(2, "faces", 100.0)
    run_lines.start(3, "train_upadhy2025_0", 110.0)
    run_lines.finish(1, 130.0)
    now = told(run_lines, 160.0)
    assert now["data · preprocess"] == ("1/5", "1.0/min  4 min left")
    assert now["upadhy2025 · training"] == ("0/4", "time left unknown")
    assert now["upadhy2025 · reporting"] == ("0/1", "time left unknown")


def test_a_failed_job_is_no_job_done_and_a_second_try_is_no_failure(run_lines: lines.Lines) -> None:
    run_lines.start(1, "train_upadhy2025_0", 0.0)
    run_lines.fail(1, "train_upadhy2025_0", 60.0)
    run_lines.fail(1, "train_upadhy2025_0", 60.0)
    assert told(run_lines, 60.0)["upadhy2025 · training"] == ("0/4", "1 failed  time left unknown")
    run_lines.start(2, "train_upadhy2025_0", 60.0)
    run_lines.finish(2, 7200.0)
    assert told(run_lines, 7200.0)["upadhy2025 · training"] == ("1/4", "1 failed  0.5/h  4.0 h left")
    run_lines.start(1, "train_upadhy2025_0", 7200.0)
    assert told(run_lines, 7200.0)["upadhy2025 · training"][0] == "1/4"
    assert "failed" not in told(run_lines, 7200.0)["upadhy2025 · training"][1]
    run_lines.finish(1, 7300.0)
    assert told(run_lines, 7300.0)["upadhy2025 · training"][0] == "2/4"


def test_an_ended_run_has_no_time_left(run_lines: lines.Lines) -> None:
    run_lines.start(1, "faces", 0.0)
    run_lines.finish(1, 6.0)
    assert run_lines.all[0].cells(60.0, running=False) == ("1/5", "")
    run_lines.start(2, "tables_upadhy2025", 10.0)
    run_lines.finish(2, 13.0)
    assert run_lines.all[2].cells(60.0, running=False) == ("1/1", "in 3 s")


def test_plain_lines_come_every_half_minute_and_at_the_end(run_lines: lines.Lines) -> None:
    said = []
    for job in range(5):
        run_lines.start(job, "faces" if job < 3 else "flow", 20.0 * job)
        line = run_lines.finish(job, 20.0 * job + 10)
        assert line
        said.append(line.plain(20.0 * job + 10))
    assert said == [
        None,
        "data · preprocess  2/5  4.0/min  45 s left",
        None,
        "data · preprocess  4/5  3.4/min  18 s left",
        "data · preprocess  5/5  in 90 s",
    ]


def test_a_low_terminal_shows_the_lines_under_way(run_lines: lines.Lines) -> None:
    run_lines.start(1, "train_upadhy2025_0", 0.0)
    run_lines.start(2, "tables_upadhy2025", 0.0)
    run_lines.finish(2, 1.0)
    assert run_lines.shown(4) == run_lines.all
    assert [line.name for line in run_lines.shown(3)] == ["upadhy2025 · training"]


def test_a_target_and_a_rule_that_is_not_known_have_no_line(run_lines: lines.Lines) -> None:
    run_lines.start(9, "all", 0.0)
    assert run_lines.finish(9, 1.0) is None and run_lines.finish(77, 1.0) is None
    assert all(line.done == 0 for line in run_lines.all)


# A small workflow: rules of two stages, of which one job fails

SNAKEFILE = """
from mexflow.engine import progress_lines as lines
include: "rules/preprocess.smk"
include: "rules/reporting.smk"
lines.register(workflow.rules)
rule all:
    default_target: True
    input: expand("faces/{n}", n=range(3)), "tables"
onerror:
    lines.end()
    shell("echo the run failed")
"""
PREPROCESS = """
rule faces:
    output: "faces/{n}"
    log: "logs/{n}.log"
    shell: "sleep 0.1; touch {output}"
"""
REPORTING = """
rule tables_nag2019:
    input: expand("faces/{n}", n=range(3))
    output: "tables"
    log: "logs/tables.log"
    shell: "(echo a long line {LONG}; echo 'mexflow: error: no face was found'; exit 1) > {log} 2>&1"
""".replace("{LONG}", "word " * 40)
ERROR = ("Error in rule tables_nag2019:", "Logfile logs/tables.log:", "word " * 39 + "word", "mexflow: error: no face")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "rules" / "preprocess.smk").write_text(PREPROCESS)
    (tmp_path / "rules" / "reporting.smk").write_text(REPORTING)
    return tmp_path


PROFILE = {"SNAKEMAKE_PROFILE": str(WORKFLOW / "profiles" / "default")}


def on_terminal(*command: str, cwd: Path, term: str = "xterm") -> tuple[int, str]:
    """The exit status of a program whose terminal we are, and what it wrote, without codes of colours and cursor."""
    ours, its = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE_", "PYTEST_"))}
    variables |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}", "PYTHONPATH": str(WORKFLOW)}
    variables |= PROFILE | {"TERM": term, "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(command, cwd=cwd, env=variables, stdin=its, stdout=its, stderr=its)
    os.close(its)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:  # how Linux says that the other end was closed
        pass
    os.close(ours)
    return process.wait(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()).replace("\r", "")


def log_of(folder: Path) -> str:
    (path,) = (folder / ".snakemake" / "log").glob("*.snakemake.log")
    return path.read_text()


def check_log(folder: Path) -> None:
    """The log file tells the run as Snakemake's own does, and has the plain lines."""
    text = log_of(folder)
    for part in (*ERROR, "rule faces:", "Shell command: sleep 0.1", "Job stats:", "3 of 5 steps (60%) done"):
        assert part in text, part
    assert re.search(r"^data · preprocess  3/3  in \d+ s$", text, re.MULTILINE)
    found = status.parse(text.splitlines())
    assert list(found.rows(["nag2019"])) == [("data", 3, 0, 0, 0), ("nag2019", 0, 0, 1, 0)]
    assert [(job.rule, job.log) for job in found.failed] == [("tables_nag2019", "logs/tables.log")]


def test_a_terminal_shows_lines_and_above_them_the_error_of_a_failed_job(small: Path) -> None:
    code, shown = on_terminal("snakemake", "--cores", "2", cwd=small)
    assert code == 1
    for part in ERROR:
        assert part in shown, shown
    for part in ("rule faces:", "Shell command:", "steps (", "Select jobs", "Job stats", "Traceback", "Logging error"):
        assert part not in shown, part
    # At the very end, below what is printed when a run ends, the lines stay.
    assert re.search(
        r"\nthe run failed\n[^·]*\nAt least one job did not complete successfully.\n"
        r"data · preprocess +━+ +3/3 +in \d+ s *\nnag2019 · reporting +━+ +0/1 +1 failed *\n$",
        shown,
    ), shown
    check_log(small)


def test_redirected_output_is_snakemakes_own_with_plain_lines(small: Path) -> None:
    result = project.run("snakemake", "--cores", "2", cwd=small, **PROFILE)
    assert result.returncode == 1
    for part in (*ERROR, "rule faces:", "Shell command: sleep 0.1", "Job stats:", "3 of 5 steps (60%) done"):
        assert part in result.stderr, result.stderr
    assert re.search(r"^data · preprocess  3/3  in \d+ s$", result.stderr, re.MULTILINE)
    assert "\x1b" not in result.stderr
    check_log(small)


@pytest.mark.parametrize(
    ("arguments", "term", "lines_shown", "rules_shown"),
    [(["--quiet"], "xterm", False, False), (["--quiet", "rules"], "xterm", True, False), ([], "dumb", False, True)],
)
def test_a_terminal_that_is_to_be_quiet_or_cannot_draw(
    small: Path, arguments: list[str], term: str, lines_shown: bool, rules_shown: bool
) -> None:
    code, shown = on_terminal("snakemake", "--cores", "2", *arguments, "--", "faces/1", cwd=small, term=term)
    assert code == 0
    assert ("━" in shown, "rule faces:" in shown) == (lines_shown, rules_shown), shown


def test_a_dry_run_on_a_terminal_is_snakemakes_own(small: Path) -> None:
    code, shown = on_terminal("snakemake", "--dry-run", cwd=small)
    assert code == 0 and "━" not in shown
    for part in ("rule tables_nag2019:", "Job stats:", "This was a dry-run"):
        assert part in shown


def test_a_terminal_shows_what_is_wrong_before_the_first_job(small: Path) -> None:
    code, shown = on_terminal("snakemake", "--cores", "2", "--config", "papers=[nosuch]", "--snakefile",
                              str(project.ROOT / "Snakefile"), cwd=small)  # fmt: skip
    assert code == 1 and "mexflow: error: unknown paper 'nosuch'" in shown, shown
    (small / ".snakemake" / "locks").mkdir(parents=True)
    for name in ("0.input.lock", "0.output.lock"):
        (small / ".snakemake" / "locks" / name).write_text("faces/1\n")
    code, shown = on_terminal("snakemake", "--cores", "2", cwd=small)
    assert code == 1 and "Directory cannot be locked" in shown, shown


def test_processes_of_jobs_and_runs_without_the_profile_are_as_ever(small: Path) -> None:
    for arguments, profile in ((["--mode", "remote"], PROFILE), ([], {})):
        (small / "faces" / "1").unlink(missing_ok=True)
        result = project.run("snakemake", "--cores", "1", *arguments, "--", "faces/1", cwd=small, **profile)
        assert result.returncode == 0, result.stderr
        assert " · " not in result.stderr
