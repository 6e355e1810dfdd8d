"""Folds at once: the same results as one after the other, less at once where memory is too small, and nothing left."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import torch
from test_devices import holder, soon, taken

import flow_files
import sequence_files
import video_files
from mexflow.errors import UserError
from mexflow.store import records
from mexflow.store.records import Job
from mexflow.training.devices import Place
from mexflow.training.parallel import train_folds
from project import mexflow, run

GPU = Place(torch.device("cuda"), "GPU of 8 GB")
NAMES = ["a", "b", "c", "d"]
FULL = "CUDA out of memory. Tried to allocate 20.00 MiB."


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class Memory:
    """Work that fits a GPU so many times; a fold's file holds its name."""

    def __init__(self, folder: Path, room: int, full: Exception | None = None) -> None:
        self.folder, self.room, self.full = folder, room, full or torch.OutOfMemoryError(FULL)
        self.used = multiprocessing.get_context("fork").Value("i", 0)

    def __call__(self, name, outputs, after_epoch) -> dict:
        outputs.bytes(self.folder / name / "history.parquet", b"begun")
        after_epoch()
        with self.used.get_lock():
            if self.used.value == self.room:
                raise self.full
            self.used.value += 1
        time.sleep(1)
        outputs.bytes(self.folder / name / "model.pt", name.encode())
        after_epoch()
        with self.used.get_lock():
            self.used.value -= 1
        print(f"{name} is done")
        return {"fold": name, "loss": 0.1 + 0.2, "subjects": [os.getpid()]}


@pytest.fixture
def job(tmp_path, monkeypatch):
    # This process has loaded what other tests need; the commands below are checked for what they load.
    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: [])
    with Job(tmp_path / "record.json", "mexflow.training.parallel") as job:
        yield job


@pytest.mark.parametrize(
    ("room", "limits", "messages"),
    [(4, [4], 0), (2, [4, 2], 2), (1, [4, 2, 1], 4)],
)
def test_out_of_memory_halves_how_many_go_at_once(job, tmp_path, capfd, room, limits, messages):
    folder, advanced = tmp_path / "folds", []
    found = train_folds(job, GPU, NAMES, Memory(folder, room), folder.joinpath, advanced.append)
    assert list(found) == NAMES
    assert [(one["fold"], one["loss"]) for one in found.values()] == [(name, 0.1 + 0.2) for name in NAMES]
    assert len({os.getpid(), *(one["subjects"][0] for one in found.values())}) == 5, "each in a process of its own"
    assert [path for path in files(folder) if not path.endswith(".partial")] == [], "nothing before the job is done"
    job.finish()
    expected = {f"{name}/{file}" for name in NAMES for file in ("history.parquet", "model.pt")}
    assert set(files(folder)) == expected and (folder / "c" / "model.pt").read_bytes() == b"c"
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["observed"]["folds_at_once"] == limits
    assert record["outputs"] == {
        f"{folder}/{path}": records.hash_bytes((folder / path).read_bytes()).as_dict() for path in expected
    }
    assert sum(advanced) == 2 * len(NAMES), "epochs that were lost are not counted"
    said = capfd.readouterr().out.splitlines()
    assert sorted(line for line in said if line.endswith("done")) == [f"{name} is done" for name in NAMES]
    lost = [line for line in said if "no room" in line]
    assert len(lost) == messages
    for line in lost:
        assert re.fullmatch(r"[bcd]: no room on GPU of 8 GB for [42] folds at once, going on with [21]", line)


