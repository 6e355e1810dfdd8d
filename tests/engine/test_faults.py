"""What happens to a run on this machine: jobs and Snakemakes killed, disks full, bits and frames lost."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

import faults
import mini
from auditing import command
from faults import Run, assert_undisturbed, disturbed, flip, part_of, records, resumed
from project import squeezed


# In every run of the suite a training is killed as often as it begins, by the test of failed folds below, and Snakemake
# itself in test_orphans.
@pytest.mark.campaign
@pytest.mark.parametrize("fault", [faults.kill_a_job, faults.clock_back])
def test_nothing_is_lost(finished: Path, tmp_path: Path, fault) -> None:
    assert "had ended" not in disturbed(finished, tmp_path / "run", fault, seed=3, longest=2, taken=faults.FEWEST)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(35))
def test_nothing_is_lost_whenever_it_happens(finished: Path, tmp_path: Path, seed: int) -> None:
    print(disturbed(finished, tmp_path / "run", faults.LOCAL[seed % len(faults.LOCAL)], seed, longest=20))


def targets(finished: Path, place: str) -> list[str]:
    """The arrays under a place of results/."""
    return [f"results/{path}" for path in mini.contents(finished, place) if path.endswith(".npy")]


def test_a_changed_intermediate_is_found_made_again_and_told(finished: Path, tmp_path: Path) -> None:
    """Both an array that LCN reads, and what that array itself is made from, are damaged; no time of change tells."""
    folder = part_of(finished, tmp_path / "run", taken=("lcn/casme2",))
    before = records(folder)
    flip(folder / "results/faces/casme2/04.npy", random.Random(1))
    flip(folder / "results/index/casme2.parquet", random.Random(2))
    wanted = "results/lcn/casme2/04.npy"
    resumed(folder, "--cores", "2", "--", wanted)
    said = (folder / "results/logs/lcn/casme2/04.log").read_text()
    for path in ("results/faces/casme2/04.npy", "results/index/casme2.parquet"):
        assert f"{path}: made again" in said
        assert (folder / path).read_bytes() == (finished / path).read_bytes()
    assert (folder / wanted).read_bytes() == (finished / wanted).read_bytes()
    assert '"made_again": [' in (folder / "results/records/lcn/casme2/04.json").read_text()
    assert [path for path, text in before.items() if records(folder)[path] != text] == []
    dry = mini.snakemake(folder, "--dry-run", "--cores", "1", wanted)
    assert "Nothing to be done" in dry.stdout + dry.stderr, "its time of change is the old one"


def test_what_cannot_be_made_again_is_told_in_one_line(finished: Path, tmp_path: Path) -> None:
    """The recorded command of what was damaged does not run any more."""
    folder = part_of(finished, tmp_path / "run", taken=("lcn/casme2",))
    flip(folder / "results/faces/casme2/04.npy", random.Random(1))
    record = folder / "results/records/faces/casme2/04.json"
    record.write_text(record.read_text().replace("--max-missed 0.2", "--max-missed nonsense"))
    line = "lcn --dataset casme2 --subject 04 --faces results/faces/casme2/04.npy --sigma 4.0"
    result = command(folder, *line.split(), "--output", "results/lcn/casme2/04.npy")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("mexflow: error: results/faces/casme2/04.npy: not the bytes")
    assert "Traceback" not in result.stderr and not (folder / "results/lcn/casme2/04.npy").exists()


@pytest.mark.campaign  # that a second one is refused is seen in test_orphans, too
def test_two_snakemakes_in_one_folder(finished: Path, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("lcn/casme2/04",))
    run = Run(folder, "--cores", "1", "--", "results/lcn/casme2/04.npy")
    (job,) = run.until(lambda: run.jobs("lcn"))
    job.suspend()  # or the first may have ended before the second looks
    assert faults.second_snakemake(run, random.Random(0)), "the first had ended"
    job.resume()
    assert run.wait() == 0, run.text[-3000:]
    assert mini.contents(folder, "lcn") == mini.contents(finished, "lcn")


def test_failed_folds_are_shown_and_the_rest_is_made(finished: Path, tmp_path: Path) -> None:
    """Every attempt at one experiment's training is killed: the tables say which folds are missing, and why."""
    folder = part_of(finished, tmp_path / "run", taken=("folds/mini/resnet", "tables/mini"))
    run = Run(folder, "--cores", "2", "--keep-going")

    def killed() -> bool:
        jobs = run.jobs("train")
        for job in jobs:
            with contextlib.suppress(psutil.NoSuchProcess):
                job.kill()
        return bool(jobs)

    assert run.until(killed)
    assert run.wait() == 1
    text = squeezed((folder / "results/tables/mini.md").read_text())
    assert re.search(r"\| ResNet \| published \| 60\.17 \|\n\| \| measured \| \*\*INCOMPLETE 0/2\*\*\S* \|", text)
    assert "no fold casme2-05, samm-032: killed without a word" in text
    assert re.search(r"\| CNN \| published \| 58\.09 \|\n\| \| measured \| \d+\.\d\d†\S* \|", text)
    assert (folder / "results/tables/mini.timing.md").is_file(), "what does not need it is made"
    # The page shows what there is, and the next run knows that it owes the whole one.
    page = (folder / "results/index.html").read_text()
    assert "This run is not complete." in page and "INCOMPLETE 0/2" in page
    assert "<li>train_mini_2_0: killed without a word (results/logs/train/mini/resnet/0.log)</li>" in page
    assert not (folder / "results/records/page.json").exists()
    said = command(folder, "status")
    assert said.returncode == 1 and "failed: train_mini_2_0, results/logs/train/mini/resnet/0.log" in said.stdout
    # An audit of what is there finds nothing wrong with it.
    trace = command(folder, "trace", "mini/A/ResNet/accuracy/accuracy")
    assert trace.returncode == 0 and "  incomplete  " in trace.stdout, trace.stdout + trace.stderr
    before = records(folder)
    before = resumed(folder, "--cores", "1") | before
    faults.repair(folder)
    assert_undisturbed(folder, finished, before)
    assert command(folder, "status").returncode == 0
    assert "This run is not complete." not in (folder / "results/index.html").read_text()


