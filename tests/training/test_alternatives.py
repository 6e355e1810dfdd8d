"""Every alternative of a decision runs: a tiny training, or a call of what it is a setting of, on made-up data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import flow_files
import project
import sequence_files
import video_files
from mexflow import registries
from mexflow.evaluation import intervals, spotting
from mexflow.evaluation.folds import PROTOCOLS
from mexflow.evaluation.scores import SCORES
from mexflow.evaluation.spotted import frames
from mexflow.models import build
from mexflow.papers import decisions
from mexflow.papers import paper as papers
from mexflow.papers.decisions import Decision
from mexflow.papers.paper import Paper
from mexflow.preprocess import flow, lbp_top, residual
from mexflow.store import records
from mexflow.training.recognition import oversampling
from project import WORKFLOW
from training_files import call, linked

FOLDER = WORKFLOW / "papers"
KINDS = {"nag2019": "sequences", "elface2021": "videos"}
"""What the networks of a paper are trained on here, if it is not flow: all that recognise are trained alike."""

SIDES = {"attention": 90, "dual_inception": 28, "off_apexnet": 28, "ststnet": 28}
"""Width and height of what networks see, pixels; others take features."""

TOGETHER = ("schedule", "schedule_options", "early_stopping", "validation_share")


def cases() -> list[Any]:
    """Every alternative: the paper's name, the place of its setting, and its value."""
    result = []
    for name in papers.available(FOLDER):
        for decision in papers.load(FOLDER, name).decisions:
            for value in decision.alternatives:
                # The networks of nag2019 take seconds each.
                slow = KINDS.get(name) == "sequences" and decision.path[0] in ("training", "sequences", "models")
                marks = [pytest.mark.campaign] if slow and decision.path[-1] != "test_length" else []
                label = f"{name}-{decision.setting}-{value}"
                result.append(pytest.param(name, decision, value, marks=marks, id=label))
    return result


@pytest.fixture
def paper(name: str, decision: Decision, value: Any) -> Paper:
    """The paper with an alternative in place of what was decided."""
    values = project.paper_values(name)
    return Paper.model_validate(decisions.with_value(values, papers.load(FOLDER, name), decision, value))


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests loaded and picked is none of a training's here."""
    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: [])
    registries.PICKED.clear()


def train(kind: str, folder: Path, changes: dict[str, Any]) -> None:
    """Train one fold on made-up data."""
    if kind == "flow":
        files = flow_files.write(folder / "data")
        fold, short = "casme2-01", {"epochs": 1}
    elif kind == "videos":
        files, fold, short = video_files.write(folder / "data"), "006", {"epochs": 1, "samples": 4}
    else:
        files, fold, short = sequence_files.write(folder / "data"), "01", {"epochs": 1}
    files.train(folder / "results", [fold], **{**short, **changes})
    assert list((folder / "results" / "folds").rglob("model.pt"))


@pytest.mark.parametrize(("name", "decision", "value"), cases())
def test_an_alternative_runs(name: str, decision: Decision, value: Any, paper: Paper, tmp_path: Path) -> None:
    kind = KINDS.get(name, "flow")
    section, *rest = decision.path
    if section == "training":
        if rest[0] == "oversample":
            _copies(paper)
            return
        keys = TOGETHER if rest[0] in TOGETHER else (rest[0],)
        if rest[0] == "normalise" and kind == "flow" or rest[0] == "optimizer":
            changes: dict[str, Any] = {"optimizer_options": {}, rest[0]: value}
        else:
            changes = {key: paper.training[key] for key in keys if key in paper.training}
        train(kind, tmp_path, changes)
    elif section == "sequences":
        small = value if rest[0] in ("loss_weights", "test_length", "versions") else min(int(value), 2)
        train(kind, tmp_path, {rest[0]: small})
    elif section == "spotting":
        train(kind, tmp_path, {rest[1]: min(value, 8) if rest[1] == "samples" else value})
    elif section == "models" and kind != "flow":
        train(kind, tmp_path, {"options": {rest[1]: value}})
    elif section == "models":
        _network(paper, rest[0], rest[1], value)
    elif section == "preprocessing":
        _preprocessing(paper, rest[0], rest[1])
    elif section == "experiments" and rest[1] == "weights":
        assert value == {}, "from scratch, as all that is trained here"
    elif section == "experiments" and rest[1] == "levels":
        train(kind, tmp_path, {"levels": value})
    elif section == "experiments" and rest[1] == "training":
        train(kind, tmp_path, {rest[2]: value})
    elif section == "experiments":
        files = sequence_files.write(tmp_path / "data", frames=4)
        recipe = {**sequence_files.DIFFERENCE, "features": "hoof", "k": 1, rest[1]: value}
        call(recipe, linked(tmp_path / "results", files.root, ("index", "faces")), ["01"])
        assert list((tmp_path / "results" / "folds").rglob("scores.parquet"))
    elif section == "protocol":
        rows = [
            {"dataset": "d", "subject": f"s{i}", "clip": f"{i}{k}", "label": "ab"[k], "excluded": None}
            for i in range(10)
            for k in range(2)
        ]
        assert PROTOCOLS[value](rows, "label")
    elif section == "intervals":
        _intervals(paper)
    else:
        assert section == "budgets" and value >= 1, "more or fewer epochs"


