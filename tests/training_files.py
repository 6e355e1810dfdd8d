"""How tests call ``mexflow train``: a folder of results with what it reads, and a recipe with some keys changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mexflow.cli import train
from mexflow.papers.recipe import Recipe, read
from mexflow.store.paths import Results
from project import WORKFLOW


def linked(folder: Path, root: Path, names: Sequence[str]) -> Path:
    """A folder of results that holds, by link, what lies under these names in `root`; a training writes beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (folder / name).exists():
            (folder / name).symlink_to(root / name, target_is_directory=True)
    return folder


def changed(recipe: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with other values; those of its `training` by their own names. None takes a key out."""
    result = {**recipe, "training": dict(recipe.get("training", {}))}
    for name, value in changes.items():
        place = result["training"] if name in TRAINING else result
        place[name] = value
        if value is None:
            del place[name]
    return result if recipe.get("training") is not None else {k: v for k, v in result.items() if k != "training"}


TRAINING = {
    "batch_size", "optimizer", "learning_rate", "optimizer_options", "augment", "normalise", "schedule",
    "schedule_options", "early_stopping", "validation_share", "label_smoothing", "oversample", "recompute_batch_norm",
    "mixed_precision",
}  # fmt: skip
OPTIONS = ("threads", "device", "checkpoint_seconds", "record", "weight_files")


def parsed(recipe: Mapping[str, Any], **changes: Any) -> Recipe:
    """The recipe with these changes."""
    return read(json.dumps(changed(recipe, changes)))


def arguments(recipe: Mapping[str, Any], results: Path, folds: Sequence[str], **changes: Any) -> list[str]:
    """The command line of training these folds; `changes` are those of the recipe, or options of the command."""
    words, options = _separated(recipe, changes)
    line = [word for fold in folds for word in ("--fold", fold)]
    for file in options.pop("weight_files", []):
        line += ["--weights", file]
    for name, value in options.items():
        line += [f"--{name.replace('_', '-')}", str(value)]
    return [*line, "--results", str(results), "--recipe", words]


def call(recipe: Mapping[str, Any], results: Path, folds: Sequence[str], **changes: Any) -> None:
    """Train these folds in this process; `changes` as for `arguments`."""
    words, options = _separated(recipe, changes)
    train.main(recipe=words, fold=list(folds), results=results, weights=options.pop("weight_files", []), **options)


def kill(arguments: Sequence[str], begun: Path) -> None:
    """Begin ``mexflow train`` with these arguments, and kill it as soon as there is this file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mexflow", "train", *arguments],
        env={**os.environ, "PYTHONPATH": str(WORKFLOW)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while not begun.exists():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def _separated(recipe: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The recipe with the changes that are its own, as JSON, and the options."""
    science = {name: value for name, value in changes.items() if name not in OPTIONS}
    options = {name: value for name, value in changes.items() if name in OPTIONS}
    return json.dumps(changed(recipe, science)), {"device": "cpu", **options}


def folds_in(results: Path, experiment: str = "up") -> Path:
    """The folder of the folds of an experiment of these tests."""
    return Results(results).experiment("made", experiment)


def checkpoints_in(results: Path) -> Path:
    """The folder of their checkpoints."""
    return Results(results).checkpoints("made", "up")


def written(results: Path) -> list[str]:
    """The files that a training left in a folder of results, beside what it was linked to read, hidden ones too."""
    return sorted(path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file())
