"""How long each job of a run takes, from what the jobs of another run took.

A job takes the start of its command, and so many seconds for each unit of its work: a frame, a clip, a sample of an
epoch. ``./run python tests/full_size_costs.py results`` measures the units in the results of a finished default run,
and writes them to `UNITS`. Those kept there are of two slow cores; ratios of times do not depend on their scale.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from mexflow import embedded
from mexflow.datasets.reading import long_videos
from mexflow.evaluation.folds import usable
from mexflow.plan.workflow import Workflow
from project import WORKFLOW

UNITS = Path(__file__).with_name("full_size_units.json")
START = {"train": 4.5, "timing": 4.0}
"""Seconds until a command begins to work: what its imports take; of the others `LIGHT`."""
LIGHT = 0.5
LEAST = 0.05

# What one unit of a network's work takes beside another: processor time of single steps on one thread, as the default
# run does not have them all. CropNet, with its cropped pyramid and without: a sample of a size beside one of 64 pixels.
CROPNET = {True: {48: 0.8, 64: 1.0, 320: 40.0}, False: {48: 0.8, 64: 1.0, 320: 15.0}}
SCORED = 0.07  # EL-FACE: a scored frame beside a training sample with its part of the validation
# nag2019: beside a frame that the spatial network is trained with, a field of the temporal one, a frame seen by both of
# them frozen, a sequence of the memory.
TEMPORAL, SEEN, SEQUENCE = 0.43, 0.32, 0.31


class Work:
    """The work of a plan's jobs: for each, what its unit is called, and how many of these it takes."""

    def __init__(self, plan: Workflow, epochs: dict[str, list[int]] | None = None) -> None:
        """
        Args:
            plan: of embedded datasets, whose frames are planned.
            epochs: that the folds of a job really took, by ``<paper>/<experiment>/<number>``; where nothing is said,
                all that the budget has, though early stopping may end sooner.
        """
        self.plan, self.epochs = plan, epochs or {}
        size, seed = plan.config.embedded.size, plan.config.embedded.seed
        self.videos = {name: embedded.plan(name, size, seed).videos for name in plan.sources.embedded}

    def of(self, record: str, folds: int) -> tuple[str, float]:
        """The unit and the amount of the job of a record, ``train/<paper>/<experiment>/<number>`` for instance."""
        kind, *rest = record.split("/")
        if kind == "train":
            trained = {"videos": self._spotting, "sequences": self._memory, "difference": self._difference}
            work = trained.get(self.plan.papers[rest[0]].experiment(rest[1]).kind, self._recognition)
            return work(rest[0], rest[1], folds, "/".join(rest))
        if kind == "intervals":
            return "intervals", folds * self.frames(self.plan.papers[rest[0]].data_of(rest[1]).index)
        if kind in ("embed", "faces", "lcn", "motion") and len(rest) > 1:
            return f"{kind} {rest[-2]}", self.frames(rest[-2], rest[-1], every=kind == "embed")
        if kind in ("flow", "lbp_top", "residual"):
            unit = {"flow": f"flow {rest[0]}", "residual": f"residual{'_flow' * rest[0].endswith('_flow')}"}.get(
                kind, kind
            )
            return unit, sum(row["subject"] == rest[-1] for row in self.plan.sources.enumerated(rest[-2]).rows)
        if kind == "quality":
            return kind, sum(self.frames(name) for name in self.videos)
        if kind in ("tables", "figures"):
            (paper,) = rest
            return f"{kind} {paper}", sum(len(self.plan.folds(paper, one)) for one in self.plan.experiments(paper))
        return " ".join([kind, *rest]), 1.0

    def frames(self, dataset: str, subject: str | None = None, every: bool = False) -> int:
        """Frames of the annotated videos, or of every one, of a subject or of all."""
        return sum(
            video.frame_count
            for video in self.videos[dataset]
            if subject in (None, video.subject) and (every or video.annotated or long_videos(dataset))
        )

    def samples(self, paper: str, experiment: str) -> float:
        """Training samples of an average fold, copies by oversampling included."""
        used = self.plan.papers[paper]
        data, training = used.data_of(experiment), used.training_of(experiment)
        rows = [row for row in self.plan.sources.rows(data.index) if usable(row, data.label)]
        counts = [sum(row[data.label] == name for row in rows) for name in data.classes]
        clips = len(counts) * max(counts) if getattr(training, "oversample", None) else sum(counts)
        folds = len(self.plan.all_folds(paper, experiment))
        share = (1 - 1 / folds if folds > 1 else 0.7) * (1 - (getattr(training, "validation_share", None) or 0))
        pairs = used.train_pairs if used.experiment(experiment).kind == "flow" else [""]
        return clips * share * len(pairs)

    def _trained(self, paper: str, experiment: str, folds: int, batch: str) -> int:
        """Epochs of all folds of a job."""
        most = self.plan.papers[paper].effort(experiment, self.plan.config.budget).epochs
        return sum(self.epochs.get(batch, [most] * folds))

    def _recognition(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        used = self.plan.papers[paper]
        trained, effort = used.experiment(experiment), used.effort(experiment, self.plan.config.budget)
        amount = folds * self.samples(paper, experiment)
        if used.kind(experiment).training:
            amount = self._trained(paper, experiment, folds, batch) * self.samples(paper, experiment)
        if trained.model == "cropnet":
            amount *= CROPNET[trained.options.get("cropped", True)][effort.size or 320]
        # A network's samples take the same time whatever they show.
        options = [f"{name}={value}" for name, value in trained.options.items()]
        return " ".join([str(trained.model), *options, str(len(getattr(trained, "channels", "")))]), amount

    def _spotting(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        used = self.plan.papers[paper]
        effort, own = used.effort(experiment, self.plan.config.budget), used.spotting[used.data_name(experiment)]
        samples = self._trained(paper, experiment, folds, batch) * (effort.samples or own.samples)
        scored = folds * self.frames(used.data_of(experiment).index) * len(own.test_skips)
        return f"spot lcn={used.experiments[experiment].lcn}", samples + SCORED * scored

    def _memory(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        used = self.plan.papers[paper]
        own, effort = used.sequences, used.effort(experiment, self.plan.config.budget)
        assert own is not None
        stage1 = (effort.stage1_epochs or own.stage1_epochs) * (effort.stage1_samples or own.stage1_samples)
        sequences = effort.epochs * (effort.samples or own.samples)
        versions = own.versions if effort.versions is None else effort.versions
        seen = versions * self.samples(paper, experiment) if versions else sequences
        return "nag2019", folds * (
            stage1 * (1 + TEMPORAL) + sequences * SEQUENCE + min(seen, sequences) * (own.length + 1) * SEEN
        )

    def _difference(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        index = self.plan.papers[paper].data_of(experiment).index
        return f"difference {experiment}", folds * self.frames(index) / len(self.plan.all_folds(paper, experiment))

    @cached_property
    def measured(self) -> dict[str, float]:
        """Seconds of a unit, as `UNITS` has them."""
        return json.loads(UNITS.read_text())

    def seconds(self, record: str, folds: int) -> float:
        """What the job of a record takes."""
        unit, amount = self.of(record, folds)
        return START.get(record.split("/")[0], LIGHT) + self.measured[unit] * amount


def measure(results: Path) -> dict[str, float]:
    """Seconds of a unit of work, in the results of a finished default run."""
    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    plan = Workflow({}, WORKFLOW)
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        record = path.relative_to(results / "benchmarks").with_suffix("").as_posix()
        kind, *rest = record.split("/")
        said = json.loads((results / "records" / f"{record}.json").read_bytes())
        folders = sorted({Path(name).parent for name in said["outputs"] if name.startswith("results/folds/")})
        epochs = {}
        if kind == "train" and plan.papers[rest[0]].kind(rest[1]).training:
            histories = [results.parent / folder / "history.parquet" for folder in folders]
            epochs["/".join(rest)] = [pq.read_metadata(one).num_rows for one in histories]
        unit, amount = Work(plan, epochs).of(record, len(folders))
        took = float(path.read_text().splitlines()[1].split("\t")[0])
        found[unit][0] += max(took - START.get(kind, LIGHT), LEAST)
        found[unit][1] += amount
    return {unit: float(f"{seconds / amount:.3g}") for unit, (seconds, amount) in sorted(found.items())}


if __name__ == "__main__":
    UNITS.write_text(json.dumps(measure(Path(sys.argv[1])), indent=1) + "\n")
