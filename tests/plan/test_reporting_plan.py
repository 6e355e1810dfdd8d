"""What the Snakefile asks of tables, scores and times."""

from __future__ import annotations

import shlex

import pytest

from mexflow.papers import metrics
from mexflow.papers.reporting_recipe import ReportingRecipe
from mexflow.plan.workflow import Workflow
from project import WORKFLOW

PAPER = "belaiche2020"


def make(**values) -> Workflow:
    return Workflow({"embedded": {"size": "demo"}, **values}, WORKFLOW)


@pytest.fixture(scope="module")
def plan() -> Workflow:
    return make()


def test_the_recipe_holds_the_folds_of_every_experiment(plan):
    for paper in plan.papers:
        recipe = plan.reporting.recipe(paper)
        assert recipe.expected == {name: plan.folds(paper, name) for name in plan.experiments(paper)}
        assert recipe.total_folds == {
            plan.papers[paper].data_name(name): len(plan.all_folds(paper, name)) for name in plan.experiments(paper)
        }
        assert ReportingRecipe.read(recipe.text()) == recipe
    text = plan.reporting.recipe(PAPER).text()
    assert len(text) < 1100, "experiments with the same folds are told together"
    assert (recipe := ReportingRecipe.read(text)).null_controls and recipe.seed == 1 and recipe.data == "embedded"
    without = make(null_controls=False).reporting.recipe(PAPER)
    assert not without.null_controls and not any(name.endswith("-null") for name in without.expected)


def test_the_scores_of_an_experiment_depend_on_it_alone(plan):
    recipe = plan.reporting.recipe("cropnet2021", "ars-cde-3")
    assert recipe.expected == {"ars-cde-3": plan.folds("cropnet2021", "ars-cde-3")} and not recipe.null_controls
    assert plan.reporting.indexes("cropnet2021", "ars-cde-3") == ["results/index/megc2019.parquet"]
    cde = plan.sources.subjects("megc2019")
    wanted = sorted(f"results/residual/ars-3/{dataset}/{subject}.parquet" for dataset, subject in cde)
    assert plan.reporting.array_tables("cropnet2021", "ars-cde-3") == wanted


def test_tables_read_what_stands_beside_the_arrays_of_all_experiments(plan):
    subjects = plan.sources.subjects("megc2018")
    wanted = [
        f"results/{stage}/{d}/{s}.parquet" for stage in ("flow/horn_schunck", "lbp_top/standard") for d, s in subjects
    ]
    assert plan.reporting.array_tables(PAPER) == sorted(wanted)
    assert plan.reporting.timed_faces(PAPER) == [f"results/faces/{d}/{s}.npy" for d, s in subjects]
    # Every array is one that some fold of the paper waits for.
    for paper in plan.papers:
        made = {path for name in plan.experiments(paper) for path in plan.beside(plan.arrays(paper, name))}
        assert set(plan.reporting.array_tables(paper)) <= made


def test_the_code_of_tables_is_that_of_the_metrics_they_ask_for(plan, monkeypatch):
    asked = []
    monkeypatch.setattr(plan, "_code_digest", lambda *names: asked.append(names) or "digest")
    plan.reporting.code("elface2021")
    plan.reporting.code("elface2021", "samm-lv")
    plan.reporting.code("upadhy2025")
    whole, only, other = asked
    assert set(metrics.entries(["interval_f1", "frame_auc", "frame_f1"])) <= set(whole)
    protocol = f"mexflow.evaluation.folds:{plan.papers['elface2021'].protocol_of('samm-lv')}"
    assert set(only) == {"tables", protocol, *metrics.entries(["interval_f1"]), "mexflow.evaluation.uncertainty:t"}
    assert set(metrics.entries(["accuracy", "class_share"])) <= set(other)
    assert not any("interval_f1" in name or "spotting" in name for name in other)


def test_what_a_failed_run_owes_is_one_recipe_a_paper(plan):
    words = shlex.split(plan.reporting.incomplete_flags())
    given = [words[i + 1].partition("=") for i, word in enumerate(words) if word == "--paper"]
    assert {path for path, _, _ in given} == {plan.paper_file(paper) for paper in plan.papers}
    for path, _, text in given:
        assert ReportingRecipe.read(text) == plan.reporting.recipe(path.rpartition("/")[2].removesuffix(".yaml"))