def test_a_frame_that_vanishes_is_named(finished: Path, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("faces/casme2/04", "lcn/casme2/04"))
    frame = sorted((folder / "results/embedded/casme2").rglob("sub04/*/*.jpg"))[3]
    status, folder_status = frame.stat(), frame.parent.stat()
    kept = frame.read_bytes()
    frame.unlink()
    run = Run(folder, "--cores", "2", "--rerun-triggers", "params", "--", "results/lcn/casme2/04.npy")
    assert run.wait() == 1
    log = (folder / "results/logs/faces/casme2/04.log").read_text()
    assert log.splitlines()[-1].startswith(f"mexflow: error: {frame.parent.relative_to(folder)}: ")
    assert f"{int(frame.stem.removeprefix('img'))} is not there" in log
    assert not (folder / "results/faces/casme2/04.npy").exists()
    assert not list((folder / "results").rglob(".*.partial*"))
    frame.write_bytes(kept)
    os.utime(frame, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.utime(frame.parent, ns=(folder_status.st_atime_ns, folder_status.st_mtime_ns))
    resumed(folder, "--cores", "2", "--", "results/lcn/casme2/04.npy")
    for place in ("faces", "lcn"):
        assert mini.contents(folder, place) == mini.contents(finished, place)


# A disk of its own


@contextmanager
def disk(place: Path, size: str) -> Iterator[None]:
    """A small disk at a place, which only root can make."""
    place.mkdir(parents=True)
    if os.geteuid() != 0 or mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)):
        pytest.skip("a disk can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def mount(*arguments: str) -> int:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode


def test_a_disk_that_fills_up(finished: Path, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("lcn/casme2",))
    wanted = targets(finished, "lcn/casme2")
    place = folder / "results" / "lcn" / "casme2"
    needed = sum((finished / path).stat().st_size for path in wanted)
    emptied(place)
    with disk(place, f"{needed * 3 // 4}"):
        run = Run(folder, "--cores", "1", "--keep-going", "--", *wanted)
        assert run.wait() == 1
        logs = [path.read_text() for path in (folder / "results/logs/lcn").rglob("*.log")]
        assert any("the disk or quota is full; free some space and run again" in text for text in logs)
        assert not list((folder / "results").rglob(".*.partial*"))
        before = records(folder)
        assert mount("-o", f"remount,size={needed * 2}", str(place)) == 0
        resumed(folder, "--cores", "2", "--", *wanted)
        assert mini.contents(folder, "lcn") == mini.contents(finished, "lcn")
        assert [path for path, said in before.items() if records(folder).get(path) != said] == []


@pytest.mark.campaign  # another way of a disk to refuse
def test_results_that_are_read_only(finished: Path, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("lcn/casme2",))
    place, wanted = folder / "results" / "lcn" / "casme2", "results/lcn/casme2/04.npy"
    emptied(place)
    with disk(place, "64m"):
        assert mount("-o", "remount,ro", str(place)) == 0
        run = Run(folder, "--cores", "1", "--", wanted)
        assert run.wait() == 1
        log = run.text + "".join(path.read_text() for path in (folder / "results/logs/lcn").rglob("*.log"))
        assert "Read-only file system" in log or "not writable" in log
        assert mount("-o", "remount,rw", str(place)) == 0
        resumed(folder, "--cores", "1", "--", wanted)
        assert (folder / wanted).read_bytes() == (finished / wanted).read_bytes()


def emptied(place: Path) -> None:
    """An empty place, for a disk."""
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    place.rmdir()
