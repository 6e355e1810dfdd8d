"""The results page of a run at full size, simulated: ``./run python tests/full_size_page.py results FOLDER``.

From the results of a finished default run, `FOLDER` gets what the page of a run on all folds of all papers would be
made from: indexes of the real datasets' counts, a record of every preprocessing and training job, predictions of every
test clip, scores of every frame, intervals of every test video. Predictions and scores are drawn at random; figures,
tables and pixels are those of the finished run. Then the page is made, and its size, time and memory are printed.
"""

from __future__ import annotations

import json
import random
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from full_size_costs import Work
from mexflow.evaluation import scores
from mexflow.evaluation.folds import PROTOCOLS, usable
from mexflow.plan.workflow import Workflow
from mexflow.store.artifacts import hash_file
from project import PACKAGE, WORKFLOW

CONFIG = {"budget": "paper", "embedded": {"size": "full"}}
_OF_SUBJECTS = ("embed", "faces", "lcn", "motion", "flow", "residual", "lbp_top")
_LENGTH = 60
"""Frames of a spotted interval."""


class Simulated:
    """A folder that becomes the results of a run at full size."""

    def __init__(self, finished: Path, folder: Path) -> None:
        self.finished, self.results = finished, folder / "results"
        self.plan = Workflow(CONFIG, WORKFLOW).enumerated()
        self.rng = random.Random(0)
        self.videos = Work(self.plan).videos

    def make(self) -> None:
        """Write everything."""
        for name in ("tables", "figures"):
            shutil.copytree(self.finished / name, self.results / name)
        (self.results / "index").mkdir()
        for name in self.plan.sources.indexes:
            schema = pq.read_schema(self.finished / "index" / f"{name}.parquet")
            table = pa.Table.from_pylist(self.plan.sources.rows(name), schema)
            pq.write_table(table, self.results / "index" / f"{name}.parquet")
            shutil.copy(self.finished / "index" / f"{name}.txt", self.results / "index")
        for dataset in self.plan.sources.listed:
            for _, subject in self.plan.sources.subjects(dataset):
                self.faces(dataset, subject)
        for paper in self.plan.whole:
            for name in self.plan.experiments(paper):
                self.fold_files(paper, name)
        for record in self.records():
            for name in record["outputs"]:  # a job holds what it reads against the record of who made it
                if (file := self.results.parent / name).is_file():
                    record["outputs"][name] = hash_file(file).as_dict()
            path = self.results / "records" / f"{record['job']}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record))

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """The records of the finished run, by job."""
        paths = (self.finished / "records").rglob("*.json")
        return {record["job"]: record for record in (json.loads(path.read_text()) for path in paths)}

    def records(self) -> Iterator[dict[str, Any]]:
        """A record of each job, as one of its kind is in the finished run."""
        of_subjects: dict[tuple[str, str], dict[str, Any]] = {}
        for job, record in self.templates.items():
            stage = job.partition("/")[0]
            if stage in _OF_SUBJECTS and record.get("subject"):
                of_subjects.setdefault((job.rpartition("/")[0], record["dataset"]), record)
            elif stage not in ("train", "intervals", "page"):
                yield record
        for (kind, dataset), record in of_subjects.items():
            for _, subject in self.plan.sources.subjects(dataset):
                yield renamed(record, f"{kind}/{subject}", record["subject"], subject.rpartition("/")[2])
        for paper in self.plan.whole:
            for name in self.plan.experiments(paper):
                yield from self.trained(paper, name)

    def trained(self, paper: str, name: str) -> Iterator[dict[str, Any]]:
        """Of an experiment: a training job a fold, as at full size, and one that spots."""
        template = next(one for job, one in self.templates.items() if job.startswith(f"train/{paper}/"))
        template = self.templates.get(f"train/{paper}/{name}/0", template)
        kind, folds = self.plan.papers[paper].kind(name), self.tested(paper, name)
        every = sorted({subject for subjects in folds.values() for subject in subjects})
        files = [one for one in kind.files if not one.startswith(("thresholds", "intervals"))]
        inputs = {path: one for path, one in template["inputs"].items() if "/index/" in path}
        inputs |= dict.fromkeys(self.plan.arrays(paper, name), {"sha256": "0" * 64, "size": 1})
        said = next(iter(template["folds"].values()))
        start = f"results/folds/{paper}/{name}"
        for fold, tested in folds.items():
            training = [subject for subject in every if subject not in tested]
            of_fold = {**said, "training_subjects": training, "test_subjects": sorted(tested)}
            command = re.sub(r"(--fold \S+ )+", f"--fold {fold} ", template["command"])
            yield {
                **template, "job": f"train/{paper}/{name}/{fold}", "command": command, "inputs": inputs,
                "outputs": self.described(f"{start}/{fold}/{one}" for one in files), "folds": {fold: of_fold},
            }  # fmt: skip
        if kind.every_video:
            spotting = next(one for job, one in self.templates.items() if job.startswith(f"intervals/{paper}/"))
            made = [f"{start}/{fold}/{one}.parquet" for fold in folds for one in ("thresholds", "intervals")]
            read = [f"{start}/{fold}/scores.parquet" for fold in folds]
            job = f"intervals/{paper}/{name}/0"
            yield {**spotting, "job": job, "inputs": self.described(read), "outputs": self.described(made)}

    def described(self, paths: Iterator[str] | list[str]) -> dict[str, dict[str, Any]]:
        return {path: {"sha256": f"{self.rng.getrandbits(256):064x}", "size": 1234} for path in paths}

    def tested(self, paper: str, name: str) -> dict[str, set[str]]:
        """The test subjects of each fold, as the index names them."""
        spec = self.plan.papers[paper]
        data = spec.data_of(name)
        if spec.kind(name).every_video:
            return {fold: {fold} for fold in self.plan.folds(paper, name)}
        folds = PROTOCOLS[spec.protocol_of(name)](self.plan.sources.rows(data.index), data.label)
        return {fold.name: set(fold.test_subjects) for fold in folds}

    def faces(self, dataset: str, subject: str) -> None:
        """The faces at onset and apex of a subject's clips: those of another subject's first frames."""
        subject = subject.rpartition("/")[2]
        source = next(iter(sorted((self.finished / "faces" / dataset).glob("*.npy"))))
        rows = [row for row in self.plan.sources.rows(dataset) if row["subject"] == subject]
        places = sorted({(row["video"], row[name]) for row in rows for name in ("onset", "apex") if row[name]})
        pixels = np.load(source, mmap_mode="r")
        array = self.results / "faces" / dataset / f"{subject}.npy"
        array.parent.mkdir(parents=True, exist_ok=True)
        np.save(array, pixels[np.arange(len(places)) % len(pixels)])
        table = pa.table({"video": [video for video, _ in places], "frame": [frame for _, frame in places]})
        pq.write_table(table, array.with_suffix(".parquet"))

    def fold_files(self, paper: str, name: str) -> None:
        """What an experiment's folds predicted, or spotted."""
        spec = self.plan.papers[paper]
        data, kind, folds = spec.data_of(name), spec.kind(name), self.tested(paper, name)
        rows = [row for row in self.plan.sources.rows(data.index) if usable(row, data.label)]
        for fold in folds:
            (self.results / "folds" / paper / name / fold).mkdir(parents=True)
        if kind.recognises:
            for fold, subjects in folds.items():
                predicted = [
                    {"fold": fold, "dataset": row["dataset"], "subject": row["subject"], "clip": row["clip"],
                     "label": str(row[data.label]), "predicted": self.rng.choice(data.classes),
                     "probabilities": [self.rng.random()]}
                    for row in rows if row["subject"] in subjects
                ]  # fmt: skip
                path = self.results / "folds" / paper / name / fold / "predictions.parquet"
                schema = pq.read_schema(next((self.finished / "folds").rglob("predictions.parquet")))
                pq.write_table(pa.Table.from_pylist(predicted, schema), path)
        if kind.every_video:
            self.spotted(paper, name)

    def spotted(self, paper: str, name: str) -> None:
        """Thresholds and intervals of every fold; of the proposed methods also scores of every frame."""
        spec = self.plan.papers[paper]
        data, variants = spec.data_of(name), spec.variants(name)
        videos = self.videos[data.index]
        truth: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in self.plan.sources.rows(data.index):
            truth.setdefault((row["subject"], row["video"]), []).append(row)
        whole = None
        if name in spec.controlled("paper"):
            noise = np.random.default_rng(0)
            batches = []
            for variant in variants:
                for video in videos:
                    frames = np.array(video.frames)
                    texts = {"fold": "", "role": "train", "dataset": data.index, "subject": video.subject,
                             "video": video.video, "variant": variant}  # fmt: skip
                    values = noise.random((len(frames), len(data.classes)), np.float32)
                    batches += scores.rows(texts, frames, data.classes, values, values > 0.9)
            whole = pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries()
        for fold in self.plan.folds(paper, name):
            folder = self.results / "folds" / paper / name / fold
            others = [one for one in self.plan.folds(paper, name) if one != fold]
            kinds = [(variant, kind) for variant in variants for kind in data.classes]
            limits = [{"fold": fold, "variant": variant, "type": kind, "threshold": 0.5, "subjects": others}
                      for variant, kind in kinds]  # fmt: skip
            pq.write_table(pa.Table.from_pylist(limits, scores.THRESHOLDS), folder / "thresholds.parquet")
            found = []
            for video in (one for one in videos if one.subject == fold):
                for variant, kind in kinds:
                    of = {"fold": fold, "dataset": data.index, "subject": fold, "video": video.video,
                          "variant": variant, "type": kind}  # fmt: skip
                    own = [row for row in truth.get((fold, video.video), ()) if row["type"] == kind]
                    found += [{**of, "source": "truth", "first": row["onset"], "last": row["offset"] or row["onset"],
                               "matched": self.rng.random() < 0.4} for row in own]  # fmt: skip
                    starts = [self.rng.randrange(max(1, video.frame_count - _LENGTH)) for _ in range(len(own) + 2)]
                    found += [{**of, "source": "predicted", "first": start, "last": start + _LENGTH,
                               "matched": self.rng.random() < 0.4} for start in starts]  # fmt: skip
            pq.write_table(pa.Table.from_pylist(found, scores.INTERVALS), folder / "intervals.parquet")
            if whole is not None:
                self.scores(whole, fold, folder)

    @staticmethod
    def scores(whole: pa.Table, fold: str, folder: Path) -> None:
        """The scores of a fold: its own subject's videos are tested."""
        subjects = whole["subject"].combine_chunks()
        code = subjects.dictionary.to_pylist().index(fold)
        role = pa.DictionaryArray.from_arrays(
            pa.array((np.asarray(subjects.indices) == code).astype(np.int32)), pa.array(["train", "test"])
        )
        one = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(role), np.int32)), pa.array([fold]))
        table = whole.set_column(0, "fold", one).set_column(1, "role", role)
        pq.write_table(table, folder / "scores.parquet", compression="zstd")


