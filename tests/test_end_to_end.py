"""Whole runs of the workflow, raw frames to tables, on tiny embedded data."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import mini
from mexflow.datasets.columns import COMMON
from mexflow.store.artifacts import hash_tree

SAME = ("index", "faces", "lcn", "flow", "residual", "folds", "tables", "figures")
"""What must be the same bits in every run of one configuration."""


@pytest.fixture(scope="module")
def own(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run to be changed, times and Snakemake's notes with it."""
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("own") / "run", symlinks=True))


def planned(folder: Path) -> str:
    """What Snakemake says that it would do now."""
    result = mini.snakemake(folder, "--dry-run", "--cores", "2")
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def jobs(said: str) -> set[str]:
    """The rules of what is planned (the target rules left out)."""
    return set(re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE)) - {"all", "datasets", "mini"}


def test_everything_is_made_and_a_second_run_has_nothing_to_do(own: Path) -> None:
    for name in ("mini.parquet", "mini.csv", "mini.md", "mini.timing.md"):
        assert (own / "results" / "tables" / name).stat().st_size > 0
    for figure in ("F1", "F2", "F3"):
        for ending in (".png", ".svg"):
            assert (own / "results" / "figures" / "mini" / f"{figure}{ending}").stat().st_size > 0
    again = mini.snakemake(own, "--cores", "2")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr
    assert not list((own / "results").rglob(".*.partial"))


def test_the_indexes_are_what_the_renderer_planned(finished: Path) -> None:
    from mexflow import embedded

    for dataset in ("casme2", "samm"):
        rows = pq.read_table(finished / "results" / "index" / f"{dataset}.parquet").to_pylist()
        for row in rows:
            row["repairs"] = [repair.partition(":")[0] for repair in row["repairs"]]
            row["excluded"] = row["excluded"] and row["excluded"].partition(":")[0]
        expected = embedded.plan(dataset, "tiny", 3).expected_rows()
        # Every index has the label columns of the first datasets; what its own do not declare is null.
        expected = [{**dict.fromkeys(COMMON), **row} for row in expected]
        by_clip = lambda row: row["clip"]  # noqa: E731
        assert sorted(rows, key=by_clip) == sorted(expected, key=by_clip)


def test_faces_name_the_raw_files_they_were_made_from(finished: Path) -> None:
    for table in (finished / "results" / "faces").rglob("*.parquet"):
        faces = pq.read_table(table).to_pandas()
        assert len(faces) > 0
        for row in faces.itertuples():
            raw = finished / "results" / "embedded" / row.dataset / row.file
            assert hashlib.sha256(raw.read_bytes()).hexdigest() == row.sha256
            assert raw.stat().st_size == row.size


def test_every_record_names_the_hash_of_every_input_and_output(finished: Path) -> None:
    records = sorted((finished / "results" / "records").rglob("*.json"))
    assert {path.parts[path.parts.index("records") + 1] for path in records} == {
        "embed", "index", "faces", "lcn", "flow", "residual", "sheet", "lcnfigure.json", "quality.json", "train",
        "tables", "figures", "timing", "page.json",
    }  # fmt: skip
    made = set()
    for path in records:
        record = json.loads(path.read_text())
        assert record["outputs"]
        assert record["code"]["digest"]
        assert record["lock_digest"]
        for name, stated in {**record["inputs"], **record["outputs"]}.items():
            file = finished / name
            if file.is_dir():
                assert hash_tree(file).as_dict() == stated
            else:
                data = file.read_bytes()
                assert {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} == stated, name
        made |= set(record["outputs"])
    # Whatever stands in results was made by a job that says so.
    for file in (p for place in SAME for p in (finished / "results" / place).rglob("*") if p.is_file()):
        assert file.relative_to(finished).as_posix() in made


def test_no_record_of_a_fold_trained_on_its_test_subject(finished: Path) -> None:
    folds = 0
    for path in (finished / "results" / "records" / "train").rglob("*.json"):
        record = json.loads(path.read_text())
        for name, fold in record["folds"].items():
            predicted = pq.read_table(
                finished / "results" / "folds" / record["paper"] / record["experiment"] / name / "predictions.parquet"
            ).to_pandas()
            assert fold["training_subjects"]
            assert not set(fold["test_subjects"]) & set(fold["training_subjects"])
            assert set(predicted["subject"]) <= set(fold["test_subjects"])
            folds += 1
    assert folds == 4 + 4 + 2  # the network on all four subjects, its null control, and the other on two


def test_tables_say_what_they_are_made_of(finished: Path) -> None:
    table = pd.read_parquet(finished / "results" / "tables" / "mini.parquet")
    assert list(table.columns) == [
        "cell", "table", "row", "column", "metric", "published", "measured", "ci_low", "ci_high", "n", "data",
        "budget", "reading", "note",
    ]  # fmt: skip
    assert set(table["data"]) == {"embedded"}
    assert set(table["budget"]) == {"demo"} and set(table["reading"]) == {"decided"}
    assert table["cell"].is_unique
    cell = table.set_index("cell").loc["mini/A/CNN/accuracy/accuracy"]
    files = (finished / "results" / "folds" / "mini" / "cnn").rglob("predictions.parquet")
    predictions = pd.concat([pd.read_parquet(path) for path in files])
    assert cell["n"] == len(predictions) == 20
    right = 100 * (predictions["label"] == predictions["predicted"]).mean()
    assert cell["measured"] == pytest.approx(right)
    assert cell["ci_low"] <= right <= cell["ci_high"]
    assert "folds 2 of 4" in table.set_index("cell").loc["mini/A/ResNet/accuracy/accuracy", "note"]
    text = (finished / "results" / "tables" / "mini.md").read_text()
    assert "must not be compared with the published" in text


