"""A paper as data: what a paper file must say, and what is told of a wrong one."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

from mexflow.errors import UserError
from mexflow.models import available
from mexflow.papers import paper as papers
from project import WORKFLOW, paper_values, to_yaml

FOLDER = WORKFLOW / "papers"
BUDGETS = ("demo", "learning", "paper")
VALUES = paper_values("belaiche2020")


def changed(path: str, value: object) -> bytes:
    """The paper's file with one value changed; the path's parts are separated by ``/``."""
    values = copy.deepcopy(VALUES)
    *parents, last = path.split("/")
    place = values
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    place[last] = value
    return to_yaml(values).encode()


def message(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        papers.parse(data, Path("papers/belaiche2020.yaml"))
    text = str(caught.value)
    assert "\n" not in text and text.startswith("papers/belaiche2020.yaml: ")
    return text.removeprefix("papers/belaiche2020.yaml: ")


@pytest.mark.parametrize("name", papers.available(FOLDER))
def test_every_paper_of_the_project_is_valid(name):
    paper = papers.load(FOLDER, name)
    assert set(paper.models) <= set(available())
    assert paper.citation and paper.tables and paper.figures


@pytest.mark.parametrize("name", papers.available(FOLDER))
def test_a_citation_has_authors_title_year_and_an_identifier(name):
    """Or says what could not be confirmed: nothing is made up."""
    paper = papers.load(FOLDER, name)
    citation = " ".join(paper.citation.split())
    assert re.match(r"([A-Z]\.(-[A-Z]\.)?( [A-Z]\.)* )?[A-Z][a-z]+(, |\. )", citation), citation
    assert re.search(r"\b20\d\d\b", citation).group() == name[-4:]
    if "could not be confirmed" in citation:
        assert "not its title" in paper.title
        return
    assert f"{paper.title}. " in citation
    assert re.search(r"doi:10\.\d{4,}/\S+|arXiv:\d{4}\.\d{5}|Applied Sciences 10\(14\)", citation), citation


@pytest.mark.parametrize("name", papers.available(FOLDER))
def test_every_row_of_others_says_whose_it_is(name):
    """A row that the paper quotes names its year, or its table says that all of them are as the paper quotes them."""
    paper = papers.load(FOLDER, name)
    for table_name, table in paper.tables.items():
        for row in table.rows:
            if row.published and not row.experiments:
                said = re.search(r"\b20\d\d\b", row.note or "") or "as the paper quotes them" in (table.note or "")
                assert said or "log" in (row.note or ""), f"{table_name}/{row.name}"


def test_unknown_paper():
    with pytest.raises(UserError, match=r"^unknown paper 'belaiche2012' \(did you mean 'belaiche2020'\?\); one of: "):
        papers.load(FOLDER, "belaiche2012")


def test_file_and_name_must_agree():
    assert message(changed("paper", "other")) == "calls itself 'other'; file and `paper:` must agree"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "tables/T4/rows/0/experiments",
            ["vx-1cl", "vx-2cl", "vx-3cl", "vx-5cl"],
            "T4/Vx: no experiment 'vx-5cl' (did",
        ),
        ("tables/T4/rows/0/experiments", ["vx-1cl", "vx-2cl"], "T4/Vx: 2 experiments for 4 columns"),
        ("tables/T4/rows/1/published", [58.09, 59.34, 60.17], "T4/Vy: 3 published for 4 columns"),
        (
            "tables/T4/rows/1/metric",
            "acuracy",
            "tables.T4.rows.1.metric: unknown metric 'acuracy' (did you mean 'accuracy'?)",
        ),
        ("figures/F7/experiment", "vy-3c", "F7: no experiment 'vy-3c' (did you mean 'vy-3cl'?)"),
        ("timing/experiment", "vy-9cl", "timing: no experiment 'vy-9cl' (did you mean"),
        ("train_pairs", ["onset-offset"], "pair 'onset-offset' is not among the pairs of the paper's flow"),
        ("test_pairs", ["onset-offset"], "pair 'onset-offset' is not among the pairs of the paper's flow"),
        ("budgets", {"paper": {"epochs": 5}}, "budgets: demo is missing"),
        (
            "budgets/demo/epochs",
            0,
            ".epochs: input should be greater than or equal to 1, not 0",
        ),
    ],
)
def test_wrong_value(path, value, expected):
    assert expected in message(changed(path, value))


def test_file_that_is_no_yaml():
    assert message(b"paper: [").startswith("not valid YAML (")
    assert "input should be a valid dictionary" in message(b"")


@pytest.fixture(scope="module")
def paper() -> papers.Paper:
    return papers.load(FOLDER, "belaiche2020")


def test_null_controls(paper):
    asked = {name for name, experiment in paper.experiments.items() if getattr(experiment, "null_control", False)}
    every = paper.with_null_controls()
    assert set(every) - set(paper.experiments) == {f"{name}-null" for name in asked} and asked
    assert paper.with_null_controls(False) == paper.experiments
    for name in asked:
        null, own = every[f"{name}-null"], every[name]
        assert null.permute_labels and not own.permute_labels
        assert not null.keep_features and not null.null_control
        assert (null.model, null.options, null.channels, null.demo) == (own.model, own.options, own.channels, own.demo)


def test_effort(paper):
    own, budgets = paper.experiments["vy-3cl"].demo, paper.budgets
    assert paper.effort("vy-3cl", "demo") == own and own.model_dump() != budgets["demo"]
    assert paper.effort("vy-3cl-null", "demo") == own, "a control is as long as what it controls"
    assert paper.effort("vx-1cl", "demo").model_dump(exclude_none=True) == budgets["demo"]
    assert paper.effort("vy-3cl", "paper") == paper.effort("vx-1cl", "paper")
    assert (paper.effort("vy-3cl", "paper").epochs, paper.effort("vy-3cl", "paper").folds) == (150, None)
    assert paper.effort("lbp-top", "demo").model_dump() == {"folds": None}, "what is fitted has no epochs"


def test_the_effort_of_learning():
    """Where an experiment says none, that of the demo; no paper has a section for it."""
    values = copy.deepcopy(VALUES)
    values["experiments"]["vy-3cl"]["learning"] = {"epochs": 7, "folds": 4}
    paper = papers.parse(to_yaml(values).encode(), Path("papers/belaiche2020.yaml"))
    assert paper.learning == ["vy-3cl"]
    own = paper.effort("vy-3cl", "learning")
    assert (own.epochs, own.folds) == (7, 4) and paper.effort("vy-3cl-null", "learning") == own
    assert paper.effort("vy-3cl", "demo") == paper.experiments["vy-3cl"].demo
    for name in ("vx-1cl", "resnet-7cl", "lbp-top"):
        assert paper.effort(name, "learning") == paper.effort(name, "demo")
    sections = {(name, budget): paper.section(name, budget) for name in ("vy-3cl", "vx-1cl") for budget in BUDGETS}
    assert sections == {
        ("vy-3cl", "demo"): None, ("vy-3cl", "learning"): None, ("vy-3cl", "paper"): "paper",
        ("vx-1cl", "demo"): "demo", ("vx-1cl", "learning"): "demo", ("vx-1cl", "paper"): "paper",
    }  # fmt: skip


@pytest.mark.parametrize("name", papers.available(FOLDER))
def test_every_paper_says_what_its_proposed_method_needs_to_learn(name):
    """Nothing but the effort: of all subjects, or some, the same kind of experiment, and longer than the demo's."""
    paper = papers.load(FOLDER, name)
    assert paper.learning
    for experiment in paper.learning:
        effort, demo = paper.effort(experiment, "learning"), paper.effort(experiment, "demo")
        assert type(effort) is type(demo) and effort.epochs >= demo.epochs
        assert effort.folds is None or effort.folds >= (demo.folds or 3) >= 1
        run, printed = paper.recipe(experiment, "learning"), paper.recipe(experiment, "paper")
        changed = {key for key in type(run).model_fields if getattr(run, key) != getattr(printed, key)}
        assert changed <= {"epochs", "samples", "size", "versions", "stage1_epochs", "stage1_samples"}


def test_what_is_to_learn_has_a_null_control_under_learning_alone_if_it_asks_for_none():
    nag = papers.load(FOLDER, "nag2019")
    assert nag.controlled("demo") == nag.controlled("paper") == [] and nag.controlled("learning") == ["proposed"]
    assert "proposed-null" not in nag.with_null_controls(budget="demo")
    null = nag.with_null_controls(budget="learning")["proposed-null"]
    assert null.permute_labels and nag.effort("proposed-null", "learning") == nag.effort("proposed", "learning")
    assert "proposed-null" not in nag.with_null_controls(False, "learning")
    assert nag.place_control("proposed") == "position" and nag.place_control("proposed-split") is None
    assert papers.load(FOLDER, "elface2021").place_control("samm-lv") is None


def test_recipes_say_what_is_unlike_the_printed_budget(paper):
    run, printed = paper.recipe("vy-3cl", "demo"), paper.recipe("vy-3cl", "paper")
    assert run.unlike(printed) == ["epochs 4 of 150", "at most 40 samples an epoch"] and printed.unlike(printed) == []
    assert run.model_copy(update={"epochs": 200, "samples": None}).unlike(printed) == ["epochs 200, not 150"]
