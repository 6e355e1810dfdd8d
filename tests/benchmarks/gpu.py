"""What a GPU does with every network, as one Markdown table; ``gpu.sh`` runs it.

The embedded data of the default run are made in a folder of its own; the smallest have too few subjects of long
videos. On them a fold of every network is trained at the printed settings, for few epochs and samples: on the GPU, and
one of each model on the CPU as well, whose predictions it must agree with. From the time of a sample follows what
``budget: paper`` costs, at the counts of the real datasets. A job of several folds is timed against one of each.

``--dry`` does the same with the CPU in place of the GPU, of a few networks, to see that it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from full_size_costs import Work
from mexflow.papers import recipe as recipes
from mexflow.papers.recipe import Recipe
from mexflow.plan.workflow import Workflow
from project import ROOT, WORKFLOW

FEW: dict[str, Any] = {"epochs": 3, "samples": 32, "stage1_epochs": 2, "stage1_samples": 64}
"""Epochs and samples of a fold that is timed. The first epoch of a stage sets things up, and does not count."""
MINUTES = 10.0
TOGETHER = "belaiche2020/vy-3cl"
FOLDS = 3
DRY = (TOGETHER, "elface2021/samm-lv", "liong2019/ststnet")
TOLERANCE = 0.05
"""Of a probability and of a frame's score, between GPU and CPU."""
RECORD = Path("results/records/gpu.json")


@dataclass
class Timed:
    """A fold that was trained: seconds a sample of each stage, seconds of testing, and memory of the GPU, MiB."""

    stages: dict[str, float] = field(default_factory=dict)
    testing: float = 0.0
    memory: float | None = None


@dataclass
class Network:
    """A network, as an experiment of a paper trains it, and what was measured of it or why it could not be."""

    paper: str
    experiment: str
    unit: str
    recipe: Recipe
    folds: list[str]
    reads: list[str]
    gpu: Timed | None = None
    cpu: Timed | None = None
    differs: float | None = None
    failure: str | None = None

    @property
    def label(self) -> str:
        """Its experiment, with its paper."""
        return f"{self.paper}/{self.experiment}"

    @property
    def folder(self) -> Path:
        """Where its fold's files go."""
        return Path("results/folds") / self.label / self.folds[0]


def networks(plan: Workflow, only: Sequence[str] = ()) -> Iterator[Network]:
    """One experiment of each network that differs in what a sample of it costs; of those named, if any are."""
    work, seen = Work(plan), set()
    for batch in plan.batches:
        for name in batch.experiments:
            label = f"{batch.paper}/{name}"
            unit = work.of(f"train/{label}/0", 1)[0]
            if unit in seen or not batch.kind.gpu or name.endswith("-null") or (only and label not in only):
                continue
            seen.add(unit)
            recipe = recipes.read(plan.recipe(batch.paper, name))
            few = recipe.model_copy(update={key: value for key, value in FEW.items() if hasattr(recipe, key)})
            yield Network(batch.paper, name, unit, few, plan.folds(batch.paper, name), list(batch.inputs))


def stages(recipe: Any, samples: int) -> list[tuple[str, int, int]]:
    """The stages of a training in their order: name, epochs, and samples of an epoch.

    Args:
        recipe: of the training.
        samples: training samples that there are, of labelled clips; an epoch may have fewer of them.
    """
    if recipe.kind == "sequences":
        first = (recipe.stage1_epochs, recipe.stage1_samples)
        return [("spatial", *first), ("temporal", *first), ("memory", recipe.epochs, recipe.samples)]
    most = recipe.samples or samples
    return [("", recipe.epochs, most if recipe.kind == "videos" else min(samples, most))]


def command(network: Network, folds: Sequence[str], device: str) -> list[str]:
    """The training job of some folds."""
    names = [word for fold in folds for word in ("--fold", fold)]
    options = ["--results", "results", "--device", device, "--checkpoint-seconds", "3600", "--record", str(RECORD)]
    program = [sys.executable, str(Path(__file__).with_name("gpu_fold.py"))]
    return [*program, *names, *options, "--recipe", recipes.text(network.recipe)]


