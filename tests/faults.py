"""Runs that something happens to: part of a finished run is taken away, made again, and disturbed meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

import mini
from auditing import command

TAKEN = ("flow/horn_schunck", "folds", "tables/mini", "figures/mini")
"""What is taken away, and made again, by the beginnings of paths under results/ (of records: what they are of)."""
FEWER = TAKEN[1:]
"""Fewer jobs, for a cluster, on which each takes longer."""
FEWEST = ("folds/mini/cnn-null/casme2", "folds/mini/cnn-null/0.json", "tables/mini.csv", "tables/mini.json",
          "tables/mini.md", "tables/mini.parquet")  # fmt: skip
"""One training and the tables on it, for what is tried in every run of the suite."""
SAME = ("index", "faces", "lcn", "flow", "residual", "folds", "tables", "figures")
"""What must be the same bits as in an undisturbed run."""
SECONDS = 900


def part_of(finished: Path, folder: Path, taken: tuple[str, ...] = TAKEN) -> Path:
    """A copy of a finished run, its times and Snakemake's notes with it, without some of what was made."""
    shutil.copytree(finished, folder, symlinks=True, dirs_exist_ok=True)
    results = folder / "results"
    for path in [*results.rglob("*")]:
        name = path.relative_to(results).as_posix()
        made = name.removeprefix("records/").replace("train/", "folds/")
        made = made.replace("timing/mini", "tables/mini.timing")
        if path.is_file() and made.startswith(taken):
            path.unlink()
    shutil.rmtree(folder / ".snakemake" / "log")
    return folder


