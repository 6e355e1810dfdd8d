"""What the Snakefile asks of Python: arrays, sheets, folds, batches, flags."""

from __future__ import annotations

import shlex

import pytest

from mexflow import commands
from mexflow.__main__ import folders_at_home
from mexflow.engine import scheduling
from mexflow.errors import UserError
from mexflow.papers import paper as papers
from mexflow.papers import recipe as recipes
from mexflow.papers import repeats
from mexflow.papers.preprocessing import Flow, LbpTop, Motion, Preprocessing, Residual
from mexflow.plan import workflow
from mexflow.plan.flags import flags, settings
from mexflow.plan.named_preprocessing import NamedPreprocessing
from mexflow.plan.workflow import Workflow
from project import WORKFLOW

PAPER = "belaiche2020"


def make(**values) -> Workflow:
    return Workflow({"embedded": {"size": "demo"}, **values}, WORKFLOW)


@pytest.fixture(scope="module")
def plan() -> Workflow:
    return make()


# What is made of a paper


def test_arrays_of_a_paper(plan):
    subjects = plan.sources.subjects("megc2018")
    flow = [f"results/flow/horn_schunck/{d}/{s}.npy" for d, s in subjects]
    lbp_top = [f"results/lbp_top/standard/{d}/{s}.npy" for d, s in subjects]
    assert plan.arrays(PAPER, "vy-3cl") == flow and plan.arrays(PAPER, "lbp-top") == lbp_top
    assert set(plan.figures[PAPER].arrays) == {*flow, *(f"results/faces/{d}/{s}.npy" for d, s in subjects)}


def test_a_sheet_of_every_dataset_in_use(plan):
    targets = plan.dataset_targets()
    assert set(targets) > set(plan.sources.index_targets)
    for dataset in plan.sources.in_use:
        assert f"results/figures/datasets/{dataset}.png" in targets
        shown = plan.sheets.subjects(dataset)
        assert len(set(shown)) == 3 and {(dataset, subject) for subject in shown} <= set(plan.sources.subjects(dataset))
    assert "results/tables/preprocessing.md" in targets


def test_what_the_sheets_show_is_their_own(plan):
    """Whatever settings papers have for their flow: the sheets' has a name and a folder of its own."""
    assert plan.preprocessing.flows["sheet"] == Flow(method="tvl1", size=112, pairs=["onset-apex"])
    assert all("/flow/sheet/" in path for path in plan.sheets.files("casme2", plan.sheets.flow))
    paper = plan.papers[PAPER]
    small = Preprocessing(flow={"small": Flow(method="tvl1", size=28, pairs=["onset-apex"])})
    other = NamedPreprocessing({**plan.papers, "another": paper.model_copy(update={"preprocessing": small})})
    assert other.flows == {**plan.preprocessing.flows, "small": small.flow["small"]}


def test_a_paper_with_another_reading_leaves_the_sheets_as_they_are(plan):
    paper = plan.papers["cropnet2021"]
    bracketed = {
        name: one.model_copy(update={"gap": "bracketed"}) for name, one in paper.preprocessing.residual.items()
    }
    other = paper.model_copy(update={"preprocessing": paper.preprocessing.model_copy(update={"residual": bracketed})})
    named = NamedPreprocessing({"cropnet2021": other})
    assert plan.preprocessing.sheet_residuals == ["ars", "rrs"]
    assert named.sheet_residuals == ["sheet-ars", "sheet-rrs"]
    assert named.residuals["ars"].gap == "bracketed" and named.residuals["sheet-ars"] == Residual(image="ars")
    assert named.residual_jobs["sheets"] == ["sheet-ars", "sheet-rrs"]


# Folds and batches


