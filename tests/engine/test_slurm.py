"""The workflow on a real SLURM of two nodes: the same bits as here, and what nodes, limits and drains do to it."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import faults
import mini
import slurm
from faults import Run, assert_undisturbed, part_of, records, resumed

# What a site without accounting sets; and a patience that fits jobs of seconds.
SITE = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "5",
        "--seconds-between-status-checks", "1", "--cores", str(slurm.CPUS))  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Cluster]:
    if lacking := slurm.missing():
        why = f"no SLURM on this machine ({', '.join(lacking)} not found): apt-get install slurm-wlm munge"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as made:
        yield made


def submit(cluster: slurm.Cluster, folder: Path, *arguments: str) -> Run:
    """Start Snakemake with the project's SLURM profile."""
    profile = str(folder / "workflow" / "profiles" / "slurm")
    return Run(folder, "--profile", profile, *SITE, *arguments, environment=cluster.environment)


def finish(cluster: slurm.Cluster, folder: Path, *arguments: str) -> Run:
    run = submit(cluster, folder, *arguments)
    assert run.wait() == 0, run.text[-4000:]
    return run


def said(folder: Path) -> str:
    """What every Snakemake has said in a folder."""
    return "".join(path.read_text() for path in folder.glob("said.*.txt"))


SUBMITTED = ("lcn/casme2/04", "flow/sheet/casme2/04", "sheet/casme2", "figures/datasets/casme2", *faults.FEWEST,
             "figures/mini")  # fmt: skip
"""Two stages of a subject and the sheet made of them, a training and the tables made of it, figures."""