def timed(network: Network, device: str) -> Timed:
    """Train and test the first fold of a network.

    Raises:
        RuntimeError: if the job fails, with the last line of what it said.
    """
    result, ends, said = Timed(), [], ""
    with memory(device) as used:
        with subprocess.Popen(
            command(network, network.folds[:1], device), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as job:
            assert job.stdout is not None
            for line in job.stdout:
                said = line.strip() or said
                if line.startswith(("began ", "epochs ", "ended ")):
                    ends.append(float(line.split()[-1]))
        if job.returncode:
            raise RuntimeError(said)
    result.memory = max(used) - used[0] if used else None
    result.testing = ends[-1] - ends[-2]
    (fold,) = json.loads(RECORD.read_bytes())["folds"].values()
    taken, start = np.diff(ends[:-1]), 0
    for stage, epochs, samples in stages(network.recipe, fold.get("training_samples", 0) + fold.get("oversampled", 0)):
        result.stages[stage] = float(np.median(taken[start : start + epochs][1:])) / samples
        start += epochs
    return result


@contextlib.contextmanager
def memory(device: str) -> Iterator[list[float]]:
    """Used memory of the GPUs meanwhile, MiB, every half second; the first is that from before."""
    used: list[float] = []
    if device != "cuda":
        yield used
        return

    def ask() -> None:
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        used.append(sum(map(float, subprocess.run(query, capture_output=True, text=True).stdout.split())))

    def poll() -> None:
        while not over.wait(0.5):
            ask()

    over = threading.Event()
    ask()
    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield used
    finally:
        over.set()
        thread.join()


def values(folder: Path) -> np.ndarray:
    """Every probability and every score in the files of a fold, float64 (n,)."""
    arrays = []
    for file, column in (("predictions.parquet", "probabilities"), ("scores.parquet", "score")):
        if (folder / file).exists():
            table = pq.read_table(folder / file, columns=[column])
            arrays.append(np.array(table[column].to_pylist(), np.float64).ravel())
    return np.concatenate(arrays)


def tested(plan: Workflow, network: Network) -> float:
    """To how many frames the time of testing a fold is proportional: EL-FACE scores training subjects as well."""
    index = network.recipe.index
    folds = 1 if plan.papers[network.paper].kind(network.experiment).every_video else len(network.folds)
    return Work(plan).frames(index) / folds


def hours(full: Workflow, small: Workflow, measured: Sequence[Network]) -> dict[str, float | None]:
    """Of each paper, what `budget: paper` takes on one GPU at full size; None if one of its networks was not timed."""
    work, by_unit = Work(full), {network.unit: network for network in measured if network.gpu}
    costs: dict[str, float | None] = {}
    for batch in full.batches:
        for name in batch.experiments if batch.kind.gpu else ():
            network = by_unit.get(work.of(f"train/{batch.paper}/{name}/0", 1)[0])
            known = costs.setdefault(batch.paper, 0.0)
            if network is None or network.gpu is None or known is None:
                costs[batch.paper] = None
                continue
            recipe, folds = recipes.read(full.recipe(batch.paper, name)), full.folds(batch.paper, name)
            samples = round(work.samples(batch.paper, name))
            each = network.gpu.stages
            seconds = sum(epochs * count * each[stage] for stage, epochs, count in stages(recipe, samples))
            if batch.kind.spots:
                here = Network(batch.paper, name, network.unit, recipe, folds, [])
                seconds += network.gpu.testing * tested(full, here) / tested(small, network)
            costs[batch.paper] = known + seconds * len(batch.choices) / 3600
    return costs


def prepare(folder: Path, wanted: Sequence[Network]) -> None:
    """Make the embedded data, and of them what these networks read.

    Raises:
        RuntimeError: if that fails.
    """
    files = {f"results/index/{network.recipe.index}.parquet" for network in wanted}
    files |= {path for network in wanted for path in network.reads}
    line = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder)]
    line += ["--cores", "all", "--config", "budget=paper", 'embedded={"size": "demo"}', "--", *sorted(files)]
    made = subprocess.run(line, capture_output=True, text=True)
    if made.returncode:
        raise RuntimeError(f"the data could not be made: {made.stderr.strip().splitlines()[-1:]}")


def measure(wanted: Sequence[Network], device: str, until: float, told: Any) -> None:
    """Time each network on the device, and one of each model on the CPU beside it, as long as there is time."""
    compared = set()
    for network in wanted:
        if time.monotonic() > until:
            told(f"{network.label}: no time left")
            continue
        try:
            network.gpu = timed(network, device)
            on_gpu = values(network.folder)
            model = network.recipe.model
            if model not in compared:
                network.cpu = timed(network, "cpu")
                network.differs = float(np.nanmax(np.abs(values(network.folder) - on_gpu)))
                compared.add(model)
        except RuntimeError as error:
            # What was measured of the others is worth having.
            network.failure = str(error)
        told(f"{network.label}: {network.failure or 'timed'}")