@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 10, 99])
def test_folds_are_spread_evenly(plan, monkeypatch, wanted):
    every = [f"f{i:02}" for i in range(10)]
    plan = make()
    monkeypatch.setattr(Workflow, "all_folds", lambda self, paper, experiment: every)
    effort = plan.papers[PAPER].effort("vx-1cl", "demo").model_copy(update={"folds": wanted})
    monkeypatch.setattr(workflow.Paper, "effort", lambda self, experiment, budget: effort)
    chosen = plan.folds(PAPER, "vx-1cl")
    assert chosen == sorted(set(chosen)) and len(chosen) == min(wanted, 10)
    places = [every.index(fold) for fold in chosen]
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert abs(places[0] - (9 - places[-1])) <= 1, "neither end is favoured"


def test_all_folds_under_the_budget_of_the_paper():
    plan = make(budget="paper")
    assert all(plan.folds(PAPER, name) == plan.all_folds(PAPER, name) for name in plan.experiments(PAPER))
    assert len(plan.all_folds(PAPER, "vy-3cl")) == len(plan.sources.subjects("megc2018"))


@pytest.mark.parametrize("step", [1, 2, 4, 100])
@pytest.mark.parametrize("budget", ["demo", "paper"])
def test_every_fold_is_in_one_batch(step, budget):
    plan = make(training={"folds_per_job": step}, budget=budget)
    trained = [(b.paper, experiment, fold) for b in plan.batches for experiment in b.experiments for fold in b.choices]
    expected = [
        (paper, name, fold)
        for paper in plan.papers
        for name in plan.experiments(paper)
        for fold in plan.folds(paper, name)
    ]
    assert sorted(trained) == sorted(expected)
    assert all(len(batch.folds) <= step for batch in plan.batches)
    names = [batch.name for batch in plan.batches]
    assert len(set(names)) == len(names)
    jobs = [(batch.paper, experiment, batch.number) for batch in plan.batches for experiment in batch.experiments]
    assert len(set(jobs)) == len(jobs), "the records of two jobs would have one name"


def test_the_longest_jobs_come_first(plan):
    priorities = {plan.papers[b.paper].experiment(b.experiments[0]).kind: b.kind.priority for b in plan.batches}
    assert priorities["sequences"] > priorities["frames"] > priorities["residual"] > priorities["flow"]
    assert max(priorities.values()) < scheduling.PREPROCESSING, "all of these wait for it"
    assert {len(batch.folds) for batch in make(budget="paper").batches} == {1}, "its folds take hours"


def test_files_of_the_batches_are_those_asked_for(plan):
    def folds(files):
        return {file.rpartition("/")[0] for file in files}

    made = {
        path.format(experiment=experiment)
        for batch in plan.batches
        for experiment in batch.experiments
        for path in batch.files
    }
    predicted = {path for paper in plan.papers for path in plan.predictions(paper)}
    spotted = {path for paper in plan.papers for path in plan.spotted(paper)}
    assert predicted < made, "long videos are scored only, and have no predictions"
    assert folds(made) == folds(predicted | spotted)
    kept = {
        path.format(experiment=experiment)
        for batch in plan.batches if "features.npy" in batch.files_of_fold
        for experiment in batch.experiments
        for path in batch.file("features.npy")
    }  # fmt: skip
    assert kept == set(plan.features(PAPER)) and kept
    assert plan.reporting.timed_model(PAPER).replace("model.pt", "predictions.parquet") in made


def test_null_controls_are_trained_if_wanted(plan):
    without = make(null_controls=False)
    extra = set(plan.experiments(PAPER)) - set(without.experiments(PAPER))
    assert extra == {"vy-3cl-null"}
    assert not any("-null" in path for path in without.predictions(PAPER))
    assert "-null" not in without.reporting.recipe(PAPER)
    assert recipe(plan, PAPER, "vy-3cl-null").permute_labels and not recipe(plan, PAPER, "vy-3cl").permute_labels
    assert plan.folds(PAPER, "vy-3cl-null") == plan.folds(PAPER, "vy-3cl")