@pytest.fixture(scope="module")
def submitted(finished: Path, cluster: slurm.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which a job or two of each kind were left, and made by the cluster alone.

    LCN has little memory at its first attempt, and more at the next.
    """
    folder = part_of(finished, tmp_path_factory.mktemp("submitted"), SUBMITTED)
    finish(cluster, folder, "--set-resources", "lcn:mem_mb=attempt*attempt*150")
    return folder


def numbers(folder: Path, rule: str = "*") -> list[str]:
    """The numbers that SLURM gave the jobs of a rule, first to last."""
    logs = (folder / "results" / "logs" / "slurm").glob(f"rule_{rule}/**/*.log")
    return sorted((path.stem for path in logs), key=int)


def test_same_bits_and_same_run_root_as_here(submitted: Path, finished: Path) -> None:
    made, known = mini.contents(submitted, *faults.SAME), mini.contents(finished, *faults.SAME)
    assert made.keys() == known.keys()
    assert [name for name in known if made[name] != known[name]] == []
    assert mini.root(submitted) == mini.root(finished)


def test_it_went_over_both_nodes(submitted: Path, cluster: slurm.Cluster) -> None:
    of_flow, short = numbers(submitted, "flow"), numbers(submitted, "lcn")
    assert len(of_flow) == 1, "its log is kept, though it was successful"
    jobs = [job for job in cluster.jobs() if job["JobId"] in numbers(submitted)]
    assert {job["JobState"] for job in jobs if job["JobId"] not in short} == {"COMPLETED"}
    assert {job["NodeList"] for job in jobs} == set(slurm.NODES)
    # What takes a second or two is not submitted.
    assert not numbers(submitted, "tables_mini") and "rule tables_mini:" in said(submitted)


def test_too_little_memory_is_not_tried_again(submitted: Path, cluster: slurm.Cluster) -> None:
    """The first attempt is killed by SLURM for its memory; the next one has more."""
    of_lcn = numbers(submitted, "lcn")
    states = [job["JobState"] for job in cluster.jobs() if job["JobId"] in of_lcn]
    assert states[-1] == "COMPLETED" and len(states) > 1 and "COMPLETED" not in states[:-1]


@pytest.mark.campaign
def test_a_whole_run_is_the_same_bits_too(finished: Path, cluster: slurm.Cluster, tmp_path: Path) -> None:
    folder = mini.make(tmp_path)
    finish(cluster, folder)
    assert mini.contents(folder, *faults.SAME) == mini.contents(finished, *faults.SAME)
    assert mini.root(folder) == mini.root(finished)
    submitted = {path.name for path in (folder / "results" / "logs" / "slurm").iterdir()}
    assert "rule_embed_casme2_04" in submitted
    assert not [name for name in submitted if re.match(r"rule_(index|tables|intervals|embed_\w+_annot)", name)]


@pytest.mark.campaign
def test_a_subjects_stages_can_share_one_job(finished: Path, cluster: slurm.Cluster, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("lcn", "residual", "faces"))
    before, ended = records(folder), len(cluster.jobs())
    wanted = [path for path in mini.contents(finished, "lcn", "residual") if path.endswith(".npy")]
    targets = [f"results/{path}" for path in wanted]
    finish(cluster, folder, "--config", "preprocess={subjects_per_job: 4}", "--", *targets)
    assert len(cluster.jobs()) - ended == 1
    places = ("faces", "lcn", "residual")
    assert mini.contents(folder, *places) == mini.contents(finished, *places)
    assert [path for path, said in before.items() if records(folder).get(path) != said] == []


# What can happen to a cluster


def drain(run: Run, cluster: slurm.Cluster, generator: random.Random) -> str | None:
    """A node is drained: what runs there ends, what waits goes elsewhere."""
    node = generator.choice(slurm.NODES)
    cluster.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    return f"{node} was drained"


def kill_daemon(run: Run, cluster: slurm.Cluster, generator: random.Random) -> str | None:
    """SIGKILL to the daemon of a node; its jobs run on."""
    node = generator.choice(slurm.NODES)
    cluster.kill_daemon(node)
    return f"the daemon of {node} was killed"


def kill_node(run: Run, cluster: slurm.Cluster, generator: random.Random) -> str | None:
    """A node loses its power, in the middle of its jobs."""
    node = next(iter(cluster.running().values()), generator.choice(slurm.NODES))
    cluster.kill(node)
    return f"{node} died"


def cancel(run: Run, cluster: slurm.Cluster, generator: random.Random) -> str | None:
    """Somebody cancels a job."""
    jobs = sorted(cluster.running())
    if not jobs:
        return None
    job = generator.choice(jobs)
    cluster.run("scancel", job)
    return f"job {job} was cancelled"


def kill_snakemake(run: Run, cluster: slurm.Cluster, generator: random.Random) -> str | None:
    """SIGKILL to the Snakemake that submits; what it submitted runs on."""
    return faults.kill_snakemake(run, generator)


def corrupt(run: Run, cluster: slurm.Cluster, generator: random.Random) -> str | None:
    """A bit of an intermediate changes on the disk."""
    return faults.corrupt(run, generator)


FAULTS = (drain, kill_daemon, kill_node, cancel, kill_snakemake, corrupt)


def disturbed(
    finished: Path, cluster: slurm.Cluster, folder: Path, fault, seed: int, longest: float, taken=faults.TAKEN
) -> str:
    """A submitted run with a fault at a random moment, resumed, and held against the undisturbed one."""
    generator = random.Random(seed)
    part_of(finished, folder, taken)
    run = submit(cluster, folder)
    run.until(cluster.running)
    time.sleep(generator.uniform(0, longest))
    happened = fault(run, cluster, generator) if run.alive else None
    try:
        deadline = time.monotonic() + faults.SECONDS
        while run.alive and time.monotonic() < deadline:
            cluster.hurry()
            time.sleep(1)
        if run.alive:
            run.wait()
    finally:
        if fault is not kill_snakemake:  # what runs on is left running
            cluster.restore()
    before = records(folder)
    profile = str(folder / "workflow" / "profiles" / "slurm")
    before = resumed(folder, "--profile", profile, *SITE, environment=cluster.environment) | before
    faults.repair(folder)
    assert_undisturbed(folder, finished, before)
    return happened or "it had ended before"


@pytest.mark.parametrize("fault", [kill_node, pytest.param(kill_snakemake, marks=pytest.mark.campaign)])
def test_nothing_is_lost(finished: Path, cluster: slurm.Cluster, tmp_path: Path, fault) -> None:
    folder = tmp_path / "run"
    assert "had ended" not in disturbed(finished, cluster, folder, fault, seed=1, longest=8, taken=faults.FEWEST)
    line = "killed, still in the queue of SLURM (scancel --name="
    assert (line in said(folder)) == (fault is kill_snakemake)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(15))
def test_nothing_is_lost_whenever_it_happens(finished: Path, cluster: slurm.Cluster, tmp_path: Path, seed: int) -> None:
    fault = FAULTS[seed % len(FAULTS)]
    print(disturbed(finished, cluster, tmp_path / "run", fault, seed, longest=20, taken=faults.FEWER))


@pytest.mark.campaign
def test_too_little_time_is_not_tried_again(finished: Path, cluster: slurm.Cluster, tmp_path: Path) -> None:
    """Training that takes longer than its minute is stopped by SLURM, and goes on from where it was."""
    folder = part_of(finished, tmp_path / "run", taken=("folds/mini/cnn/casme2", "folds/mini/cnn/0.json"))
    source = folder / "workflow" / "mexflow" / "training" / "loop.py"
    heading = "        network.train()\n"
    note = "        with open('epochs.txt', 'a') as told:\n            told.write(f'{fold} {epoch}\\n')\n"
    wait = "        import time\n        time.sleep(25)\n"
    text = source.read_text()
    assert text.count(heading) == 1
    source.write_text(text.replace(heading, heading + note + wait))
    ended, record = len(cluster.jobs()), "results/records/train/mini/cnn/0.json"
    # Little enough for a third attempt on nodes of this size.
    limits = ("--set-resources", "train_mini_0_0:runtime=attempt", "train_mini_0_0:mem_mb=2000")
    finish(cluster, folder, *limits, "--rerun-triggers", "mtime", "--", record)
    states = [job["JobState"] for job in cluster.jobs()[ended:]]
    assert states[-1] == "COMPLETED" and len(states) > 1 and set(states[:-1]) == {"TIMEOUT"}
    assert json.loads((folder / record).read_text())["observed"]["attempt"] == len(states)
    epochs = (folder / "epochs.txt").read_text().split("\n")[:-1]
    assert len(set(epochs)) == 6, "three of each fold"
    assert len(epochs) - len(set(epochs)) <= len(states) - 1, "only the epoch in which it was stopped is trained again"
    assert mini.contents(folder, "folds") == mini.contents(finished, "folds")
