"""How tests call ``mexflow train``: a folder of results with what it reads, and a recipe with some keys changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mexflow.papers.recipe import Recipe, read


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
OPTIONS = ("threads", "device", "checkpoint_seconds", "record")


def parsed(recipe: Mapping[str, Any], **changes: Any) -> Recipe:
    """The recipe with these changes."""
    return read(json.dumps(changed(recipe, changes)))


def arguments(recipe: Mapping[str, Any], results: Path, folds: Sequence[str], **changes: Any) -> list[str]:
    """The command line of training these folds; `changes` are those of the recipe, or options of the command."""
    options = {"device": "cpu", **{name: changes.pop(name) for name in OPTIONS if name in changes}}
    line = [word for fold in folds for word in ("--fold", fold)]
    for name, value in options.items():
        line += [f"--{name.replace('_', '-')}", str(value)]
    return [*line, "--results", str(results), "--recipe", json.dumps(changed(recipe, changes))]