def together(network: Network, device: str) -> tuple[int, float, float]:
    """How many folds, and the seconds of them in one job and in a job each, one after the other."""
    folds, took = network.folds[:FOLDS], []
    for jobs in ([folds], [[fold] for fold in folds]):
        began = time.monotonic()
        for job in jobs:
            subprocess.run(command(network, job, device), check=True, capture_output=True)
        took.append(time.monotonic() - began)
    return len(folds), took[0], took[1]


def page(
    name: str, wanted: Sequence[Network], at_once: tuple[int, float, float] | None, costs: dict[str, float | None]
) -> str:
    """The measurements, as Markdown."""
    lines = [
        "# Networks on a GPU",
        "",
        f"{name}; beside it one thread of {processor()}. The printed settings, on the embedded data.",
        "",
        "| network | stage | samples a second | on the CPU | times as fast | memory (MiB) | differs from the CPU by |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for network in wanted:
        for stage, seconds in (network.gpu.stages if network.gpu else {}).items():
            assert network.gpu is not None
            slow = network.cpu.stages[stage] if network.cpu else None
            cells = [network.label, stage or "all", f"{1 / seconds:.1f}"]
            cells += [f"{1 / slow:.1f}", f"{slow / seconds:.1f}"] if slow else ["", ""]
            cells += ["" if network.gpu.memory is None else f"{network.gpu.memory:.0f}"]
            cells += ["" if network.differs is None else f"{network.differs:.2g}"]
            lines.append("| " + " | ".join(cells) + " |")
    lines += [text for network in wanted if network.failure for text in ("", f"{network.label}: {network.failure}")]
    if at_once:
        folds, one, each = at_once
        lines += ["", f"{folds} folds of {TOGETHER} in one job take {one:.1f} s, in a job each {each:.1f} s."]
    lines += ["", "| paper | GPU hours of `budget: paper`, all folds, null controls included |", "| --- | ---: |"]
    lines += [f"| {paper} | {'not measured' if cost is None else f'{cost:.1f}'} |" for paper, cost in costs.items()]
    return "\n".join([*lines, ""])


def processor() -> str:
    """The model of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> int:
    """Measure, and write the page; 1 if GPU and CPU disagree, or a network failed."""
    parser = argparse.ArgumentParser(description="What a GPU does with every network, as one Markdown table.")
    parser.add_argument("--dry", action="store_true", help="the CPU in place of the GPU, and a few networks")
    parser.add_argument("--output", type=Path, default=Path("gpu.md"), help="the table (default: gpu.md)")
    chosen = parser.parse_args()
    output = chosen.output.absolute()
    device, name = "cpu", "no GPU: a dry run"
    if not chosen.dry:
        from mexflow.training.devices import visible

        gpus = visible()
        if not gpus:
            parser.error("no GPU is usable here; --dry tries it without one")
        device, name = "cuda", gpus[0].name
    until = np.inf if chosen.dry else time.monotonic() + 60 * MINUTES * 0.8
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        small = Workflow({"budget": "paper", "embedded": {"size": "demo"}}, WORKFLOW)
        wanted = list(networks(small, DRY if chosen.dry else ()))
        prepare(Path(folder), wanted)
        measure(wanted, device, until, lambda line: print(line, flush=True))
        at_once = None
        several = next(network for network in wanted if network.label == TOGETHER)
        if not several.failure and time.monotonic() < until:
            at_once = together(several, device)
        full = Workflow({"budget": "paper", "embedded": {"size": "full"}}, WORKFLOW)
        text = page(name, wanted, at_once, hours(full, small, wanted))
        os.chdir(output.parent)
    output.write_text(text)
    print(text)
    apart = [network.label for network in wanted if network.differs is not None and not network.differs <= TOLERANCE]
    if apart:
        print(f"GPU and CPU differ by more than {TOLERANCE}: {', '.join(apart)}", file=sys.stderr)
    return bool(apart) or any(network.failure for network in wanted)


if __name__ == "__main__":
    sys.exit(main())
