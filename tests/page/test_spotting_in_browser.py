"""Panels behind numbers of spotting, in a real browser: test videos, intervals, thresholds, folds; and of a whole run.

The campaign opens the panel of every cell of a finished default run: of this checkout, or where MEXFLOW_RUN says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import browser
import spotting_files
from browser import Browser
from compared_runs import record
from mexflow.audit.graph import load
from mexflow.evaluation.intervals import match
from mexflow.page import assembly
from mexflow.page.so_far import SoFar
from mexflow.papers import paper as papers
from mexflow.papers.reporting_recipe import PageRecipe
from mexflow.store.artifacts import Inputs
from mexflow.tables.cells import SCHEMA
from project import ROOT, WORKFLOW
from spotting_files import DATASET, EXPERIMENT, SPOTTED, SUBJECTS, TRUTH, VARIANT

NAME = "elface2021"
CELL = f"{NAME}/T3/EL-FACE, k-th skips/SAMM-LV ME/interval_f1"


def write(folder: Path) -> None:
    """The results of a run that spotted, as far as its page needs them: folds, their index, a cell, records."""
    spotting_files.write(folder / "results" / "folds", SPOTTED)
    (folder / "results" / "index").mkdir()
    rows = pa.Table.from_pylist(spotting_files.index_rows())
    pq.write_table(rows, folder / "results" / "index" / f"{DATASET}.parquet")
    (folder / "results" / "tables").mkdir()
    row = {"cell": CELL, **dict(zip(("table", "row", "column", "metric"), CELL.split("/")[1:], strict=True)),
           "published": 0.04, "measured": 0.25, "ci_low": 0.1, "ci_high": 0.5, "n": 4, "data": "embedded",
           "budget": "demo", "reading": "decided", "note": "epochs 3 of 150"}  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row], SCHEMA), folder / "results" / "tables" / f"{NAME}.parquet")
    start = f"results/folds/{NAME}/{EXPERIMENT}"
    folds = {
        subject: {"training_subjects": [one for one in SUBJECTS if one != subject], "validation_subjects": ["0"],
                  "test_subjects": [subject], "training_samples": 70 + int(subject), "test_videos": 1,
                  "seed": 2**62 + int(subject)}
        for subject in SUBJECTS
    }  # fmt: skip
    scores = [f"{start}/{subject}/scores.parquet" for subject in SUBJECTS]
    spotted = [f"{start}/{subject}/{name}.parquet" for subject in SUBJECTS for name in ("intervals", "thresholds")]
    index = f"results/index/{DATASET}.parquet"
    for job in (
        record(f"index/{DATASET}", [], [index]),
        record(f"train/{NAME}/{EXPERIMENT}/0", [index], scores, folds=folds, recipe={"model": "elface"}),
        record(f"intervals/{NAME}/{EXPERIMENT}/0", scores, spotted),
        record(f"tables/{NAME}", [index, *spotted], [f"results/tables/{NAME}.parquet"], cells={CELL: [EXPERIMENT]}),
    ):
        path = folder / "results" / "records" / f"{job['job']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        for part in ("inputs", "outputs"):
            job[part] = {name: {"sha256": "1" * 64, "size": 1} for name in job[part]}
        path.write_text(json.dumps(job))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser.require()
    folder = tmp_path_factory.mktemp("spotted")
    write(folder)
    recipe = PageRecipe(budget="demo", papers={NAME: "embedded"})
    with chdir(folder):
        graph, paper = load(), papers.load(WORKFLOW / "papers", NAME)
        text, _ = assembly.page([paper], graph, Path("results"), recipe, Inputs(), SoFar())
    (folder / "index.html").write_text(text)
    with browser.browser(folder / "index.html") as made:
        made.open(CELL)
        yield made
        made.was_quiet()


def lines(opened: Browser, title: str) -> list[list[str]]:
    """The rows of the panel's table below a title."""
    return opened.run(
        """const all = [...document.querySelectorAll("#panel h3, #panel summary")];
        const at = all.find((one) => one.textContent.startsWith(arguments[0])).parentElement;
        const rows = [...at.querySelector("table").tBodies[0].rows];
        return rows.map((row) => [...row.cells].map((cell) => cell.textContent));
        """,
        title,
    )


def test_the_panel_counts_the_intervals_of_every_test_video(opened: Browser) -> None:
    wanted = []
    for (subject, kind), truth in TRUTH.items():
        if truth or SPOTTED[subject, kind]:
            found = len(match(SPOTTED[subject, kind], truth))
            false = len(SPOTTED[subject, kind]) - found
            video, variant = f"{subject}_1", f"{VARIANT}, {kind}"
            wanted.append([video, subject, variant, str(found), str(len(truth) - found), str(false)])
    assert sorted(lines(opened, "Test videos")) == sorted(wanted)
    assert {row[3] for row in wanted} > {"0"} and {row[4] for row in wanted} > {"0"}


def test_the_panel_tells_each_interval(opened: Browser) -> None:
    shown = {(video, kind): (true, predicted) for video, kind, true, predicted in lines(opened, "Each interval")}
    assert shown["1_1", f"{VARIANT}, macro"] == ("100–180 matched, 250–330 missed", "110–190 matched")
    assert shown["1_1", f"{VARIANT}, micro"] == ("50–62 matched", "52–64 matched, 200–240 false")
    assert shown["2_1", f"{VARIANT}, micro"] == ("—", "5–9 false")


def test_the_panel_tells_thresholds_and_whom_they_were_chosen_on(opened: Browser) -> None:
    wanted = [[subject, VARIANT, kind, "0.5", "0"] for subject in SUBJECTS for kind in ("micro", "macro")]
    assert sorted(lines(opened, "Thresholds")) == sorted(wanted)


def test_the_panel_tells_of_each_fold_its_subjects_samples_and_seed(opened: Browser) -> None:
    assert lines(opened, "Folds: 3") == [
        [subject, subject, "0", ", ".join(one for one in SUBJECTS if one != subject), str(70 + int(subject)), "1",
         str(2**62 + int(subject))]
        for subject in SUBJECTS
    ]  # fmt: skip


def test_the_scores_behind_the_number_are_drawn_in_its_paper(opened: Browser) -> None:
    drawn = opened.run("return document.querySelectorAll('#paper-elface2021 svg.scores').length")
    assert drawn == 2 * len(SUBJECTS)
    stages = opened.texts("#panel .chain > li strong")
    assert stages == ["index", "train", "intervals", "table"]


@pytest.mark.campaign
def test_every_cell_of_a_whole_run_opens_its_panel() -> None:
    browser.require()
    folder = Path(os.environ.get("MEXFLOW_RUN", ROOT))
    if not (folder / "results" / "index.html").is_file():
        pytest.skip(f"{folder}: no finished run; MEXFLOW_RUN names the folder of one")
    tables = sorted((folder / "results" / "tables").glob("*.parquet"))
    wanted = [cell for path in tables for cell in pq.read_table(path, columns=["cell"])["cell"].to_pylist()]
    with browser.browser(folder / "results" / "index.html") as made:
        made.open()
        assert made.panels() == set(wanted) and len(wanted) > 900
        for cell in wanted[:: len(wanted) // 20]:
            made.open(cell)
            assert made.text("#panel-title") == cell
        made.was_quiet()
    print(f"\n{len(wanted)} cells")
