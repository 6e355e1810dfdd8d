"""The target ``learning`` as its user runs it: in a finished run, and beside one, in a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import mini
from faults import part_of
from mexflow.audit import trace
from mexflow.audit.graph import load
from project import run, squeezed

CELL = "mini/learning/cnn/experiment/accuracy"


@pytest.fixture(scope="module")
def learned(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, after the target was asked of it."""
    folder = part_of(finished, tmp_path_factory.mktemp("learned"), taken=("none",))
    result = mini.snakemake(folder, "--cores", "1", "learning")
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    said = result.stdout + result.stderr
    assert "rule learned:" in said and "rule train" not in said and "rule tables_mini" not in said
    return folder


def test_it_is_a_table_like_the_others(learned: Path) -> None:
    rows = {row["cell"]: row for row in pq.read_table(learned / "results/tables/learning.parquet").to_pylist()}
    page = squeezed((learned / "results/tables/learning.md").read_text())
    assert rows[CELL]["budget"] == "demo" and "epochs 3 of 150" in rows[CELL]["note"]
    assert "| cnn | megc2018 |" in page and "verdict" in page
    own = {row["cell"]: row for row in pq.read_table(learned / "results/tables/mini.parquet").to_pylist()}
    same = ("measured", "ci_low", "ci_high", "n")
    control = own[CELL.replace("/learning/", "/controls/")]
    assert [rows[CELL][name] for name in same] == [control[name] for name in same]
    for name in ("logs/learning.log", "benchmarks/learning.tsv", "records/learning.json"):
        assert (learned / "results" / name).is_file()


def test_a_cell_is_traced_and_verified(learned: Path, monkeypatch) -> None:
    monkeypatch.chdir(learned)
    cell = trace.find_cell(load(), CELL)
    assert cell.experiments == ["cnn"]
    assert [decision["setting"] for decision in cell.decisions] == ["training.normalise"]
    inputs = trace.rests_on(load(), cell)
    assert {path.split("/")[3] for path in inputs if "/folds/" in path} == {"cnn"}
    assert {"results/index/megc2018.parquet", "workflow/papers/mini.yaml"} <= set(inputs)
    said = command(learned, "verify", CELL, "--recompute-cell")
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_campaign_has_a_folder_of_its_own(learned: Path, tmp_path: Path) -> None:
    """The settings and seeds are those of the project, and nothing of its results is touched."""
    budget = ("--directory", str(tmp_path / "campaign"), "--config", "budget=learning")
    result = mini.snakemake(learned, "--cores", "1", *budget, "--dry-run", "--printshellcmds", "learning")
    said = result.stdout + result.stderr
    assert result.returncode == 0, said[-3000:]
    assert "--size tiny --seed 3" in said and '"budget":"learning"' in said and '"epochs":5' in said
    assert "mexflow sheet" not in said and "reduced_resnet" not in said
    assert f"--papers {learned}/workflow/papers" in said
    # In the run itself, another budget is another training in the same place.
    here = mini.snakemake(learned, "--cores", "1", "--config", "budget=learning", "--dry-run", "learning")
    assert here.returncode == 0 and "train_mini" in here.stdout + here.stderr
    assert "embed_" not in here.stdout + here.stderr, "data and preprocessing are those of any budget"


def test_a_run_of_another_folder_makes_a_crate(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to(finished / "results")
    made = run("python", "-m", "mexflow", "crate", "--output", tmp_path / "crate", cwd=tmp_path,
               package=finished / "workflow")  # fmt: skip
    assert made.returncode == 0, made.stderr
    entities = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_text())["@graph"]
    assert {"Snakefile", "config.yaml", "envs/requirements.lock"} <= {entity["@id"] for entity in entities}
    assert (tmp_path / "crate" / "Snakefile").read_bytes() == (finished / "Snakefile").read_bytes()


def command(folder: Path, *arguments: str):
    return run("python", "-m", "mexflow", *arguments, cwd=folder, package=folder / "workflow")
