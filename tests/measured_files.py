"""Files of measured results for tests: predictions, features, flow and faces of a few made-up subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mexflow.papers.reporting_recipe import ReportingRecipe
from mexflow.preprocess.table_schemas import FACES

PAPER_PATH = Path(__file__).parents[1] / "workflow" / "papers" / "belaiche2020.yaml"
CLASSES = ("happiness", "surprise", "anger", "disgust", "sadness")

PREDICTIONS = pa.schema(
    [
        *((name, pa.string()) for name in ("paper", "experiment", "fold", "dataset", "subject", "clip", "label")),
        ("predicted", pa.string()),
        ("probabilities", pa.list_(pa.float32())),
    ]
)
INDEX = pa.schema(
    [
        *((name, pa.string()) for name in ("dataset", "subject", "video", "clip", "megc2018", "excluded")),
        *((name, pa.int64()) for name in ("onset", "apex", "offset")),
    ]
)
FLOW = pa.schema(
    [
        *((name, pa.string()) for name in ("dataset", "subject", "video", "clip", "pair")),
        *((name, pa.int64()) for name in ("first_frame", "second_frame")),
        ("excluded", pa.string()),
    ]
)


def recipe(folds: Mapping[str, Sequence[str]], total: int, **changes) -> ReportingRecipe:
    """The recipe of the tables of belaiche2020: its experiments' folds, of so many."""
    groups = [{"experiments": [name], "folds": list(names)} for name, names in folds.items()]
    values = {"budget": "demo", "data": "embedded", "seed": 1, "folds": groups, "total_folds": {"megc2018": total}}
    return ReportingRecipe.model_validate({**values, **changes})


def write_fold(
    root: Path,
    experiment: str,
    subject: str,
    labels: Sequence[str],
    predicted: Sequence[str],
    features: np.ndarray | None = None,
) -> str:
    """Write one fold's predictions (and features) under results/folds; returns the fold's name."""
    fold = subject.replace("/", "-")
    folder = root / "folds" / "belaiche2020" / experiment / fold
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "paper": "belaiche2020",
            "experiment": experiment,
            "fold": fold,
            "dataset": subject.partition("/")[0],
            "subject": subject,
            "clip": f"{subject.rpartition('/')[2]}_{number}",
            "label": label,
            "predicted": guess,
            "probabilities": [float(name == guess) for name in CLASSES],
        }
        for number, (label, guess) in enumerate(zip(labels, predicted, strict=True))
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=PREDICTIONS), folder / "predictions.parquet")
    if features is not None:
        np.save(folder / "features.npy", np.asarray(features, dtype=np.float32))
    return fold


def write_index(root: Path, clips: Sequence[Mapping[str, object]]) -> Path:
    """Write an index of clips given by dataset, subject, clip, megc2018 and perhaps excluded."""
    rows = [
        {"excluded": None, "onset": 1, "apex": 5, "offset": 9, "video": f"video_{clip['clip']}", **clip}
        for clip in clips
    ]
    path = root / "index" / "megc2018.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX), path)
    return path


def write_flow(root: Path, dataset: str, subject: str, rows: Sequence[Mapping], fields: np.ndarray) -> Path:
    """Write a subject's flow array and table; returns the table's path."""
    path = root / "flow" / "horn_schunck" / dataset / f"{subject}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = [
        {
            "dataset": dataset,
            "subject": subject,
            "video": f"video_{row['clip']}",
            "pair": "onset-apex",
            "first_frame": 1,
            "second_frame": 5,
            "excluded": None,
            **row,
        }
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(whole, schema=FLOW), path)
    np.save(path.with_suffix(".npy"), np.asarray(fields, dtype=np.float32))
    return path


def write_faces(root: Path, dataset: str, subject: str, clips: Sequence[str], faces: np.ndarray) -> None:
    """Write a subject's aligned faces, one a clip: frame 1 of its video."""
    path = root / "faces" / dataset / f"{subject}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    same = {**dict.fromkeys(FACES.names), "dataset": dataset, "subject": subject, "frame": 1, "state": "tracked"}
    rows = [{**same, "video": f"video_{clip}"} for clip in clips]
    pq.write_table(pa.Table.from_pylist(rows, schema=FACES), path)
    np.save(path.with_suffix(".npy"), faces)
