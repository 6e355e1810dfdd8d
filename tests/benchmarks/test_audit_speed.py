"""How fast a finished run is audited, and what its records cost: the default run in this checkout, if there is one.

Ratios taken in one run, but for `trace`, of which an answer within two seconds is asked: its time is printed.
"""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import chdir
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from auditing import command
from mexflow.audit.graph import load
from mexflow.store.artifacts import hash_file, hash_tree
from mexflow.store.records import Job
from project import ROOT
from stopwatch import seconds

CELLS, JOBS = 8, 20


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder of a finished run."""
    return ROOT if (ROOT / "results" / "run.json").is_file() else request.getfixturevalue("finished")


def files(folder: Path) -> list[str]:
    """Every file that the records name, or that lies in a folder they name, once."""
    with chdir(folder):
        named = [Path(path) for path in load().artifacts]
        found = {one for path in named for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file()}
    return sorted(path.as_posix() for path in found)


@pytest.mark.benchmark
def test_trace_answers(folder: Path) -> None:
    with chdir(folder):
        tables = sorted(Path("results/tables").glob("*.parquet"))
        cells = [cell for table in tables for cell in pq.read_table(table, columns=["cell"])["cell"].to_pylist()]
    taken = {cell: seconds(command, folder, "trace", cell) for cell in random.Random(0).sample(cells, CELLS)}
    for cell, one in taken.items():
        print(f"\n{one:.2f} s  trace {cell}", end="")
    print(f"\nslowest of {CELLS} of {len(cells)} cells: {max(taken.values()):.2f} s")


@pytest.mark.benchmark
def test_verify_against_sha256sum(folder: Path) -> None:
    """The same files, the same cores, both from memory."""
    names, cores = files(folder), len(os.sched_getaffinity(0))
    size = sum((folder / name).stat().st_size for name in names)
    listed = "\0".join(names)

    def sha256sum() -> None:
        xargs = ["xargs", "-0", "-n", "64", "-P", str(cores), "sha256sum"]
        subprocess.run(xargs, cwd=folder, input=listed, text=True, stdout=subprocess.DEVNULL, check=True)

    sha256sum()
    reference = seconds(sha256sum)
    result = command(folder, "verify", "--all")
    assert result.returncode == 0, result.stdout
    own = seconds(command, folder, "verify", "--all")
    print(
        f"\n{len(names)} files, {size / 1e6:.0f} MB on {cores} cores: sha256sum {reference:.2f} s, verify {own:.2f} s, "
    )
    print(f"{reference / own:.2f} times the speed of sha256sum")


@pytest.mark.benchmark
def test_what_records_cost(folder: Path, tmp_path: Path) -> None:
    """Hashing all that jobs read and wrote, and describing each job, over the time that the jobs took."""
    with chdir(folder):
        records = list(load().records.values())
        took = sum(_took(record.contents["observed"]) for record in records)
        passed = [path for record in records for path in (*record.inputs, *record.outputs) if Path(path).exists()]
        hashing = seconds(lambda: [hash_tree(Path(p)) if Path(p).is_dir() else hash_file(Path(p)) for p in passed])
        size = sum((folder / name).stat().st_size for name in files(folder))
        kept = sum(Path(record.path).stat().st_size for record in records)

    def describe() -> None:
        for number in range(JOBS):
            with Job(tmp_path / "records" / f"{number}.json", "mexflow.cli.train") as job:
                job._as_dict({})
                job.outputs.json(tmp_path / f"{number}.json", records[number % len(records)].contents)
                job.outputs.commit()

    describing = seconds(describe) / JOBS * len(records)
    share = 100 * (hashing + describing) / took
    print(f"\n{len(records)} jobs, {took:.0f} s: hashing {hashing:.1f} s, records {describing:.1f} s, {share:.2f} %")
    print(f"{kept / 1e6:.2f} MB of records to {size / 1e6:.0f} MB, {100 * kept / size:.2f} %")


def _took(observed: dict[str, str]) -> float:
    started, ended = (datetime.fromisoformat(observed[name]) for name in ("started", "ended"))
    return (ended - started).total_seconds()
