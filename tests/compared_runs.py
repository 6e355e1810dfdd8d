"""Small runs made up for comparing: records and tables of a subject's faces, two experiments, and their table."""

from __future__ import annotations

import csv
import json
import shlex
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from mexflow.store.records import FORMAT
from mexflow.tables.cells import SCHEMA

PAPER = "workflow/papers/p.yaml"
PAPER_TEXT = "paper: p\ntraining: {batch_size: 8}\nexperiments:\n  one: {depth: 1}\n  two: {depth: 2}\n"
CELLS = {"p/T1/one/all/accuracy": ["one"], "p/T1/two/all/accuracy": ["two"]}


@dataclass
class MadeUp:
    """What is said of a run's jobs; a test changes it, and then writes it.

    Attributes:
        records: what each job's record says besides what all say, by the job's name.
        written: the bytes of each artifact, as a text, by its path.
        rows: the columns of each cell that are not as a table has them.
    """

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write it; the folder of its results."""
        (folder / PAPER).parent.mkdir(parents=True, exist_ok=True)
        (folder / PAPER).write_text(self.written[PAPER])
        file = folder / "results/tables/p.csv"
        file.parent.mkdir(parents=True)
        with file.open("w") as stream:
            writer = csv.DictWriter(stream, SCHEMA.names)
            writer.writeheader()
            for cell, row in self.rows.items():
                writer.writerow({"cell": cell, **row})
        self.written["results/tables/p.csv"] = file.read_text()
        for job, record in self.records.items():
            path = folder / "results/records" / f"{job}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            described = {name: {one: self._described(one) for one in record[name]} for name in ("inputs", "outputs")}
            path.write_text(json.dumps({**record, **described}))
        return folder / "results"

    def _described(self, path: str) -> dict[str, Any]:
        data = self.written[path].encode()
        return {"sha256": sha256(data).hexdigest(), "size": len(data)}


def record(job: str, inputs: list[str], outputs: list[str], **facts: Any) -> dict[str, Any]:
    """What the record of a job says."""
    stage = job.partition("/")[0]
    modules = {"mexflow.cli.options": "0" * 64, f"mexflow.{stage}.work": "1" * 64}
    command = ["python", "-m", "mexflow", stage, "--results", "results", "--record", f"results/records/{job}.json"]
    return {
        "format": FORMAT, "job": job, "rule": stage, "command": shlex.join(command), "inputs": inputs,
        "outputs": outputs, "lock_digest": "2" * 64, "versions": {"python": "3.11.7", "numpy": "2.4.6"}, "threads": 1,
        "code": {"digest": "3" * 64, "chosen": [], "modules": modules, "git_commit": "4" * 40, "git_dirty": False},
        "observed": {"started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:00:07+00:00", "host": "here",
                     "machine": "x86_64", "attempt": 1},
        **facts,
    }  # fmt: skip


def made_up() -> MadeUp:
    """A run: licensed frames, faces, a fold of each of two experiments, a table of both."""
    faces, tables = ["results/faces/d/s.npy", "results/faces/d/s.parquet"], ["results/tables/p.csv"]
    folds = {name: f"results/folds/p/{name}/s/predictions.parquet" for name in ("one", "two")}
    index = "results/index/d.parquet"
    raw = {"root": "/data/d", "files": 7, "bytes": 70, "sha256": "5" * 64}
    records = {
        "index/d": record("index/d", ["/data/d/coding.xlsx"], [index]),
        "faces/d/s": record("faces/d/s", [index], faces, raw=raw, dataset="d", subject="s", device="cpu"),
        **{
            f"train/p/{name}/0": record(
                f"train/p/{name}/0", [index, *faces], [path], paper="p", experiment=name, seed=1, device="cpu",
                recipe={"epochs": 3, "seed": 1, "options": {"depth": number}}, folds={"s": {"seed": 6}},
            )
            for number, (name, path) in enumerate(folds.items(), start=1)
        },
        "tables/p": record(
            "tables/p", [PAPER, index, *folds.values()], tables, cells=CELLS, seed=1,
            recipe={"budget": "demo", "folds": [{"experiments": ["one", "two"], "folds": ["s"]}]},
        ),
    }  # fmt: skip
    paths = [path for one in records.values() for path in (*one["inputs"], *one["outputs"])]
    rows = {
        cell: {"table": "T1", "row": cell.split("/")[2], "column": "all", "metric": "accuracy", "published": 50.0,
               "measured": 60.0, "ci_low": 40.0, "ci_high": 80.0, "n": 7, "data": "d", "budget": "demo",
               "reading": "decided", "note": "epochs 3 of 150"}
        for cell in CELLS
    }  # fmt: skip
    return MadeUp(records, {**{path: path for path in paths}, PAPER: PAPER_TEXT}, rows)