class Run:
    """A Snakemake that runs in a folder, with all its jobs in a session of its own."""

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.contents = folder / f"said.{time.monotonic_ns()}.txt"
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SLURM"))}
        variables |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "workflow"),
            "SNAKEMAKE_PROFILE": str(folder / mini.PROFILE),
        }
        with self.contents.open("wb") as output:
            self.process = subprocess.Popen(
                ["snakemake", *arguments],
                cwd=folder,
                env=variables | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.contents.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait(self) -> int:
        """Its exit status; it is ended if it takes too long."""
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise AssertionError(f"no end after {SECONDS} s:\n{self.text[-3000:]}") from None

    def jobs(self, *commands: str) -> list[psutil.Process]:
        """The processes of the jobs that run now, of these commands or of any."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            with contextlib.suppress(psutil.Error, OSError):
                is_job = words[1:3] == ["-m", "mexflow"] and (not commands or words[3] in commands)
                if is_job and Path(process.cwd()) == self.folder:
                    found.append(process)
        return found

    def until(self, met: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """What `met` says as soon as it says something true; None if the run ends before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if said := met():
                return said
            if not self.alive:
                return None
            time.sleep(0.05)
        raise AssertionError(f"it did not come to it in {seconds} s:\n{self.text[-3000:]}")

    def kill_all(self) -> None:
        """SIGKILL to Snakemake and to every job, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def records(folder: Path) -> dict[str, bytes]:
    """The records of what is finished; tables that a failed run made without what is missing are not.

    Nor is that of the results page, which shows when jobs ran: it is made again whenever one of them was.
    """
    paths = sorted(one.relative_to(folder).as_posix() for one in (folder / "results/records").rglob("*.json"))
    known = {path: (folder / path).read_bytes() for path in paths if path != "results/records/page.json"}
    return {path: said for path, said in known.items() if b" --reason " not in said}


def resumed(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Run again what a disturbed run left, at once, after the unlocking that docs/faults.md tells of.

    Returns the records of what was finished when it began: it waits for jobs that still run.
    """
    if any((folder / ".snakemake" / "locks").glob("*")):
        mini.unlock(folder)
    again = Run(folder, *arguments, environment=environment)
    again.until(lambda: re.search("^(Job stats:|Nothing to be done)", again.text, re.MULTILINE), SECONDS)
    before = records(folder)
    status = again.wait()
    assert status == 0, again.text[-4000:]
    return before


def assert_undisturbed(folder: Path, finished: Path, before: Mapping[str, bytes]) -> None:
    """Same bits as an undisturbed run's, nothing partial, and nothing made again that was finished."""
    made, known = mini.contents(folder, *SAME), mini.contents(finished, *SAME)
    assert made.keys() == known.keys()
    assert [name for name in known if made[name] != known[name]] == []
    assert [str(path) for path in (folder / "results").rglob(".*.partial*")] == []
    assert not (folder / "results" / "checkpoints").exists()
    after = records(folder)
    again = [path for path, said in before.items() if after.get(path) != said]
    assert again == [], f"made again, though finished: {again}"


def repair(folder: Path) -> None:
    """What changed and was read by nothing since is found by an audit, and made again."""
    said = command(folder, "verify", "--all")
    if said.returncode:
        changed = re.findall(r"^FAIL +artifact +(\S+):", said.stdout, re.MULTILINE)
        assert changed, said.stdout + said.stderr
        mended = command(folder, "repair", *changed)
        assert mended.returncode == 0, mended.stderr
        said = command(folder, "verify", "--all")
    assert said.returncode == 0, said.stdout[-2000:] + said.stderr


# What can happen to a run, at any moment. Each says what it did, or None if it found nothing to do it to.


def kill_a_job(run: Run, generator: random.Random) -> str | None:
    """SIGKILL to one job, as the kernel does when memory is short."""
    jobs = run.until(run.jobs)
    if not jobs:
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        jobs[generator.randrange(len(jobs))].kill()
    return "a job was killed"


def kill_snakemake(run: Run, generator: random.Random) -> str | None:
    """SIGKILL to Snakemake alone; its jobs run on, and end when they are done."""
    run.process.kill()
    run.process.wait()
    return "Snakemake was killed"


def kill_everything(run: Run, generator: random.Random) -> str | None:
    """SIGKILL to Snakemake and all its jobs, as a power cut does."""
    run.kill_all()
    return "everything was killed"


def interrupt(run: Run, generator: random.Random) -> str | None:
    """What Ctrl-C does."""
    os.killpg(run.process.pid, signal.SIGINT)
    return "it was interrupted"


def corrupt(run: Run, generator: random.Random) -> str | None:
    """One bit of an intermediate changes on the disk, unseen: its time of change stays."""
    places = [run.folder / "results" / place for place in ("faces", "flow", "index")]
    files = sorted(path for place in places for path in place.rglob("[!.]*") if path.suffix in (".npy", ".parquet"))
    flip(files[generator.randrange(len(files))], generator)
    return "a bit of an intermediate changed"


def clock_back(run: Run, generator: random.Random) -> str | None:
    """Everything made so far is from tomorrow, and noted so by Snakemake: the clock was set back by a day."""
    for path in (run.folder / "results").rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 86_400_000_000_000))
    for path in (run.folder / ".snakemake" / "metadata").rglob("*"):
        with contextlib.suppress(OSError, ValueError):  # a folder, or being written
            note = json.loads(path.read_bytes())
            path.write_text(json.dumps(note | {"endtime": note["endtime"] + 86_400}))
    return "the clock was set back"


def second_snakemake(run: Run, generator: random.Random) -> str | None:
    """Another Snakemake is started in the same folder: it says that one runs here, and changes nothing."""
    other = Run(run.folder, "--cores", "1")
    status = other.wait()
    if not run.alive:
        return None
    assert status != 0 and "locked" in other.text, other.text
    return "a second Snakemake was refused"


LOCAL = (kill_a_job, kill_snakemake, kill_everything, interrupt, corrupt, clock_back, second_snakemake)


def flip(path: Path, generator: random.Random) -> None:
    """Change one bit of a file and not its times."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def disturbed(finished: Path, folder: Path, fault: Callable, seed: int, longest: float, taken=TAKEN) -> str:
    """A run with a fault at a random moment, resumed on one core and held against the undisturbed; what happened."""
    generator = random.Random(seed)
    part_of(finished, folder, taken)
    run = Run(folder, "--cores", "2")
    run.until(lambda: "Execute" in run.text)
    time.sleep(generator.uniform(0, longest))
    happened = fault(run, generator) if run.alive else None
    if run.alive:
        run.wait()
    before = records(folder)
    before = resumed(folder, "--cores", "1") | before
    repair(folder)
    assert_undisturbed(folder, finished, before)
    return happened or "it had ended before"
