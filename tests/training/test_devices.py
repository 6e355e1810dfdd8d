"""Where training runs: leases of GPUs between processes, the scheduler's and the user's choice, what CUDA is asked."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mexflow.errors import UserError
from mexflow.training import devices
from mexflow.training.devices import Gpu, Place, lease, on_device
from project import WORKFLOW

CPU = Place(torch.device("cpu"), "cpu")
GPUS = [Gpu("GPU-aaaa", "First"), Gpu("GPU-bbbb", "Second")]
HOLD = """
import sys
from pathlib import Path
from mexflow.training.devices import lease
with lease(sys.argv[2:], Path(sys.argv[1])) as number:
    print(sys.argv[2:][number], flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, *uuids: str, code: str = HOLD) -> Iterator[subprocess.Popen]:
    """A process that takes a lease of one of these devices, says which, and keeps it until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, folder, *uuids],
        env={**os.environ, "PYTHONPATH": str(WORKFLOW)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def taken(folder: Path, uuid: str) -> bool:
    """Whether a process holds a device."""
    lock = os.open(folder / f"{uuid}.lock", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def soon(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it comes true within some time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# Leases


def test_processes_take_different_devices_and_a_third_waits_for_one_to_be_killed(tmp_path):
    with holder(tmp_path, "A", "B") as first:
        assert first.stdout.readline() == "A\n"
        # Another order, as with another CUDA_VISIBLE_DEVICES: what counts is the device, not its number.
        with holder(tmp_path, "A", "B") as second, holder(tmp_path, "B", "A") as third:
            got = {second: second.stdout.readline()}
            waiting = third
            if got[second] != "B\n":  # the third came first
                assert got[second] == "waiting for one of 2 GPUs\n" and third.stdout.readline() == "B\n"
                waiting = second
            else:
                assert third.stdout.readline() == "waiting for one of 2 GPUs\n"
            time.sleep(1.5)
            assert waiting.poll() is None and taken(tmp_path, "A") and taken(tmp_path, "B")
            first.send_signal(signal.SIGKILL)
            assert waiting.stdout.readline() == "A\n", "it has said once that it waits, and goes on"


def test_a_lease_ends_with_the_last_process_that_was_forked_under_it(tmp_path):
    forked = HOLD.replace(
        "    print", "    import os, time\n    child = os.fork()\n    if not child: time.sleep(60)\n    print"
    )
    code = forked.replace("print(", "print(child, ")
    with holder(tmp_path, "A", code=code) as first:
        child, got = first.stdout.readline().split()
        assert got == "A"
        first.kill()
        first.wait()
        assert taken(tmp_path, "A")
        os.kill(int(child), signal.SIGKILL)
        assert soon(lambda: not taken(tmp_path, "A"))


def test_a_lease_ends_when_the_work_does(tmp_path):
    with lease(["A", "B"], tmp_path) as first, lease(["A", "B"], tmp_path) as second:
        assert (first, second) == (0, 1)
    said = []
    with lease(["A"], tmp_path, said.append) as number:
        assert number == 0 and said == []
    with pytest.raises(KeyError), lease(["A"], tmp_path):
        raise KeyError
    assert not taken(tmp_path, "A")


def test_every_user_of_the_machine_can_use_the_locks(tmp_path):
    """Whatever the umask of who comes first; by reading alone, which Linux lets others do in such a folder."""
    folder = tmp_path / "leases"
    before = os.umask(0o077)
    try:
        with lease(["A"], folder):
            assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
    assert stat.S_IMODE((folder / "A.lock").stat().st_mode) == 0o666


def test_locks_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    said = r"no lock of a GPU can be taken there \(Not a directory\); make it writable"
    with pytest.raises(UserError, match=said), lease(["A"], tmp_path / "file"):
        pass
    (tmp_path / "A.lock").symlink_to(tmp_path / "file")  # of somebody who means harm
    with pytest.raises(UserError, match="no lock of a GPU can be taken there"), lease(["A"], tmp_path):
        pass


# The choice


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """A machine of two GPUs, on which no scheduler runs; the folder of its leases."""
    for name in ("SLURM_JOB_ID", *devices._GRANTED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices, "visible", lambda: GPUS)
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")
    return tmp_path / "leases"


@pytest.mark.parametrize("choice", ["auto", "cuda"])
def test_a_job_sees_its_own_gpu_alone(machine, choice):
    with lease(["GPU-aaaa"], machine), on_device(choice) as place:
        # Without a number: results do not depend on it.
        assert place == Place(torch.device("cuda"), "Second")
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
        assert taken(machine, "GPU-bbbb")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert not taken(machine, "GPU-aaaa") and not taken(machine, "GPU-bbbb")


def test_the_user_limits_the_choice(machine, monkeypatch):
    """CUDA has told which those are, in the order of the variable."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7, GPU-bbbb")
    with lease(["GPU-aaaa"], machine), on_device("auto") as place:
        assert place.name == "Second" and os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-bbbb"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7, GPU-bbbb"


