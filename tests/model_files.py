"""Networks for use of a few made-up subjects, for tests: trained on all of them, with record, tables and card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import flow_files
import sequence_files
import video_files
from mexflow.analysis import card
from mexflow.analysis.card import Card
from mexflow.papers import paper as papers
from mexflow.papers.paper import Paper
from mexflow.papers.reporting_recipe import CardRecipe
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.store.paths import Results
from mexflow.tables.cells import Cell, to_table

ALL = "all"
_COMMON = """
paper: made
title: Made up
citation: Nobody, nowhere.
protocol: leave_one_subject_out
training: {batch_size: 8, optimizer: rmsprop, learning_rate: 0.001}
budgets: {paper: {epochs: 9}, demo: {epochs: 3}}
figures: {}
"""
PAPERS = {
    "flow": """
data: {both: {index: both, label: label, classes: [happiness, surprise, anger]}}
preprocessing:
  flow: {made: {method: horn_schunck, size: 64, options: {alpha: 2.0}, pairs: [onset-apex, onset-apex+1]}}
train_pairs: [onset-apex, onset-apex+1]
test_pairs: [onset-apex]
experiments:
  up: {kind: flow, model: shallow_cnn, options: {layers: 1}, channels: [Vy], keep_features: true}
  down: {kind: flow, model: shallow_cnn, options: {layers: 1}, channels: [Vy]}
tables:
  T:
    title: Accuracy
    row_header: network
    columns: [accuracy]
    rows:
      - {name: Up, experiments: [up]}
      - {name: Down, experiments: [down]}
      - {name: Quoted, published: [99.0]}
  S:
    title: Similarity
    row_header: class
    columns: [happiness]
    rows:
      - {name: happiness, metric: cosine_similarity, experiments: [up]}
""",
    "videos": """
data: {long: {index: samm_lv, label: type, classes: [micro, macro]}}
spotting:
  long:
    train_skips: [[3, 6], [15, 30]]
    test_skips: {manual: [4, 24], k-th: [5, 15]}
    k: k-th
    stream_weights: [0.1, 0.9]
    positive: 0.75
    samples: 24
intervals: {order: 3, least: 4}
experiments:
  up: {kind: videos, model: elface}
tables:
  T:
    title: Intervals
    row_header: skips
    columns: [F1]
    rows:
      - {name: by k, variant: k-th, metric: interval_f1, experiments: [up]}
      - {name: by hand, variant: manual, metric: interval_f1, experiments: [up]}
""",
    "sequences": """
data: {clips: {index: casme2, label: casme2_5class, classes: [happiness, surprise]}}
preprocessing: {motion: {made: {method: farneback}}}
sequences: {samples: 2, length: 3, stage1_epochs: 1, stage1_samples: 2, stage1_batch_size: 2}
experiments:
  up: {kind: sequences, model: time_contrast}
tables:
  T:
    title: Accuracy
    row_header: network
    columns: [accuracy]
    rows:
      - {name: Up, experiments: [up]}
""",
}
"""A paper of each kind of input; its experiment ``up`` is the one that is trained."""

FILES: dict[str, Any] = {"flow": flow_files, "videos": video_files, "sequences": sequence_files}
MEASURED = {"flow": ("Up", "accuracy"), "videos": ("by k", "interval_f1"), "sequences": ("Up", "accuracy")}
"""The row and metric of the cell that its table holds."""

PREPROCESS: dict[str, Any] = {
    "flow": {"flow": {"method": "horn_schunck", "size": 64, "options": {"alpha": 2.0}, "pairs": ["onset-apex"]}},
    "videos": {"lcn": {"sigma": 2.0}},
    "sequences": {"motion": {"method": "farneback"}},
}


def trained(folder: Path, kind: str, **changes: Any) -> Path:
    """The folder of the results of a training on all subjects, in this process; `changes` of its recipe or options."""
    results = folder / "results"
    FILES[kind].write(folder / "made").train(results, [ALL], record=record_in(results), **changes)
    return results


def record_in(results: Path) -> Path:
    """The record of that training."""
    return results / "records" / "train" / "made" / "up" / f"{ALL}.json"


def paper(kind: str) -> Paper:
    """The paper of a kind of input."""
    return papers.parse((_COMMON + PAPERS[kind]).encode(), Path("made.yaml"))


def recipe(kind: str, **changes: Any) -> CardRecipe:
    """What the card depends on."""
    values = {
        "budget": "demo", "data": "embedded", "release": "made up",
        "preprocess": {"faces": {"smoothing": 15.0, "max_missed": 0.2}, **PREPROCESS[kind]},
    }  # fmt: skip
    return CardRecipe.model_validate({**values, **changes})


def with_card(results: Path, kind: str, **changes: Any) -> Card:
    """Write the tables of a training's paper, and its card; `changes` of what it depends on."""
    row, metric = MEASURED[kind]
    column = paper(kind).tables["T"].names[0]
    cells = [
        Cell("made", "T", row, column, metric, measured=70.0, interval=(60.0, 80.0), n=12, notes=("epochs 3 of 9",)),
        Cell("made", "T", "Down" if kind == "flow" else "by hand", column, metric, measured=1.0),
        Cell("made", "S", "happiness", "happiness", "cosine_similarity", measured=0.5),
    ]
    table = results / "tables" / "made.parquet"
    table.parent.mkdir(exist_ok=True)
    pq.write_table(to_table(cells, "embedded", "demo"), table)
    made = card.make(paper(kind), "up", recipe(kind, **changes), results, record_in(results), Inputs())
    with Outputs() as outputs:
        outputs.json(folder_in(results) / card.CARD, made.model_dump(mode="json"))
        outputs.commit()
    return made


def folder_in(results: Path) -> Path:
    """The folder of the network."""
    return Results(results).model("made", "up")
