"""A run whose networks start from weights of a file: another file trains again, an absent or wrong one is told."""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

import mini
import weight_files
from auditing import command
from faults import part_of

TRAINING = "results/records/train/mini/resnet"
SCORES = "results/scores/mini/resnet.md"


def waiting(folder: Path) -> set[str]:
    """The rules of the jobs that Snakemake would run now for the scores of the network."""
    result = mini.snakemake(folder, "--dry-run", "--cores", "2", "--quiet", "host", "--", SCORES)
    assert result.returncode == 0, result.stderr
    lines = (result.stdout + result.stderr).splitlines()
    return {line.split()[-1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))}


def made(folder: Path) -> str:
    """Make the scores; what they say."""
    result = mini.snakemake(folder, "--cores", "2", SCORES)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return (folder / SCORES).read_text()


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


def test_a_file_of_weights_is_an_input_of_what_starts_from_it(copy: Path) -> None:
    fold = next(iter((copy / "results" / "folds" / "mini" / "resnet").glob("*/model.pt")))
    scratch = fold.read_bytes()
    file = weight_files.write(copy / "w" / "resnet18.pth", weight_files.state("resnet18"))
    (copy / "config.yaml").write_text(f"{mini.CONFIG}weights: {{resnet18: w/resnet18.pth}}\n")
    trained = waiting(copy)
    assert {"scores_mini", "weights"} < trained and len(trained) == 3, "its own folds and their scores, nothing else"
    digest = sha256(file.read_bytes()).hexdigest()
    assert f" · weights: resnet18.pth (sha256 {digest[:12]})" in made(copy)
    assert waiting(copy) == set() and fold.read_bytes() != scratch

    path = fold.relative_to(copy).as_posix()
    again = command(copy, "reproduce", path)
    assert again.returncode == 0, again.stdout + again.stderr
    kept = file.read_bytes()
    file.unlink()
    gone = command(copy, "verify", path)
    assert gone.returncode == 1 and "FAIL  artifact  w/resnet18.pth: " in gone.stdout
    again = command(copy, "reproduce", path)
    assert again.returncode == 1 and "w/resnet18.pth" in again.stderr and "Traceback" not in again.stderr
    result = mini.snakemake(copy, "--dry-run", "--cores", "2")
    assert result.returncode == 1 and "config.yaml: weights.resnet18: w/resnet18.pth: no such file" in result.stderr

    file.write_bytes(kept)
    weight_files.write(file, weight_files.state("resnet18", seed=1))
    old = fold.stat().st_mtime_ns - 10**12
    os.utime(file, ns=(old, old))
    assert waiting(copy) == trained, "another file of the name trains again, older as it is"


def test_a_wrong_file_is_told_before_anything_is_made(finished: Path, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("flow", "folds/mini/resnet", "records/train/mini/resnet"))
    state = weight_files.state("resnet18")
    del state["fc.bias"]
    weight_files.write(folder / "w.pth", state)
    (folder / "config.yaml").write_text(f"{mini.CONFIG}weights: {{resnet18: w.pth}}\n")
    result = mini.snakemake(folder, "--cores", "1", SCORES)
    assert result.returncode == 1
    log = (folder / "results" / "logs" / "weights" / "resnet18.log").read_text()
    assert log.startswith(
        "mexflow: error: w.pth: not the weights of ResNet-18: 11,688,512 parameters, not 11,689,512; of "
    )
    assert not list((folder / "results" / "flow").rglob("*.npy")), "the first job was that of the file"
    assert "w.pth: not the weights of ResNet-18" in result.stdout + result.stderr
