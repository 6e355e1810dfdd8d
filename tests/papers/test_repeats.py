"""Repeats: names, what is repeated, and that the first one is what there was without any."""

from __future__ import annotations

import pytest

from mexflow.papers import decisions, repeats
from mexflow.papers import paper as papers
from mexflow.papers import recipe as recipes
from mexflow.papers.experiment_scores import scores_of
from mexflow.papers.kinds import KINDS
from mexflow.seeds import derive
from project import WORKFLOW

FOLDER = WORKFLOW / "papers"
NAMES = papers.available(FOLDER)


def test_names():
    assert repeats.named("a-null", 1) == "a-null" and repeats.named("a-null", 12) == "a-null-repeat-12"
    for number in (1, 2, 9, 10, repeats.MOST):
        name = repeats.named("vy-3cl", number)
        assert (repeats.first_of(name), repeats.number_of(name)) == ("vy-3cl", number)
    for other in ("a-repeat-1", "a-repeat-02", "-repeat-2", "a-repeat-2-null", "repeat-2"):
        assert (repeats.first_of(other), repeats.number_of(other)) == (other, 1)


def test_repeats_among_names():
    names = ["a", "b", "a-null", "a-repeat-10", "a-repeat-2", "a-null-repeat-2", "ab-repeat-2"]
    assert repeats.among(names, "a") == ["a", "a-repeat-2", "a-repeat-10"]
    assert repeats.among(names, "a-null") == ["a-null", "a-null-repeat-2"]
    assert repeats.among(names, "a-repeat-2") == ["a-repeat-2"] and repeats.among(names, "c") == []


@pytest.mark.parametrize("name", NAMES)
def test_all_that_hangs_on_a_seed_is_repeated(name):
    paper = papers.load(FOLDER, name)
    once, thrice = paper.to_train(True, 1), paper.to_train(True, 3)
    assert once == paper.with_null_controls() and list(thrice)[: len(once)] == list(once)
    again = [one for one in once if f"{one}-repeat-3" in thrice]
    assert set(thrice) - set(once) == {repeats.named(one, number) for one in again for number in (2, 3)}
    assert {one for one in once if paper.kind(one) in (KINDS["difference"], KINDS["lbp_top"])} == set(once) - set(again)
    for one in again:
        first, third = (paper.recipe(other, "demo", 5) for other in (one, f"{one}-repeat-3"))
        assert third == first.model_copy(update={"experiment": f"{one}-repeat-3"})
        assert "repeat" not in recipes.text(first)
        # As it was before there were repeats.
        assert first.seed_of("f") == derive(5, name, one, "f") != third.seed_of("f")
        assert decisions.of_experiment(paper, one) == decisions.of_experiment(paper, f"{one}-repeat-3")


def test_an_experiment_must_not_be_called_like_a_repeat():
    with pytest.raises(Exception, match="names that end in -repeat-2 are those of repeats"):
        text = (FOLDER / "liong2019.yaml").read_text().replace("  ststnet:", "  ststnet-repeat-2:")
        papers.parse(text.encode(), FOLDER / "liong2019.yaml")


def test_the_scores_of_a_repeat_can_be_asked_for():
    paper = scores_of(papers.load(FOLDER, "liong2019"), "ststnet-repeat-2")
    (row,) = paper.tables["scores"].rows
    assert row.name == "ststnet-repeat-2" and set(row.experiments) == {"ststnet-repeat-2"}