def test_repeats_change_nothing_of_the_first(plan):
    """Of every job that there is without them: rule, files, recipe, code."""
    repeated = make(training={"repeats": 3})

    def jobs(of: Workflow) -> dict[str, tuple]:
        return {
            f"{batch.paper}/{name}/{batch.number}": (
                batch.name, batch.files, batch.inputs, of.recipe(batch.paper, name), of.training_code(batch.paper, name)
            )
            for batch in of.batches
            for name in batch.experiments
        }  # fmt: skip

    before, after = jobs(plan), jobs(repeated)
    assert before.items() <= after.items()
    added = {job.split("/")[1] for job in after.keys() - before.keys()}
    assert added and all(repeats.number_of(name) in (2, 3) for name in added)
    assert make(training={"repeats": 1}).config == plan.config
    for paper in plan.papers:
        assert set(plan.targets(paper)) == set(repeated.targets(paper))
        for of in (plan.predictions, plan.spotted, plan.features):
            assert not any("repeat" in path for path in of(paper))
        assert "repeat" not in plan.reporting.recipe(paper).text() + plan.figures[paper].recipe


def test_tables_and_figures_wait_for_all_repeats():
    repeated = make(training={"repeats": 2})
    files = repeated.predictions(PAPER)
    for first in ("vy-3cl", "vy-3cl-null"):
        again = [path.replace(f"/{first}/", f"/{first}-repeat-2/") for path in files if f"/{first}/" in path]
        assert again and set(again) < set(files)
        assert set(repeated.predictions(PAPER, first)) == {*again, *(p.replace("-repeat-2", "") for p in again)}
    assert repeated.predictions(PAPER, "lbp-top") == make().predictions(PAPER, "lbp-top")
    wanted = repeated.reporting.recipe(PAPER).expected
    assert wanted["vy-3cl"] == wanted["vy-3cl-repeat-2"] == repeated.folds(PAPER, "vy-3cl")
    assert list(repeated.reporting.recipe(PAPER, "vy-3cl").expected) == ["vy-3cl", "vy-3cl-repeat-2"]
    drawn = repeated.figures["cropnet2021"]
    shown = {path.split("/")[3] for path in drawn.predictions}
    assert {repeats.named(repeats.first_of(name), 2) for name in shown} < shown
    assert "samm-lv-repeat-2" in repeated.spotting_papers["elface2021"]


# Recipes and flags


def recipe(plan: Workflow, paper: str, experiment: str):
    """The recipe that the plan hands to the command."""
    return recipes.read(plan.recipe(paper, experiment))


def test_a_recipe_holds_everything_the_paper_says(plan):
    paper, made = plan.papers[PAPER], recipe(plan, PAPER, "vx-vy-3cl")
    assert (made.kind, made.paper, made.experiment) == ("flow", PAPER, "vx-vy-3cl")
    assert made.classes == paper.data["megc2018"].classes and made.label == made.index == "megc2018"
    assert made.reads == ["flow/horn_schunck"] and made.channels == ["Vx", "Vy"] and made.size is None
    assert (made.train_pairs, made.test_pairs) == (paper.train_pairs, paper.test_pairs)
    assert (made.model, made.options, made.seed) == ("shallow_cnn", {"layers": 3}, 1)
    assert made.epochs == paper.effort("vx-vy-3cl", "demo").epochs
    assert {name: getattr(made.training, name) for name in paper.training} == paper.training
    assert made.keep_features and not recipe(plan, PAPER, "vx-1cl").keep_features
    assert recipe(make(budget="paper"), PAPER, "vx-vy-3cl").epochs == 150
    assert make(seed=5).recipe(PAPER, "vx-1cl") != plan.recipe(PAPER, "vx-1cl")


def test_settings_that_change_no_result_are_not_in_the_recipe(plan):
    other = make(training={"device": "cpu", "folds_per_job": 1, "checkpoint_seconds": 0})
    for experiment in plan.experiments(PAPER):
        assert other.recipe(PAPER, experiment) == plan.recipe(PAPER, experiment)


