"""Where training runs: the CPU, or a GPU of its own.

On a machine that several jobs and users share, a job takes a lease of a GPU: a file lock for each device, which the
kernel releases when the job's last process ends, however it ends. On a cluster the scheduler has given out the devices
already: its only one is the job's, and of several, which a Snakemake inside of an allocation has, each job leases one.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from mexflow.errors import UserError, choose
from mexflow.store.arrays import first_line

# Not the folder of temporary files, which many set to one of their own: all users of the machine have to agree on it.
LEASES = Path("/tmp/mexflow-gpus")
_POLL_SECONDS = 0.5
_GRANTED = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Place:
    """Where a job trains, and what its record says of it: the GPU's name, or ``cpu``."""

    device: torch.device
    name: str


@dataclass(frozen=True)
class Gpu:
    """A CUDA device: its UUID, which is the same in every process, and its name."""

    uuid: str
    name: str


@contextmanager
def on_device(choice: str) -> Iterator[Place]:
    """The place that ``auto``, ``cpu`` or ``cuda`` means on this machine; a GPU is this job's alone until the end.

    CUDA is not initialised in this process, so that it can fork others that use the GPU. ``CUDA_VISIBLE_DEVICES``
    limits the choice, and names the chosen one alone meanwhile.

    Raises:
        UserError: if a GPU is asked for and there is none, or no lease can be taken.
    """
    choose("device", choice, ("auto", "cpu", "cuda"))
    gpus = [] if choice == "cpu" else visible()
    if choice == "cuda" and not gpus:
        raise UserError("device cuda: no GPU is usable here; set training.device: auto or cpu in config.yaml")
    if not gpus:
        yield Place(torch.device("cpu"), "cpu")
    elif scheduled() and len(gpus) == 1:
        yield Place(torch.device("cuda"), gpus[0].name)
    else:
        with lease([gpu.uuid for gpu in gpus], LEASES) as number, _only(number):
            yield Place(torch.device("cuda"), gpus[number].name)


def scheduled() -> bool:
    """Whether SLURM has given this job its GPUs."""
    return "SLURM_JOB_ID" in os.environ and any(name in os.environ for name in _GRANTED)


def visible() -> list[Gpu]:
    """The CUDA devices that this process may use, in their order.

    Asked in a process of its own: one that has asked cannot fork others that use the GPU.
    """
    if not torch.backends.cuda.is_built():
        return []
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_tell_gpus, args=(send,))
    process.start()
    send.close()
    try:
        return [Gpu(uuid, name) for uuid, name in json.loads(receive.recv_bytes())]
    except EOFError:  # the process ended without an answer, and has said why
        return []
    finally:
        process.join()


def _tell_gpus(send: Connection) -> None:
    gpus = []
    try:
        if torch.cuda.is_available():
            known = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
            gpus = [(str(properties.uuid), properties.name) for properties in known]
    except RuntimeError as error:  # the driver's, of a GPU that is lost, say
        print(f"no GPU is usable: {first_line(error)}", flush=True)
    send.send_bytes(json.dumps(gpus).encode())


@contextmanager
def lease(
    uuids: Sequence[str], folder: Path, told: Callable[[str], None] = lambda line: print(line, flush=True)
) -> Iterator[int]:
    """Hold the first of these devices that no other job holds, waiting for one if need be; yields its position.

    Processes forked meanwhile hold it too: it is free when the last of them has ended.

    Args:
        folder: of the locks, one a device; made for all users if it is missing.
        told: gets one line if all are taken.

    Raises:
        UserError: if the locks cannot be used.
    """
    waiting = False
    while True:
        for number, uuid in enumerate(uuids):
            try:
                lock = _open(folder, uuid)
            except OSError as error:
                raise UserError(
                    f"{folder}: no lock of a GPU can be taken there ({error.strerror}); make it writable for all "
                    "users, or set training.device: cpu in config.yaml"
                ) from None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            try:
                yield number
            finally:
                os.close(lock)
            return
        if not waiting:
            told(f"waiting for one of {len(uuids)} GPUs" if len(uuids) > 1 else "waiting for the GPU")
            waiting = True
        time.sleep(_POLL_SECONDS)


def _open(folder: Path, uuid: str) -> int:
    """A descriptor of a device's lock file. For a lock, reading is enough."""
    path = folder / f"{uuid}.lock"
    try:
        # First without O_CREAT, which Linux forbids in such a folder on a file of another user.
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        pass
    umask = os.umask(0)  # another user may come right away, so both are made with their final permissions
    try:
        folder.mkdir(0o1777, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    finally:
        os.umask(umask)


@contextmanager
def _only(number: int) -> Iterator[None]:
    """Make one of the visible devices the only one, for CUDA initialised from now on."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = str(number) if before is None else before.split(",")[number].strip()
    try:
        yield
    finally:
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before