@pytest.mark.parametrize("name", ["SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE", "CUDA_VISIBLE_DEVICES"])
def test_the_gpu_that_the_scheduler_gave_needs_no_lease(machine, monkeypatch, name):
    monkeypatch.setattr(devices, "visible", lambda: GPUS[1:])
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv(name, "1")
    with on_device("auto") as place:
        assert place == Place(torch.device("cuda"), "Second")
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == ("1" if name == "CUDA_VISIBLE_DEVICES" else None)
    assert not machine.exists()


def test_jobs_in_an_allocation_of_several_gpus_share_them_out(machine, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    with on_device("auto") as first:
        assert (first.name, os.environ["CUDA_VISIBLE_DEVICES"]) == ("First", "4")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")  # as the next job finds it
        with on_device("auto") as second:
            assert (second.name, os.environ["CUDA_VISIBLE_DEVICES"]) == ("Second", "6")


def test_a_gpu_that_the_scheduler_did_not_give_is_leased(machine, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    with on_device("auto"):
        assert taken(machine, "GPU-aaaa")


def test_the_cpu_asks_for_no_gpu(machine, monkeypatch):
    monkeypatch.setattr(devices, "visible", lambda: pytest.fail("asked"))
    with on_device("cpu") as place:
        assert place == CPU
    assert not machine.exists()


def test_without_a_gpu(machine, monkeypatch):
    monkeypatch.setattr(devices, "visible", list)
    with on_device("auto") as place:
        assert place == CPU
    with pytest.raises(UserError, match="device cuda: no GPU is usable here; set training.device"), on_device("cuda"):
        pass
    with pytest.raises(UserError, match="unknown device 'gpu'"), on_device("gpu"):
        pass
    assert not machine.exists()


# What CUDA is asked, and where


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """A driver of two GPUs; the numbers of those that this process has asked about."""
    numbers: list[int] = []

    def properties(number: int) -> SimpleNamespace:
        numbers.append(number)
        return SimpleNamespace(uuid=GPUS[number].uuid, name=GPUS[number].name)

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: numbers.append(-1) or True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    return numbers


def test_cuda_is_asked_in_another_process(asked):
    """One that has asked could not fork the folds' processes."""
    assert devices.visible() == GPUS
    assert asked == []


def test_a_gpu_that_fails_is_told(asked, monkeypatch, capfd):
    def lost(number: int) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure\nCompile with ...")

    monkeypatch.setattr(torch.cuda, "get_device_properties", lost)
    assert devices.visible() == []
    assert capfd.readouterr().out == "no GPU is usable: CUDA error: unspecified launch failure\n"


def test_a_driver_that_ends_the_process(asked, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: os.kill(os.getpid(), signal.SIGKILL))
    assert devices.visible() == []