def test_sigma_is_in_the_recipe_of_what_sees_lcn(plan):
    other = make(preprocess={"lcn": {"sigma": 3.0}})
    assert recipe(other, "elface2021", "samm-lv").sigma == 3.0
    assert recipe(other, "elface2021", "samm-lv-no-lcn").sigma is None
    changed = {
        (paper, name)
        for paper in plan.papers
        for name in plan.experiments(paper)
        if other.recipe(paper, name) != plan.recipe(paper, name)
    }
    lcn = {("elface2021", name) for name, one in plan.papers["elface2021"].experiments.items() if one.lcn}
    assert changed == lcn


def test_frame_skips_are_measured_on_embedded_data_alone(plan):
    kinds = {name: recipe(plan, "elface2021", name) for name in plan.experiments("elface2021")}
    assert {made.skips for made in kinds.values()} == {"measured"}
    printed = plan.papers["elface2021"].spotting["samm_lv"]
    assert kinds["samm-lv"].test_skips == printed.test_skips and kinds["samm-lv"].k == "k-th"
    assert all(made.inside is None for made in kinds.values())
    # What is licensed is tested with the printed skips.
    assert plan.papers["elface2021"].recipe("samm-lv", "paper").skips == "printed"
    licensed = make(papers=["elface2021"])
    licensed.sources.data = lambda index: {"samm_lv": "/data/SAMM-LV (samm_lv)"}.get(index, "embedded")
    assert recipe(licensed, "elface2021", "samm-lv").skips == "printed"
    assert recipe(licensed, "elface2021", "cas-me-2").skips == "measured"


def test_values_are_quoted_for_the_shell():
    values = ["plain", "my data/CASME II", "it's", "$HOME; rm -r x", "a\nb", ""]
    assert shlex.split(flags("root", values)) == [word for value in values for word in ("--root", value)]
    assert flags("fold", []) == ""
    assert settings({"a": True, "b": 1.0, "c": "last"}) == ["a=true", "b=1.0", "c=last"]


