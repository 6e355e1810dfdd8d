"""The recipe of a paper's tables, and what the metrics they ask for are measured of."""

from __future__ import annotations

import json

import pytest

from mexflow.errors import UserError
from mexflow.papers import metrics
from mexflow.papers import paper as papers
from mexflow.papers.reporting_recipe import ReportingRecipe, metrics_of
from project import WORKFLOW

PAPERS = WORKFLOW / "papers"
VALUES = {
    "budget": "demo",
    "data": "embedded",
    "seed": 1,
    "folds": [{"experiments": ["a", "a-null"], "folds": ["01", "02"]}],
    "total_folds": {"casme2": 3},
}


def test_a_recipe_is_json_or_a_file_of_it(tmp_path):
    recipe = ReportingRecipe.read(json.dumps(VALUES))
    assert recipe.expected == {"a": ["01", "02"], "a-null": ["01", "02"]}
    assert json.loads(recipe.text()) == VALUES
    (tmp_path / "r.json").write_text(recipe.text())
    assert ReportingRecipe.read(str(tmp_path / "r.json")) == recipe
    with pytest.raises(UserError, match="none.json: no recipe and no file with one"):
        ReportingRecipe.read(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sede": 1}, "the recipe: unknown key 'sede' (did you mean 'seed'?)"),
        ({"folds": [{**VALUES["folds"][0], "fold": []}]}, "unknown key 'folds.0.fold' (did you mean 'folds'?)"),
        ({"budget": "papr"}, "budget: input should be 'demo', 'learning' or 'paper'"),
        ({"folds": [{"experiments": [], "folds": []}]}, "folds.0.experiments: list should have"),
        ({"seed": "x"}, "seed: input should be a valid integer"),
    ],
)
def test_a_wrong_recipe_is_one_line(change, message):
    with pytest.raises(UserError) as error:
        ReportingRecipe.read(json.dumps({**VALUES, **change}))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_metrics_of_a_paper_are_those_of_its_rows_claims_and_controls():
    elface = papers.load(PAPERS, "elface2021")
    assert set(metrics_of(elface, False)) == {
        column.metric or row.metric
        for table in elface.tables.values()
        for row in table.rows
        for column in table.columns
    } | {claim.metric for claim in elface.claims}
    upadhy = papers.load(PAPERS, "upadhy2025")
    bare = upadhy.model_copy(update={"tables": {}, "claims": []})
    assert metrics_of(bare, False) == [] and metrics_of(bare) == ["accuracy", "uf1", "uar"]
    assert metrics_of(elface.model_copy(update={"tables": {}, "claims": []})) == [
        "interval_f1", "frame_f1", "frame_auc", "shifted_frame_f1", "shifted_auc"
    ]  # fmt: skip


def test_every_metric_is_measured_where_its_row_says():
    from importlib import import_module

    for name in metrics.METRICS:
        metric = metrics.METRICS.declared(name)
        assert name in import_module(metric.module).MEASURES, name
    assert metrics.scores() == ["accuracy", "uf1", "uar"]
    for name in metrics.scores():
        assert import_module(metrics.METRICS.declared(name).module).score_function(name)


def test_a_metric_is_held_against_what_an_experiment_leaves():
    metrics.check("accuracy", ["predictions", "network"])
    metrics.check("clips", [])
    with pytest.raises(ValueError, match="interval_f1 is measured of scores and intervals, which .* can have: .*uar"):
        metrics.check("interval_f1", ["predictions"])


def test_a_paper_cannot_ask_for_a_metric_that_its_experiment_does_not_have():
    path = PAPERS / "upadhy2025.yaml"
    text = path.read_text()
    assert "metric: class_share" in text
    for change, message in (
        ("metric: interval_f1", "metric interval_f1 is measured of scores and intervals, which"),
        ("metric: clas_share", "unknown metric 'clas_share' (did you mean 'class_share'?)"),
    ):
        with pytest.raises(UserError) as error:
            papers.parse(text.replace("metric: class_share", change).encode(), path)
        assert message in str(error.value) and "\n" not in str(error.value)


def test_entries_of_metrics_are_rows_and_measures():
    assert metrics.entries(["uf1", "filters", "uf1"]) == [
        "mexflow.papers.metrics:uf1",
        "mexflow.tables.recognition_metrics:uf1",
        "mexflow.papers.metrics:filters",
        "mexflow.tables.counted_metrics:filters",
    ]
    with pytest.raises(UserError, match="unknown metric 'uf2'"):
        metrics.entries(["uf2"])
