"""How long each job of a run takes, from what the jobs of another run took.

A job takes the start of its command, and so many seconds for each unit of its work: a frame, a clip, a sample of an
epoch. ``python full_size_costs.py RESULTS`` measures the units in the ``results/`` of a finished default run, and
writes them to `UNITS`.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any

from mexflow.workflow import Workflow
from project import WORKFLOW

UNITS = Path(__file__).with_name("full_size_units.json")
START = {"train": 4.5, "spot": 4.5, "spot_recognise": 4.5, "timing": 4.0}
"""Seconds until a command begins to work, that is, its imports; of the others `LIGHT`."""
LIGHT = 0.5

# What one unit of an experiment's work takes beside another, measured apart on one thread; the default run does not have
# them both. Of CropNet, a sample of that many pixels (with its cropped pyramid, and without) beside one of 64.
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
            epochs: that the folds of an experiment really took, by ``<paper>/<experiment>/<number of the batch>``; where
                nothing is said, all (early stopping may end sooner).
        """
        from mexflow import embedded

        self.plan, self.epochs = plan, epochs or {}
        size, seed = plan.config.embedded.size, plan.config.embedded.seed
        self.videos = {name: embedded.plan(name, size, seed).videos for name in plan.sources.embedded}

    def of(self, record: str, folds: int) -> tuple[str, float]:
        """The unit and the amount of the job of a record, ``train/<paper>/<experiment>/<number>`` for instance."""
        kind, *rest = record.split("/")
        if kind in ("train", "spot", "spot_recognise", "difference", "intervals"):
            return getattr(self, f"_{kind}")(rest[0], rest[1], folds, "/".join(rest))
        if kind in ("embed", "faces", "lcn", "motion") and len(rest) > 1:
            return f"{kind} {rest[-2]}", self._frames(rest[-2], rest[-1], every=kind == "embed")
        if kind in ("flow", "residual", "residual_flow", "lbp_top"):
            unit = f"{kind} {rest[0]}" if kind == "flow" else kind
            return unit, sum(row["subject"] == rest[-1] for row in self.plan.sources.enumerated(rest[-2]).rows)
        if kind == "quality":
            return kind, sum(self._frames(name) for name in self.videos)
        if kind in ("tables", "figures"):
            return f"{kind} {rest[0]}", float(sum(len(self.plan.folds(rest[0], e)) for e in self.plan.experiments(rest[0])))
        return " ".join([kind, *rest]), 1.0

    def _frames(self, dataset: str, subject: str | None = None, every: bool = False) -> float:
        from mexflow.datasets import SPOTTING

        return float(
            sum(
                video.frame_count
                for video in self.videos[dataset]
                if subject in (None, video.subject) and (every or video.annotated or dataset in SPOTTING)
            )
        )

    def _samples(self, paper: str, experiment: str) -> float:
        """Training samples of an average fold, copies by oversampling included."""
        used = self.plan.papers[paper]
        data, training = used.data_of(experiment), used.training_of(experiment)
        rows = [row for row in self.plan.sources.rows(data.index) if row[data.label] in data.classes and not row["excluded"]]
        every = len(self.plan.all_folds(paper, experiment))
        share = 0.7 if every == 1 else 1 - 1 / every
        share *= 1 - (training.validation_share or 0)
        counts = [sum(row[data.label] == name for row in rows) for name in data.classes]
        clips = len(counts) * max(counts) if training.oversample else sum(counts)
        return clips * share * (len(used.train_pairs) if used.experiments.get(experiment, 0) and _flow(used, experiment) else 1)

    def _trained(self, paper: str, experiment: str, folds: int, batch: str) -> float:
        """Epochs of all folds of a job."""
        most = self.plan.papers[paper].effort(experiment, self.plan.config.budget).epochs
        return float(sum(self.epochs.get(batch, [most] * folds)))

    def _train(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        used = self.plan.papers[paper]
        trained, effort = used.with_null_controls()[experiment], used.effort(experiment, self.plan.config.budget)
        amount = self._trained(paper, experiment, folds, batch) * self._samples(paper, experiment)
        if trained.model == "linear_svm":
            amount = folds * self._samples(paper, experiment)
        if trained.model == "cropnet":
            amount *= CROPNET[trained.options.get("cropped", True)][effort.size or 320]
        # A network's samples take the same time whatever they show.
        options = [f"{name}={value}" for name, value in trained.options.items()]
        return " ".join([trained.model, *options, trained.input, *_channels(trained)]), amount

    def _spot(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        used = self.plan.papers[paper]
        effort, own = used.effort(experiment, self.plan.config.budget), used.spotting[used.data_name(experiment)]
        samples = self._trained(paper, experiment, folds, batch) * (effort.samples or own.samples)
        scored = folds * self._frames(used.data_of(experiment).index) * len(own.test_skips)
        return f"spot lcn={used.experiments[experiment].lcn}", samples + SCORED * scored

    def _spot_recognise(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        used = self.plan.papers[paper]
        own, effort = used.sequences, used.effort(experiment, self.plan.config.budget)
        assert own is not None
        stage1 = (effort.stage1_epochs or own.stage1_epochs) * (effort.stage1_samples or own.stage1_samples)
        sequences = effort.epochs * (effort.samples or own.samples)
        versions = own.versions if effort.versions is None else effort.versions
        seen = versions * self._samples(paper, experiment) if versions else sequences
        return "nag2019", folds * (
            stage1 * (1 + TEMPORAL) + sequences * SEQUENCE + min(seen, sequences) * (own.length + 1) * SEEN
        )

    def _difference(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        index = self.plan.papers[paper].data_of(experiment).index
        return f"difference {experiment}", folds * self._frames(index) / len(self.plan.all_folds(paper, experiment))

    def _intervals(self, paper: str, experiment: str, folds: int, batch: str) -> tuple[str, float]:
        return "intervals", folds * self._frames(self.plan.papers[paper].data_of(experiment).index)

    @cached_property
    def measured(self) -> dict[str, float]:
        """Seconds of a unit, as `UNITS` has them."""
        return json.loads(UNITS.read_text())

    def seconds(self, record: str, folds: int) -> float:
        """What the job of a record takes."""
        unit, amount = self.of(record, folds)
        return START.get(record.split("/")[0], LIGHT) + self.measured[unit] * amount


def _flow(paper: Any, experiment: str) -> bool:
    return paper.with_null_controls()[experiment].input == "flow"


def _channels(experiment: Any) -> list[str]:
    return [str(len(experiment.channels))] if experiment.channels else []


def measure(results: Path) -> dict[str, float]:
    """Seconds of a unit of work, in the results of a finished default run."""
    import pyarrow.parquet as pq

    found: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    plan = Workflow({}, WORKFLOW)
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        record = path.relative_to(results / "benchmarks").with_suffix("").as_posix()
        kind, *rest = record.split("/")
        said = json.loads((results / "records" / f"{record}.json").read_bytes())
        folders = sorted({Path(name).parent for name in said["outputs"] if name.startswith("results/folds/")})
        epochs = {}
        if kind in ("train", "spot"):
            histories = [results.parent / folder / "history.parquet" for folder in folders]
            epochs["/".join(rest)] = [pq.read_metadata(one).num_rows for one in histories]
        unit, amount = Work(plan, epochs).of(record, len(folders))
        took = float(path.read_text().splitlines()[1].split("\t")[0])
        found[unit][0] += max(took - START.get(kind, LIGHT), 0.05)
        found[unit][1] += amount
    return {unit: float(f"{seconds / amount:.3g}") for unit, (seconds, amount) in sorted(found.items())}


if __name__ == "__main__":
    UNITS.write_text(json.dumps(measure(Path(sys.argv[1])), indent=1) + "\n")