def _copies(paper: Paper) -> None:
    """Of sequences of a small class: copies in [0, 1] that differ from them."""
    images = torch.rand((7, 13, 12, 12), generator=torch.Generator().manual_seed(1))
    extra = oversampling.plan(np.array([0] * 5 + [1] * 2), 1, paper.training["oversample"])
    sources = images[extra.source]
    copies = oversampling.apply(sources, extra, np.arange(len(extra)))
    assert len(copies) >= 3 and copies.min() >= 0 and copies.max() <= 1
    assert not any(torch.equal(copy, source) for copy, source in zip(copies, sources, strict=True))


def _network(paper: Paper, model: str, option: str, value: Any) -> None:
    """A network with an option maps a sample to a number a class."""
    for experiment in paper.experiments.values():
        options = getattr(experiment, "options", {})
        if getattr(experiment, "model", None) == model and decisions.same(options.get(option), value):
            network = build(model, options, experiment.input_channels, 3).eval()
            shape = (1, experiment.input_channels, *[SIDES[model]] * 2) if model in SIDES else (1, 4)
            if model not in SIDES:
                network.fit(np.random.default_rng(0).random((9, 4)), np.arange(9) % 3)
            assert network(torch.zeros(shape)).shape == (1, 3)


def _preprocessing(paper: Paper, stage: str, name: str) -> None:
    """Of noise: something that is finite."""
    rng = np.random.default_rng(0)
    pair = rng.random((2, 2, 32, 32), dtype=np.float32)
    chosen = paper.preprocessing.named(stage)
    part = next(iter(chosen.values())) if "*" in name else chosen[name]
    if stage == "lbp_top":
        clip = rng.integers(0, 256, (9, 64, 64), np.uint8)
        result = lbp_top.lbp_top(clip, **{key: value for key, value in part.model_dump().items() if value is not None})
    elif stage == "residual":
        result = np.array(residual.key_frames(3, 14, part.key_frames, part.gap))
    else:
        result = flow.compute(part.method, *pair, **part.options)
    assert np.isfinite(result).all() and result.any()


def _intervals(paper: Paper) -> None:
    """Of made-up scores: intervals that are long enough, of the videos that count."""
    settings = paper.intervals
    scores = spotting.smooth(np.random.default_rng(0).random(200), 0.2, settings.order)
    spotted = intervals.runs(scores, 0.5, settings.least)
    assert spotted and all(last - first + 1 >= settings.least for first, last in spotted)
    counted = spotting.counting({"a": {"micro"}, "b": {"macro"}, "c": set()}, "micro", settings.videos)
    assert counted == {"all": {"a", "b", "c"}, "annotated": {"a", "b"}, "with_expressions": {"a"}}[settings.videos]
    row = {"fold": "f", "role": "test", "dataset": "d", "subject": "s", "video": "v", "variant": "k", "type": "micro"}
    rows = [{**row, "frame": i, "score": 0.2 + 0.1 * i, "label": i > 2} for i in range(5)]
    (part,) = frames(pa.Table.from_pylist(rows, SCORES), settings.frame_scores)
    assert part.scores.max() == pytest.approx(1 if settings.frame_scores == "normalised" else 0.6)
