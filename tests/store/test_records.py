"""The provenance record of a job, and the frame in which a job runs."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from dataset_files import CASME2_CODING, CASME2_OBJECTIVE, casme2, casme2_frames, casme2_row
from mexflow import registries
from mexflow.datasets import reading
from mexflow.errors import UserError
from mexflow.store import digest, records
from mexflow.store.records import Job, canonical_digest, git_state, git_variable
from project import PACKAGE, ROOT, mexflow, run

FIELDS = {
    "format", "job", "rule", "command", "inputs", "outputs", "code", "lock_digest", "versions", "dataset", "repairs",
    "exclusions", "observed",
}  # fmt: skip


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def index(root: Path, folder: Path, **environment: str) -> dict:
    """Run the command `index`; its record."""
    arguments = ["--dataset", "casme2", "--root", root]
    for name, ending in (("output", "parquet"), ("videos", "videos.parquet"), ("summary", "txt")):
        arguments += [f"--{name}", folder / f"casme2.{ending}"]
    record = folder / "records" / "index" / "casme2.json"
    result = mexflow("index", *arguments, "--record", record, **environment)
    assert result.returncode == 0, result.stderr
    return json.loads(record.read_text())


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("raw") / "my CASME2"
    casme2(root, [casme2_row(), casme2_row("02", "EP01_01", apex="/")], [("01", "EP02_01f", 1), ("02", "EP01_01", 4)])
    casme2_frames(root, "sub01/EP02_01f", range(1, 12))
    casme2_frames(root, "sub02/EP01_01", range(1, 12))
    return root


@pytest.fixture(scope="module")
def record(root, tmp_path_factory) -> dict:
    return index(root, tmp_path_factory.mktemp("index"), MEXFLOW_RULE="index", MEXFLOW_ATTEMPT="3")


def test_fields(record):
    assert set(record) == FIELDS
    assert record["format"] == records.FORMAT
    assert (record["job"], record["rule"], record["dataset"]) == ("index/casme2", "index", "casme2")
    assert set(record["code"]) == {"digest", "chosen", "modules", "git_commit", "git_dirty"}
    assert set(record["observed"]) == {"started", "ended", "host", "machine", "attempt"}


def test_hashes_of_inputs_and_outputs(root, record):
    assert {Path(path).name for path in record["inputs"]} == {CASME2_CODING, CASME2_OBJECTIVE}
    assert {Path(path).name for path in record["outputs"]} == {"casme2.parquet", "casme2.videos.parquet", "casme2.txt"}
    for path, stated in (record["inputs"] | record["outputs"]).items():
        assert stated == {"sha256": sha256(Path(path)), "size": Path(path).stat().st_size}


def test_code_lock_and_versions(record):
    from importlib.metadata import version

    modules = ["mexflow.cli.index", *reading.modules("casme2")]
    assert record["code"]["digest"] == digest.code_digest(modules)
    assert list(record["code"]["modules"]) == digest.closure(modules)
    assert all(digest.module_digest(name) == sha256 for name, sha256 in record["code"]["modules"].items())
    assert record["lock_digest"] == sha256(ROOT / "envs" / "requirements.lock")
    assert record["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert record["versions"]["openpyxl"] == version("openpyxl") and "torch" not in record["versions"]


def test_command_can_be_run_again(root, record, tmp_path):
    """The command of the record, run by itself, makes the same bytes."""
    command = shlex.split(record["command"])
    assert command[:4] == ["python", "-m", "mexflow", "index"] and str(root) in command
    old = str(Path(next(iter(record["outputs"]))).parent)
    again = [part.replace(old, str(tmp_path)) for part in command]
    assert run(sys.executable, *again[1:]).returncode == 0
    for path, stated in record["outputs"].items():
        assert sha256(tmp_path / Path(path).name) == stated["sha256"]


def test_records_of_equal_work_differ_in_what_was_observed_alone(root, tmp_path):
    first = index(root, tmp_path, MEXFLOW_ATTEMPT="1")
    second = index(root, tmp_path, MEXFLOW_ATTEMPT="2")
    assert first.pop("observed") != second.pop("observed")
    assert first == second


def test_observed_times(record):
    started, ended = (datetime.fromisoformat(record["observed"][name]) for name in ("started", "ended"))
    assert started.utcoffset() is not None and 0 <= (ended - started).total_seconds() < 60
    assert record["observed"]["attempt"] == 3


def test_file_replaced_later_is_seen(root, record, tmp_path):
    """The record is evidence: another annotation file has another hash."""
    copied = Path(shutil.copytree(root, tmp_path / "raw"))
    casme2(copied, [casme2_row(emotion="disgust"), casme2_row("02", "EP01_01")])
    (tmp_path / "out").mkdir()
    again = index(copied, tmp_path / "out")
    before, after = (next(v for p, v in r["inputs"].items() if p.endswith(CASME2_CODING)) for r in (record, again))
    assert before["sha256"] != after["sha256"]


# The frame of a job


@pytest.fixture
def covered(monkeypatch):
    """Other tests of this process loaded other modules; they are not the job's."""
    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: [])
    monkeypatch.setattr(registries, "PICKED", set())


def test_record_is_written_last(tmp_path, covered):
    path = tmp_path / "records" / "x.json"
    with Job(path, "mexflow.cli.schema", fact=1) as job:
        job.outputs.text(tmp_path / "a", "a")
        job.state(other=[2])
        job.finish()
    assert list(job.outputs.digests) == [(tmp_path / "a").as_posix(), path.as_posix()]
    record = records.load(path)
    assert (record["fact"], record["other"]) == (1, [2])
    assert path.as_posix() not in record["outputs"], "a record does not speak of its own hash"


