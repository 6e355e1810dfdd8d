"""The target ``models`` as its user runs it in a finished run: a network for use, its card, and what audits say."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import mini
from auditing import command
from faults import part_of

FOLDER = "results/models/mini/cnn"
RECORDS = ("results/records/train/mini/cnn/all.json", "results/records/card/mini/cnn/all.json")


def ask(folder: Path) -> str:
    """What Snakemake says of the target."""
    result = mini.snakemake(folder, "--cores", "1", "models")
    said = result.stdout + result.stderr
    assert result.returncode == 0, said[-3000:]
    return said


@pytest.fixture(scope="module")
def with_models(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, after the target was asked of it."""
    folder = part_of(finished, tmp_path_factory.mktemp("models"), taken=("none",))
    said = ask(folder)
    assert "rule train_mini_all_0:" in said and "rule card_mini:" in said
    assert "rule train_mini_0" not in said and "rule tables_mini" not in said, "of the run nothing is made again"
    return folder


def test_a_network_and_its_card_are_made_once(with_models: Path) -> None:
    assert {path.name for path in (with_models / FOLDER).iterdir() if not path.name.startswith(".")} == {
        "model.pt", "card.json", "history.parquet",
    }  # fmt: skip
    for path in (*RECORDS, "results/logs/card/mini/cnn.log", "results/benchmarks/train/mini/cnn/all.tsv"):
        assert (with_models / path).is_file()
    assert "Nothing to be done" in ask(with_models)


def test_the_card_holds_the_held_out_score(with_models: Path) -> None:
    card = json.loads((with_models / FOLDER / "card.json").read_text())
    rows = {row["cell"]: row for row in pq.read_table(with_models / "results/tables/mini.parquet").to_pylist()}
    assert [cell["cell"] for cell in card["held_out"]] == ["mini/A/CNN/accuracy/accuracy"]
    (cell,) = card["held_out"]
    assert cell == {name: rows[cell["cell"]][name] for name in cell} and cell["measured"] is not None
    assert card["subjects"] == ["casme2/04", "casme2/05", "samm/028", "samm/032"]
    assert card["fps"] == [200.0] and card["preprocess"]["flow"]["options"] == {"alpha": 1.0, "iterations": 10}


def test_audits_know_it_for_what_it_is(with_models: Path) -> None:
    said = command(with_models, "leakage")
    assert said.returncode == 0, said.stdout
    assert f"{FOLDER}/model.pt: for use, trained on all subjects; it scores none of them" in said.stdout
    assert "all: trained" not in said.stdout and "tested on :" not in said.stdout
    said = command(with_models, "verify", "--all")
    assert said.returncode == 0 and " 0 failed" in said.stdout, said.stdout + said.stderr
    for path in ("model.pt", "card.json"):
        said = command(with_models, "trace", f"{FOLDER}/{path}")
        assert said.returncode == 0, said.stderr
        assert "training subjects: casme2/04, casme2/05, samm/028, samm/032" in said.stdout
    record = json.loads((with_models / RECORDS[1]).read_text())
    assert not any("records/" in path for path in record["inputs"]), "the run root knows no times"
    assert list(record["observed"]["records"]) == [RECORDS[0]]
    run = json.loads((with_models / "results/run.json").read_text())
    assert {"train/mini/cnn/all", "card/mini/cnn/all"} <= set(run["leaves"])


def test_it_is_made_again_to_the_same_bytes(with_models: Path) -> None:
    for name in ("model.pt", "card.json"):
        said = command(with_models, "reproduce", f"{FOLDER}/{name}")
        assert said.returncode == 0, said.stdout + said.stderr


def test_a_changed_network_is_found_and_mended(with_models: Path) -> None:
    path = with_models / FOLDER / "model.pt"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    said = command(with_models, "verify", f"{FOLDER}/model.pt")
    assert said.returncode != 0 and "model.pt" in said.stdout + said.stderr
    (with_models / FOLDER / "card.json").unlink()
    ask(with_models)
    assert path.read_bytes() == whole, "the card's job finds it changed and has it made again"


def test_it_is_handed_on_as_one_file(with_models: Path, tmp_path: Path) -> None:
    said = command(with_models, "export", FOLDER, "--output", tmp_path / "cnn.mexflow")
    assert said.returncode == 0 and "mini/cnn, data embedded, budget demo" in said.stdout, said.stderr
