"""A dataset that cannot be listed stops what needs it, and nothing else; each as a user meets it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mini
from faults import part_of
from mexflow.errors import UserError
from mexflow.plan.workflow import Workflow
from project import WORKFLOW, from_yaml, mexflow, to_yaml

ENDINGS = ("parquet", "videos.parquet", "txt")
LINE = "/nowhere/SMIC: no such folder; set datasets.smic.root in config.yaml"
ERROR = f"mexflow: error: {LINE}"


def make(*faulty: str, papers: list[str], size: str = "tiny") -> Workflow:
    """The plan of embedded datasets, some of them with a root that is nowhere."""
    roots = {name: {"root": f"/nowhere/{name}"} for name in faulty}
    return Workflow({"papers": papers, "embedded": {"size": size}, "datasets": roots}, WORKFLOW).enumerated()


# What is left out


def test_only_what_needs_it_is_left_out():
    papers = ["belaiche2020", "cropnet2021", "elface2021", "nag2019"]
    whole, plan = make(papers=papers), make("samm", papers=papers)
    assert plan.whole == ["elface2021", "nag2019"] and list(plan.unlisted.papers) == ["belaiche2020", "cropnet2021"]
    assert set(plan.sources.unlisted) == {"samm"} and plan.sources.unlisted["samm"].startswith("/nowhere/samm: no such")
    assert plan.sources.indexes == ["casme2", "samm_lv", "cas_me_2", "smic", "mmew"]
    lost = set(whole.dataset_targets()) - set(plan.dataset_targets())
    assert lost == {
        "results/figures/datasets/samm.png",
        *(f"results/index/{one}.{end}" for one in ("samm", "megc2018", "megc2019") for end in ENDINGS),
    }
    assert plan.targets("nag2019") == whole.targets("nag2019")
    assert whole.unlisted.targets("all") == whole.unlisted.targets("nag2019") == plan.unlisted.targets("nag2019") == []


def test_the_other_data_of_a_paper_are_trained_and_by_the_same_rules():
    """A rule of another name would train them again, once the dataset is mended."""
    whole, plan = (make(*faulty, papers=["elface2021"], size="demo") for faulty in ((), ("samm_lv",)))
    assert 0 < len(plan.batches) < len(whole.batches)
    assert {batch.index for batch in plan.batches} == {"cas_me_2"}
    assert [batch for batch in whole.batches if batch.index == "cas_me_2"] == plan.batches
    assert set(plan.paper_targets()) == {path for path in whole.spotted("elface2021") if "cas-me-2" in path} | {
        path for path in plan.spotted("elface2021")
    }


def test_nothing_can_be_listed():
    every = ("casme2", "samm", "samm_lv", "cas_me_2", "smic", "mmew")
    plan = make(*every, papers=["nag2019"])
    assert plan.dataset_targets() == plan.batches == plan.whole == [] and set(plan.sources.unlisted) == set(every)
    assert plan.unlisted.targets("datasets") == ["results/index/.unlisted.datasets"]


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (["elface2021"], True),
        (["results/index/samm_lv.parquet"], True),
        (["nag2019", "results/faces/samm_lv/028.npy"], True),
        (["results/figures/datasets/samm_lv.png"], True),
        (["results/tables/elface2021.md"], True),
        (["results/folds/elface2021/samm-lv/028/scores.parquet"], True),
        (["results/folds/elface2021/cas-me-2/s23/scores.parquet"], False),
        (["results/tables/nag2019.md"], False),
        (["nag2019", "elface2021"], False),
        (["nag2019"], False),
        (["all"], False),
        ([], False),
    ],
)
def test_asking_for_what_cannot_be_made(asked: list[str], refused: bool):
    """Of several targets the others are made first, where it is not a file that cannot be."""
    plan = make("samm_lv", papers=["elface2021", "nag2019"])
    if refused:
        with pytest.raises(UserError, match="^/nowhere/samm_lv: no such folder"):
            plan.unlisted.refuse(asked)
    else:
        plan.unlisted.refuse(asked)
    assert set(plan.targets("nag2019")) <= set(plan.unlisted.before("elface2021", ["nag2019", "elface2021"]))


# As a user meets it


TABLES = ("tables/mini.csv", "tables/mini.json", "tables/mini.md", "tables/mini.parquet")


@pytest.fixture(scope="module")
def faulty(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run without its tables, to which a paper on a dataset comes that is nowhere."""
    folder = part_of(finished, tmp_path_factory.mktemp("faulty"), taken=TABLES)
    other = {**from_yaml(mini.PAPER), "paper": "other", "figures": {}}
    other["data"] = {"smic": {"index": "smic", "label": "megc2019", "classes": ["negative", "positive", "surprise"]}}
    other["tables"] = {"A": other["tables"]["A"]}
    (folder / "workflow" / "papers" / "other.yaml").write_text(to_yaml(other))
    config = from_yaml(mini.CONFIG)
    config["papers"].append("other")
    config["datasets"]["smic"]["root"] = "/nowhere/SMIC"
    (folder / "config.yaml").write_text(to_yaml(config))
    return folder


def run(folder: Path, *words: str) -> tuple[int, str]:
    """Exit status and output of Snakemake, which must have no traceback."""
    result = mini.snakemake(folder, "--cores", "1", *words)
    output = result.stdout + result.stderr
    assert "Traceback" not in output and "MissingInput" not in output
    return result.returncode, output


@pytest.mark.parametrize("target", ["other", "results/index/smic.parquet"])
def test_what_needs_it_ends_with_one_line(faulty: Path, target: str) -> None:
    status, output = run(faulty, target)
    assert status == 1 and output.count(ERROR) == 1 and output.rstrip().splitlines()[-1].startswith(ERROR)
    assert "rule " not in output, "no job is started"


def test_what_does_not_need_it_is_made(faulty: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(faulty, folder, symlinks=True)
    status, output = run(folder, "mini")
    assert status == 0 and ERROR not in output
    assert f"mexflow: {LINE}" in output and "(smic is left out, and with it other; all else is made)" in output
    assert (folder / "results" / "tables" / "mini.md").is_file()


def test_all_makes_everything_else_and_then_fails(faulty: Path, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(faulty, folder, symlinks=True)
    status, output = run(folder)
    assert status == 1 and ERROR in output
    made = mini.contents(folder, "tables", "figures")
    assert made == mini.contents(finished, "tables", "figures")
    assert f"other: no tables: {LINE}" in output and output.index("rule tables_mini") < output.index("rule unlisted")
    said = mexflow("status", cwd=folder)
    assert said.returncode == 1 and ERROR in said.stdout
    assert "failed: unlisted, results/logs/unlisted/all.log" in said.stdout
    # The run did not finish, so its root and its records are not those of what is there now; every byte of
    # the results is what its job wrote.
    verified = mexflow("verify", "results/tables/mini.parquet", cwd=folder).stdout.splitlines()
    assert {line.split()[1] for line in verified if line.startswith("FAIL")} <= {"run", "record"}

    # A second run has nothing to make, and fails all the same; so do the datasets, and a dry run says it.
    for words in ((), ("datasets",)):
        status, output = run(folder, *words)
        assert status == 1 and ERROR in output and "rule tables_mini" not in output
    status, output = run(folder, "--dry-run", "--quiet", "rules")
    assert status == 0 and f"mexflow: {LINE}" in output

    # Whatever was made of it before is still there.
    assert mini.contents(folder, "tables", "figures") == made
