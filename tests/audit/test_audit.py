"""Audit of a finished run: traces to the raw frames, artifacts made again, proofs of no leakage, the run root."""

from __future__ import annotations

import json
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from auditing import CELL, command, failures
from faults import flip
from mexflow.audit import history, leakage, reproduce, root, short_tree, trace
from mexflow.audit.graph import Graph, Record, load
from mexflow.errors import UserError
from mexflow.store.artifacts import hash_file, hash_path

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
    rows = trace.rows(graph, cell, "predictions")
    assert len(rows) == cell.row["n"]
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert cell.row["measured"] == pytest.approx(100 * right / len(rows))


def test_trace_shows_the_whole_way(audited: Path) -> None:
    said, whole = command(audited, "trace", CELL), command(audited, "trace", CELL, "--commands")
    for one in (said, whole):
        assert one.returncode == 0, one.stderr
        assert '  decided: training.normalise: "rms"; or "none" (silent: input)\n' in one.stdout
        for text in ("measured of: cnn", "training subjects: ", "test subjects: ", "raw frames: ", "release: "):
            assert text in one.stdout, text
    jobs = [f"made by {job}" for job in ("train/mini/cnn/0", "faces/casme2/", "index/megc2018", "embed/samm")]
    for text in (*jobs, "$ python -m mexflow flow"):
        assert text in whole.stdout, text
    lines = said.stdout.splitlines()
    assert max(map(len, lines)) <= short_tree.WIDTH and "python -m" not in said.stdout
    fold = next(line for line in lines if line.startswith("results/folds/mini/cnn/"))
    path, digest, stage, duration, unit = fold.split()
    assert hash_file(audited / path).sha256.startswith(digest) and stage == "train" and unit == "s" and float(duration)
    shown = [line.lstrip("│├└─ ").split()[0] for line in lines if re.search(r" [0-9a-f]{8}  \w+ .* s$", line)]
    assert len(set(shown)) == len(shown) > 10, "each artifact stands once"
    behind = {path for path in load().ancestors(path)}
    assert behind <= {*shown}, "and none is left out"
    as_json = json.loads(command(audited, "trace", CELL, "--json").stdout)
    assert as_json["cell"]["cell"] == CELL and as_json["experiments"] == ["cnn"] and as_json["predictions"]
    raw = command(audited, "trace", CELL, "--only-raw").stdout.splitlines()
    sha256, _, file = raw[0].partition("  ")
    assert hash_file(audited / file).sha256 == sha256
    short = command(audited, "trace", "results/tables/mini.csv", "--depth", "0").stdout
    assert short.split()[::2][:2] == ["results/tables/mini.csv", "tables"] and short.count("\n") == 1


def test_near_misses_are_suggested(audited: Path) -> None:
    wrong = command(audited, "trace", CELL.replace("CNN", "CMN"))
    assert wrong.returncode == 1 and f"did you mean '{CELL}'?" in wrong.stderr and "Traceback" not in wrong.stderr
    with pytest.raises(UserError, match="no records; run the workflow first"):
        load(audited / "nowhere")


# Making again


@pytest.mark.parametrize(
    "pattern", ["flow/*/casme2/*.npy", "lcn/samm/*.npy", "folds/mini/cnn/*/model.pt", "tables/mini.csv"]
)
def test_an_artifact_is_made_again_with_the_same_bytes(
    audited: Path, graph: Graph, tmp_path: Path, pattern: str
) -> None:
    path = next(one for one in graph.maker if Path(one).match(f"results/{pattern}"))
    assert reproduce.reproduce(graph, path, tmp_path).same


def test_the_run_itself_is_untouched_by_that(graph: Graph) -> None:
    assert not failures(graph)


def test_faces_are_made_again_and_a_difference_is_explained(audited: Path, graph: Graph, tmp_path: Path) -> None:
    path = sorted(Path().glob("results/faces/samm/*.npy"))[0].as_posix()
    result = command(audited, "reproduce", path)
    assert (result.returncode, result.stdout) == (0, f"{path}: the same bytes\n"), result.stderr
    path = path.replace("faces", "lcn")
    record = graph.records[graph.maker[path]]
    other = json.loads(json.dumps(record.contents))
    other["outputs"][path]["sha256"] = "0" * 64
    other["versions"]["python"] = "3.11.0"
    changed = Graph([Record(record.path, other, "")])
    found = reproduce.reproduce(changed, path, tmp_path)
    assert not found.same and found.differences[0].endswith("was 3.11.0")
    with pytest.raises(UserError, match="no job of this run made it"):
        reproduce.reproduce(graph, "workflow/papers/mini.yaml", tmp_path)


