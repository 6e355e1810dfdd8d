"""A real SLURM on this machine: munged, slurmctld and two slurmd, in a folder of their own, without root's help."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NODES = ("node1", "node2")
CPUS = 2
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
SBIN = "/usr/sbin"

CONFIGURATION = """
ClusterName=mexflow
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# A job over its memory is killed, as on clusters with control groups.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed.txt
SlurmdParameters=config_overrides
# A node that does not answer is down after ten seconds, and back in service as soon as it answers again.
SlurmdTimeout=10
ReturnToService=2
KillWait=2
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=1
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """The programs of a SLURM that this machine lacks."""
    return [name for name in PROGRAMS if not _program(name)]


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}{SBIN}")


class Cluster:
    """Two nodes, each with its slurmd, one controller; `environment` is what its commands need.

    Raises:
        RuntimeError: if it does not come up; what its logs say is in the message.
    """

    def __init__(self, folder: Path, cpus: int = CPUS, memory_mb: int = 8000) -> None:
        self.folder = folder
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        ports = _free_ports(1 + len(NODES))
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory_mb}"
            for name, port in zip(NODES, ports[1:], strict=True)
        )
        self.configuration = folder / "slurm.conf"
        self.configuration.write_text(
            CONFIGURATION.format(host=host, port=ports[0], user=getpass.getuser(), folder=folder, nodes=nodes)
        )
        (folder / "state").mkdir()
        for name in NODES:
            (folder / f"spool.{name}").mkdir()
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self.environment = {"SLURM_CONF": str(self.configuration), "PATH": path}
        self._start("munged")
        _wait(lambda: (folder / "munge.socket").exists(), 20, self._said)
        self._start("slurmctld")
        for name in NODES:
            self._start(name)
        _wait(lambda: self.states() == dict.fromkeys(NODES, "idle"), 60, self._said)

    def _start(self, name: str) -> None:
        f = self.folder
        files = [f"--{kind}-file={f}/munge.{kind}" for kind in ("key", "pid", "log", "seed")]
        command = {
            "munged": ["munged", "--foreground", "--force", f"--socket={f}/munge.socket", *files],
            "slurmctld": ["slurmctld", "-D", "-f", str(self.configuration)],
        }.get(name, ["slurmd", "-D", "-N", name, "-f", str(self.configuration)])
        program = _program(command[0])
        assert program is not None
        with (f / f"{name}.output").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                [program, *command[1:]],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def run(self, *command: str) -> str:
        """What one of SLURM's commands prints."""
        done = subprocess.run(command, env={**os.environ, **self.environment}, capture_output=True, text=True)
        return done.stdout

    def states(self) -> dict[str, str]:
        """The state of each node, e.g. ``idle``, ``mixed``, ``down*`` or ``drained``."""
        lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").split("\n")
        return dict(line.split() for line in lines if line)

    def jobs(self) -> list[dict[str, str]]:
        """The jobs that ended: what SLURM's own completion log says of each."""
        try:
            lines = (self.folder / "completed.txt").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]

    def running(self) -> dict[str, str]:
        """The node of each job that runs, by its number; elements of arrays are ``NUMBER_INDEX``."""
        lines = self.run("squeue", "--noheader", "--states=running", "--format=%i %N").split("\n")
        return dict(line.split() for line in lines if len(line.split()) == 2)

    def hurry(self) -> None:
        """Let jobs that were on a dead node start again at once; SLURM makes them wait two minutes."""
        for line in self.run("squeue", "--noheader", "--states=pending", "--array", "--format=%i %r").splitlines():
            job, _, reason = line.partition(" ")
            if reason == "BeginTime":
                self.run("scontrol", "update", f"JobId={job}", "StartTime=now")

    def kill(self, node: str) -> None:
        """Kill a node as a power cut does: its daemon, and every job's processes on it, with SIGKILL."""
        self.kill_daemon(node)
        for pid in self._stepds(node):
            for process in [*_descendants(pid), pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def kill_daemon(self, node: str) -> None:
        """Kill a node's daemon alone, with SIGKILL; its jobs run on."""
        process = self._daemons.pop(node)
        process.kill()
        process.wait()

    def restore(self) -> None:
        """Start the daemons that were killed, put every node back into service, and wait until both are idle."""
        for node in NODES:
            if node not in self._daemons:
                self._start(node)
        for _ in range(2):
            for node in NODES:
                self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        _wait(lambda: self.states() == dict.fromkeys(NODES, "idle"), 60, self._said)

    def _stepds(self, node: str) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    command = (entry / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
                    if command.startswith("slurmstepd") and str(self.folder) in _environment(entry):
                        files = [os.readlink(fd) for fd in (entry / "fd").iterdir() if fd.exists()]
                        if any(f"spool.{node}" in file or f"{node}.log" in file for file in files):
                            found.append(int(entry.name))
        return found

    def stop(self) -> None:
        """End every job and every daemon."""
        self.run("scancel", "--user", getpass.getuser())
        deadline = time.monotonic() + 10
        while self.run("squeue", "--noheader").strip() and time.monotonic() < deadline:
            time.sleep(0.2)
        for process in reversed(self._daemons.values()):
            process.terminate()
        for process in self._daemons.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _said(self) -> str:
        texts = [f"nodes: {self.states()}"]
        for path in sorted([*self.folder.glob("*.log"), *self.folder.glob("*.output")]):
            texts.append(f"{path.name}:\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:]))
        return "\n".join(texts)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that is stopped in the end."""
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.stop()


def _environment(entry: Path) -> str:
    return (entry / "environ").read_bytes().decode(errors="replace")


def _descendants(pid: int) -> list[int]:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now; held together until all are chosen, so that no two are alike."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(ready: Callable[[], bool], seconds: float, said: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"SLURM did not come up in {seconds:.0f} s\n{said()}")
        time.sleep(0.1)
