"""Weights that others trained: the files of a job, and what its folds say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mexflow.errors import UserError, nearest
from mexflow.models.backbones import weights
from mexflow.models.backbones.weights import File
from mexflow.papers.recipe import Recipe
from mexflow.store.artifacts import Inputs

Starts = Mapping[str, File]
"""What parts of a network start from; empty where all of it is trained from scratch."""


def read(recipe: Recipe, files: Mapping[str, Path], inputs: Inputs) -> dict[str, File]:
    """The files of weights that a recipe names, each read and hashed once.

    Args:
        recipe: of the experiment.
        files: where weights lie, by their names.
        inputs: reads them, so that the job's record states their digests.

    Raises:
        UserError: for a file that is wanted and not given, given and not wanted, or no file of weights.
    """
    wanted: Mapping[str, str] = getattr(recipe, "weights", None) or {}
    for name in files:
        if name not in wanted.values():
            raise UserError(f"--weights {name}: the recipe does not start from it{nearest(name, wanted.values())}")
    for name in wanted.values():
        if name not in files:
            raise UserError(f"the recipe starts from the weights {name}; give --weights {name}=FILE")
    whole = {name: read_file(name, path, inputs) for name, path in files.items()}
    return {part: whole[name] for part, name in wanted.items()}


def read_file(name: str, path: Path, inputs: Inputs) -> File:
    """A file of the weights of that name, read and hashed once.

    Raises:
        UserError: if it is no file of weights.
    """
    state = weights.read(inputs.bytes(path), path)
    return File(name, path, inputs.digests[path.as_posix()].sha256, state)


def stated(starts: Starts) -> dict[str, dict[str, str]]:
    """What folds and records say of them, by part: `weights`, the `file`'s name, its `sha256`."""
    return {
        part: {"weights": file.weights, "file": file.path.name, "sha256": file.sha256} for part, file in starts.items()
    }
