"""Networks are trained and tested on the same kind of numbers, in every experiment of every paper.

Each way of training is run on a few made-up samples by a network that only keeps what it is fed. Augmentation changes
images; it must not take away their sign, cut off their range or make them many times as strong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sequence_files
import video_files
from mexflow.models.backbones.weights import Normalisation
from mexflow.papers.kinds import KINDS
from mexflow.papers.operations import name_of
from mexflow.papers.paper import available, load
from mexflow.papers.recipe import Recipe, read
from mexflow.store.artifacts import Outputs
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.memory import fold as memory_fold
from mexflow.training.recognition import fold as recognition_fold
from mexflow.training.recognition.samples import Samples
from mexflow.training.spotting import fold as spotting_fold
from project import WORKFLOW

CPU = torch.device("cpu")
TRAINED, TESTED = "trained", "tested"


class Kept:
    """What a network was fed, in training and in testing: images (n, ...), by the place where it was fed."""

    def __init__(self) -> None:
        self.phase = TRAINED
        self._images: dict[tuple[str, str], list[torch.Tensor]] = {}

    def keep(self, images: torch.Tensor, place: str = "input", phase: str | None = None) -> torch.Tensor:
        self._images.setdefault((place, phase or self.phase), []).append(images.detach().float().clone())
        return images

    @property
    def places(self) -> list[str]:
        return sorted({place for place, _ in self._images})

    def of(self, place: str, phase: str) -> np.ndarray:
        """One row a sample, float32 (n, d)."""
        return torch.cat([images.flatten(1) for images in self._images[place, phase]]).numpy()

    def tested_from_now_on(self, function: Callable) -> Callable:
        """A function that is called when the network is tested."""

        def called(*arguments: Any, **named: Any) -> Any:
            self.phase = TESTED
            return function(*arguments, **named)

        return called


class Keeping(nn.Module):
    """A network for recognition, and for spotting, which keeps what it is fed."""

    def __init__(self, kept: Kept, classes: int) -> None:
        super().__init__()
        self._kept, self.classifier = kept, nn.Linear(1, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        shown = images if images.ndim == 4 else images.flatten(0, 2)  # a pair of frames for each stream
        self._kept.keep(shown, phase=TRAINED if self.training else TESTED)
        return images.flatten(1).mean(1, keepdim=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images))

    @torch.no_grad()
    def score_video(self, frames: Any, skips: tuple[int, int], placement: str) -> torch.Tensor:
        self._kept.keep(torch.from_numpy(np.asarray(frames[np.arange(len(frames))], np.float32)), phase=TESTED)
        return torch.zeros(len(frames), 2)


class KeepingSpatial(nn.Module):
    """Stands for the spatial network of nag2019: one number of an image."""

    def __init__(self, kept: Kept, classes: int) -> None:
        super().__init__()
        self._kept, self.normalise, self.classifier = kept, Normalisation(), nn.Linear(1, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self._kept.keep(self.normalise(images), "frames, stage 1").mean((1, 2, 3))[:, None])


class KeepingTemporal(nn.Module):
    """Stands for its temporal network: masks (n, 1, 16, 16) of flow."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self._kept, self.weight = kept, nn.Parameter(torch.ones(1))

    def forward(self, flow: torch.Tensor) -> torch.Tensor:
        return self.weight * nn.functional.avg_pool2d(self._kept.keep(flow, "flow, stage 1")[:, :1], 4)


class KeepingSequences(nn.Module):
    """Stands for nag2019's three networks."""

    def __init__(self, kept: Kept, classes: int) -> None:
        super().__init__()
        self._kept = kept
        self.spatial, self.temporal, self.memory = KeepingSpatial(kept, classes), KeepingTemporal(kept), Scores(classes)

    def spatial_features(self, images: torch.Tensor) -> torch.Tensor:
        shown = self._kept.keep(self.spatial.normalise(images), "frames, stage 2")
        if self._kept.phase == TESTED:
            self._kept.keep(shown, "frames, stage 1")
        return shown.mean((1, 2, 3))[:, None, None, None].expand(-1, 4, 8, 8)

    def motion(self, flow: torch.Tensor) -> torch.Tensor:
        self._kept.keep(flow, "flow, stage 2")
        if self._kept.phase == TESTED:
            self._kept.keep(flow, "flow, stage 1")
        return flow[:, 1:].mean((2, 3), keepdim=True).expand(-1, -1, 8, 8)


