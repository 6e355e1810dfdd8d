"""Test videos of spotting on the page: the score of every frame, the threshold, true and predicted intervals, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mexflow.datasets.half_length import half_length
from mexflow.evaluation.curves import Curve, curves
from mexflow.evaluation.scores import SCORES
from mexflow.page.score_line import HEIGHT, WIDTH, path
from mexflow.papers.paper import Paper
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results

_ROWS = 65_536
"""Rows of scores that are read at a time."""


@dataclass(frozen=True)
class Span:
    """An interval, first to last frame, where it is drawn, and whether it has a partner: matched, missed or false."""

    first: int
    last: int
    at: float
    wide: float
    kind: str


@dataclass(frozen=True)
class Trace:
    """The scores of one type of expression over a test video, as points of the drawing."""

    type: str
    first: int
    last: int
    points: str
    threshold: float | None
    truth: list[Span]
    predicted: list[Span]

    @property
    def told(self) -> str:
        """What there is to see, in words."""
        kinds = [span.kind for span in (*self.truth, *self.predicted)]
        return (
            f"{self.type}: {len(self.truth)} true, {sum(span.kind == 'matched' for span in self.truth)} of them found, "
            f"{kinds.count('missed')} missed, {kinds.count('false')} false"
        )


@dataclass(frozen=True)
class Video:
    """A test video with its curves."""

    name: str
    subject: str
    fold: str
    traces: list[Trace]


@dataclass(frozen=True)
class Spotted:
    """The test videos of an experiment, tested in one way."""

    experiment: str
    variant: str
    videos: list[Video]


def of_paper(paper: Paper, budget: str, results: Path, folds: dict[str, list[str]], inputs: Inputs) -> list[Spotted]:
    """The test videos of the paper's proposed methods of spotting in long videos, each in the first of its ways.

    Args:
        paper: the paper.
        budget: how its networks were trained.
        results: the folder with ``folds/`` and ``index/``.
        folds: the folds of each experiment that are there.
        inputs: reads them.

    Raises:
        UserError: if a fold cannot be read.
    """
    long = [name for name in paper.experiments if paper.kind(name).every_video]
    proposed = [name for name in long if name in (paper.controlled(budget) or paper.controlled())]
    return [
        _of_experiment(paper, name, results, folds[name], inputs) for name in proposed or long[:1] if folds.get(name)
    ]


def _of_experiment(paper: Paper, name: str, results: Path, folds: Sequence[str], inputs: Inputs) -> Spotted:
    data = paper.data_of(name)
    rows = inputs.table(Results(results).index(data.index)).to_pylist()
    k = {kind: half_length(rows, kind).k for kind in data.classes}
    variant = paper.variants(name)[0]
    videos = []
    for fold in sorted(folds):
        folder = Results(results).fold(paper.paper, name, fold)
        files = [folder / f"{table}.parquet" for table in ("scores", "thresholds", "intervals")]
        if not all(map(Path.is_file, files)):  # of a run that failed
            continue
        scores = _tested(files[0], variant, inputs)
        thresholds, intervals = map(inputs.table, files[1:])
        found: dict[tuple[str, ...], set[tuple[int, int]]] = {}
        for row in intervals.to_pylist():
            if row["source"] == "truth" and row["matched"] and row["variant"] == variant:
                of_video = found.setdefault((row["subject"], row["video"], row["type"]), set())
                of_video.add((row["first"], row["last"]))
        keys = scores.select(["dataset", "subject", "video"])
        for key in keys.group_by(["dataset", "subject", "video"], use_threads=False).aggregate([]).to_pylist():
            video = (key["dataset"], key["subject"], key["video"])
            traced = curves(scores, thresholds, intervals, video, variant, k, data.classes, paper.intervals.order)
            traces = [_trace(curve, found.get((*video[1:], curve.type), set())) for curve in traced]
            videos.append(Video(video[2], video[1], fold, traces))
    return Spotted(name, variant, videos)


def _tested(path: Path, variant: str, inputs: Inputs) -> pa.Table:
    """The scores of a fold's test videos, tested in one way: a small part of its table, which has all videos."""
    kept = [
        batch.filter(pc.and_(pc.equal(batch["role"], "test"), pc.equal(batch["variant"], variant)))
        for batch in inputs.batches(path, SCORES.names, _ROWS)
    ]
    return pa.Table.from_batches(kept, kept[0].schema if kept else SCORES).unify_dictionaries()


def _trace(curve: Curve, found: set[tuple[int, int]]) -> Trace:
    first, last = int(curve.frames[0]), int(curve.frames[-1])
    scale = WIDTH / max(1, last - first)

    def span(interval: Sequence[int], kind: str) -> Span:
        start = round((interval[0] - first) * scale, 1)
        return Span(interval[0], interval[1], start, round(max(2.0, (interval[1] - interval[0]) * scale), 1), kind)

    limit = float(curve.threshold)
    return Trace(
        curve.type,
        first,
        last,
        path(curve.frames, curve.scores),
        round(HEIGHT * (1 - limit), 1) if np.isfinite(limit) else None,
        [span(interval, "matched" if tuple(interval) in found else "missed") for interval in curve.truth],
        [span(interval, "matched" if matched else "false") for interval, matched in curve.predicted],
    )
