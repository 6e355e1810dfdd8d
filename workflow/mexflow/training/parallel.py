"""The folds of a job: one after the other on a CPU, at once on a GPU, fewer at once where its memory is too small."""

from __future__ import annotations

import importlib
import io
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from mexflow.errors import UserError
from mexflow.registries import PICKED
from mexflow.store.arrays import first_line
from mexflow.store.artifacts import Outputs
from mexflow.store.records import LIBRARIES, Job
from mexflow.training.devices import Place

Work = Callable[[str, Outputs, Callable[[], None]], dict[str, Any]]
"""Trains a fold, given its name, where its files go and what to call after each epoch; returns what the record says of
it, which JSON can hold."""

_NO_ROOM = ("CUDA error: out of memory", "ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED", "busy or unavailable")
# The last is said of a GPU set to serve one process at a time.


def folds_at_once(place: Place, folds: int) -> int | None:
    """How many folds are trained at once, each in a process of its own; None: in this one, one after the other."""
    return folds if place.device.type == "cuda" else None


def train_folds(
    job: Job,
    place: Place,
    names: Sequence[str],
    work: Work,
    folder_of: Callable[[str], Path],
    advance: Callable[[int], None],
) -> dict[str, dict[str, Any]]:
    """Train folds; each gives the same bits however many go at once.

    A process that runs out of the GPU's memory halves how many go at once from then on, and its fold is trained again,
    from its checkpoint if it has one. The record states how many went at once, among what was only observed.

    Args:
        work: writes nothing but into the fold's folder; what it prints is printed when it is done.
        folder_of: the folder of a fold, by its name.
        advance: called with the number of epochs done.

    Returns:
        What `work` says of each fold, in the order of `names`.

    Raises:
        UserError: what `work` raises, or if a process is killed or a fold alone has no room on the GPU.
    """
    at_once = folds_at_once(place, len(names))
    if at_once is None:
        return {name: work(name, job.outputs, lambda: advance(1)) for name in names}
    results: dict[str, dict[str, Any]] = {}
    limits = [at_once]
    pending, running = deque(names), dict[Connection, _Fold]()
    try:
        while pending or running:
            while pending and len(running) < limits[-1]:
                fold = _Fold.start(pending.popleft(), work, limits[-1])
                running[fold.pipe] = fold
            for pipe in wait(list(running)):
                fold = running[pipe]
                message = fold.hear()
                advance(message.get("epochs", 0))
                if "epochs" in message:
                    continue
                if "done" in message:
                    job.outputs.adopt(message["written"])
                    print(message["printed"], end="", flush=True)
                    results[fold.name] = message["done"]
                    # The record states versions of what is loaded, and checks its code.
                    for module in message["loaded"]:
                        importlib.import_module(module)
                    PICKED.update(message["picked"])
                elif "no_room" in message:
                    if fold.at_once == 1:
                        raise UserError(
                            f"fold {fold.name}: {place.name} has no room for it even alone ({message['no_room']}); use "
                            "a GPU with more memory, or set training.device: cpu in config.yaml"
                        )
                    # Of several that started under one limit and ran out for one reason, the first lowers it.
                    if fold.at_once == limits[-1]:
                        limits.append(fold.at_once // 2)
                    print(
                        f"{fold.name}: no room on {place.name} for {fold.at_once} folds at once, "
                        f"going on with {limits[-1]}", flush=True,
                    )  # fmt: skip
                    advance(-fold.epochs)
                    pending.append(fold.name)
                else:
                    raise UserError(message["error"])
                fold.process.join()
                del running[pipe]
    finally:
        for fold in running.values():
            fold.process.kill()
            fold.process.join()
            job.outputs.discard(folder_of(fold.name))
    job.observe(folds_at_once=limits)
    return {name: results[name] for name in names}


@dataclass
class _Fold:
    """A fold that is being trained in a process of its own, started when so many went at once."""

    name: str
    at_once: int
    process: BaseProcess
    pipe: Connection
    epochs: int = 0

    @classmethod
    def start(cls, name: str, work: Work, at_once: int) -> _Fold:
        context = multiprocessing.get_context("fork")  # it has the data, the settings and the state of this process
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(os.getpid(), name, work, send), daemon=True)
        process.start()
        send.close()
        return cls(name, at_once, process, receive)

    def hear(self) -> dict[str, Any]:
        """The next message; see :func:`_run`.

        Raises:
            UserError: if the process was killed.
            RuntimeError: if it failed (a bug of ours, whose traceback it has printed).
        """
        try:
            message = json.loads(self.pipe.recv_bytes())
        except EOFError:
            self.process.join()
            code = self.process.exitcode or 0
            if code >= 0:
                raise RuntimeError(f"fold {self.name}: its process failed, the traceback stands above") from None
            raise UserError(
                f"fold {self.name}: its process was killed ({signal.Signals(-code).name}); if not by you, the "
                "machine's memory may be too small: lower training.folds_per_job in config.yaml"
            ) from None
        self.epochs += message.get("epochs", 0)
        return message


def _run(parent: int, name: str, work: Work, send: Connection) -> None:
    """The process of a fold. It sends JSON: `epochs` after each, then `done`, `error` or `no_room`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the parent sees to it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stderr = sys.__stderr__  # not by way of the parent's progress bar, whose lock another thread may have held

    def tell(**message: Any) -> None:
        send.send_bytes(json.dumps(message).encode())

    printed = io.StringIO()
    try:
        with redirect_stdout(printed), Outputs(parent) as outputs:
            done = work(name, outputs, lambda: tell(epochs=1))
            written = outputs.hand_over()
    except UserError as error:
        tell(error=str(error))
    except RuntimeError as error:
        if not _is_no_room(error):
            raise
        tell(no_room=first_line(error))
    else:
        tell(done=done, written=written, printed=printed.getvalue(), loaded=_loaded(), picked=sorted(PICKED))


def _loaded() -> list[str]:
    """Modules that the job's record tells of."""
    return [name for name in sys.modules if name in LIBRARIES or name.startswith("mexflow.")]


def _end_with_parent() -> None:
    """Killed itself, the parent can end nothing any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _is_no_room(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in _NO_ROOM)
