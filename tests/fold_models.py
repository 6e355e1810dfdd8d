"""Networks of the folds of a finished run as networks for use, so that one meets a person whom it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from mexflow.analysis.model import Model
from mexflow.datasets.half_length import half_length
from mexflow.evaluation.frame_skips import TYPES
from mexflow.models import build
from mexflow.papers.recipe import VideosRecipe

PAPER = "elface2021"


def record(results: Path, experiment: str, fold: str) -> dict[str, Any]:
    """The record of the training of a fold."""
    for path in sorted((results / "records" / "train" / PAPER / experiment).glob("*.json")):
        read = json.loads(path.read_text())
        if fold in read["folds"]:
            return read
    raise AssertionError(f"no record of {experiment} {fold}")


def spotter(results: Path, experiment: str, fold: str) -> Model:
    """The network of a fold with its own thresholds, as the card of a network for use would have them."""
    made = record(results, experiment, fold)
    skips = {name: made[name] for name in ("train_skips", "test_skips")}
    recipe = VideosRecipe.model_validate({**made["recipe"], **skips})
    folder = results / "folds" / PAPER / experiment / fold
    network = build(recipe.model, recipe.options, 1, len(TYPES), {})
    network.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    rows = pq.read_table(results / "index" / f"{recipe.index}.parquet").to_pylist()
    chosen = [row for row in pq.read_table(folder / "thresholds.parquet").to_pylist() if row["variant"] == recipe.k]
    card = {
        "paper": PAPER,
        "experiment": experiment,
        "kind": recipe.kind,
        "synthetic": True,
        "data": "embedded",
        "recipe": recipe.model_dump(mode="json"),
        "classes": None,
        "types": list(TYPES),
        "fps": sorted({row["fps"] for row in rows}),
        "preprocess": {"faces": {"smoothing": 15.0, "max_missed": 0.2}, "lcn": {"sigma": recipe.sigma}},
        "spotting": {
            "order": 2,
            "least": 2,
            "k": {kind: half_length(rows, kind).k for kind in TYPES},
            "variant": recipe.k,
            "skips": list(recipe.test_skips[recipe.k]),
            "thresholds": {row["type"]: row["threshold"] for row in chosen},
        },
    }
    return Model(card, network.eval(), recipe)


def videos(results: Path, model: Model, fold: str) -> list[dict[str, Any]]:
    """The videos of the subject that the fold tests, with `folder` and what was `spotted`: (type, first, last) each."""
    dataset, experiment = model.recipe.index, model.card["experiment"]
    rows = pq.read_table(results / "folds" / PAPER / experiment / fold / "intervals.parquet").to_pylist()
    listed = pq.read_table(results / "index" / f"{dataset}.videos.parquet").to_pylist()
    return [
        {
            **video,
            "folder": results / "embedded" / dataset / video["path"],
            **{
                name: sorted(
                    (row["type"], row["first"], row["last"])
                    for row in rows
                    if (row["video"], row["variant"], row["source"]) == (video["video"], model.recipe.k, source)
                )
                for name, source in (("spotted", "predicted"), ("truth", "truth"))
            },
        }
        for video in listed
        if video["subject"] == fold
    ]
