"""Whatever is changed in a finished run, `verify` names it; and it never cries wolf."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditing import CELL, command, failures
from mexflow.audit import reproduce, trace
from mexflow.audit.graph import Graph, load
from mexflow.store.artifacts import hash_file

# Nothing is wrong with an untouched run


def test_an_untouched_run_passes(audited: Path) -> None:
    result = command(audited, "verify", "--all", "--raw")
    assert result.returncode == 0, result.stdout
    root_said = json.loads(Path("results/run.json").read_text())["root"]
    assert f" 0 failed; run root {root_said}" in result.stdout
    result = command(audited, "verify", CELL, "--recompute-cell", "--verbose")
    assert result.returncode == 0 and f"PASS  cell      {CELL}" in result.stdout, result.stdout


# Every change is found

Change = Callable[[Path, random.Random], None]


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: -1 - rng.randrange(min(100, path.stat().st_size - 1))])


def restore_time(change: Change) -> Change:
    """A change after which the file is as old as it was."""

    def changed(path: Path, rng: random.Random) -> None:
        before = path.stat()
        change(path, rng)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return changed


def edit_cell(path: Path, rng: random.Random) -> None:
    """Another number in one cell of a CSV: its parquet file says what it said."""
    text = path.read_text()
    digit = rng.choice([match for match in re.finditer(r"(?<=[,.])[0-9](?=[0-9.,])", text)])
    other = str((int(digit[0]) + rng.randrange(1, 10)) % 10)
    path.write_text(text[: digit.start()] + other + text[digit.end() :])


CHANGES: dict[str, Change] = {
    "flip": flip,
    "flip, old time": restore_time(flip),
    "truncate": truncate,
    "delete": lambda path, rng: path.unlink(),
    "empty": lambda path, rng: path.write_bytes(b""),
}
PLACES = {
    "faces": "results/faces/*/*.npy", "faces table": "results/faces/*/*.parquet", "lcn": "results/lcn/*/*.npy",
    "flow": "results/flow/*/*/*.npy", "residual": "results/residual/*/*/*.npy", "index": "results/index/*.parquet",
    "model": "results/folds/*/*/*/model.pt", "predictions": "results/folds/*/*/*/predictions.parquet",
    "features": "results/folds/*/*/*/features.npy", "table": "results/tables/*.parquet", "csv": "results/tables/*.csv",
    "markdown": "results/tables/*.md", "figure": "results/figures/*/*.png", "raw": "results/embedded/*/*/**/*.jpg",
    "truth": "results/embedded/*/truth/*.parquet", "annotations": "results/embedded/*/*.xlsx",
    "record": "results/records/**/*.json", "run": "results/run.json", "history": "results/history.jsonl",
}  # fmt: skip


@contextmanager
def put_back(*paths: Path) -> Iterator[None]:
    """Put files back as they were, times and all; nothing fails then."""
    before = [(path, path.read_bytes(), path.stat()) for path in paths]
    try:
        yield
    finally:
        for path, data, status in before:
            path.write_bytes(data)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def chosen(rng: random.Random, place: str, count: int = 1) -> list[Path]:
    """So many different files of a place, none of them empty."""
    return rng.sample([path for path in sorted(Path().glob(PLACES[place])) if path.stat().st_size], count)


def names(path: Path) -> set[str]:
    """A file, and the folders it lies in, which count as an artifact where a job made them whole."""
    return {path.as_posix(), *(folder.as_posix() for folder in path.parents)}


def case(kind: str, place: str, seed: int) -> None:
    """One change of one file, chosen by seed, is found and named, and little else is."""
    rng = random.Random(f"{kind} {place} {seed}")
    (path,) = chosen(rng, place)
    with put_back(path):
        CHANGES[kind](path, rng)
        found = failures()
        told = names(path) | ({"results/run.json"} if place == "history" else set())
        assert told & {one.name for one in found}, (path, found)
        assert len(found) <= 2 or place in ("record", "run", "history"), found


@pytest.mark.parametrize("place", PLACES)
def test_a_change_is_found(audited: Path, place: str) -> None:
    kinds = sorted(CHANGES)
    case(kinds[sorted(PLACES).index(place) % len(kinds)], place, 0)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CHANGES)
def test_hundreds_of_changes_are_found(audited: Path, kind: str, place: str, seed: int) -> None:
    case(kind, place, seed)


def exchange(place: str, seed: int) -> None:
    """Two files of a place exchanged are both named."""
    first, second = chosen(random.Random(f"swap {place} {seed}"), place, 2)
    with put_back(first, second):
        one, other = first.read_bytes(), second.read_bytes()
        first.write_bytes(other)
        second.write_bytes(one)
        found = {one.name for one in failures()}
        assert one == other or (names(first) & found and names(second) & found), (first, second, found)


def forge(seed: int) -> None:
    """An artifact with other bytes, its record saying so: the record is not that of the run, and edges break."""
    rng = random.Random(f"forge {seed}")
    with_files = [
        (record, path) for record in load().records.values() for path in record.outputs if Path(path).is_file()
    ]
    record, path = rng.choice([(one, Path(path)) for one, path in with_files if Path(path).stat().st_size])
    with put_back(path, Path(record.path)):
        flip(path, rng)
        said = json.loads(json.dumps(record.contents))
        said["outputs"][path.as_posix()] = hash_file(path).as_dict()
        Path(record.path).write_text(json.dumps(said, indent=2))
        graph = load()
        found = failures(graph)
        assert record.path in {one.name for one in found if one.kind == "record"}
        readers = {f"{path} -> {job}" for job in graph.readers.get(path.as_posix(), [])}
        assert {one.name for one in found if one.kind == "edge"} == readers
        assert not [one for one in found if one.kind == "artifact"], "the artifact is what its record says"


def edit(seed: int) -> None:
    """One cell of a table as CSV, but not as parquet."""
    rng = random.Random(f"cell {seed}")
    (path,) = chosen(rng, "csv")
    with put_back(path):
        restore_time(edit_cell)(path, rng)
        assert [one.name for one in failures()] == [path.as_posix()]


def source(folder: Path, seed: int) -> None:
    """A module with one more comment is named by each job that ran it; one that no job ran changes nothing."""
    rng = random.Random(f"source {seed}")
    path = rng.choice(sorted((folder / "workflow" / "mexflow").glob("preprocess/*.py")))
    module = f"mexflow.preprocess.{path.stem}" if path.stem != "__init__" else "mexflow.preprocess"
    jobs = {record.job for record in load().records.values() if module in record.contents["code"]["modules"]}
    with put_back(path):
        restore_time(lambda path, rng: path.write_text(path.read_text() + f"# {seed}\n"))(path, rng)
        result = command(folder, "verify", "--all")
    named = {line.split()[2].rstrip(":") for line in result.stdout.splitlines() if line.startswith("FAIL  code")}
    assert (result.returncode, named) == (int(bool(jobs)), jobs) and "Traceback" not in result.stderr


def test_exchanged_forged_and_edited_files_are_found(audited: Path) -> None:
    exchange("faces", 0)
    exchange("raw", 0)
    forge(0)
    edit(0)
    source(audited, 0)
    assert not failures()


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 13))
def test_dozens_of_exchanged_forged_and_edited_files_are_found(audited: Path, seed: int) -> None:
    places = [place for place in PLACES if len(list(Path().glob(PLACES[place]))) > 1]
    exchange(places[seed % len(places)], seed)
    forge(seed)
    edit(seed)
    source(audited, seed)
    assert not failures()


def test_a_raw_frame_is_named_by_itself(audited: Path) -> None:
    path = sorted(Path().glob("results/embedded/casme2/CASME2_RAW/**/*.jpg"))[5]
    before = path.read_bytes()
    path.write_bytes(before[:-1] + b"x")
    found = {one.kind: one.name for one in failures(raw=True)}
    path.write_bytes(before)
    assert found["raw"] == path.as_posix() and path.as_posix().startswith(found["artifact"])


def test_a_cell_edited_with_its_hashes_is_found_by_computing_it_again(audited: Path, graph: Graph) -> None:
    path = Path("results/tables/mini.parquet")
    before = path.read_bytes()
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        if row["cell"] == CELL:
            row["measured"] += 1
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(path)), path)
    wrong = reproduce.cell(graph, trace.find_cell(graph, CELL))
    path.write_bytes(before)
    assert wrong and wrong.startswith("measured ") and "made again" in wrong
    assert reproduce.cell(graph, trace.find_cell(graph, CELL)) is None


def test_changed_source_and_lock_are_named(audited: Path, graph: Graph, monkeypatch) -> None:
    from mexflow.store import digest

    true = digest.module_digest
    monkeypatch.setattr(digest, "module_digest", lambda name: "0" if name == "mexflow.preprocess.lcn" else true(name))
    found = failures(graph)
    assert found and {one.kind for one in found} == {"code"}
    assert {one.name.partition("/")[0] for one in found} >= {"lcn", "lcnfigure"}
    assert all(one.wrong == "source changed since: mexflow.preprocess.lcn" for one in found)
    monkeypatch.undo()
    lock = Path("envs/requirements.lock")
    before = lock.read_bytes()
    lock.write_bytes(before + b"\n")
    found = failures(graph)
    lock.write_bytes(before)
    assert found and {one.kind for one in found} == {"lock"}
