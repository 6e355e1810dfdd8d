"""Audit of a finished run: traces to the raw frames, every change found, artifacts made again, proofs of no leakage."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mexflow.artifacts import Inputs, hash_file
from mexflow.audit import leakage, reproduce, root, trace
from mexflow.audit.graph import Graph, Record, load
from mexflow.audit.verify import Finding, verify
from mexflow.errors import UserError
from project import ROOT, run

LOCK = ROOT / "envs" / "requirements.lock"
CELL = "mini/A/CNN/accuracy/accuracy"


@pytest.fixture(scope="module")
def audited(finished: Path, tmp_path_factory: pytest.TempPathFactory):
    """A copy of the results of a small run, to be tampered with, as the folder that is worked in."""
    folder = tmp_path_factory.mktemp("audited")
    for name in ("results", "workflow", "envs"):
        shutil.copytree(finished / name, folder / name, symlinks=True)
    with chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def graph(audited: Path) -> Graph:
    return load()


def failures(graph: Graph | None = None, raw: bool = False) -> list[Finding]:
    """What fails of all that the records name, as `mexflow verify --all` finds it."""
    graph = graph or load()
    said = Inputs().json("results/run.json")
    return [one for one in verify(graph, graph.artifacts, Path("envs/requirements.lock"), said, raw) if one.wrong]


def command(folder: Path, *arguments: str):
    return run("python", "-m", "mexflow", *arguments, cwd=folder, package=folder / "workflow")


# Tracing


def test_every_cell_traces_to_raw_frames(audited: Path, graph: Graph) -> None:
    """Every raw frame of the clips it is about, and those of the clips its networks were trained on."""
    index = pq.read_table("results/index/megc2018.parquet").to_pylist()
    subjects = {row["subject"].rpartition("/")[2] for row in index if row["megc2018"] and row["excluded"] is None}
    cells = pq.read_table("results/tables/mini.parquet").to_pylist()
    assert len(cells) > 10
    for row in cells:
        cell = trace.find_cell(graph, row["cell"])
        assert cell.row == row and cell.experiments
        frames = list(trace.raw_files(graph, trace.rests_on(graph, cell)))
        assert {Path(frame["file"]).suffix for frame in frames} == {".jpg"}
        folders = {part for frame in frames for part in Path(frame["file"]).parts}
        assert all(any(part in (name, f"sub{name}") for part in folders) for name in subjects), row["cell"]
        for frame in frames[::37]:
            assert hash_file(Path(frame["file"])).sha256 == frame["sha256"]


def test_a_cell_rests_on_the_folds_of_its_experiments_alone(graph: Graph) -> None:
    cell = trace.find_cell(graph, CELL)
    assert cell.experiments == ["cnn"] and cell.paper == "mini"
    folds = {path.split("/")[3] for path in trace.rests_on(graph, cell) if "/folds/" in path}
    assert folds == {"cnn"}
    rows = trace.predictions(graph, cell)
    assert len(rows) == cell.row["n"]
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert cell.row["measured"] == pytest.approx(100 * right / len(rows))


def test_trace_shows_the_whole_way(audited: Path) -> None:
    said = command(audited, "trace", CELL)
    assert said.returncode == 0, said.stderr
    jobs = [f"made by {job}" for job in ("train/mini/cnn/0", "faces/casme2/", "index/megc2018", "embed/samm")]
    for text in (*jobs, "measured of: cnn", "training subjects: ", "test subjects: ", "$ python -m mexflow flow"):
        assert text in said.stdout, text
    as_json = json.loads(command(audited, "trace", CELL, "--json").stdout)
    assert as_json["cell"]["cell"] == CELL and as_json["experiments"] == ["cnn"] and as_json["predictions"]
    raw = command(audited, "trace", CELL, "--only-raw").stdout.splitlines()
    sha256, _, file = raw[0].partition("  ")
    assert hash_file(audited / file).sha256 == sha256
    short = command(audited, "trace", "results/tables/mini.csv", "--depth", "0").stdout
    assert "made by tables/mini" in short and "made by train" not in short


def test_near_misses_are_suggested(audited: Path) -> None:
    wrong = command(audited, "trace", CELL.replace("CNN", "CMN"))
    assert wrong.returncode == 1 and f"did you mean '{CELL}'?" in wrong.stderr and "Traceback" not in wrong.stderr
    with pytest.raises(UserError, match="no records; run the workflow first"):
        load(audited / "nowhere")


# Nothing is wrong with an untouched run


def test_an_untouched_run_passes(audited: Path) -> None:
    result = command(audited, "verify", "--all", "--raw")
    assert result.returncode == 0, result.stdout
    root_said = json.loads(Path("results/run.json").read_text())["root"]
    assert f" 0 failed; run root {root_said}" in result.stdout
    result = command(audited, "verify", CELL, "--recompute-cell", "--verbose")
    assert result.returncode == 0 and f"PASS  cell      {CELL}" in result.stdout, result.stdout


# Every change is found


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: -1 - rng.randrange(min(100, path.stat().st_size - 1))])


def restore_time(change: Callable[[Path, random.Random], None]) -> Callable[[Path, random.Random], None]:
    """A change after which the file is as old as it was."""

    def changed(path: Path, rng: random.Random) -> None:
        before = path.stat()
        change(path, rng)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return changed


CHANGES = {
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
}  # fmt: skip


def case(kind: str, place: str, seed: int) -> None:
    """One change of one artifact, chosen by seed, is found and named; put back, nothing fails."""
    rng = random.Random(f"{kind} {place} {seed}")
    path = rng.choice(sorted(Path().glob(PLACES[place])))
    before, status = path.read_bytes(), path.stat()
    try:
        CHANGES[kind](path, rng)
        found = failures()
        assert found, path
        named = [one.name for one in found if one.kind == "artifact"]
        assert any(path.as_posix() == name or path.as_posix().startswith(f"{name}/") for name in named), (path, found)
        assert len(found) <= 2, found
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("place", PLACES)
def test_a_change_is_found(audited: Path, place: str) -> None:
    kinds = sorted(CHANGES)
    case(kinds[sorted(PLACES).index(place) % len(kinds)], place, 0)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CHANGES)
def test_two_hundred_changes_are_found(audited: Path, kind: str, place: str, seed: int) -> None:
    case(kind, place, seed + 1)


def test_swapped_files_are_found(audited: Path) -> None:
    first, second = sorted(Path().glob("results/faces/*/*.npy"))[:2]
    swap(first, second)
    assert {one.name for one in failures()} == {first.as_posix(), second.as_posix()}
    swap(first, second)
    assert not failures()


def swap(first: Path, second: Path) -> None:
    other = first.with_suffix(".other")
    first.rename(other)
    second.rename(first)
    other.rename(second)


def test_a_raw_frame_is_named_by_itself(audited: Path) -> None:
    path = sorted(Path().glob("results/embedded/casme2/CASME2_RAW/**/*.jpg"))[5]
    before = path.read_bytes()
    path.write_bytes(before[:-1] + b"x")
    found = {one.kind: one.name for one in failures(raw=True)}
    path.write_bytes(before)
    assert found["raw"] == path.as_posix() and path.as_posix().startswith(found["artifact"])


def test_a_record_replaced_with_its_artifact_is_found(audited: Path) -> None:
    """The edge to the job that read the old bytes breaks, and the record is not what it was when the run ended."""
    path, record = Path("results/index/megc2018.parquet"), Path("results/records/index/megc2018.json")
    before = path.read_bytes(), record.read_bytes()
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    said = json.loads(before[1])
    said["outputs"][path.as_posix()] = hash_file(path).as_dict()
    record.write_text(json.dumps(said))
    found = failures()
    path.write_bytes(before[0])
    record.write_bytes(before[1])
    assert {one.kind for one in found} == {"edge", "record"}
    assert f"{path} -> train/mini/cnn/0" in {one.name for one in found if one.kind == "edge"}
    assert [one.name for one in found if one.kind == "record"] == [record.as_posix()]
    assert not failures()


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
    from mexflow import digest

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


# Making again


@pytest.mark.parametrize(
    "pattern", ["flow/*/casme2/*.npy", "lcn/samm/*.npy", "folds/mini/cnn/*/model.pt", "tables/*.csv"]
)
def test_an_artifact_is_made_again_with_the_same_bytes(
    audited: Path, graph: Graph, tmp_path: Path, pattern: str
) -> None:
    path = next(one for one in graph.maker if Path(one).match(f"results/{pattern}") and "timing" not in one)
    assert reproduce.reproduce(graph, path, tmp_path).same
    assert not failures(graph), "the run itself is untouched"


def test_faces_are_made_again_and_a_difference_is_explained(audited: Path, graph: Graph, tmp_path: Path) -> None:
    path = sorted(Path().glob("results/faces/samm/*.npy"))[0].as_posix()
    result = command(audited, "reproduce", path)
    assert (result.returncode, result.stdout) == (0, f"{path}: the same bytes\n"), result.stderr
    record = graph.records[graph.maker[path]]
    other = json.loads(json.dumps(record.said))
    other["outputs"][path]["sha256"] = "0" * 64
    other["versions"]["python"] = "3.11.0"
    changed = Graph([Record(record.path, other, "")])
    found = reproduce.reproduce(changed, path, tmp_path)
    assert not found.same and found.differences[0].endswith("was 3.11.0")
    with pytest.raises(UserError, match="no job of this run made it"):
        reproduce.reproduce(graph, "workflow/papers/mini.yaml", tmp_path)


# Leakage and the root


def test_every_fold_is_proved(audited: Path, graph: Graph) -> None:
    proofs = list(leakage.proofs(graph, "mini"))
    models = sorted(Path().glob("results/folds/mini/*/*/model.pt"))
    assert len(proofs) == len(models) and not any(one.wrong for one in proofs) and not leakage.untested(graph)
    assert all(one.training and one.tested for one in proofs)
    result = command(audited, "leakage", "mini")
    assert result.returncode == 0 and f"{len(models)} folds, 0 failed" in result.stdout
    assert command(audited, "leakage", "mimi").returncode == 1


@pytest.mark.parametrize("role", ["training_subjects", "validation_subjects"])
def test_a_test_subject_in_training_is_told(graph: Graph, role: str) -> None:
    record = graph.records["train/mini/cnn/0"]
    said = json.loads(json.dumps(record.said))
    fold, own = next(iter(said["folds"].items()))
    own[role] = [*own[role], *own["test_subjects"]]
    wrong = {one.fold: one.wrong for one in leakage.proofs(Graph([Record(record.path, said, "")]))}
    assert "whom it tests" in wrong[fold][0] and not any(text for name, text in wrong.items() if name != fold)


def test_the_root_covers_what_is_said_and_not_when(graph: Graph) -> None:
    before = root.described(graph)
    assert Path("results/run.json").read_text() == json.dumps(before, indent=2) + "\n"
    assert before["outside"] == ["timing/mini"]
    for name, value in (("observed", {"ended": "later", "started": "", "attempt": 9}), ("seed", 99)):
        records = [
            Record(one.path, {**one.said, name: value} if one.job == "train/mini/cnn/0" else one.said, one.sha256)
            for one in graph.records.values()
        ]
        now = root.described(Graph(records))
        changed = {job for job in now["leaves"] if now["leaves"][job] != before["leaves"][job]}
        assert changed == (set() if name == "observed" else {"train/mini/cnn/0"})
        assert (now["root"] == before["root"]) == (name == "observed")


def test_the_tree_is_merkles() -> None:
    from hashlib import sha256

    leaves = [sha256(bytes([i])).hexdigest() for i in range(3)]
    a, b, c = (bytes.fromhex(one) for one in leaves)
    pair = sha256(b"\1" + a + b).digest()
    assert root.merkle(leaves) == sha256(b"\1" + pair + c).hexdigest() and root.merkle(leaves[:1]) == leaves[0]


def test_a_history_of_runs_is_kept(finished: Path) -> None:
    entries = [json.loads(line) for line in (finished / "results" / "history.jsonl").read_text().splitlines()]
    assert entries and entries[0]["outcome"] == "finished"
    assert set(entries[0]) == {
        "when", "who", "outcome", "root", "jobs", "retries", "config_digest", "git_commit", "git_dirty",
    }  # fmt: skip
    assert len({entry["root"] for entry in entries}) == 1