def test_what_changed_raw_frames_made_is_repaired_from_them_up(audited: Path) -> None:
    """The frames of an embedded subject are a folder that a job made."""
    frames, faces = "results/embedded/samm/SAMM/028", "results/faces/samm/028.npy"
    first, *_, frame = sorted(next(path for path in Path(frames).iterdir() if path.is_dir()).glob("*.jpg"))
    known = {path: hash_path(Path(path)).sha256 for path in (frames, faces)}
    shutil.copy(first, frame)
    flip(Path(faces), random.Random(2))
    said = command(audited, "repair", faces)
    assert said.returncode == 1 and "Traceback" not in said.stderr
    told = f"{faces}: made again it has other bytes (raw frames changed: {frame}); put that right, or delete it"
    assert told in said.stderr, said.stderr
    noted = Path(frames, ".snakemake_timestamp").stat().st_mtime_ns
    said = command(audited, "repair", frames, faces)
    assert (said.returncode, said.stdout.count("made again")) == (0, 2), said.stdout + said.stderr
    assert {path: hash_path(Path(path)).sha256 for path in known} == known
    assert Path(frames, ".snakemake_timestamp").stat().st_mtime_ns == noted


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
    said = json.loads(json.dumps(record.contents))
    fold, own = next(iter(said["folds"].items()))
    own[role] = [*own[role], *own["test_subjects"]]
    wrong = {one.fold: one.wrong for one in leakage.proofs(Graph([Record(record.path, said, "")]))}
    assert "whom it tests" in wrong[fold][0] and not any(text for name, text in wrong.items() if name != fold)


def test_the_root_covers_what_is_said_and_not_when(graph: Graph) -> None:
    before = root.described(graph, hash_file(Path("results/history.jsonl")).sha256)
    assert Path("results/run.json").read_text() == json.dumps(before, indent=2) + "\n"
    assert before["outside"] == ["page", "timing/mini"]
    code = {**graph.records["train/mini/cnn/0"].contents["code"], "git_commit": "another", "git_dirty": True}
    for name, value in (("observed", {"ended": "later", "started": "", "attempt": 9}), ("code", code), ("seed", 99)):
        records = [
            replace(record, contents={**record.contents, name: value}) if record.job == "train/mini/cnn/0" else record
            for record in graph.records.values()
        ]
        now = root.described(Graph(records), before["history"])
        changed = {job for job in now["leaves"] if now["leaves"][job] != before["leaves"][job]}
        assert changed == ({"train/mini/cnn/0"} if name == "seed" else set())
        assert (now["root"] == before["root"]) == (name != "seed")


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
        "when", "who", "outcome", "root", "jobs", "retries", "failures", "config_digest", "git_commit", "git_dirty",
        "previous",
    }  # fmt: skip
    assert len({entry["root"] for entry in entries}) == 1


def test_a_changed_history_is_told(finished: Path, tmp_path: Path) -> None:
    """Each line states the sha256 of those before it; a line that was cut off by a crash is not added to."""
    path = tmp_path / "history.jsonl"
    for number in range(3):
        history.add(path, {"outcome": "failed", "jobs": number})
    past = history.read(path)
    assert [entry["jobs"] for entry in past.entries] == [0, 1, 2] and past.wrong is None
    assert past.digests[-1] == hash_file(path).sha256
    path.write_bytes(path.read_bytes().replace(b'"jobs": 1', b'"jobs": 7'))
    assert history.read(path).wrong == "line 3 does not follow on the lines before it"
    path.write_text("{}\n" + '{"outcome": "fai')
    history.add(path, {"outcome": "finished"})
    assert history.read(path).wrong == "line 1 is no entry of a run" and len(path.read_text().splitlines()) == 3
    log = tmp_path / "snakemake.log"
    log.write_text("[Sat Nov 21 2026]\nError in rule train_mini_0_0:\n    jobid: 3\n\nError in rule faces:\n")
    assert history.failures(log) == ["train_mini_0_0", "faces"] and history.failures(tmp_path / "none") == []
