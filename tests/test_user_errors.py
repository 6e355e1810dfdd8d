"""What a user meets when something is wrong: one clear line, a status that is not zero, nothing partial left."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import mini
import project
from dataset_files import casme2, casme2_frames, casme2_row
from embedded_files import SEED, SIZE, SUBJECTS
from project import mexflow

SUBJECT = SUBJECTS["casme2"]


def snakemake(folder: Path, *arguments: str, config: dict | None = None) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder of its own, with a configuration laid over the default one."""
    command = ["snakemake", "--snakefile", project.ROOT / "Snakefile", "--cores", "1", *arguments]
    if config is not None:
        (folder / "own.yaml").write_text(yaml.safe_dump(config))
        command += ["--configfile", "own.yaml"]
    return project.run(*command, cwd=folder)


def said(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of the error; there must be no traceback."""
    assert result.returncode != 0
    assert "Traceback" not in result.stdout + result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("mexflow: error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0].removeprefix("mexflow: error: ")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"budgte": "demo"}, ["unknown key 'budgte'", "did you mean 'budget'"]),
        ({"datasets": {"casme": {"root": "/x"}}}, ["datasets.casme", "did you mean 'casme2'"]),
        ({"datasets": {"samm": {"rot": "/x"}}}, ["datasets.samm.rot", "did you mean 'root'"]),
        ({"papers": ["belaiche2002"]}, ["unknown paper 'belaiche2002'", "did you mean 'belaiche2020'"]),
        ({"budget": "full"}, ["budget", "'demo', 'learning' or 'paper'"]),
        ({"training": {"threads": 0}}, ["training.threads", "greater than or equal to 1"]),
        (
            {"datasets": {"casme2": "/data/CASME2"}},
            ["mexflow: error: config.yaml: datasets.casme2: write {root: /data/"],
        ),
        (
            {"datasets": {"casme2": {"root": "/data/{a}"}}},
            ["mexflow: error: config.yaml: datasets.casme2.root: Snakemake"],
        ),
    ],
)
def test_a_wrong_configuration_is_named_before_any_job(tmp_path: Path, config: dict, words: list[str]) -> None:
    result = snakemake(tmp_path, "--dry-run", config=config)
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert "Traceback" not in output
    for word in words:
        assert word in output
    assert not (tmp_path / "results").exists()


def test_paths_of_any_characters(tmp_path: Path) -> None:
    """Blanks, quotes, dollars, umlauts, equals signs in the project's folder, and a colon in the data's as well."""
    folder, root = tmp_path / "a 'b' \"ü\" $HOME=c", tmp_path / "r 'q' $HOME \"ü\"=x:y"
    folder.mkdir()
    mini.make(folder)
    casme2(root, [casme2_row()])
    casme2_frames(root, "sub01/EP02_01f", range(1, 12))
    (folder / "config.yaml").write_text(yaml.safe_dump(yaml.safe_load(mini.CONFIG) | {"papers": ["nag2019"]}))
    (folder / "own.yaml").write_text(yaml.safe_dump({"datasets": {"casme2": {"root": str(root)}}}))
    result = mini.snakemake(folder, "--cores", "1", "results/index/casme2.txt", "--configfile", "own.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert str(root) in (folder / "results" / "records" / "index" / "casme2.json").read_text().replace('\\"', '"')
    assert '"outcome":"finished"' in (folder / "results" / "history.jsonl").read_text().replace(" ", "")


def test_a_project_in_a_folder_that_snakemake_cannot_use(tmp_path: Path) -> None:
    folder = tmp_path / "a {b}"
    folder.mkdir()
    result = mini.snakemake(mini.make(folder), "--cores", "1", "-n")
    output = result.stdout + result.stderr
    assert result.returncode == 1 and "Traceback" not in output
    assert f"mexflow: error: {folder}: Snakemake cannot work with {{ and }} in the path of a project; rename" in output
    shutil.copy(project.ROOT / "run", folder)
    result = subprocess.run([folder / "run", "true"], capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith(f"run: {folder}: a path with a colon or braces")


def test_results_that_are_no_folder(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    result = snakemake(tmp_path)
    assert result.returncode != 0
    assert f"{tmp_path / 'results'}: a file is where the results belong" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_results_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system by its own word, since whoever is root may write anywhere."""
    from mexflow.errors import UserError
    from mexflow.plan.workflow import Workflow

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UserError, match="not writable.*--directory"):
        Workflow({}, project.WORKFLOW)


def test_an_unknown_target_is_an_error(tmp_path: Path) -> None:
    result = snakemake(tmp_path, "--dry-run", "belaiche2021")
    assert result.returncode != 0
    assert "belaiche2021" in result.stdout + result.stderr


def test_a_licensed_copy_without_its_annotation_file(tmp_path: Path) -> None:
    root = tmp_path / "CASME2"
    (root / "CASME2_RAW" / "CASME2-RAW" / "sub01" / "EP01_1").mkdir(parents=True)
    config = {"datasets": {"casme2": {"root": str(root)}}}
    result = snakemake(tmp_path, "--dry-run", "results/index/casme2.txt", config=config)
    assert result.returncode != 0
    assert "CASME2-coding-20140508.xlsx" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_unknown_commands_options_and_datasets_suggest_the_nearest(tmp_path: Path) -> None:
    assert "did you mean 'index'" in said(mexflow("indx"))
    out = ("--output", tmp_path / "i.parquet", "--videos", tmp_path / "v.parquet")
    assert "did you mean 'casme2'" in said(mexflow("index", "--dataset", "casme", "--root", tmp_path, *out))
    assert "--root casme2=DIR" in said(mexflow("index", "--dataset", "megc2018", "--root", f"samm={tmp_path}", *out))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def copy(tmp_path: Path, embedded_root: dict[str, Path]) -> Path:
    """A folder with a copy of an embedded CASME II that holds one subject's frames, to be damaged."""
    shutil.copytree(embedded_root["casme2"], tmp_path / "copy" / "root")
    return tmp_path / "copy"