class Scores(nn.Module):
    """Stands for nag2019's memory."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes, self.weight = classes, nn.Parameter(torch.ones(1))

    def forward(self, maps: torch.Tensor, motion: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values = self.weight * motion.mean((2, 3, 4))
        return values[..., None].expand(*values.shape, self.classes), values.sigmoid()


def clips(classes: int, shape: tuple[int, ...], seed: int = 0) -> Samples:
    """Bytes (n, *shape): a still picture of each sample's own, a blob that comes and goes over its channels, noise.

    The first class has more samples than the others, so that there is something to oversample.
    """
    rng = np.random.default_rng(seed)
    labels = np.array([*range(classes)] * 6 + [0] * 12)
    y, x = np.mgrid[: shape[1], : shape[2]] / shape[1]
    course = np.sin(np.linspace(0, np.pi, shape[0]))[:, None, None]
    images = np.empty((len(labels), *shape), np.uint8)
    for image in images:
        blob = 20 * np.exp(-40 * ((x - rng.uniform(0.2, 0.8)) ** 2 + (y - rng.uniform(0.2, 0.8)) ** 2))
        still = 40 + 150 * rng.random() + 30 * np.sin(9 * x + 7 * rng.random())
        image[:] = np.rint(still + course * blob + rng.normal(0, 2, shape)).clip(0, 255)
    named = [{"dataset": "d", "subject": f"s{i % 6}", "clip": str(i), "pair": ""} for i in range(len(labels))]
    return Samples(images, labels, named, [f"c{i}" for i in range(classes)])


def flows(recipe: Recipe) -> Samples:
    """Flow of a few hundredths of a pixel: a patch that moves, and noise."""
    count, classes = 36, len(recipe.classes)
    rng = np.random.default_rng(1)
    fields = rng.normal(0, 0.01, (count, len(recipe.channels), recipe.size or 64, recipe.size or 64))
    fields[:, :, 8:20, 8:20] += rng.choice([-0.05, 0.05], (count, 1, 1, 1))
    named = [
        {"dataset": "d", "subject": f"s{i % 6}", "clip": str(i), "pair": recipe.test_pairs[0]} for i in range(count)
    ]
    labels = np.arange(count) // 6 % classes
    return Samples(fields.astype(np.float32), labels, named, list(recipe.classes))


def fed(recipe: Recipe, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """What a network is fed in a fold of this recipe, of samples made up for its kind of input."""
    kept = Kept()
    classes = len(recipe.classes)
    if recipe.kind == "sequences":
        trainer, testing = memory_fold, frozenset(["01"])
        samples = sequence_files.write(folder, frames=24).clips()[0]
        monkeypatch.setattr(trainer, "build", lambda *_: KeepingSequences(kept, classes))
        monkeypatch.setattr(trainer, "score_clip", kept.tested_from_now_on(trainer.score_clip))
    elif recipe.kind == "videos":
        trainer, testing = spotting_fold, frozenset(["012"])
        samples = video_files.write(folder).load()[0]
        monkeypatch.setattr(trainer, "build", lambda *_: Keeping(kept, classes))
    else:
        trainer, testing = recognition_fold, frozenset(["s0"])
        made = {
            "flow": lambda: flows(recipe),
            "frames": lambda: clips(classes, (13, 24, 24)),
            "residual": lambda: clips(classes, (3, 24, 24)),
        }
        samples = made[recipe.kind]()
        monkeypatch.setattr(trainer, "build", lambda *_: Keeping(kept, classes))
    with Outputs() as outputs:
        trainer.run_fold(recipe, "one", testing, samples, CPU, folder / "fold", outputs, Checkpoints(None, "", 0))
    return kept


def small(recipe: Recipe) -> Recipe:
    """The same recipe for few epochs, of the classes and skips that the samples have."""
    values = recipe.model_dump(mode="json", exclude_none=True)
    values |= {"epochs": 2}
    if recipe.kind == "sequences":
        values |= {
            "label": sequence_files.LABEL, "classes": sequence_files.CLASSES, "samples": 12, "length": 8, "versions": 0,
            "stage1_epochs": 2, "stage1_samples": 24,
        }  # fmt: skip
    if recipe.kind == "videos":
        made = video_files.VideoFiles.recipe
        values |= {key: made[key] for key in ("train_skips", "test_skips", "samples")}
        values |= {"sigma": made["sigma"] if recipe.sigma else None}
    return read(json.dumps({key: value for key, value in values.items() if value is not None}))


def ways() -> list[tuple[str, Recipe]]:
    """An experiment for each way of being fed that a paper has: its kind and its training."""
    different: dict[str, tuple[str, Recipe]] = {}
    for name in available(WORKFLOW / "papers"):
        paper = load(WORKFLOW / "papers", name)
        for experiment in paper.experiments:
            recipe = paper.recipe(experiment, "demo")
            training = getattr(recipe, "training", None)
            if training is None:
                continue
            settings = {key: getattr(training, key, None) for key in ("augment", "oversample", "normalise")}
            inside = [recipe.kind, settings, getattr(recipe, "sigma", None), getattr(recipe, "levels", None)]
            different.setdefault(f"{name} {json.dumps(inside)}", (f"{name}/{experiment}", recipe))
    return list(different.values())


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two distribution functions (Kolmogorov and Smirnov)."""
    places = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(values), places, side="right") / len(values) for values in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


