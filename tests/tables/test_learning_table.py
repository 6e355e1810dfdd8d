"""The table of what the proposed methods learn, from made-up predictions, intervals and scores."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import spotting_files
from measured_files import CLASSES, PAPER_PATH, recipe, write_flow, write_fold, write_index
from mexflow.cli import learning
from mexflow.papers import paper as papers
from mexflow.papers.reporting_recipe import LearningRecipe
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.tables import controls, shifted_controls
from mexflow.tables.cells import SCHEMA
from mexflow.tables.evidence import Evidence
from mexflow.tables.learning_table import PLACE_TELLS, learned, runs
from mexflow.tables.source import Source
from project import WORKFLOW, squeezed

PAPER = "belaiche2020"
SUBJECTS = ("casme2/01", "casme2/02", "casme2/03", "samm/006")
LABELS = [*CLASSES, *CLASSES]
SCORES = ("accuracy", "uf1", "uar")


def guesses(rng: np.random.Generator, right: float) -> list[str]:
    return [str(label if rng.random() < right else rng.choice(CLASSES)) for label in LABELS]


def files(root: Path, right: float = 0.95, null: float = 0.0, subjects: Sequence[str] = SUBJECTS) -> LearningRecipe:
    """Predictions of Vy-3CL and its control, so right; the recipe of their table."""
    rng, folds = np.random.default_rng(0), {}
    for name, share in (("vy-3cl", right), ("vy-3cl-null", null)):
        folds[name] = [write_fold(root, name, subject, LABELS, guesses(rng, share)) for subject in subjects]
    clips = [
        {"dataset": subject.partition("/")[0], "subject": subject, "clip": f"{subject.rpartition('/')[2]}_{number}",
         "megc2018": label}
        for subject in SUBJECTS for number, label in enumerate(LABELS)
    ]  # fmt: skip
    write_index(root, clips)
    for subject in SUBJECTS:
        dataset, number = subject.split("/")
        names = [clip["clip"] for clip in clips if clip["subject"] == subject]
        rows = [{"clip": name, "pair": pair} for name in names for pair in ("onset-apex", "onset-apex+1")]
        write_flow(root, dataset, number, rows, np.zeros((20, 2, 64, 64)))
    return LearningRecipe(papers={PAPER: recipe(folds, 4, budget="learning")})


def made(root: Path, wanted: LearningRecipe) -> tuple[dict[str, dict], str, str, dict]:
    """The rows by cell, the page, the summary and what the record says."""
    folder = root / "papers"
    folder.mkdir(exist_ok=True)
    shutil.copy(PAPER_PATH, folder)
    with Outputs() as outputs:
        summary, facts = learning.run(folder, root, wanted, root / "made", Inputs(), outputs)
        outputs.commit()
    table = pq.read_table(root / "made.parquet")
    assert table.schema.equals(SCHEMA) and (root / "made.csv").read_text().count("\n") == table.num_rows + 1
    return {row["cell"]: row for row in table.to_pylist()}, squeezed((root / "made.md").read_text()), summary, facts


def test_what_learns_is_above_chance_and_above_its_control(tmp_path):
    rows, text, summary, facts = made(tmp_path, files(tmp_path))
    columns = ("experiment", "chance", "null", "null chance")
    assert set(rows) == {f"{PAPER}/learning/vy-3cl/{column}/{score}" for column in columns for score in SCORES}
    for score in SCORES:
        real, chance, null, _ = (rows[f"{PAPER}/learning/vy-3cl/{column}/{score}"] for column in columns)
        assert real["ci_low"] > max(chance["ci_high"], null["ci_high"]) and real["n"] == 40
        assert real["note"] == "epochs 4 of 150; at most 40 samples an epoch; 4 test subjects; learns: above chance"
        assert (real["data"], real["budget"], real["reading"]) == ("embedded", "learning", "decided")
        assert f"{PAPER}, vy-3cl, {score}: learns: above chance" in summary
    assert "| vy-3cl | megc2018 | 4 of 4 | 4 | epochs 4 of 150, at most 40 samples an epoch |" in text
    assert "budget: learning · reading: decided" in text and "synthetic embedded data" in text
    accuracy = rows[f"{PAPER}/learning/vy-3cl/experiment/accuracy"]
    assert f"| vy-3cl | accuracy (%) | 40 test clips | {accuracy['measured']:.2f}† | {accuracy['ci_low']:.2f}–" in text
    assert facts["cells"][f"{PAPER}/learning/vy-3cl/null/uf1"] == ["vy-3cl-null"]
    assert {decision["of_paper"] for decision in facts["decisions"]} == {PAPER}
    assert set(facts["read"]) == {PAPER} and "Left out" not in text
    assert any(path.endswith("index/megc2018.parquet") for path in facts["read"][PAPER])


@pytest.mark.parametrize(
    ("right", "null", "verdict"),
    [
        (0.0, 0.0, f"not shown to learn: {controls.AT_CHANCE}"),
        (0.95, 0.9, f"not shown to learn: its control is {controls.LEAKS}"),
    ],
)
def test_what_is_not_shown_to_learn_says_why(tmp_path, right, null, verdict):
    rows, text, summary, _ = made(tmp_path, files(tmp_path, right, null))
    for score in SCORES:
        assert rows[f"{PAPER}/learning/vy-3cl/experiment/{score}"]["note"].endswith(f"; {verdict}")
        assert f"{score}: {verdict}" in summary
    assert f"| {verdict} |" in text and "| learns" not in text


def test_the_same_numbers_as_the_table_of_null_controls(tmp_path):
    wanted = files(tmp_path, 0.6)
    rows, *_ = made(tmp_path, wanted)
    own = wanted.papers[PAPER]
    found = Evidence(
        papers.load(WORKFLOW / "papers", PAPER), tmp_path / "folds", own.expected, own.total_folds,
        Source(own.data, own.budget), own.seed, Inputs(),
    )  # fmt: skip
    for control in controls.controls(found):
        for cell in control.cells[:4]:
            row = rows[cell.name.replace("/controls/", "/learning/")]
            assert (row["measured"], row["ci_low"], row["ci_high"]) == (cell.measured, *(cell.interval or (None, None)))


def test_without_its_control_or_a_fold_there_is_no_verdict(tmp_path):
    wanted = files(tmp_path)
    own = wanted.papers[PAPER]
    alone = own.model_copy(update={"folds": [own.folds[0]], "null_controls": False})
    rows, text, *_ = made(tmp_path, LearningRecipe(papers={PAPER: alone}, left_out={"elface2021/samm-lv": "no; table"}))
    note = rows[f"{PAPER}/learning/vy-3cl/experiment/uar"]["note"]
    assert note.endswith(f"; {controls.NO_VERDICT}") and "learns" not in note
    assert rows[f"{PAPER}/learning/vy-3cl/null/uar"]["note"].startswith("not run")
    assert "## Left out\n\n- elface2021/samm-lv: no; table" in text
    (tmp_path / "folds" / PAPER / "vy-3cl" / "samm-006" / "predictions.parquet").unlink()
    rows, text, *_ = made(tmp_path, wanted)
    real = rows[f"{PAPER}/learning/vy-3cl/experiment/accuracy"]
    assert real["measured"] is None and real["note"].startswith("INCOMPLETE 3/4")
    assert "| **INCOMPLETE 3/4** |" in text and "no verdict" in text


# Spotting


def spotting(root: Path, spotted: dict, budget: str = "learning") -> Evidence:
    """Evidence of EL-FACE on SAMM-LV, which spots so under both variants of testing."""
    for variant in ("k-th", "manual"):
        spotting_files.write(root, spotted, variant)
    names = {spotting_files.EXPERIMENT: list(spotting_files.SUBJECTS)}
    return Evidence(
        papers.load(WORKFLOW / "papers", "elface2021"), root, names, {spotting_files.DATASET: 3, "cas_me_2": 2},
        Source("embedded", budget), 7, Inputs(), {}, {spotting_files.DATASET: spotting_files.index_rows()},
    )  # fmt: skip


def test_spotting_in_videos_by_type_beside_moved_intervals(tmp_path):
    found = spotting(tmp_path, spotting_files.TRUTH)
    scores = {score.row: score for score in learned(found)}
    parts = ("macro", "micro", "overall")
    assert list(scores) == [f"samm-lv, {variant}, {part}" for variant in ("k-th", "manual") for part in parts]
    for part in (None, "macro", "micro"):
        score = scores[f"samm-lv, k-th, {part or 'overall'}"]
        real, shifted, _ = shifted_controls.control(found, "samm-lv", "k-th", part)
        experiment, chance = score.cells
        assert (experiment.measured, experiment.interval, experiment.n) == (real.value, real.interval, real.n)
        assert (chance.measured, chance.interval, chance.column) == (shifted.value, shifted.interval, "chance")
        # All subjects are alike, at 1: they tell nothing of the next one.
        assert real.interval is None and score.verdict.startswith("not shown to learn: above its range of chance, but")
    own, whole = (shifted_controls.control(found, "samm-lv", "k-th", part)[1].value for part in ("micro", None))
    assert own != whole
    (run,) = runs(found)
    assert (run.experiment, run.data, run.folds, run.subjects) == ("samm-lv", "samm_lv", "3 of 3", 3)


def test_an_interval_above_the_moved_ones_is_learning(tmp_path):
    nearly = {**spotting_files.TRUTH, ("3", "micro"): [(300, 312), (350, 362), (100, 101)]}
    nearly["1", "macro"] = [*spotting_files.TRUTH["1", "macro"], (5, 7)]
    score = next(score for score in learned(spotting(tmp_path, nearly)) if score.row.endswith("k-th, overall"))
    real, chance = score.cells
    assert real.interval[0] > chance.interval[1] and score.verdict == "learns: above chance"
    assert real.notes[-2:] == ("3 test subjects", "learns: above chance")
    nothing = {key: [] for key in spotting_files.TRUTH}
    verdicts = {score.verdict for score in learned(spotting(tmp_path / "none", nothing))}
    assert verdicts == {f"not shown to learn: {controls.AT_CHANCE}"}


# Spotting in clips

FRAMES = 40
INSIDE = np.arange(FRAMES) // 10 == 1
"""Of each clip, the frames of its expression: its second quarter."""


def clips(root: Path, experiment: str, scores: np.ndarray) -> None:
    """A fold a subject, each of 4 clips with these scores ``(subjects, clips, frames)``."""
    from mexflow.evaluation import scores as schemas

    for number, own in enumerate(scores):
        folder = root / "nag2019" / experiment / f"0{number}"
        folder.mkdir(parents=True)
        batches = []
        for clip, values in enumerate(own):
            texts = {"fold": f"0{number}", "dataset": "casme2", "variant": "clip", "role": "test",
                     "subject": f"0{number}", "video": f"v{clip}"}  # fmt: skip
            batches += schemas.rows(
                texts, np.arange(1, FRAMES + 1), ("micro",), values[:, None].astype(np.float32), INSIDE[:, None]
            )
        table = pa.Table.from_batches(batches, schemas.SCORES).unify_dictionaries()
        spotting_files.write_rows(folder, "scores", table.to_pylist(), schemas.SCORES)
        rows = [
            {**dict.fromkeys(("paper", "experiment")), "fold": f"0{number}", "dataset": "casme2",
             "subject": f"0{number}", "clip": f"v{clip}", "label": label, "predicted": label, "probabilities": [1.0]}
            for clip, label in enumerate(("happiness", "disgust", "surprise", "others"))
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows), folder / "predictions.parquet")


def in_clips(root: Path, right: float, place: float):
    """The verdict on frames where scores, and those of the place alone, know so much."""
    rng = np.random.default_rng(1)
    for name, share in (("proposed", right), ("position", place)):
        clips(root, name, share * INSIDE + rng.uniform(0, 1, (4, 4, FRAMES)))
    folds = [f"0{number}" for number in range(4)]
    found = Evidence(
        papers.load(WORKFLOW / "papers", "nag2019"), root, {"proposed": folds, "position": folds}, {"casme2": 4},
        Source("embedded", "learning"), 3, Inputs(),
    )  # fmt: skip
    scores = learned(found)
    assert [score.metric for score in scores] == [*SCORES, "frame_auc_percent"]
    return scores[-1]


@pytest.mark.parametrize(
    ("right", "place", "verdict"),
    [
        (0.9, 0.0, "learns: above chance"),
        (0.5, 0.9, f"not shown to learn: {PLACE_TELLS}"),
        (0.0, 0.0, f"not shown to learn: {controls.AT_CHANCE}"),
    ],
)
def test_spotting_in_clips_is_held_against_the_place_too(tmp_path, right, place, verdict):
    score = in_clips(tmp_path, right, place)
    assert score.verdict == verdict
    real, chance, null = score.cells
    assert [cell.column for cell in score.cells] == ["experiment", "chance", "null"]
    assert null.experiments == ("position",) and real.experiments == chance.experiments == ("proposed",)
    assert {cell.metric for cell in score.cells} == {"frame_auc_percent"} and 30 < chance.measured < 70


def test_the_papers_file_says_which_are_asked(tmp_path):
    """Without an effort for it, an experiment is in no table of this kind."""
    values = yaml.safe_load(PAPER_PATH.read_text())
    del values["experiments"]["vy-3cl"]["learning"]
    paper = papers.parse(yaml.safe_dump(values).encode(), Path(f"{PAPER}.yaml"))
    own = files(tmp_path).papers[PAPER]
    found = Evidence(paper, tmp_path / "folds", own.expected, own.total_folds, Source("embedded", "demo"), 1, Inputs())
    assert learned(found) == runs(found) == []
