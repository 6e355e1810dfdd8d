"""A training job: some folds of an experiment, as its recipe says."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mexflow.datasets import subjects
from mexflow.errors import UserError, choose
from mexflow.evaluation.folds import ALL, PROTOCOLS, assert_disjoint
from mexflow.models import available, wrong_weights
from mexflow.papers.kinds import KINDS
from mexflow.papers.recipe import Recipe, TrainedRecipe
from mexflow.progress import progress
from mexflow.store import digest
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.store.paths import Results
from mexflow.store.records import Job, canonical_digest
from mexflow.training import starting
from mexflow.training.allocation import keep_memory
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.devices import on_device
from mexflow.training.loop import make_deterministic
from mexflow.training.parallel import train_folds
from mexflow.training.trainer import Folds

_COMMAND = "mexflow.cli.train"


@dataclass(frozen=True)
class Material:
    """What a job reads: the rows of the index, and of each folder that the recipe names an array a subject."""

    inputs: Inputs
    rows: list[dict[str, Any]]
    subjects: list[tuple[str, str]]
    arrays: list[list[Path]]


def train(
    recipe: Recipe,
    results: Path,
    names: Sequence[str],
    *,
    threads: int,
    device: str,
    checkpoint_seconds: float,
    record: Path | None,
    weights: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Train and test some folds, and write their files and the job's record.

    Args:
        recipe: everything that the result depends on, beside index and arrays.
        results: the folder of the results.
        names: the folds; ``all`` is none of them, but all subjects to train on and nobody to test: a network for use.
        threads: CPU threads.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint_seconds: least time between two checkpoints.
        record: where to write the record.
        weights: the files of the weights that the recipe names, by these names.

    Raises:
        UserError: for an unknown fold, or whatever the recipe names that is not there or does not fit.
    """
    # Before the code digest, which is of what they name.
    choose("protocol", recipe.protocol, PROTOCOLS)
    if isinstance(recipe, TrainedRecipe):
        choose("network", recipe.model, available())
        for problem in wrong_weights(recipe.model, recipe.weights or {}):
            raise UserError(f"the recipe: weights: {problem}")
    for picked in recipe.picks():
        digest.require_entry(picked)
    kind, places = KINDS[recipe.kind], Results(results)
    label = f"{recipe.paper}/{recipe.experiment}"
    if ALL in names and not kind.for_use:
        raise UserError(f"{label}: nothing is trained for it, so there is no network for use")
    make_deterministic(threads)
    keep_memory()
    facts = {"paper": recipe.paper, "experiment": recipe.experiment, "recipe": recipe.model_dump(mode="json")}
    with on_device(device if kind.gpu else "cpu") as place, Job(record, *code(recipe), **facts) as job:
        starts = starting.read(recipe, weights, job.inputs)
        trainer = importlib.import_module(kind.trainer)
        rows = job.inputs.table(places.index(recipe.index)).to_pylist()
        if kind.every_video:
            listed = subjects.with_videos(job.inputs.table(places.videos(recipe.index)).to_pylist())
        else:
            listed = subjects.with_clips(rows)
        arrays = [places.arrays(folder, listed) for folder in recipe.reads]
        folds: Folds = trainer.Folds(recipe, Material(job.inputs, rows, listed, arrays))
        folds.starts = starts
        if ALL in names:
            folds.add_all()
        for name in names:
            choose("fold", name, folds.testing)
        for line in folds.left_out:
            print(f"left out: {line}")
        # Which folds share a job, where results go and how often it saves change nothing in a fold.
        files = {path.as_posix() for path in weights.values()}  # wherever they lie
        read = {
            os.path.relpath(path, results): digest.sha256
            for path, digest in job.inputs.digests.items()
            if path not in files
        }
        read |= {f"weights.{part}": file.sha256 for part, file in starts.items()}
        evidence = (recipe.model_dump(mode="json"), threads, place.device.type, job.code_digest, read)
        folder = places.checkpoints(recipe.paper, recipe.experiment)
        checkpoints = Checkpoints(folder, canonical_digest(evidence).sha256, checkpoint_seconds)

        def folder_of(name: str) -> Path:
            if name == ALL:
                return places.model(recipe.paper, recipe.experiment)
            return places.fold(recipe.paper, recipe.experiment, name)

        def train_fold(name: str, outputs: Outputs, after_epoch: Callable[[], None]) -> dict[str, Any]:
            description = folds.train(name, place.device, folder_of(name), outputs, checkpoints, after_epoch)
            assert_disjoint(description["training_subjects"], folds.testing[name])
            description["test_subjects"] = sorted(folds.testing[name])
            print(f"{name}: {_summary(description)}")
            return description

        with progress(f"train {label}", len(names) * folds.epochs) as advance:
            described = train_folds(job, place, names, train_fold, folder_of, advance)
        facts = {"seed": getattr(recipe, "seed", None), "threads": threads, "device": place.name}
        facts |= {"weights": starting.stated(starts)} if starts else {}
        job.state(**{**facts, **folds.facts}, folds=described, left_out=folds.left_out)
        job.finish()
        checkpoints.remove([saved for name in names for saved in folds.saved_as(name)])


def code(recipe: Recipe) -> list[str]:
    """The modules and entries that a training's code digest is of, beside what they import."""
    return [_COMMAND, KINDS[recipe.kind].trainer, *recipe.picks()]


def _summary(description: Mapping[str, Any]) -> str:
    """What is said of a fold when it is done."""
    tested = f"{len(description['training_subjects'])} subjects"
    if description["test_subjects"]:
        tested = next(f"{description[name]} {name.replace('_', ' ')}" for name in _TESTED if name in description)
    if "final_loss" not in description:
        return tested
    loss = description["final_loss"]
    return f"{'fitted' if loss is None else f'loss {loss:.4f}'}, {tested}"


_TESTED = ("test_clips", "test_videos")