@pytest.mark.campaign
def test_all_is_the_same_bits_on_one_core(finished: Path, tmp_path: Path) -> None:
    other = mini.make(tmp_path)
    mini.run(other, cores=1)
    assert mini.contents(other, *SAME) == mini.contents(finished, *SAME)
    assert mini.root(other) == mini.root(finished)


def test_a_licensed_copy_is_read_where_it_lies(finished: Path, tmp_path: Path) -> None:
    """The rendered datasets, named as licensed copies: the same indexes, faces and flow, and tables that say so."""
    other = mini.make(tmp_path)
    roots = {name: {"root": str(finished / "results" / "embedded" / name)} for name in ("casme2", "samm")}
    (other / "own.yaml").write_text(json.dumps({"datasets": roots}))
    subjects = ("casme2/04", "samm/028")
    indexes = sorted({f"results/{name}" for name in mini.contents(finished, "index")})
    targets = [*indexes, *(f"results/flow/horn_schunck/{subject}.npy" for subject in subjects)]
    result = mini.snakemake(other, "--cores", "2", "--configfile", "own.yaml", "--", *targets)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert not (other / "results" / "embedded").exists()
    made = mini.contents(other, "index", "faces", "flow")
    known = mini.contents(finished, "index", "faces", "flow/horn_schunck")
    parts = ("index/", *(f"/{subject}." for subject in subjects))
    assert made == {name: data for name, data in known.items() if any(part in name for part in parts)}
    assert len(made) == len(indexes) + 8, "arrays and tables of both subjects, of faces and of flow"
    targets = ("tables_mini", "results/figures/datasets/casme2.png")
    dry = mini.snakemake(
        other, "--dry-run", "--cores", "2", "--configfile", "own.yaml", "--printshellcmds", "--", *targets
    )
    root = roots["casme2"]["root"]
    assert f"{root} (casme2)" in dry.stdout + dry.stderr
    assert f"mexflow sheet --dataset casme2 --root {root} " in dry.stdout + dry.stderr


def kill_and_resume(folder: Path, kills: int, seed: int, longest: float) -> int:
    """Kill a run at so many random moments, finish it, and say how many kills met a run that was under way."""
    generator = random.Random(seed)
    met = 0
    for _ in range(kills):
        if mini.killed(folder, cores=2, seconds=generator.uniform(3, longest)):
            met += 1
            for file in (path for place in SAME for path in (folder / "results" / place).rglob("*.parquet")):
                if not file.name.startswith("."):
                    pq.read_table(file)  # whatever stands under a final name is whole
            mini.unlock(folder)
    mini.run(folder, cores=2)
    return met


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_ten_times_resumes_to_the_same_bits(finished: Path, tmp_path: Path, seed: int) -> None:
    other = mini.make(tmp_path)
    assert kill_and_resume(other, kills=10, seed=seed, longest=12) >= 8
    assert mini.contents(other, *SAME) == mini.contents(finished, *SAME)


def edited(path: Path, text: str = "EDITED = 1") -> None:
    path.write_text(f"{path.read_text()}\n{text}\n")


@pytest.mark.parametrize(
    ("module", "again", "untouched", "trained"),
    [
        (
            "preprocess/flow.py",
            {"flow", "tables_mini", "figures_mini", "timing_mini"},
            {"faces", "index", "embed_casme2"},
            {"cnn", "cnn-null", "resnet"},
        ),
        (
            "models/shallow_cnn.py",
            {"tables_mini", "timing_mini"},
            {"flow", "faces", "index"},
            {"cnn", "cnn-null"},  # and not the other network
        ),
        ("tables/paper_page.py", {"tables_mini"}, {"flow", "faces", "figures_mini", "timing_mini"}, set()),
    ],
)
def test_an_edit_reruns_what_follows_from_it_and_nothing_else(
    own: Path, module: str, again: set[str], untouched: set[str], trained: set[str]
) -> None:
    source = own / "workflow" / "mexflow" / module
    before = source.read_text()
    try:
        edited(source)
        said = planned(own)
    finally:
        source.write_text(before)
    found = jobs(said)
    assert again <= found
    assert not untouched & found
    assert set(re.findall(r"wildcards: experiment=(\S+)", said)) == trained


def test_a_comment_or_a_touch_reruns_nothing(own: Path) -> None:
    """Nor does an edit that was taken back, as those above were."""
    sources = [own / "workflow" / "mexflow" / name for name in ("preprocess/flow.py", "training/loop.py", "errors.py")]
    before = {source: source.read_text() for source in sources}
    try:
        for source in sources:
            edited(source, "# a comment")
        for module in ("models/shallow_cnn.py", "store/artifacts.py"):
            os.utime(own / "workflow" / "mexflow" / module)
        assert jobs(planned(own)) == set()
    finally:
        for source, text in before.items():
            source.write_text(text)


def test_a_deleted_result_is_made_again_alone(own: Path) -> None:
    figure = own / "results" / "figures" / "mini" / "F1.png"
    kept = figure.read_bytes()
    figure.unlink()
    assert jobs(planned(own)) == {"figures_mini", "page"}, "and the page that shows it"
    mini.run(own, cores=2)
    assert figure.read_bytes() == kept
