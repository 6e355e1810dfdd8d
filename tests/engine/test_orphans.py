"""What a Snakemake that was killed left: marks, missing notes, and jobs that still run."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace

import pytest

import faults
import mini
from faults import Run, records
from mexflow.engine import orphans

ARRAY = "results/lcn/casme2/04.npy"


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run to be changed, times and Snakemake's notes with it."""
    return Path(shutil.copytree(finished, tmp_path / "run", symlinks=True))


def record_of(path: str) -> str:
    return path.replace("results/", "results/records/").replace(".npy", ".json")


def of(folder: Path, kind: str, path: str) -> Path:
    """The file in which Snakemake keeps its note, or its mark, of a result with a name that is not too long."""
    return folder / ".snakemake" / kind / base64.urlsafe_b64encode(path.encode()).decode()


def mark(folder: Path, path: str) -> None:
    """Mark a result as Snakemake does before the job that makes it has ended."""
    of(folder, "incomplete", path).write_text('{"external_jobid": null}')


def marks(folder: Path) -> list[Path]:
    return [path for path in (folder / ".snakemake" / "incomplete").rglob("*") if path.is_file()]


def run(folder: Path, *arguments: str) -> str:
    done = mini.snakemake(folder, "--cores", "2", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_jobs_that_ended_unseen_are_kept(folder: Path) -> None:
    """Whatever part of the marks Snakemake had made, and whether it had known results of such a job before."""
    before = records(folder)
    arrays = sorted(f"results/{path}" for path in mini.contents(folder, "lcn") if path.endswith(".npy"))[:3]
    for array, marked in zip(arrays, ((arrays[0],), (record_of(arrays[1]),), ()), strict=True):
        for path in marked:
            mark(folder, path)
        of(folder, "metadata", record_of(array)).unlink()
    of(folder, "metadata", record_of(arrays[1])).write_bytes(b"")  # Snakemake does not write it at once
    root, closed = mini.root(folder), folder / "results" / "run.json"
    closed.unlink()
    said = run(folder)
    assert "3 jobs ended unseen: what they made is kept" in said and "Nothing to be done" in said
    assert records(folder) == before and marks(folder) == []
    for array in arrays:
        note = json.loads(of(folder, "metadata", record_of(array)).read_text())
        assert note["rule"] == "lcn" and note["endtime"] == (folder / record_of(array)).stat().st_mtime
    assert mini.root(folder) == root, "a run whose last jobs ended unseen has its end all the same"
    history = (folder / "results" / "history.jsonl").read_bytes()
    assert "ended unseen" not in run(folder)
    assert (folder / "results" / "history.jsonl").read_bytes() == history, "one end is enough"


def test_what_ended_unseen_under_other_settings_is_made_again(folder: Path) -> None:
    """A cluster's job took its marks away and left no note: Snakemake by itself would keep it for ever."""
    record, config = record_of(ARRAY), folder / "config.yaml"
    notes = {path: of(folder, "metadata", path) for path in (ARRAY, record)}
    kept = {path: note.read_bytes() for path, note in notes.items()}
    before, known, wanted = records(folder), (folder / ARRAY).read_bytes(), config.read_text()
    for note in notes.values():
        note.unlink()
    config.write_text(wanted + "preprocess: {lcn: {sigma: 3.0}}\n")
    told = "1 job ended unseen, with other settings, code or inputs: it is done again"
    assert told in run(folder, "--", ARRAY)
    assert [path for path, said in records(folder).items() if said != before[path]] == [record]
    assert (folder / ARRAY).read_bytes() != known
    # Nor does a note count that is of an earlier job, with the settings that are now wanted again.
    config.write_text(wanted)
    for path, note in notes.items():
        note.write_bytes(kept[path])
    assert told in run(folder, "--", ARRAY)
    assert (folder / ARRAY).read_bytes() == known


def job(record: dict) -> SimpleNamespace:
    """What is asked of a job of Snakemake, of the job that wrote a record."""
    shell = f"MEXFLOW_RULE=lcn MEXFLOW_ATTEMPT=2 {record['command']} > results/logs/lcn.log 2>&1"
    return SimpleNamespace(shellcmd=shell, input=sorted(record["inputs"]))


def test_which_job_a_record_is_of(finished: Path, tmp_path: Path) -> None:
    for path in ("lcn/casme2/04.npy", "faces/casme2/04.npy", "faces/casme2/04.parquet", "records/lcn/casme2/04.json"):
        (tmp_path / "results" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(finished / "results" / path, tmp_path / "results" / path)
    path = Path(record_of(ARRAY))
    record = json.loads((tmp_path / path).read_text())

    def is_of(one: SimpleNamespace, **changed: object) -> bool:
        path.write_text(json.dumps(record | changed))
        return orphans._is_of(path, one)

    with chdir(tmp_path):
        own = job(record)
        assert is_of(own)
        assert not is_of(SimpleNamespace(shellcmd=own.shellcmd.replace("4.0", "4.5"), input=own.input))
        assert not is_of(SimpleNamespace(shellcmd=own.shellcmd, input=[*own.input, "results/none.npy"]))
        assert not is_of(own, code=record["code"] | {"digest": "0" * 64}), "its code means something else"
        # A younger input is read again: its bytes decide.
        faces = "results/faces/casme2/04.npy"
        os.utime(faces)
        assert is_of(own)
        assert not is_of(own, inputs=record["inputs"] | {faces: {"sha256": "0" * 64, "size": 1}})
        assert is_of(own, inputs={}), "it was not read"
        assert not is_of(SimpleNamespace(shellcmd=own.shellcmd, input=[*own.input, "results"])), "frames were added"
        path.write_text(json.dumps(record)[:-9])
        assert not orphans._is_of(path, own)
        os.truncate(ARRAY, Path(ARRAY).stat().st_size - 1)
        assert not is_of(own)
        Path(ARRAY).unlink()
        assert not is_of(own)


def test_the_command_of_every_job_is_found_in_its_shell_command(finished: Path) -> None:
    """As Snakemake wrote it into its notes: with quotes, and what the shell sets before and redirects after."""
    notes = [json.loads(path.read_bytes()) for path in (finished / ".snakemake/metadata").rglob("*") if path.is_file()]
    shells = {note["shellcmd"] for note in notes if note["shellcmd"]}
    commands = {json.loads(said)["command"] for said in records(finished).values()}
    assert len(commands) > 30
    assert {shlex.join(orphans._command(shell)) for shell in shells} >= {
        re.sub(" --checkpoint-seconds [^ ]+", "", command) for command in commands
    }


def test_where_a_snakemake_is_at_work_nothing_is_touched(folder: Path) -> None:
    mark(folder, ARRAY)
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text(f"{ARRAY}\n")
    done = mini.snakemake(folder, "--cores", "1")
    assert done.returncode == 1 and "locked" in done.stdout + done.stderr
    assert marks(folder) == [of(folder, "incomplete", ARRAY)]
    mini.unlock(folder)
    assert marks(folder) == [of(folder, "incomplete", ARRAY)]


def test_started_again_at_once_it_waits_for_what_still_runs(finished: Path, tmp_path: Path) -> None:
    """Snakemake is killed, its training runs on: the next one waits for it, and trains nothing twice."""
    folder = faults.part_of(finished, tmp_path / "run", taken=faults.FEWEST)
    first = Run(folder, "--cores", "2")
    jobs = first.until(lambda: first.jobs("train"))
    assert jobs
    for job in jobs:
        job.suspend()  # or it may have ended before the next one looks
    first.process.kill()
    first.process.wait()
    mini.unlock(folder)
    again = Run(folder, "--cores", "2")
    again.until(lambda: "of a Snakemake that was killed, still on this machine (kill " in again.text)
    assert str(jobs[0].pid) in again.text
    for job in jobs:
        job.resume()
    again.until(lambda: "ended unseen: what" in again.text)
    known = records(folder)
    assert again.wait() == 0, again.text[-3000:]
    assert {path: said for path, said in records(folder).items() if path in known} == known
    assert any(path.startswith("results/records/train/mini/cnn-null") for path in known)
    assert mini.contents(folder, *faults.SAME) == mini.contents(finished, *faults.SAME)
