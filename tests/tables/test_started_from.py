"""Tables and verdicts say what networks started from, taken from the folds themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from measured_files import CLASSES, PAPER_PATH, recipe, write_fold, write_index
from mexflow.cli import tables
from mexflow.evaluation.starts import with_starts
from mexflow.store.artifacts import Inputs, Outputs
from project import from_yaml, to_yaml

SUBJECTS = [f"casme2/{number:02}" for number in range(6)]
SHA256 = "0123456789abcdef" * 4
FILE = {"features": {"weights": "resnet18", "file": "resnet18_x.pth", "sha256": SHA256}}
NAMED = "resnet18_x.pth (sha256 0123456789ab)"


def page(root: Path, started: dict[str, dict]) -> tuple[str, dict[str, str]]:
    """The page of tables of two experiments that can start from weights and one that cannot, and the cells' notes."""
    values = from_yaml(PAPER_PATH.read_text())
    accuracy = {"row_header": "network", "columns": ["accuracy"]}
    rows = {name: [{"name": name, "experiments": [name]}] for name in ("resnet-1cl", "resnet-3cl", "vy-3cl")}
    values["tables"] = {
        "R": {"title": "ResNets", **accuracy, "rows": rows["resnet-1cl"] + rows["resnet-3cl"]},
        "V": {"title": "Shallow", **accuracy, "rows": rows["vy-3cl"]},
    }
    claim = {"claim": "3 layers help", "metric": "uf1", "descending": [["resnet-3cl", "resnet-1cl"]]}
    values |= {"figures": {"F3": values["figures"]["F3"]}, "claims": [claim], "timing": None}
    path = root / "belaiche2020.yaml"
    path.write_text(to_yaml({key: value for key, value in values.items() if value is not None}))
    folds = {}
    for name in rows:
        folds[name] = [write_fold(root, name, subject, CLASSES, CLASSES[::-1]) for subject in SUBJECTS]
        for fold in folds[name]:
            file = root / "folds" / "belaiche2020" / name / fold / "predictions.parquet"
            table = pq.read_table(file)
            schema = with_starts(table.schema.remove_metadata(), started.get(name, {}))
            pq.write_table(table.replace_schema_metadata(schema.metadata), file)
    write_index(root, [
        {"dataset": "casme2", "subject": subject, "clip": f"{subject[-2:]}_{number}", "megc2018": label}
        for subject in SUBJECTS for number, label in enumerate(CLASSES)
    ])  # fmt: skip
    made = recipe(folds, len(SUBJECTS), null_controls=False, missing={"none/none": "-"})
    with Outputs() as outputs:
        tables.run(path, root, made, root / "made", Inputs(), outputs)
        outputs.commit()
    notes = {row["cell"]: row["note"] for row in pq.read_table(root / "made.parquet").to_pylist()}
    return (root / "made.md").read_text(), notes


def section(text: str, head: str) -> str:
    return text.split(f"## {head}")[1].split("\n## ")[0]


@pytest.mark.parametrize(("started", "words"), [({}, "from scratch"), (FILE, NAMED)])
def test_tables_and_verdicts_say_what_networks_started_from(tmp_path, started, words):
    text, notes = page(tmp_path, {"resnet-1cl": started, "resnet-3cl": started})
    head, first = text.split("## R.")[0], section(text, "R.")
    assert f"budget: demo · reading: decided · weights: {words}" in head
    for part in (first, section(text, "The paper's claims")):
        assert part.count(f"weights: {words}") == 1 and "budget: demo" not in part
    assert f"does not hold, not beyond chance, {words}†" in text
    assert "weights:" not in section(text, "V."), "nothing is said of what cannot start from a file"
    assert (
        notes["belaiche2020/R/resnet-1cl/accuracy/accuracy"]
        == f"no interval: no spread over subjects; weights: {words}; epochs 4 of 150; at most 40 samples an epoch"
    )
    assert "weights:" not in notes["belaiche2020/V/vy-3cl/accuracy/accuracy"]


def test_what_differs_is_said_of_each(tmp_path):
    text, _ = page(tmp_path, {"resnet-3cl": FILE})
    first = section(text, "R.")
    one, other = (re.search(rf"\| {name} .*?\d†(.*?) \|", first)[1] for name in ("resnet-1cl", "resnet-3cl"))
    assert (one, other) == ("¹", "²")
    assert "\n1. weights: from scratch" in first and f"\n2. weights: {NAMED}" in first
    assert f"weights: from scratch and {NAMED}\n" in text.split("## R.")[0]
