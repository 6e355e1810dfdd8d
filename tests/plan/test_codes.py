"""The code digests of the jobs: an entry that is edited reaches the jobs that pick it, and a new one nobody."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mexflow.papers import recipe as recipes
from mexflow.papers.operations import name_of
from mexflow.plan.workflow import Workflow
from mexflow.store import digest
from project import PACKAGE, WORKFLOW

AUGMENTATION = "training/augmentation.py"
FLOW = "preprocess/flow.py"
CHANNELS = "training/recognition/channels.py"
FOLDS = "evaluation/folds.py"
LOOP = "training/loop.py"
NORMALISATION = "training/recognition/normalisation.py"


def make() -> Workflow:
    return Workflow({"embedded": {"size": "demo"}}, WORKFLOW)


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """A copy of the package, which is what digests are taken of."""
    folder = tmp_path / "mexflow"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "_ROOT", folder)
    return folder


def codes() -> dict[tuple[str, ...], str]:
    """The digest of every sort of job: what it is of, and its name."""
    plan = make()
    stages = plan.preprocessing
    found = {
        ("train", paper, name): plan.training_code(paper, name)
        for paper in plan.papers
        for name in plan.experiments(paper)
    }
    found |= {("tables", paper): plan.reporting.code(paper) for paper in plan.papers}
    found |= {("figures", paper): plan.figures[paper].code for paper in plan.papers}
    found |= {("timing", name): plan.reporting.timing_code(name) for name, paper in plan.papers.items() if paper.timing}
    found |= {("flow", name): plan.flow_code("flow", flow.method) for name, flow in stages.flows.items()}
    found |= {("motion", name): plan.flow_code("motion", motion.method) for name, motion in stages.motions.items()}
    found |= {("residual", rule): plan.residual_code(names) for rule, names in stages.residual_jobs.items()}
    return {**found, ("quality",): plan.quality_code(), ("sheet",): plan.code("sheet"), ("faces",): plan.code("faces")}


def edited(path: Path, old: str, new: str) -> set[tuple[str, ...]]:
    """The jobs that an edit reaches."""
    before, source = codes(), path.read_text()
    assert old in source
    path.write_text(source.replace(old, new, 1))
    after = codes()
    return {job for job in before if before[job] != after[job]}


def experiments(wanted) -> set[tuple[str, ...]]:
    """The trainings whose recipes are such."""
    plan = make()
    made = {
        ("train", paper, name): recipes.read(plan.recipe(paper, name))
        for paper in plan.papers
        for name in plan.experiments(paper)
    }
    return {job for job, recipe in made.items() if wanted(recipe)}


def rotates(recipe: recipes.Recipe) -> bool:
    return "rotation" in map(name_of, recipe.training.augment) if hasattr(recipe, "training") else False


def test_an_edit_of_rotation_reaches_what_rotates(copy):
    reached = edited(copy / AUGMENTATION, "radians = torch.deg2rad(values)", "radians = torch.deg2rad(values + 0)")
    papers = {job[1] for job in reached}
    assert papers == {"cropnet2021", "elface2021", "nag2019"}
    assert reached == experiments(rotates) | {("figures", "elface2021")}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("paper", "calls itself", "says that it is"),
        ("consistency", "names that end in -null are", "names that end so are"),
    ],
)
def test_an_edit_of_how_papers_are_read_reaches_no_training(copy, module, old, new):
    reached = edited(copy / "papers" / f"{module}.py", old, new)
    assert reached and "train" not in {job[0] for job in reached}


def test_an_edit_of_a_flow_method_reaches_what_is_made_by_it(copy):
    plan = make()
    reached = edited(copy / FLOW, "warps: int = 5", "warps: int = 6")
    flows = {("flow", name) for name, flow in plan.preprocessing.flows.items() if flow.method == "tvl1"}
    rules = {job for job in codes() if job[0] == "residual" and "tvl1" in plan.preprocessing.residual_jobs[job[1]]}
    trained = experiments(lambda recipe: getattr(recipe, "features", "") == "hoof" and recipe.method == "tvl1")
    motions = {("motion", name) for name, motion in plan.preprocessing.motions.items() if motion.method == "tvl1"}
    assert flows and motions and rules and reached == flows | motions | rules | trained | {("quality",)}


def test_an_edit_of_what_only_horn_schunck_uses_is_an_edit_of_it(copy):
    plan = make()
    reached = edited(copy / FLOW, "step = b - a", "step = b - a + 0")
    flows = {("flow", name) for name, flow in plan.preprocessing.flows.items() if flow.method == "horn_schunck"}
    assert flows and flows | {("quality",)} <= reached
    assert {job[0] for job in reached} <= {"flow", "motion", "timing", "quality", "train"}
    assert not {("flow", name) for name in plan.preprocessing.flows} <= reached


def test_an_edit_of_a_protocol_reaches_its_folds_and_their_tables(copy):
    reached = edited(copy / FOLDS, "_SPLIT_SEED = 2019", "_SPLIT_SEED = 2020")
    assert reached == experiments(lambda recipe: recipe.protocol == "subject_split") | {("tables", "nag2019")}


def test_an_edit_of_a_schedule_reaches_its_trainings(copy):
    reached = edited(copy / LOOP, "ReduceLROnPlateau(optimizer, **options)", "ReduceLROnPlateau(optimizer)")
    trained = experiments(lambda recipe: getattr(getattr(recipe, "training", None), "schedule", "") == "plateau")
    assert trained and reached == trained


@pytest.mark.parametrize(
    ("module", "entry", "reached"),
    [
        (AUGMENTATION, '@OPERATIONS.entry("new")\nclass _New(Operation):\n    pass\n', set()),
        (FOLDS, '@PROTOCOLS.entry("new")\ndef _new(rows, label):\n    return []\n', set()),
        (LOOP, 'OPTIMIZERS.add("new", torch.optim.Adagrad)\nSCHEDULES.add("never", Schedule(_new))\n', set()),
        (
            "training/recognition/normalisation.py",
            '@METHODS.entry("new")\ndef _new(network, training):\n    ...\n',
            set(),
        ),
        ("training/recognition/oversampling.py", '@OPERATIONS.entry("new")\nclass _New(Operation):\n    pass\n', set()),
        (CHANNELS, '@CHANNELS.entry("new")\ndef _new(field):\n    return field[0]\n', set()),
        (FLOW, '@METHODS.entry("new")\ndef new(first, second):\n    return first\n', {("quality",)}),
    ],
)
def test_a_new_entry_reaches_what_measures_all_alone(copy, module, entry, reached):
    path = copy / module
    before = codes()
    path.write_text(f"{path.read_text()}\n\n{entry}")
    after = codes()
    assert {job for job in before if before[job] != after[job]} == reached


def test_a_rule_has_the_digest_of_its_job():
    """What the plan names and what the job names are the same."""
    from mexflow.training.job import code

    plan = make()
    for paper in plan.papers:
        for name in plan.experiments(paper):
            chosen = code(recipes.read(plan.recipe(paper, name)))
            assert plan.training_code(paper, name) == digest.code_digest(chosen)


# A paper is its file, a network where that is new, and a channel where that is new

OTHERS = ["belaiche2020", "cropnet2021", "elface2021", "nag2019", "upadhy2025"]
STRAIN = '@CHANNELS.entry("strain")'


def jobs_of_others(papers: list[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What makes Snakemake run a job of these papers again: the code and the recipe of each."""
    plan = Workflow({"embedded": {"size": "demo"}, "papers": papers}, WORKFLOW)
    jobs: dict[tuple[str, ...], tuple[str, ...]] = {
        ("train", paper, name): (plan.training_code(paper, name), plan.recipe(paper, name))
        for paper in OTHERS
        for name in plan.experiments(paper)
    }
    for paper in OTHERS:
        jobs["tables", paper] = (plan.reporting.code(paper), plan.reporting.recipe(paper))
        jobs["figures", paper] = (plan.figures[paper].code, plan.figures[paper].recipe)
    for dataset in plan.sources.in_use:
        jobs["sheet", dataset] = (
            plan.code("sheet", *plan.sources.adapter_modules(dataset)),
            plan.sheets.flags(dataset),
        )
        jobs["index", dataset] = (plan.sources.index_code(dataset), "")
    for rule, names in plan.preprocessing.residual_jobs.items():
        jobs["residual", rule] = (plan.residual_code(names), plan.residual_flags(names))
    flows = {name: flow for name, flow in plan.preprocessing.flows.items() if not name.startswith("tvl1-")}
    return jobs | {("flow", name): (plan.flow_code("flow", one.method), str(one)) for name, one in flows.items()}


def test_a_sixth_paper_changes_no_job_of_the_others(copy):
    """As the house was before it: without its file, its network and its channel."""
    every = jobs_of_others([*OTHERS, "liong2019"])
    (copy / "models" / "ststnet.py").unlink()
    channels = copy / CHANNELS
    source = channels.read_text()
    assert source.count(STRAIN) == 1
    channels.write_text(source[: source.index(STRAIN)])
    assert jobs_of_others(OTHERS) == every


def test_which_files_a_paper_may_add():
    """Nothing in the workflow but these files knows of the sixth paper."""
    words = ("liong2019", "ststnet", "strain")
    found = {
        path.relative_to(WORKFLOW).as_posix()
        for path in WORKFLOW.rglob("*")
        if path.suffix in (".py", ".smk", ".yaml", ".json")
        and any(word in path.read_text().replace("constrain", "") for word in words)
    }
    assert found == {"papers/liong2019.yaml", "mexflow/models/ststnet.py", f"mexflow/{CHANNELS}"}