@pytest.mark.parametrize(
    "full",
    [
        torch.OutOfMemoryError(FULL),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_fold_that_has_no_room_alone(job, tmp_path, full):
    said = re.escape(str(full).splitlines()[0])
    remedy = "use a GPU with more memory, or set training.device: cpu in config.yaml"
    message = rf"^fold [ab]: GPU of 8 GB has no room for it even alone \({said}\); {remedy}$"
    with pytest.raises(UserError, match=message):
        train_folds(job, GPU, NAMES[:2], Memory(tmp_path, 0, full), tmp_path.joinpath, lambda epochs: None)
    assert files(tmp_path) == []


@pytest.mark.parametrize("ending", ["killed", "mistake", "bug"])
def test_a_fold_that_fails_ends_the_others(tmp_path, monkeypatch, capfd, ending):
    other = multiprocessing.get_context("fork").Value("i", 0)

    def work(name, outputs, after_epoch) -> dict:
        outputs.bytes(tmp_path / name / "model.pt", b"half")
        after_epoch()
        if name == "a":
            return {}
        if name == "b":
            other.value = os.getpid()
            time.sleep(60)
        while not other.value:
            time.sleep(0.01)
        if ending == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise UserError("the loss is nan; lower it") if ending == "mistake" else ValueError("of ours")

    expected = {
        "killed": (UserError, r"^fold c: its process was killed \(SIGKILL\); if not by you, "),
        "mistake": (UserError, "^the loss is nan; lower it$"),
        "bug": (RuntimeError, "^fold c: its process failed, the traceback stands above$"),
    }[ending]
    with pytest.raises(expected[0], match=expected[1]), Job(None, "mexflow.training.parallel") as job:
        train_folds(job, GPU, NAMES[:3], work, tmp_path.joinpath, lambda epochs: None)
    assert files(tmp_path) == []
    with pytest.raises(ProcessLookupError):
        os.kill(other.value, 0)
    assert ("ValueError: of ours" in capfd.readouterr().err) == (ending == "bug")


def test_no_fold_outlives_its_job(tmp_path):
    """Which the GPU's lease, held by the folds as well, would tell."""
    code = """
import sys, time
from pathlib import Path
import torch
from mexflow.store.records import Job
from mexflow.training.devices import Place, lease
from mexflow.training.parallel import train_folds

def work(name, outputs, after_epoch):
    (folder / name).touch()
    time.sleep(60)

folder = Path(sys.argv[1])
with lease(["A"], folder), Job(None, "mexflow.training.parallel") as job:
    train_folds(job, Place(torch.device("cuda"), "G"), ["a", "b", "c"], work, folder.joinpath, print)
"""
    with holder(tmp_path, code=code) as process:
        assert soon(lambda: all((tmp_path / name).exists() for name in "abc")), "they run"
        assert taken(tmp_path, "A")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert soon(lambda: not taken(tmp_path, "A"))


# The commands

GIT = "0123abc clean"
AT_ONCE = """
import sys
from mexflow.__main__ import main
from mexflow.training import parallel
parallel.folds_at_once = lambda place, folds: folds
{more}
sys.exit(main(sys.argv[1:]))
"""
# The processes find the first two marks missing, and make them.
FULL_TWICE = """
from pathlib import Path
import torch
from mexflow.training.recognition import fold as runs
predict = runs.predict

def full(*arguments, **options):
    for number in (1, 2):
        try:
            Path(f"full {number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return predict(*arguments, **options)

runs.predict = full
"""


def at_once(arguments: list[str], cwd: Path, more: str = "") -> subprocess.CompletedProcess:
    """A command that trains its folds at once, on the CPU."""
    return run(sys.executable, "-c", AT_ONCE.format(more=more), "train", *arguments, cwd=cwd, MEXFLOW_GIT=GIT)


def compare(first: Path, second: Path) -> dict:
    """Asserts that two runs gave the same; what the second one's record says was observed."""
    assert files(first) == files(second) and any(path.endswith("model.pt") for path in files(first))
    for path in files(first):
        if path != "record.json":
            assert (first / path).read_bytes() == (second / path).read_bytes(), path
    one, other = (json.loads((folder / "record.json").read_text()) for folder in (first, second))
    assert "folds_at_once" not in one.pop("observed"), "a CPU's record says nothing of it"
    observed = other.pop("observed")
    assert one == other and list(one["folds"]) == list(other["folds"])
    return observed


def commands(made: Any, folder: Path, folds: list[str], **options: object) -> list[str]:
    """A command line that is the same in two folders, ``one`` and ``other``, each with its own results."""
    for name in ("one", "other"):
        (folder / name).mkdir()
        with chdir(folder / name):
            line = made.arguments(Path("out"), folds, record="record.json", **options)
    return line


@pytest.mark.parametrize(
    "kind", ["flow", *(pytest.param(x, marks=pytest.mark.campaign) for x in ("videos", "sequences"))]
)
def test_the_same_bits_and_the_same_record_at_once(tmp_path, kind):
    module, folds = {
        "flow": (flow_files, ["casme2-01", "casme2-02"]),
        "videos": (video_files, ["006", "011"]),
        "sequences": (sequence_files, ["01", "02"]),
    }[kind]
    made = module.write(tmp_path / "files")
    arguments = commands(made, tmp_path, folds, threads=2 if kind == "flow" else 1)
    result = mexflow("train", *arguments, cwd=tmp_path / "one", MEXFLOW_GIT=GIT)
    assert result.returncode == 0, result.stderr
    together = at_once(arguments, tmp_path / "other")
    assert together.returncode == 0, together.stderr
    assert compare(tmp_path / "one", tmp_path / "other")["folds_at_once"] == [2]
    assert sorted(together.stdout.splitlines()) == sorted(result.stdout.splitlines())
    counts = [re.search(r"made/up: (\d+)/(\d+) in", one.stderr).groups() for one in (result, together)]
    assert counts[0] == counts[1] and counts[0][0] == counts[0][1]


def test_out_of_memory_after_training_goes_on_from_the_checkpoint(tmp_path):
    made = flow_files.write(tmp_path / "files")
    arguments = commands(made, tmp_path, made.folds, checkpoint_seconds=0, epochs=5)
    assert mexflow("train", *arguments, cwd=tmp_path / "one", MEXFLOW_GIT=GIT).returncode == 0
    result = at_once(arguments, tmp_path / "other", FULL_TWICE)
    assert result.returncode == 0, result.stderr
    for number in (1, 2):
        (tmp_path / "other" / f"full {number}").unlink()
    assert compare(tmp_path / "one", tmp_path / "other")["folds_at_once"] == [4, 2]
    assert result.stdout.count("no room on cpu for 4 folds at once, going on with 2\n") == 2
    assert "made/up: 10/20 in" in result.stderr, "no epoch of the two was trained again"


def test_a_mistake_in_a_fold_is_one_line_and_leaves_nothing(tmp_path):
    made = flow_files.write(tmp_path / "files")
    arguments = commands(made, tmp_path, made.folds, learning_rate=1e30, epochs=30)
    result = at_once(arguments, tmp_path / "other")
    assert result.returncode == 1
    assert re.fullmatch(
        r"mexflow: error: fold casme2-0\d: the loss is \S+ in epoch \d+; lower the learning rate\n", result.stderr
    )
    assert files(tmp_path / "other") == []
