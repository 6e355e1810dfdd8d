"""What the Snakefile asks of Python: arrays, sheets, folds, batches, flags."""

from __future__ import annotations

import shlex

import pytest

from mexflow import commands, papers
from mexflow.__main__ import folders_at_home
from mexflow.engine import scheduling
from mexflow.errors import UserError
from mexflow.papers.parts import Motion
from mexflow.plan import workflow
from mexflow.plan.flags import flags, settings
from mexflow.plan.shared import Shared
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
    lbp_top = [f"results/lbp_top/{d}/{s}.npy" for d, s in subjects]
    assert plan.arrays(PAPER, "vy-3cl") == flow and plan.arrays(PAPER, "lbp-top") == lbp_top
    assert plan.read_arrays(PAPER) == sorted([*flow, *lbp_top])
    assert plan.timed_faces(PAPER) == [f"results/faces/{d}/{s}.npy" for d, s in subjects]
    assert set(plan.figures[PAPER].arrays) == {*flow, *plan.timed_faces(PAPER)}


def test_a_sheet_of_every_dataset_in_use(plan):
    targets = plan.dataset_targets()
    assert set(targets) > set(plan.sources.index_targets)
    for dataset in plan.sources.in_use:
        assert f"results/figures/datasets/{dataset}.png" in targets
        shown = plan.sheets.subjects(dataset)
        assert len(set(shown)) == 3 and {(dataset, subject) for subject in shown} <= set(plan.sources.subjects(dataset))
    assert "results/tables/preprocessing.md" in targets


def test_flow_of_the_sheets_is_that_of_the_papers(plan, monkeypatch):
    """Where a paper asks for the sheets' flow method, its settings hold, and the sheets' pair is made as well."""
    assert plan.shared.flows["tvl1"].size == 112 and plan.shared.flows["tvl1"].pairs == ["onset-apex"]
    used = make().papers
    paper = used[PAPER]
    wanted = paper.flow.model_copy(update={"method": "tvl1", "size": 64, "pairs": ["onset-apex+1"], "options": {}})
    shared = Shared({**used, PAPER: paper.model_copy(update={"flow": wanted})})
    assert shared.flows["tvl1"].size == 64
    assert shared.flows["tvl1"].pairs == ["onset-apex", "onset-apex+1"]


# Folds and batches


@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 10, 99])
def test_folds_are_spread_evenly(plan, monkeypatch, wanted):
    every = [f"f{i:02}" for i in range(10)]
    plan = make()
    monkeypatch.setattr(Workflow, "all_folds", lambda self, paper, experiment: every)
    effort = plan.papers[PAPER].budgets["demo"].model_copy(update={"folds": wanted})
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
    priorities = {batch.input: batch.priority for batch in plan.batches}
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
        for path in batch.files("predictions.parquet")
    }
    predicted = {path for paper in plan.papers for path in plan.predictions(paper)}
    spotted = {path for paper in plan.papers for path in plan.spotted(paper)}
    assert predicted < made, "long videos are scored only, and have no predictions"
    assert folds(made) == folds(predicted | spotted)
    kept = {
        path.format(experiment=experiment)
        for batch in plan.batches if batch.keep_features
        for experiment in batch.experiments
        for path in batch.files("features.npy")
    }  # fmt: skip
    assert kept == set(plan.features(PAPER)) and kept
    assert plan.timed_model(PAPER).replace("model.pt", "predictions.parquet") in made


def test_null_controls_are_trained_if_wanted(plan):
    without = make(null_controls=False)
    extra = set(plan.experiments(PAPER)) - set(without.experiments(PAPER))
    assert extra == {"vy-3cl-null"}
    assert not any("-null" in path for path in without.predictions(PAPER))
    assert "-null" not in without.expected(PAPER)
    assert "--permute-labels" in plan.training_flags(PAPER, "vy-3cl-null").split()
    assert "--permute-labels" not in plan.training_flags(PAPER, "vy-3cl").split()
    assert plan.folds(PAPER, "vy-3cl-null") == plan.folds(PAPER, "vy-3cl")


# Flags


def test_training_flags_hold_everything_the_paper_says(plan):
    text = plan.training_flags(PAPER, "vx-vy-3cl")
    given = shlex.split(text)
    paper = plan.papers[PAPER]

    def values(option: str) -> list[str]:
        return [given[i + 1] for i, word in enumerate(given) if word == option]

    assert values("--class") == paper.data["megc2018"].classes and values("--input") == ["flow"]
    assert values("--channel") == ["Vx", "Vy"]
    assert values("--train-pair") == paper.train_pairs and values("--test-pair") == paper.test_pairs
    assert values("--model") == ["shallow_cnn"] and values("--model-option") == ["layers=3"]
    assert values("--epochs") == [str(paper.effort("vx-vy-3cl", "demo").epochs)]
    assert values("--batch-size") == ["64"] and values("--seed") == ["1"]
    assert [float(v) for v in values("--learning-rate")] == [paper.training.learning_rate]
    assert dict(v.split("=") for v in values("--optimizer-option")).keys() == paper.training.optimizer_options.keys()
    assert "--keep-features" in given and "--keep-features" not in plan.training_flags(PAPER, "vx-1cl")
    assert "--epochs 150 " in make(budget="paper").training_flags(PAPER, "vx-vy-3cl")
    assert make(seed=5).training_flags(PAPER, "vx-1cl") != plan.training_flags(PAPER, "vx-1cl")