def test_failed_job_leaves_neither_output_nor_record(tmp_path, covered):
    with pytest.raises(ZeroDivisionError), Job(tmp_path / "r.json", "mexflow.cli.schema") as job:
        job.outputs.text(tmp_path / "a", "a")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_job_that_does_not_finish_leaves_nothing(tmp_path):
    with Job(tmp_path / "r.json", "mexflow.cli.schema") as job:
        job.outputs.text(tmp_path / "a", "a")
    assert list(tmp_path.iterdir()) == []


def test_module_that_the_digest_does_not_cover(tmp_path, monkeypatch):
    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: ["mexflow.models.stray"])
    with pytest.raises(RuntimeError, match=r"does not cover: mexflow\.models\.stray"):  # noqa: SIM117
        with Job(tmp_path / "r.json", "mexflow.cli.schema") as job:
            job.outputs.text(tmp_path / "a", "a")
            job.finish()
    assert list(tmp_path.iterdir()) == []


def test_entry_that_the_digest_does_not_cover(tmp_path, covered):
    with pytest.raises(RuntimeError, match=r"entries were picked .* cover: mexflow\.preprocess\.flow:stray"):  # noqa: SIM117
        with Job(tmp_path / "r.json", "mexflow.cli.schema") as job:
            registries.PICKED.add("mexflow.preprocess.flow:stray")
            job.outputs.text(tmp_path / "a", "a")
            job.finish()
    assert list(tmp_path.iterdir()) == []


def test_code_is_that_of_the_start(tmp_path, covered, monkeypatch):
    """An edit while the job runs does not change what the job says it ran."""
    expected = digest.code_digest(["mexflow.cli.schema"])
    with Job(tmp_path / "r.json", "mexflow.cli.schema") as job:
        monkeypatch.setattr(records.digest, "code_digest", lambda modules: "edited")
        job.finish()
    assert records.load(tmp_path / "r.json")["code"]["digest"] == expected


def test_job_without_a_record(tmp_path, covered):
    with Job(None, "mexflow.cli.schema") as job:
        job.outputs.text(tmp_path / "a", "a")
        job.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("results/records/train/p/e/0.json", "train/p/e/0"),
        ("/x/records/faces/casme2/01.json", "faces/casme2/01"),
        ("elsewhere/mine.json", "mine"),
        (None, None),
    ],
)
def test_name_of_a_job(path, name):
    assert records._job_name(Path(path) if path else None) == name


def test_unreadable_record(tmp_path):
    (tmp_path / "r.json").write_text("{")
    with pytest.raises(UserError, match=r"r\.json: not readable JSON"):
        records.load(tmp_path / "r.json")


# Git


@pytest.mark.parametrize(
    ("variable", "commit", "dirty"),
    [("0123abc clean", "0123abc", False), ("0123abc dirty", "0123abc", True), ("clean", None, None), ("", None, None)],
)
def test_git_state_that_is_passed_down(monkeypatch, variable, commit, dirty):
    monkeypatch.setenv("MEXFLOW_GIT", variable)
    assert git_state() == {"git_commit": commit, "git_dirty": dirty}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The records of a project in a folder of its own; a function that runs git there."""
    monkeypatch.delenv("MEXFLOW_GIT", raising=False)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(records, "_PROJECT", tmp_path)

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    return git


def test_git_state_of_a_checkout(checkout, tmp_path, monkeypatch):
    checkout("init", "--quiet")
    (tmp_path / "a").write_text("a")
    checkout("add", "a")
    checkout("commit", "--quiet", "--message", "a")
    commit = checkout("rev-parse", "HEAD")
    assert git_state() == {"git_commit": commit, "git_dirty": False}
    (tmp_path / "untracked").touch()
    assert git_state()["git_dirty"] is False
    (tmp_path / "a").write_text("b")
    assert git_state() == {"git_commit": commit, "git_dirty": True}
    monkeypatch.setenv("MEXFLOW_GIT", git_variable())
    assert git_state() == {"git_commit": commit, "git_dirty": True}, "what the workflow passes down says the same"


def test_git_state_before_the_first_commit(checkout):
    checkout("init", "--quiet")
    assert git_state() == {"git_commit": None, "git_dirty": None}


def test_git_state_outside_a_checkout(checkout, monkeypatch):
    assert git_state() == {"git_commit": None, "git_dirty": None}
    monkeypatch.setenv("MEXFLOW_GIT", git_variable())
    assert git_state() == {"git_commit": None, "git_dirty": None}


def test_git_state_without_git(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state() == {"git_commit": None, "git_dirty": None}


def test_canonical_digest():
    assert (
        canonical_digest({"b": (1, 2), "a": "é"}).sha256 == hashlib.sha256('{"a":"é","b":[1,2]}'.encode()).hexdigest()
    )
    assert canonical_digest({"a": 1, "b": 2}).sha256 == canonical_digest({"b": 2, "a": 1}).sha256
    assert canonical_digest([1, 2]).sha256 != canonical_digest([2, 1]).sha256


def test_every_command_that_makes_results_writes_a_record():
    for path in (PACKAGE / "cli").glob("[a-z]*.py"):
        if path.stem not in (
            "options",
            "listing",
            "schema",
            "trace",
            "compare",
            "verify",
            "reproduce",
            "repair",
            "incomplete",
            "leakage",
            "crate",
            "run_root",
            "status",
            "unlisted",
            "export",
            *("analyse", "spot", "recognise"),  # beside each result, without being asked; see their own tests
        ):
            source = path.read_text()
            # Training has its job in its own room.
            kept = "Job(" in source or "record=record" in source
            assert "record: Record = None" in source and kept, path.name
