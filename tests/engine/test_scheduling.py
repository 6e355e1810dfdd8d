"""What jobs ask of a cluster and how often Snakemake looks for the next one; what is looked at before a run."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from mexflow.engine import hooks, scheduling, slurm
from mexflow.errors import UserError
from mexflow.plan.workflow import Workflow
from project import ROOT, WORKFLOW, run

PROFILE = yaml.safe_load((WORKFLOW / "profiles" / "slurm" / "config.yaml").read_text())


def test_memory_and_time_grow_with_every_attempt() -> None:
    assert [scheduling.growing(1000)(None, attempt) for attempt in (1, 2, 3)] == [1000, 2000, 3000]


def test_gpus_are_asked_for_only_where_they_are_wanted() -> None:
    def asked(device: str) -> int:
        return Workflow({"embedded": {"size": "tiny"}, "training": {"device": device}}, WORKFLOW).gpus

    assert (asked("auto"), asked("cpu"), asked("cuda")) == (0, 0, 1)


def test_subjects_share_a_job_only_if_asked_and_the_command_line_wins() -> None:
    workflow = SimpleNamespace(group_settings=None)
    assert scheduling.subject_group(workflow, 1) is None
    group = scheduling.subject_group(workflow, 3)
    workflow.group_settings = SimpleNamespace(group_components={})
    assert group(None) == "subjects" and workflow.group_settings.group_components == {"subjects": 3}
    workflow.group_settings = SimpleNamespace(group_components={"subjects": 7})
    assert group(None) == "subjects" and workflow.group_settings.group_components == {"subjects": 7}


@pytest.mark.parametrize("local", [True, False])
def test_jobs_of_this_machine_alone_have_no_limit_of_how_many_start_in_a_second(local: bool) -> None:
    workflow = SimpleNamespace(local_exec=local, scheduler=SimpleNamespace(job_rate_limiter="a limit"))
    scheduling.look_only_when_a_job_ends(workflow)
    assert workflow.scheduler.job_rate_limiter == (None if local else "a limit")


def test_results_from_the_future_are_set_to_now(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, old, late = (tmp_path / name for name in ("records/a.json", "old.npy", "late.npy"))
    record.parent.mkdir()
    for path in (record, old, late):
        path.write_text("x")
    before = old.stat().st_mtime
    hooks.settle_times(tmp_path)
    assert capsys.readouterr().out == ""
    for path in (record, late):
        os.utime(path, (time.time() + 86_400,) * 2)
    hooks.settle_times(tmp_path)
    assert capsys.readouterr().out.startswith("2 results are from the future")
    assert old.stat().st_mtime == before
    assert max(record.stat().st_mtime, late.stat().st_mtime) <= time.time()


def test_the_profile_says_what_a_site_must_know() -> None:
    assert PROFILE["executor"] == "slurm" and PROFILE["retries"] >= 2 and "slurm-array-jobs" not in PROFILE
    lines = (WORKFLOW / "profiles" / "slurm" / "config.yaml").read_text().splitlines()
    for key in PROFILE:
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
        above = [line for line in reversed(lines[:at]) if line.startswith("#") or not line][:1]
        assert above or "#" in lines[at], f"{key}: no reason"
    partitions = yaml.safe_load((WORKFLOW / "profiles" / "slurm" / "partitions.yaml").read_text())["partitions"]
    assert partitions["gpu"]["max_gpu"] >= 1


# Before anything is submitted


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (
            {"sacct", "squeue"},
            "sbatch is not on this machine, so nothing can be submitted to SLURM; run this on a login",
        ),
        (
            {"sbatch"},
            "neither sacct nor squeue is on this machine, so no job would be seen to end; run this on a login",
        ),
    ],
)
def test_slurm_is_not_there(monkeypatch: pytest.MonkeyPatch, there: set[str], words: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    with pytest.raises(UserError) as caught:
        slurm.require()
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("there", [{"sbatch", "squeue"}, {"sbatch", "squeue", "sacct"}])
def test_a_site_without_accounting_is_told_who_is_asked(monkeypatch, capfd, there: set[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    slurm.require()
    line = "mexflow: sacct is not on this machine: squeue is asked which jobs ended\n"
    assert capfd.readouterr().err == ("" if "sacct" in there else line)


def test_a_profile_for_slurm_where_there_is_none(tmp_path: Path) -> None:
    """As a user meets it: one line, no job, no traceback."""
    (tmp_path / "bin").mkdir()
    for name in ("bash", "sh", "git", "which"):
        if program := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(program)
    result = run(
        "snakemake", "--snakefile", ROOT / "Snakefile", "--profile", WORKFLOW / "profiles" / "slurm", "datasets",
        cwd=tmp_path, PATH=f"{Path(sys.executable).parent}{os.pathsep}{tmp_path / 'bin'}",
    )  # fmt: skip
    output = result.stdout + result.stderr
    assert result.returncode == 1 and "Traceback" not in output and not (tmp_path / "results").exists()
    assert output.count("mexflow: error: sbatch is not on this machine") == 1 == output.count("sbatch")