def test_settings_that_change_no_result_are_not_in_the_science(plan):
    other = make(training={"device": "cpu", "folds_per_job": 1, "checkpoint_seconds": 0})
    for experiment in plan.experiments(PAPER):
        assert other.training_flags(PAPER, experiment) == plan.training_flags(PAPER, experiment)


def test_values_are_quoted_for_the_shell():
    values = ["plain", "my data/CASME II", "it's", "$HOME; rm -r x", "a\nb", ""]
    assert shlex.split(flags("root", values)) == [word for value in values for word in ("--root", value)]
    assert flags("fold", []) == ""
    assert settings({"a": True, "b": 1.0, "c": "last"}) == ["a=true", "b=1.0", "c=last"]


def test_home_is_expanded_where_a_shell_leaves_it(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    given = "--root ~/a --root smic=~/b --root=~/c --root=samm=~ --openface ~/d --output ~/e f~g --root x=y=~/z"
    said = "--root /h/a --root smic=/h/b --root=/h/c --root=samm=/h --openface /h/d --output ~/e f~g --root x=y=~/z"
    assert folders_at_home(given.split()) == said.split()


def test_expected_folds(plan):
    given = shlex.split(plan.expected(PAPER))
    found = dict(given[i + 1].split("=") for i, word in enumerate(given) if word == "--expect")
    totals = [given[i + 1] for i, word in enumerate(given) if word == "--total-folds"]
    assert totals == [f"megc2018={len(plan.all_folds(PAPER, 'vy-3cl'))}"]
    assert {name: folds.split(",") for name, folds in found.items()} == {
        name: plan.folds(PAPER, name) for name in plan.experiments(PAPER)
    }


def test_codes_name_the_network_that_is_trained(plan):
    assert plan.training_code("train", PAPER, "vx-1cl") == commands.code_digest("train", "mexflow.models.shallow_cnn")
    assert plan.training_code("train", PAPER, "resnet-1cl") == commands.code_digest(
        "train", "mexflow.models.reduced_resnet"
    )
    sources = plan.sources
    assert sources.index_code("samm") != sources.index_code("megc2018") != sources.index_code("casme2")


def test_a_code_digest_is_taken_once_a_run(monkeypatch):
    taken = []
    monkeypatch.setattr(commands, "code_digest", lambda *modules: taken.append(modules) or "digest")
    plan = make()
    for _ in range(3):
        assert plan.training_code("train", PAPER, "vx-1cl") == plan.training_code("train", PAPER, "vy-1cl") == "digest"
    assert taken == [("train", "mexflow.models.shallow_cnn")]


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
    assert plan.shared.residual_kinds == {
        "residual": ["ars", "ars-1", "ars-3", "ars-7", "ars-9", "rrs"], "residual_flow": ["farneback", "tvl1"],
    }  # fmt: skip
    assert make(papers=[PAPER]).shared.residual_kinds == {"residual": ["ars", "rrs"]}
    shown = {f"results/residual/{kind}/casme2/{s}.npy" for kind in ("ars", "rrs", "farneback", "tvl1") for s in casme2}
    assert set(plan.figures["cropnet2021"].arrays) == shown


def test_printed_training_settings_reach_the_command(plan):
    def given(paper: str, experiment: str, option: str) -> list[str]:
        words = shlex.split(plan.training_flags(paper, experiment))
        return [words[i + 1] for i, word in enumerate(words) if word == option]

    augment = given("cropnet2021", "ars-cde", "--augment")
    assert augment == [
        "brightness=0.2,1.8", "contrast=0.2,1.8", "saturation=0.2,1.8", "hue=-0.5,0.5", "grey=0.2", "flip=0.5",
        "rotation=-15.0,15.0",
    ]  # fmt: skip
    assert given("cropnet2021", "ars-cde", "--optimizer") == ["adamp"]
    assert given("cropnet2021", "ars-cde", "--class") == ["negative", "positive", "surprise"]
    assert given("cropnet2021", "ars-whole", "--model-option") == ["cropped=false"]
    assert given("cropnet2021", "ars", "--size") == ["64"]
    assert "--size" not in make(budget="paper").training_flags("cropnet2021", "ars")
    assert given("upadhy2025", "2d", "--oversample") == ["flip", "brightness=0.8,1.2", "salt_and_pepper=0.02"]
    assert given("upadhy2025", "2d", "--early-stopping") == ["10"] and given("upadhy2025", "2d", "--size") == ["90"]
    assert given("upadhy2025", "lbp-top", "--oversample") == given("upadhy2025", "lbp-top", "--early-stopping") == []


SETTINGS = {
    "key_frame_gap": ("cropnet2021", "bracketed", "residual images"),
    "lbp_top": ("upadhy2025", {"neighbours": 4}, "LBP-TOP"),
    "motion": ("nag2019", Motion(method="tvl1", options={"tau": 0.1}), "tvl1 motion"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_papers_that_want_it_differently_are_told(setting):
    name, other, what = SETTINGS[setting]
    paper = papers.load(WORKFLOW / "papers", name)
    another = paper.model_copy(update={"paper": "another", setting: other})
    with pytest.raises(UserError, match=f"{name} and another want {what} with different settings"):
        Shared({name: paper, "another": another})
