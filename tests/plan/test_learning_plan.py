"""What the Snakefile asks of the target ``learning``: the proposed methods and their controls, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mexflow.papers import metrics
from mexflow.papers import recipe as recipes
from mexflow.papers.reporting_recipe import LearningRecipe
from mexflow.plan.workflow import Workflow
from project import WORKFLOW, mexflow

ENDINGS = ("parquet", "csv", "md")


def make(**values) -> Workflow:
    return Workflow({"embedded": {"size": "demo"}, **values}, WORKFLOW).enumerated()


@pytest.fixture(scope="module")
def plan() -> Workflow:
    return make(budget="learning")


def test_the_proposed_methods_and_their_controls(plan):
    assert set(plan.learning.papers) == set(plan.papers)
    for paper, names in plan.learning.papers.items():
        spec = plan.papers[paper]
        learning = {name for name in names if name in spec.learning}
        controls = {f"{name}-null" for name in spec.learning if spec.kind(name).recognises}
        controls |= {spec.place_control(name) for name in spec.learning} - {None}
        assert learning == set(spec.learning) and set(names) == learning | controls
    assert plan.learning.papers["nag2019"] == ["proposed", "proposed-null", "position"]
    assert plan.learning.papers["elface2021"] == ["samm-lv", "cas-me-2"], "nothing is trained for their control"
    tables = {f"results/tables/learning.{ending}" for ending in ENDINGS}
    assert set(plan.learning.targets) == {*tables, "results/records/learning.json"}


def test_only_their_folds_are_made_by_the_jobs_of_the_workflow(plan):
    made = {
        path.format(experiment=experiment).replace("{fold}", fold)
        for batch in plan.batches
        for experiment in batch.experiments
        for fold in batch.choices
        for path in batch.files
    }
    folds = plan.learning.folds
    assert len(set(folds)) == len(folds)
    wanted = {f"{paper}/{name}" for paper, names in plan.learning.papers.items() for name in names}
    assert {"/".join(path.split("/")[2:4]) for path in folds} == wanted
    assert {path for path in folds if not path.endswith(("thresholds.parquet", "intervals.parquet"))} <= made
    for paper, names in plan.learning.papers.items():
        for name in names:
            assert {path.split("/")[4] for path in folds if f"/{paper}/{name}/" in path} == set(plan.folds(paper, name))
    everything = {path for paper in plan.papers for path in plan.reporting.array_tables(paper)}
    assert set(plan.learning.array_tables) < everything
    assert "results/faces/mmew/S01.parquet" in plan.learning.array_tables
    assert not any("lbp_top" in path for path in plan.learning.array_tables)


def test_they_are_trained_as_the_budget_says(plan):
    demo = make()
    for budget, other in (("learning", plan), ("demo", demo)):
        for paper, names in other.learning.papers.items():
            for name in names:
                spec = other.papers[paper]
                recipe, effort = recipes.read(other.recipe(paper, name)), spec.effort(name, budget)
                assert getattr(recipe, "epochs", None) == getattr(effort, "epochs", None)
    assert demo.learning.papers["nag2019"] == ["proposed", "position"], "the demo trains no control of it"
    assert demo.learning.papers["cropnet2021"] == plan.learning.papers["cropnet2021"] == ["ars", "ars-null"]
    assert make(null_controls=False, budget="learning").learning.papers["cropnet2021"] == ["ars"]


def test_the_recipe_is_that_of_each_paper_for_these_experiments(plan):
    recipe = plan.learning.recipe
    assert LearningRecipe.read(recipe.text()) == recipe and recipe.left_out == {}
    for paper, own in recipe.papers.items():
        whole = plan.reporting.recipe(paper)
        assert set(own.expected) == set(plan.learning.papers[paper])
        assert own.expected.items() <= whole.expected.items() and own.total_folds.items() <= whole.total_folds.items()
        facts = {"folds", "total_folds"}
        assert own.model_dump(exclude=facts) == whole.model_dump(exclude=facts) and own.budget == "learning"


def test_the_code_is_that_of_the_scores_asked_for(plan, monkeypatch):
    asked = []
    monkeypatch.setattr(plan, "_code_digest", lambda *names: asked.append(names) or "digest")
    plan.learning.code()
    (names,) = asked
    scores = ("accuracy", "uf1", "uar", "interval_f1", "frame_auc_percent", "shifted_auc_percent")
    assert set(metrics.entries(scores)) <= set(names) and "learning" in names
    assert not any(word in name for name in names for word in ("mexflow.models", "class_share", "similarity"))


def test_papers_in_use_alone():
    plan = make(papers=["belaiche2020"], budget="learning")
    assert plan.learning.papers == {"belaiche2020": ["vy-3cl", "vy-3cl-null"]}
    assert plan.learning.indexes == ["results/index/megc2018.parquet"]


def test_data_that_cannot_be_listed_are_left_out_and_named():
    roots = {"samm_lv": {"root": "/nowhere/samm_lv"}, "samm": {"root": "/nowhere/samm"}}
    plan = make(papers=["belaiche2020", "elface2021"], budget="learning", datasets=roots)
    assert plan.learning.papers == {"elface2021": ["cas-me-2"]}
    assert set(plan.learning.left_out) == {"belaiche2020/vy-3cl", "elface2021/samm-lv"}
    assert plan.learning.recipe.left_out["elface2021/samm-lv"].startswith("/nowhere/samm_lv: no such folder")
    assert plan.unlisted.targets("learning") == ["results/index/.unlisted.learning"]
    assert set(plan.unlisted.before("learning", ["learning"])) == set(plan.learning.targets)
    assert plan.unlisted.reasons("learning").count("--reason") == 2
    plan.unlisted.refuse(["learning"])
    nothing = make(papers=["belaiche2020"], datasets={"samm": {"root": "/nowhere/samm"}})
    assert nothing.learning.papers == {} and nothing.learning.targets == []
    assert nothing.unlisted.before("learning", ["learning"]) == []
    assert make(papers=["nag2019"]).unlisted.targets("learning") == []


def test_a_wrong_recipe_is_one_line(tmp_path: Path):
    for text, words in (("{}", "papers"), ('{"paper": {}}', "did you mean 'papers'"), ('{"papers": {}}', "papers")):
        said = mexflow("learning", "--papers", WORKFLOW / "papers", "--results", tmp_path, "--recipe", text, "--output",
                       tmp_path / "t", cwd=tmp_path)  # fmt: skip
        assert said.returncode == 1 and words in said.stderr and said.stderr.count("\n") == 1
