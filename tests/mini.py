"""A copy of the project with a small paper of its own on tiny embedded data, for whole runs in little time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import project

# The networks, flow and protocol of belaiche2020, three experiments, one table and figure of each kind. That a run of
# it needs nothing but this file is what "adding a paper is one file" means.
PAPER = """
paper: mini
title: A small paper for tests
citation: none
data:
  both: {index: megc2018, label: megc2018, classes: [happiness, surprise, anger, disgust, sadness]}
protocol: leave_one_subject_out
preprocessing:
  flow:
    horn_schunck:
      method: horn_schunck
      size: 64
      options: {alpha: 1.0, iterations: 10}
      pairs: [onset-apex, onset-apex+1]
train_pairs: [onset-apex, onset-apex+1]
test_pairs: [onset-apex]
training:
  batch_size: 64
  optimizer: rmsprop
  learning_rate: 0.001
  optimizer_options: {alpha: 0.9, eps: 1.0e-8, weight_decay: 1.0e-4}
  normalise: rms
budgets: {paper: {epochs: 150}, demo: {epochs: 2, folds: 2}}
experiments:
  cnn:
    {kind: flow, model: shallow_cnn, options: {layers: 1}, channels: [Vy], keep_features: true, null_control: true,
     demo: {epochs: 3}, learning: {epochs: 5}}
  resnet:
    {kind: flow, model: reduced_resnet, weights: {features: resnet18}, options: {layers: 3}, channels: [Vx, Vy, M]}
tables:
  A:
    title: Accuracy
    row_header: network
    columns: [accuracy]
    rows:
      - {name: CNN, published: [58.09], experiments: [cnn]}
      - {name: ResNet, published: [60.17], experiments: [resnet]}
  B:
    title: Similarity
    row_header: class
    columns: [happiness, surprise, anger, disgust, sadness]
    rows:
      - {name: happiness, metric: cosine_similarity, published: [1, 2, 3, 4, 5], experiments: [cnn, cnn, cnn, cnn, cnn]}
figures:
  F1: {title: Flow, kind: flow_sample}
  F2: {title: Mean flow, kind: mean_flow}
  F3:
    title: Confusion
    kind: confusion
    experiment: cnn
    published: [[100, 0, 0, 0, 0], [0, 100, 0, 0, 0], [0, 0, 100, 0, 0], [0, 0, 0, 100, 0], [0, 0, 0, 0, 100]]
timing:
  experiment: cnn
  hardware: none
  published: {total: 1.0}
decisions:
  - {setting: training.normalise, value: rms, paper: silent, place: input, alternatives: [none], why: taste}
"""

CONFIG = """
papers: [mini]
datasets: {samm_lv: {root: none}, cas_me_2: {root: none}, smic: {root: none}, mmew: {root: none}}
embedded: {size: tiny, seed: 3}
training: {folds_per_job: 2, checkpoint_seconds: 0}
"""

PROFILE = "workflow/profiles/default"


def make(folder: Path) -> Path:
    """Copy the project into `folder`, with the small paper in it, and return `folder`."""
    for name in ("Snakefile", "config.yaml", "pyproject.toml"):
        shutil.copy(project.ROOT / name, folder / name)
    for name in ("workflow", "envs"):
        shutil.copytree(project.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "workflow" / "papers" / "mini.yaml").write_text(PAPER)
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def replace_in_config(folder: Path, old: str, new: str) -> None:
    """Change the configuration of a copy of the project."""
    path = folder / "config.yaml"
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new))


def snakemake(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a copy of the project."""
    variables = {"SNAKEMAKE_PROFILE": str(folder / PROFILE), **variables}
    return project.run("snakemake", *arguments, cwd=folder, package=folder / "workflow", **variables)


def run(folder: Path, cores: int) -> None:
    """Make everything; fails with Snakemake's output if it does not."""
    result = snakemake(folder, "--cores", str(cores))
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


def killed(folder: Path, cores: int, seconds: float) -> bool:
    """Start a run and kill it and all its jobs with SIGKILL after `seconds`; False if it ended before that."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "workflow"),
        "SNAKEMAKE_PROFILE": str(folder / PROFILE),
    }
    process = subprocess.Popen(
        ["snakemake", "--cores", str(cores)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        # The session is Snakemake and every job it started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def unlock(folder: Path) -> None:
    """What a user does after a kill, as docs/faults.md says."""
    result = snakemake(folder, "--unlock")
    assert result.returncode == 0, result.stderr


def contents(folder: Path, *places: str) -> dict[str, bytes]:
    """The bytes of every file under these places of results/, by its path; times are left out, they always differ."""
    root = folder / "results"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for place in places
        for path in sorted((root / place).rglob("*"))
        if path.is_file()
        and not path.name.startswith(".")
        and ".timing." not in path.name
        and path.name != "index.html"
    }


def root(folder: Path) -> str:
    """The root of the run: one digest of what was made from what."""
    return json.loads((folder / "results" / "run.json").read_text())["root"]