def test_home_is_expanded_where_a_shell_leaves_it(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    given = "--root ~/a --root smic=~/b --root=~/c --root=samm=~ --openface ~/d f~g --root x=y=~/z"
    given += " --output=~/e --table ~/k --spot=~/m"
    said = "--root /h/a --root smic=/h/b --root=/h/c --root=samm=/h --openface /h/d f~g --root x=y=~/z"
    said += " --output=/h/e --table ~/k --spot=/h/m"
    assert folders_at_home(given.split()) == said.split()


def test_codes_name_what_is_picked(plan):
    def code(name: str) -> str:
        made = recipe(plan, PAPER, name)
        return commands.code_digest("train", *sorted([plan.papers[PAPER].kind(name).trainer, *made.picks()]))

    for name in ("vx-1cl", "resnet-1cl", "lbp-top"):
        assert plan.training_code(PAPER, name) == code(name)
    assert plan.training_code(PAPER, "vx-1cl") != plan.training_code(PAPER, "resnet-1cl")
    sources = plan.sources
    assert sources.index_code("samm") != sources.index_code("megc2018") != sources.index_code("casme2")


def test_a_code_digest_is_taken_once_a_run(monkeypatch):
    taken = []
    monkeypatch.setattr(commands, "code_digest", lambda *modules: taken.append(modules) or "digest")
    plan = make(papers=[PAPER])
    for _ in range(3):
        assert plan.training_code(PAPER, "vx-1cl") == plan.training_code(PAPER, "vx-2cl") == "digest"
    assert len(taken) == len(set(taken)) < len(plan.experiments(PAPER))


# Mistakes


def test_wrong_configuration_and_unknown_paper():
    with pytest.raises(UserError, match=r"unknown key 'paper'"):
        make(paper=["x"])
    with pytest.raises(UserError, match=r"unknown paper 'belaiche' \(did you mean 'belaiche2020'\?\)"):
        make(papers=["belaiche"])


def test_paper_named_twice_is_made_once():
    assert list(make(papers=[PAPER, PAPER]).papers) == [PAPER]


def test_network_that_does_not_exist(tmp_path):
    (tmp_path / "papers").mkdir()
    source = (WORKFLOW / "papers" / f"{PAPER}.yaml").read_text()
    (tmp_path / "papers" / f"{PAPER}.yaml").write_text(source.replace("model: shallow_cnn", "model: shalow_cnn", 1))
    with pytest.raises(UserError, match=r"unknown network 'shalow_cnn' \(did you mean 'shallow_cnn'\?\)"):
        Workflow({"papers": [PAPER]}, tmp_path)


# Kinds of input


def test_what_the_papers_are_fed(plan):
    casme2 = [s for _, s in plan.sources.subjects("casme2")]
    assert plan.arrays("cropnet2021", "tvl1") == [f"results/residual/tvl1/casme2/{s}.npy" for s in casme2]
    cde = [f"results/residual/ars-3/{d}/{s}.npy" for d, s in plan.sources.subjects("megc2019")]
    assert plan.arrays("cropnet2021", "ars-cde-3") == cde
    assert plan.arrays("upadhy2025", "2d") == [f"results/faces/mmew/{s}.npy" for _, s in plan.sources.subjects("mmew")]
    assert plan.preprocessing.residual_jobs == {
        "cropnet2021": ["ars", "ars-1", "ars-3", "ars-7", "ars-9", "rrs"],
        "cropnet2021_flow": ["farneback", "tvl1"],
    }
    assert make(papers=[PAPER]).preprocessing.residual_jobs == {"sheets": ["ars", "rrs"]}
    shown = {f"results/residual/{kind}/casme2/{s}.npy" for kind in ("ars", "rrs", "farneback", "tvl1") for s in casme2}
    assert set(plan.figures["cropnet2021"].arrays) == shown


def test_printed_training_settings_reach_the_command(plan):
    ars = recipe(plan, "cropnet2021", "ars-cde")
    assert ars.training.augment == [
        {"brightness": [0.2, 1.8]}, {"contrast": [0.2, 1.8]}, {"saturation": [0.2, 1.8]}, {"hue": [-0.5, 0.5]},
        {"grey": 0.2}, {"flip": 0.5}, {"rotation": [-15, 15]},
    ]  # fmt: skip
    assert ars.training.optimizer == "adamp" and ars.classes == ["negative", "positive", "surprise"]
    assert recipe(plan, "cropnet2021", "ars-whole").options == {"cropped": False}
    assert recipe(plan, "cropnet2021", "ars").size == 32
    assert recipe(make(budget="paper"), "cropnet2021", "ars").size is None
    form = recipe(plan, "upadhy2025", "2d")
    assert form.training.oversample == ["flip", {"brightness": [0.8, 1.2]}, {"salt_and_pepper": 0.02}]
    assert (form.training.early_stopping, form.size) == (10, 90)
    assert not hasattr(recipe(plan, "upadhy2025", "lbp-top"), "training"), "it is fitted, not trained"


SETTINGS = {
    "residual": ("cropnet2021", "ars", Residual(image="ars", gap="bracketed")),
    "lbp_top": ("upadhy2025", "standard", LbpTop(blocks=(4, 4))),
    "motion": ("nag2019", "tvl1", Motion(method="tvl1", options={"step": 0.1})),
    "flow": (PAPER, "horn_schunck", Flow(method="horn_schunck", size=28, pairs=["onset-apex"])),
}


@pytest.mark.parametrize("stage", SETTINGS)
def test_papers_that_use_one_name_for_two_things_are_told(stage):
    owner, name, other = SETTINGS[stage]
    paper = papers.load(WORKFLOW / "papers", owner)
    another = paper.model_copy(update={"preprocessing": Preprocessing(**{stage: {name: other}})})
    with pytest.raises(UserError, match=f"{owner} and another use the name {name} of preprocessing.{stage} with diff"):
        NamedPreprocessing({owner: paper, "another": another})
    same = paper.model_copy(update={"preprocessing": Preprocessing(**{stage: {f"{name}-2": other}})})
    assert NamedPreprocessing({owner: paper, "another": same})