@pytest.mark.parametrize(("name", "recipe"), ways(), ids=lambda value: value if isinstance(value, str) else "")
def test_training_and_testing_see_the_same_numbers(name, recipe, tmp_path, monkeypatch):
    recipe = small(recipe)
    kept = fed(recipe, tmp_path, monkeypatch)
    changes = {name_of(operation) for operation in recipe.training.augment}
    # Brightness and contrast change an image's numbers on purpose.
    most = 0.35 if changes & {"brightness", "contrast", "gain"} else 0.25
    assert kept.places
    for place in kept.places:
        trained, tested = (kept.of(place, phase) for phase in (TRAINED, TESTED))
        if place == "frames, stage 1":
            continue  # of expressions alone, which are stronger than what is around them: see below
        assert abs((trained < 0).mean() - (tested < 0).mean()) < 0.1, f"{place}: signs"
        assert distance(trained.ravel(), tested.ravel()) < most, f"{place}: values"
        strengths = [np.sqrt(np.square(values).mean(1)) for values in (trained, tested)]
        assert 1 / 2 < np.sqrt(np.square(trained).mean() / np.square(tested).mean()) < 2, f"{place}: strength"
        assert strengths[0].max() < 2 * strengths[1].max(), f"{place}: the strongest"


def test_expressions_keep_their_signs_in_stage_1(tmp_path, monkeypatch):
    ((_, recipe), *_) = [way for way in ways() if way[1].kind == "sequences" and way[1].training.augment]
    kept = fed(small(recipe), tmp_path, monkeypatch)
    trained, tested = (kept.of("frames, stage 1", phase) for phase in (TRAINED, TESTED))
    assert abs((trained < 0).mean() - (tested < 0).mean()) < 0.1 and (tested < 0).mean() > 0.3
    strengths = [np.sqrt(np.square(values).mean(1)) for values in (trained, tested)]
    assert strengths[0].max() == pytest.approx(strengths[1].max(), rel=0.2)


def test_all_kinds_that_are_trained_are_looked_at():
    trained = {name for name, kind in KINDS.items() if kind.training}
    assert {recipe.kind for _, recipe in ways()} == trained
