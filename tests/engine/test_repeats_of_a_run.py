"""A run whose experiments are trained again from another seed: only the new ones are trained, and audits know them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

import mini
from auditing import CELL, command, failures
from mexflow.audit import leakage
from mexflow.audit.graph import load


@pytest.fixture(scope="module")
def twice(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a finished run, run again with two repeats; what Snakemake was about to run is in ``waiting.txt``."""
    folder = tmp_path_factory.mktemp("twice") / "run"
    shutil.copytree(finished, folder, symlinks=True)
    mini.replace_in_config(folder, "checkpoint_seconds: 0", "checkpoint_seconds: 0, repeats: 2")
    waiting = mini.snakemake(folder, "--dry-run", "--cores", "2")
    assert waiting.returncode == 0, waiting.stderr
    (folder / "waiting.txt").write_text(waiting.stdout + waiting.stderr)
    mini.run(folder, cores=2)
    return folder


def test_going_from_one_seed_to_two_trains_only_the_second(finished: Path, twice: Path) -> None:
    text = (twice / "waiting.txt").read_text()
    rules = set(re.findall(r"^(?:local)?rule (\w+):", text, re.MULTILINE)) - {"all", "mini"}
    trained = {rule for rule in rules if rule.startswith("train_")}
    assert trained and rules == {*trained, "tables_mini", "figures_mini", "page"}
    written = set(re.findall(r"results/folds/mini/([^/]+)/", "".join(re.findall(r"^    output: .*$", text, re.M))))
    assert written == {"cnn-repeat-2", "cnn-null-repeat-2", "resnet-repeat-2"}
    # Whatever was there has the same bytes, and none of its records was written again.
    for place in ("folds", "records/train"):
        before, after = (mini.contents(folder, place) for folder in (finished, twice))
        assert before.items() <= after.items()
        assert {name.split("/")[-3 if place == "folds" else -2] for name in after.keys() - before.keys()} == written
    for first in ("cnn", "cnn-null", "resnet"):
        folds = {path.name for path in (twice / "results/folds/mini" / first).iterdir()}
        assert folds == {path.name for path in (twice / f"results/folds/mini/{first}-repeat-2").iterdir()}


def test_the_second_seed_is_another_training_of_the_same(twice: Path) -> None:
    records = twice / "results" / "records" / "train" / "mini"
    first, second = (json.loads((records / name / "0.json").read_text()) for name in ("cnn", "cnn-repeat-2"))
    assert second["recipe"] == {**first["recipe"], "experiment": "cnn-repeat-2"}
    assert second["code"] == first["code"]
    for fold, facts in first["folds"].items():
        again = second["folds"][fold]
        assert again["seed"] != facts["seed"] and again["training_subjects"] == facts["training_subjects"]
    models = [(twice / f"results/folds/mini/{name}/{fold}/model.pt").read_bytes() for name in ("cnn", "cnn-repeat-2")]
    assert models[0] != models[1]


def test_the_table_has_the_mean_of_both(finished: Path, twice: Path) -> None:
    tables = [pd.read_parquet(folder / "results/tables/mini.parquet").set_index("cell") for folder in (finished, twice)]
    assert "seeds" not in tables[0] and tables[1].loc[CELL, "seeds"] == 2
    shares = []
    for name in ("cnn", "cnn-repeat-2"):
        files = (twice / "results/folds/mini" / name).rglob("predictions.parquet")
        rows = pd.concat([pd.read_parquet(path) for path in files])
        shares.append(100 * (rows["label"] == rows["predicted"]).mean())
    assert shares[0] == pytest.approx(tables[0].loc[CELL, "measured"])
    assert tables[1].loc[CELL, "measured"] == pytest.approx(sum(shares) / 2)
    assert tables[1].loc[CELL, "seed_sd"] == pytest.approx(abs(shares[0] - shares[1]) / 2**0.5)
    assert "| over 2 seeds |" in (twice / "results/tables/mini.md").read_text()


def test_audits_know_the_repeats(twice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(twice)
    said = command(twice, "trace", CELL)
    assert said.returncode == 0, said.stderr
    assert "  measured of: cnn, cnn-repeat-2\n" in said.stdout and ", 2 seeds, ± " in said.stdout
    assert re.search(r"^    repeat 2: \S+ casme2/", said.stdout, re.MULTILINE)
    folds = re.findall(r"^results/folds/mini/(\S+)/predictions\.parquet", said.stdout, re.MULTILINE)
    assert {fold.split("/")[0] for fold in folds} == {"cnn", "cnn-repeat-2"} and len(folds) == 8
    graph = load()
    proved = list(leakage.proofs(graph))
    assert not any(proof.wrong for proof in proved) and not leakage.untested(graph)
    assert {proof.experiment for proof in proved} >= {"cnn-repeat-2", "cnn-null-repeat-2"}
    assert not failures(graph)
    model = next(Path().glob("results/folds/mini/resnet-repeat-2/*/model.pt"))
    again = command(twice, "reproduce", model.as_posix())
    assert (again.returncode, again.stdout) == (0, f"{model}: the same bytes\n"), again.stderr
    status = command(twice, "status")
    assert status.returncode == 0 and "mini" in status.stdout


def test_a_run_that_lacks_a_fold_of_a_repeat_says_how_many_there_are(twice: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(twice, folder, symlinks=True)
    lost = sorted((folder / "results/folds/mini/cnn-repeat-2").iterdir())[-1]
    shutil.rmtree(lost)
    for made in (folder / "results/tables").glob("mini.*"):  # or Snakemake asks for nothing that the fold is needed for
        made.unlink()
    # What trains it dies at once.
    file = folder / "workflow" / "mexflow" / "training" / "recognition" / "fold.py"
    place = "    parts, seed = split(samples, recipe, fold, testing), recipe.seed_of(fold)\n"
    dies = f"    if recipe.experiment == 'cnn-repeat-2' and fold == {lost.name!r}:\n        os._exit(9)\n"
    text = file.read_text()
    assert place in text
    file.write_text(text.replace(place, dies + place).replace("import io\n", "import io\nimport os\n"))
    result = mini.snakemake(folder, "--cores", "2", "--keep-going", "--rerun-triggers", "mtime", "--retries", "0")
    assert result.returncode != 0
    cells = pd.read_parquet(folder / "results/tables/mini.parquet").set_index("cell")
    assert cells.loc[CELL, "note"].startswith("INCOMPLETE ") and cells.loc[CELL, "note"].split(";")[0].endswith("/8")
    assert "seed 2: no fold " in cells.loc[CELL, "note"] and lost.name in cells.loc[CELL, "note"]
    assert cells.loc["mini/A/ResNet/accuracy/accuracy", "seeds"] == 2
