"""What the figures of a paper are drawn from, as their rule and their recipe have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mexflow import figures
from mexflow.errors import UserError
from mexflow.papers import figure_kinds
from mexflow.papers.figure_recipe import FigureRecipe, FlowFolder, Shown
from mexflow.plan.paper_figures import PaperFigures
from mexflow.plan.workflow import Workflow
from project import PACKAGE, WORKFLOW


@pytest.fixture(scope="module")
def plan() -> Workflow:
    return Workflow({"embedded": {"size": "demo"}}, WORKFLOW)


def recipe(plan: Workflow, paper: str) -> FigureRecipe:
    return FigureRecipe.read(plan.figures[paper].recipe)


def test_a_recipe_says_what_each_figure_is_drawn_from(plan):
    flow = FlowFolder(folder="flow/horn_schunck", pair="onset-apex", size=64)
    assert recipe(plan, "belaiche2020").figures == {
        "F3": Shown(kind="flow_sample", flow=flow, faces="faces"),
        "F6": Shown(kind="mean_flow", flow=flow),
        "F7": Shown(kind="confusion"),
        "F8": Shown(kind="published_confusion"),
    }
    kinds = {kind: f"residual/{kind}" for kind in ("ars", "rrs", "farneback", "tvl1")}
    assert recipe(plan, "cropnet2021").figures["F6"] == Shown(kind="embedding", residuals=kinds)


def test_a_recipe_names_the_folds_of_the_experiments_that_are_shown(plan):
    for paper, used in plan.papers.items():
        shown = {name for figure in used.figures.values() for name in figure.experiments}
        found = recipe(plan, paper)
        assert found.folds == {name: plan.folds(paper, name) for name in shown}
        assert found.total_folds == {used.data_name(name): len(plan.all_folds(paper, name)) for name in shown}
        files = [*plan.figures[paper].predictions, *plan.figures[paper].spotted]
        assert {path.split("/")[-3] for path in files} == shown
    assert recipe(plan, "upadhy2025").indexes == {"mmew": "index/mmew.parquet"}
    both = {"casme2": "index/casme2.parquet", "cde": "index/megc2019.parquet"}
    assert recipe(plan, "cropnet2021").indexes == both
    assert plan.figures["cropnet2021"].indexes == [f"results/{path}" for path in both.values()]
    # Of the composite, F6 reads the one dataset that it shows.
    residual = [path for path in plan.figures["cropnet2021"].arrays if "/residual/" in path]
    assert {path.split("/")[-2] for path in residual} == {"casme2"}


def test_figures_read_what_says_which_clips_are_left_out(plan):
    """The tables beside the arrays of the experiments that are shown, and of no others."""
    for paper, used in plan.papers.items():
        shown = {name for figure in used.figures.values() for name in figure.experiments}
        read = {array.removesuffix(".npy") + ".parquet" for name in shown for array in plan.arrays(paper, name)}
        beside = {array.removesuffix(".npy") + ".parquet" for array in plan.figures[paper].arrays}
        assert set(plan.figures[paper].tables) == read | beside
    assert not any("/lbp_top/" in path for path in plan.figures["belaiche2020"].tables)


def test_the_one_face_is_of_a_subject_with_a_usable_expression(plan, monkeypatch):
    rows = plan.sources.rows("samm_lv")
    first = min(row["subject"] for row in rows)
    assert recipe(plan, "elface2021").figures["F2"].subject == ("samm_lv", first)
    assert plan.figures["elface2021"].arrays == [f"results/faces/samm_lv/{first}.npy"]
    without = [{**row, "excluded": "gone: x"} if row["subject"] == first else row for row in rows]
    other = min(row["subject"] for row in rows if row["subject"] != first)
    for left, subject in ((without, ("samm_lv", other)), ([{**row, "excluded": "gone: x"} for row in rows], None)):
        monkeypatch.setattr(type(plan.sources), "rows", lambda self, index, left=left: left)
        again = PaperFigures(plan, "elface2021", "results")
        assert FigureRecipe.read(again.recipe).figures["F2"].subject == subject
        assert again.arrays == ([f"results/faces/samm_lv/{subject[1]}.npy"] if subject else [])


def test_every_kind_has_its_module_and_no_module_is_without_a_kind():
    modules = {f"mexflow.figures.{path.stem}" for path in (PACKAGE / "figures").glob("*_figure.py")}
    assert modules - {"mexflow.figures.lcn_figure"} == {figures.module(kind) for kind in figure_kinds.KINDS}


def test_the_code_of_figures_is_that_of_their_kinds(plan):
    from mexflow.store.digest import closure

    assert recipe(plan, "belaiche2020").protocols == ["leave_one_subject_out"]
    picks = recipe(plan, "nag2019").picks()
    assert picks == [
        "mexflow.evaluation.folds:leave_one_subject_out",
        "mexflow.figures.states_figure",
        "mexflow.papers.figure_kinds:states",
    ]
    code = closure(["mexflow.cli.figures", *picks])
    assert [name for name in code if name.endswith("_figure")] == ["mexflow.figures.states_figure"]
    assert "mexflow.training.augmentation:rotation" in recipe(plan, "elface2021").picks()
    codes = {name: plan.figures[name].code for name in plan.whole}
    picked = {name: tuple(recipe(plan, name).picks()) for name in plan.whole}
    assert all((codes[a] == codes[b]) == (picked[a] == picked[b]) for a in codes for b in codes)
    assert len(set(codes.values())) > 1


def test_a_recipe_that_is_none_is_told():
    for text, words in (
        ("{", "the recipe: not readable JSON"),
        ('{"budget": "demo", "data": "x", "sed": 1}', "did you mean 'seed'"),
    ):
        with pytest.raises(UserError, match=words):
            FigureRecipe.read(text)


def test_the_command_fits_a_screen_line_or_two(plan):
    """Without its recipe, and without where its output goes."""
    for paper in plan.whole:
        command = (
            f"python -m mexflow figures --paper workflow/papers/{paper}.yaml --results results --recipe ''"
            f" --output results/figures/{paper} --record results/records/figures/{paper}.json"
        )
        assert len(command) < 250
    for dataset in plan.sources.listed:
        command = (
            f"python -m mexflow sheet --dataset {dataset} --root {plan.sources.root(dataset)}"
            f" --results results {plan.sheets.flags(dataset)} --data embedded"
            f" --output results/figures/datasets/{dataset}.png --record results/records/sheet/{dataset}.json"
        )
        assert len(command) <= 400, command


def test_the_plan_of_figures_loads_nothing_heavy():
    heavy = ("numpy", "matplotlib", "pyarrow", "pandas", "torch")
    program = f"import sys, mexflow.plan.paper_figures; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(WORKFLOW))
    assert done.stdout.strip() == "[]", done.stderr