def renamed(record: dict[str, Any], job: str, old: str, new: str) -> dict[str, Any]:
    """A record of one subject as that of another."""
    word = re.compile(rf"(?<![0-9a-zA-Z]){re.escape(old)}(?![0-9])|(?<=sub){re.escape(old)}(?![0-9])")

    def of(text: str) -> str:
        return word.sub(new, text)

    described = {part: {of(path): one for path, one in record[part].items()} for part in ("inputs", "outputs")}
    return {**record, "job": job, "subject": new, "command": of(record["command"]), **described}


def main(finished: Path, folder: Path) -> tuple[float, float, float]:
    """Simulate, make the page, and say what it took: MiB of the page, seconds of processor, MiB of memory."""
    simulated = Simulated(finished, folder)
    simulated.make()
    recipe = folder / "recipe.json"
    recipe.write_text(simulated.plan.page.recipe.text())
    start = time.perf_counter()
    words = [sys.executable, "-m", "mexflow", "page", "--papers", WORKFLOW / "papers", "--recipe", recipe.absolute()]
    subprocess.run(list(map(str, words)), cwd=folder, check=True, env={"PYTHONPATH": str(PACKAGE.parent)})
    seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = sum(1 for _ in (folder / "results" / "records").rglob("*.json"))
    size = (folder / "results" / "index.html").stat().st_size / 2**20
    processor, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10
    print(f"{jobs} jobs: {size:.1f} MiB, {seconds:.0f} s, {processor:.0f} s of processor, {memory:.0f} MiB of memory")
    return size, processor, memory


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