def indexed(folder: Path) -> tuple[object, ...]:
    """Index a copy of the dataset; the options that the next commands need."""
    options = ("--index", folder / "i.parquet", "--videos", folder / "v.parquet")
    result = mexflow(
        "index", "--dataset", "casme2", "--root", folder / "root", "--output", options[1], "--videos", options[3]
    )
    assert result.returncode == 0, result.stderr
    return options


def faces(folder: Path, *more: object) -> subprocess.CompletedProcess[str]:
    arguments = ("--dataset", "casme2", "--subject", SUBJECT, "--root", folder / "root")
    outputs = ("--output", folder / "f.npy", "--table", folder / "f.parquet", "--record", folder / "r.json")
    return mexflow("faces", *arguments, *indexed(folder), *outputs, *more)


def annotated(folder: Path) -> Path:
    """A folder of frames whose expression is in the table and usable."""
    from mexflow import embedded

    plan = embedded.plan("casme2", SIZE, SEED)
    clip = next(c for c in plan.of_subject(SUBJECT) if c.annotated and not c.expressions[0].repairs)
    return folder / "root" / clip.path


DAMAGE = {
    "truncated": (lambda data: data[: len(data) // 2], "truncated"),
    "empty": (lambda data: b"", "empty"),
    "not an image": (lambda data: b"this is no picture" * 100, "not an image"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_frame_stops_the_job_and_leaves_nothing(copy: Path, kind: str) -> None:
    frame = sorted(annotated(copy).glob("*.jpg"))[2]
    spoil, word = DAMAGE[kind]
    frame.write_bytes(spoil(frame.read_bytes()))
    line = said(faces(copy))
    assert str(frame) in line
    assert word in line
    assert "preprocess.faces.unreadable" in line
    assert not [path for path in copy.iterdir() if path.name.lstrip(".").startswith(("f.", "r."))]


def test_a_damaged_frame_can_exclude_its_clip_instead(copy: Path) -> None:
    import pyarrow.parquet as pq

    folder = annotated(copy)
    sorted(folder.glob("*.jpg"))[2].write_bytes(b"")
    result = faces(copy, "--unreadable", "exclude")
    assert result.returncode == 0, result.stderr
    assert "excluded" in result.stdout
    rows = pq.read_table(copy / "f.parquet").to_pylist()
    reasons = {row["video"]: row["excluded"] for row in rows}
    assert reasons.pop(folder.name).startswith("frame_unreadable: 1 of")
    assert set(reasons.values()) == {None}


def test_a_missing_frame_folder_is_an_exclusion_with_its_reason(copy: Path) -> None:
    import pyarrow.parquet as pq

    gone = annotated(copy)
    shutil.rmtree(gone)
    indexed(copy)
    rows = {row["video"]: row for row in pq.read_table(copy / "i.parquet").to_pylist() if row["subject"] == SUBJECT}
    assert rows[gone.name]["excluded"].startswith("folder_missing: ")
    assert faces(copy).returncode == 0


def test_a_folder_that_changed_since_it_was_indexed(copy: Path) -> None:
    options = indexed(copy)
    sorted(annotated(copy).glob("*.jpg"))[0].unlink()
    result = mexflow(
        "faces", "--dataset", "casme2", "--subject", SUBJECT, "--root", copy / "root", *options,
        "--output", copy / "f.npy", "--table", copy / "f.parquet",
    )  # fmt: skip
    assert "the index says" in said(result)


def test_results_that_cannot_be_written(copy: Path) -> None:
    (copy / "blocked").write_text("a file where a folder is needed")
    output = copy / "blocked" / "i.parquet"
    result = mexflow(
        "index", "--dataset", "casme2", "--root", copy / "root", "--output", output, "--videos", copy / "v.parquet"
    )
    assert str(output) in said(result)
    assert not (copy / "v.parquet").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(copy: Path) -> None:
    """From 4 KiB on, a file can not be brought to the disk; the system's answer is the one of a full disk."""
    options = indexed(copy)
    code = (
        "import errno, os, sys\n"
        "import mexflow.store.artifacts as artifacts\n"
        "real = os.fsync\n"
        "def full(descriptor):\n"
        "    if os.fstat(descriptor).st_size > 4096:\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "    return real(descriptor)\n"
        "artifacts.os.fsync = full\n"
        "from mexflow.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    outputs = ["--output", copy / "f.npy", "--table", copy / "f.parquet", "--record", copy / "r.json"]
    arguments = ["--dataset", "casme2", "--subject", SUBJECT, "--root", copy / "root", *options, *outputs]
    line = said(project.run(sys.executable, "-c", code, "faces", *arguments))
    assert str(copy / "f.npy") in line
    assert "free some space" in line
    assert not [path for path in copy.iterdir() if path.name.lstrip(".").startswith(("f.", "r."))]
