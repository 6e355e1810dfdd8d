"""What the Snakefile asks of the target ``models``: the proposed networks, trained on all subjects, and their cards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mexflow.papers.kinds import KINDS
from mexflow.papers.reporting_recipe import CardRecipe
from mexflow.plan.workflow import Workflow
from project import WORKFLOW


def make(**values) -> Workflow:
    return Workflow({"embedded": {"size": "demo"}, **values}, WORKFLOW).enumerated()


@pytest.fixture(scope="module")
def plan() -> Workflow:
    return make()


def test_they_are_of_the_proposed_methods(plan):
    assert plan.models.experiments == {paper: spec.learning for paper, spec in plan.papers.items()}
    assert make(training={"repeats": 3}).models.experiments == plan.models.experiments, "no controls, no repeats"
    assert set(plan.models.targets) == {
        f"results/models/{paper}/{name}/{file}"
        for paper, names in plan.models.experiments.items()
        for name in names
        for file in ("model.pt", "history.parquet", "card.json", *(["scores.parquet"] if paper == "elface2021" else []))
    }
    assert not set(plan.models.targets) & {*plan.paper_targets(), *plan.dataset_targets()}, "where they are asked for"
    names = [batch.name for batch in [*plan.batches, *plan.models.batches]]
    assert len(set(names)) == len(names)


def test_what_is_not_trained_has_none():
    assert {name for name, kind in KINDS.items() if not kind.for_use} == {"difference"}
    for kind in KINDS.values():
        assert set(kind.for_use) <= set(kind.files), "a fold has them too"


def test_a_training_reads_what_its_folds_read(plan):
    assert len(plan.models.batches) == sum(map(len, plan.models.experiments.values()))
    for own in plan.models.batches:
        (name,) = own.experiments
        batch = next(one for one in plan.batches if one.paper == own.paper and name in one.experiments)
        assert (own.inputs, own.index, own.kind) == (batch.inputs, batch.index, batch.kind)
        assert [path.format(experiment=name) for path in own.files] == plan.models.files(own.paper, name)


def test_a_card_is_told_what_its_input_is_made_with(plan):
    told = {paper: plan.models.recipe(paper, names[0]) for paper, names in plan.models.experiments.items()}
    for recipe in told.values():
        assert CardRecipe.read(recipe.text()) == recipe
        assert (recipe.budget, recipe.data, recipe.tables) == ("demo", "embedded", True)
        assert recipe.preprocess.faces.smoothing == plan.config.preprocess.faces.smoothing
        assert "(rendered, synthetic, size demo, seed 2020)" in recipe.release
    assert told["belaiche2020"].preprocess.flow == plan.preprocessing.flows["horn_schunck"]
    assert told["elface2021"].preprocess.lcn.sigma == plan.config.preprocess.lcn.sigma
    assert told["cropnet2021"].preprocess.residual == plan.preprocessing.residuals["ars"]
    assert told["nag2019"].preprocess.motion is not None and told["upadhy2025"].preprocess.flow is None
    assert told["belaiche2020"].release.startswith(
        "casme2: CASME2-ObjectiveClasses.xlsx, CASME2-coding-20140508.xlsx ("
    )


def test_settings_reach_the_card(tmp_path):
    (tmp_path / "openface").mkdir()
    plan = make(
        papers=["elface2021"], budget="learning", reading="literal",
        preprocess={"lcn": {"sigma": 3.0}, "faces": {"smoothing": 0.0}},
        datasets={"cas_me_2": {"root": "embedded", "openface": str(tmp_path / "openface")}},
    )  # fmt: skip
    one, other = (plan.models.recipe("elface2021", name) for name in ("samm-lv", "cas-me-2"))
    assert (one.budget, one.reading, one.preprocess.lcn.sigma, one.preprocess.faces.smoothing) == (
        "learning", "literal", 3.0, 0.0,
    )  # fmt: skip
    assert other.preprocess.faces.openface and not one.preprocess.faces.openface


def test_a_dataset_that_cannot_be_listed():
    """What can be trained is, its card without tables that would need the other dataset; and the target fails."""
    plan = make(papers=["elface2021", "belaiche2020"], datasets={"samm_lv": {"root": "/nowhere"}})
    assert plan.models.experiments == {"elface2021": ["cas-me-2"], "belaiche2020": ["vy-3cl"]}
    assert plan.models.tables("elface2021") == [] and plan.models.tables("belaiche2020")
    assert not plan.models.recipe("elface2021", "cas-me-2").tables
    assert plan.unlisted.targets("models") == ["results/index/.unlisted.models"]
    whole = {batch.experiments: batch.name for batch in make(papers=["elface2021"]).models.batches}
    assert all(whole.get(batch.experiments, batch.name) == batch.name for batch in plan.models.batches)
    assert plan.unlisted.before("models", []) == sorted(plan.models.targets)
    assert "/nowhere" in plan.unlisted.reasons("models")
    assert make(papers=["belaiche2020"]).unlisted.targets("models") == []


def test_the_recipe_is_one_line_of_json(plan):
    text = plan.models.recipe("cropnet2021", "ars").text()
    assert "\n" not in text and json.loads(text)["preprocess"]["residual"] == {"image": "ars"}
    assert Path(plan.models.tables("cropnet2021")[0]) == Path("results/tables/cropnet2021.parquet")
