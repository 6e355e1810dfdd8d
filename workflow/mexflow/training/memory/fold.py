"""One fold of nag2019: its two networks trained apart, then frozen and the memory trained on what they see; tests."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from mexflow.errors import UserError, choose
from mexflow.evaluation import scores
from mexflow.evaluation.folds import PROTOCOLS, assert_disjoint
from mexflow.evaluation.starts import with_starts
from mexflow.models import build
from mexflow.models.time_contrast import Memory, TimeContrastNetwork
from mexflow.papers.recipe import SequencesRecipe
from mexflow.seeds import derive
from mexflow.store.artifacts import Outputs
from mexflow.training import trainer
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import CrossEntropy
from mexflow.training.loop import Settings, fit
from mexflow.training.losses import class_and_intensity
from mexflow.training.memory.clips import TYPE, Clip, flow_scale, frame_scale, load, states, window
from mexflow.training.memory.samples import Flows, Images, Seeing, Sequences
from mexflow.training.recognition.fold import HISTORY, PREDICTIONS
from mexflow.training.recognition.samples import labelled, permute_within_subject
from mexflow.training.starting import Starts, stated

if TYPE_CHECKING:
    from mexflow.training.job import Material

STAGES = ("spatial", "temporal", "memory")
"""What is trained, in this order."""

NORMALISATIONS = ("first_frame", "rms", "none")
"""``rms`` divides flow by its root mean square; ``first_frame`` also takes each clip's first frame off its frames, and
divides what is left by its own; ``none`` changes nothing."""

STAGE_HISTORY = pa.schema([("stage", pa.string()), *HISTORY])
"""One row per stage and epoch. The loss of the stage ``temporal`` is binary cross entropy and its accuracy a share of
pixels; the loss of the stage ``memory`` is cross entropy plus L1, and its accuracy a share of sequences."""

STATES_TABLE = pa.schema(
    [
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("video", pa.string()),
        ("clip", pa.string()),
        ("frame", pa.int64()),
        ("intensity", pa.float32()),
        ("state", pa.string()),
        ("target", pa.float32()),
    ]
)
"""One row per frame of each test clip: the intensity that the network gives it, the state that this makes
(:func:`mexflow.training.memory.clips.states`), and the intensity that it was to give."""


@dataclass(frozen=True)
class Scales:
    """What the networks' input is divided by, from the training clips of a fold alone.

    `flow` is their flow's root mean square, pixels. `frames` is that of what their frames differ by from the clip's
    first frame, which is then what the spatial network sees; None where it sees the frames themselves.
    """

    flow: float
    frames: float | None

    @classmethod
    def of(cls, clips: Sequence[Clip], method: str) -> Scales:
        """The scales of a normalisation, one of :data:`NORMALISATIONS`."""
        choose("normalisation", method, NORMALISATIONS)
        return cls(
            1.0 if method == "none" else flow_scale(clips), frame_scale(clips) if method == "first_frame" else None
        )


class Scaled(nn.Module):
    """The three networks with what their input is divided by, as a fold keeps them.

    `divisors` are float64 (2,), of flow and of frames; the second is NaN where frames are not divided.
    """

    def __init__(self, network: TimeContrastNetwork, scales: Scales) -> None:
        super().__init__()
        self.network = network
        divisors = [float("nan") if scale is None else scale for scale in (scales.flow, scales.frames)]
        self.register_buffer("divisors", torch.tensor(divisors, dtype=torch.float64))

    @property
    def scales(self) -> Scales:
        """What :func:`score_clip` divides by."""
        flow, frames = self.divisors.tolist()
        return Scales(flow, None if math.isnan(frames) else frames)


class Masks:
    """The objective of the temporal network: binary cross entropy of each pixel of its masks."""

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(outputs, targets)

    error = loss

    def right(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Samples, each pixel counting its share."""
        return float(((outputs > 0) == (targets > 0)).float().mean((1, 2, 3)).sum())


class ClassAndIntensity:
    """The objective of the memory: see :func:`mexflow.training.losses.class_and_intensity`."""

    def __init__(self, weights: tuple[float, float] = (1.0, 1.0)) -> None:
        self._weights = weights

    def loss(self, outputs: tuple[torch.Tensor, ...], targets: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return class_and_intensity(*outputs, *targets, self._weights)

    error = loss

    def right(self, outputs: tuple[torch.Tensor, ...], targets: tuple[torch.Tensor, ...]) -> float:
        """Sequences whose mean probabilities are largest for their class."""
        return float((outputs[0].softmax(2).mean(1).argmax(1) == targets[0]).sum())


class Remembering(nn.Module):
    """A memory that takes what :class:`Seeing` gives, as one tensor (n, t + 1, 1025, 8, 8)."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class logits (n, t, classes) and intensities (n, t) of the first t frames."""
        return self.memory(seen[:, :, :-1], seen[:, :-1, -1:])


def split(
    clips: Sequence[Clip], recipe: SequencesRecipe, fold: str, testing: frozenset[str]
) -> tuple[list[Clip], list[Clip]]:
    """The training and the test clips; no subject is in both.

    Raises:
        UserError: if a class has no training clip.
    """
    train = [clip for clip in clips if clip.subject not in testing]
    test = [clip for clip in clips if clip.subject in testing]
    assert_disjoint({clip.subject for clip in train}, testing)
    if absent := [name for i, name in enumerate(recipe.classes) if i not in {clip.label for clip in train}]:
        raise UserError(
            f"fold {fold} of {recipe.paper}/{recipe.experiment}: no training clip of {', '.join(absent)} "
            f"(of {len(train)}); the test subjects hold them all, or they were excluded: "
            "see the exclusions that 'index' and the logs of faces list, and add subjects"
        )
    return train, test


def train_network(
    recipe: SequencesRecipe,
    fold: str,
    train: Sequence[Clip],
    device: torch.device,
    checkpoints: Checkpoints,
    after_epoch: Callable[[], None] = lambda: None,
    starts: Starts = MappingProxyType({}),
) -> tuple[TimeContrastNetwork, Scales, list[dict[str, Any]]]:
    """The three networks, trained on these clips, what their input is divided by, and the history."""
    seed = recipe.seed_of(fold)
    torch.manual_seed(seed)
    network = build(recipe.model, recipe.options, 3, len(recipe.classes), starts)
    scales = Scales.of(train, recipe.training.normalise)
    augmentation = Augmentation.of(recipe.training.augment)
    stage1 = Settings.of(recipe.training, recipe.stage1_epochs, recipe.stage1_batch_size)
    stage2 = Settings.of(recipe.training, recipe.epochs)
    remembering = Remembering(network.memory)
    history: list[dict[str, Any]] = []

    def stage(name: str, module: nn.Module, feed: Any, objective: Any, settings: Settings) -> None:
        entries = fit(
            module,
            feed,
            objective,
            settings,
            derive(seed, name),
            device,
            fold=checkpoint_name(fold, name),
            checkpoints=checkpoints,
            after_epoch=after_epoch,
        )
        history.extend({"stage": name, **entry} for entry in entries)

    seeds = [derive(seed, name, "feed") for name in STAGES]
    count = recipe.stage1_samples
    images = Images(train, count, seeds[0], augmentation, device, scales.frames)
    flows = Flows(train, count, seeds[1], augmentation, device, scales.flow)
    stage("spatial", network.spatial, images, CrossEntropy(), stage1)
    stage("temporal", network.temporal, flows, Masks(), stage1)
    seeing = Seeing(network, scales.flow, augmentation, device, scales.frames)
    sequences = Sequences(
        train,
        recipe.samples,
        seeds[2],
        augmentation,
        device,
        seeing=seeing,
        length=recipe.length,
        versions=recipe.versions,
    )
    stage("memory", remembering, sequences, ClassAndIntensity(recipe.loss_weights), stage2)
    return network, scales, history


def checkpoint_name(fold: str, stage: str) -> str:
    """Under which name the state of a stage of a fold is saved."""
    return f"{fold}-{stage}"


@torch.no_grad()
def score_clip(
    network: TimeContrastNetwork, scales: Scales, clip: Clip, device: torch.device, length: int | None = None
) -> tuple[np.ndarray, ...]:
    """Class probabilities float32 (n, classes) and intensities float32 (n,) of a clip's n frames.

    The memory runs over all of them in order, from a state of zeros; where frames do not follow each other
    (:attr:`mexflow.training.memory.clips.Clip.stretches`) it begins anew, and with a `length` after so many frames.
    """
    network.to(device).eval()
    seen = Seeing(network, scales.flow, Augmentation(), device, scales.frames)(clip, np.arange(len(clip)))
    by_stretch = []
    windows = (
        (first, min(first + (length or end), end))
        for start, end in clip.stretches
        for first in range(start, end, length or end)
    )
    for start, end in windows:
        logits, intensity = Remembering(network.memory)(seen[window(clip, start, end - start)].to(device).float()[None])
        by_stretch.append((logits[0].softmax(1).cpu().numpy(), intensity[0].cpu().numpy()))
    probabilities, intensities = zip(*by_stretch, strict=True)
    return np.concatenate(probabilities), np.concatenate(intensities)


def run_fold(
    recipe: SequencesRecipe,
    fold: str,
    testing: frozenset[str],
    clips: Sequence[Clip],
    device: torch.device,
    folder: Path,
    outputs: Outputs,
    checkpoints: Checkpoints,
    after_epoch: Callable[[], None] = lambda: None,
    starts: Starts = MappingProxyType({}),
) -> dict[str, Any]:
    """Train and test one fold, and write its files to `folder`; `starts` are what parts of its networks start from.

    Writes ``history.parquet`` (:data:`STAGE_HISTORY`), ``model.pt`` (the state of a :class:`Scaled`) and, where anybody
    is tested, ``predictions.parquet`` (a clip's probabilities are the means over the frames in [onset, offset]),
    ``scores.parquet`` (intensities of the test clips' videos, type ``intensity``) and ``states.parquet``
    (:data:`STATES_TABLE`).

    Returns:
        What the job's record says of the fold.
    """
    train, test = split(clips, recipe, fold, testing)
    network, scales, history = train_network(recipe, fold, train, device, checkpoints, after_epoch, starts)
    if testing:
        _test(network, scales, recipe, fold, test, device, folder, outputs, starts)
    outputs.table(folder / "history.parquet", pa.Table.from_pylist(history, schema=STAGE_HISTORY))
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in Scaled(network, scales).state_dict().items()}, buffer)
    outputs.bytes(folder / "model.pt", buffer.getvalue())
    return {
        "training_subjects": sorted({clip.subject for clip in train}),
        "validation_subjects": [],
        "test_subjects": sorted(testing),
        "training_samples": len(train),
        "test_clips": len(test),
        "seed": recipe.seed_of(fold),
        "normalisation": {"method": recipe.training.normalise, "flow": scales.flow, "frames": scales.frames},
        "final_loss": history[-1]["loss"],
    }


def _test(
    network: TimeContrastNetwork,
    scales: Scales,
    recipe: SequencesRecipe,
    fold: str,
    test: Sequence[Clip],
    device: torch.device,
    folder: Path,
    outputs: Outputs,
    starts: Starts,
) -> None:
    """Score the test clips of a fold, and write what only tests fill; see :func:`run_fold`."""
    classes = recipe.classes
    predictions, shown = [], []
    batches: dict[tuple[str, str, str], list[pa.RecordBatch]] = {}
    for clip in test:
        probabilities, intensity = score_clip(network, scales, clip, device, recipe.test_length)
        mean = probabilities[clip.expression].mean(0)
        names = {"dataset": clip.dataset, "subject": clip.subject}
        predictions.append(
            {
                "paper": recipe.paper,
                "experiment": recipe.experiment,
                "fold": fold,
                **names,
                "clip": clip.name,
                "label": classes[clip.label],
                "predicted": classes[int(mean.argmax())],
                "probabilities": mean,
            }
        )
        names["video"] = clip.video
        shows = [state for start, end in clip.stretches for state in states(intensity[start:end])]
        shown += [
            {**names, "clip": clip.name, "frame": frame, "intensity": value, "state": state, "target": target}
            for frame, value, state, target in zip(clip.frames.tolist(), intensity, shows, clip.intensity, strict=True)
        ]
        # The clips of one video have the same intensities: its frames are scored once.
        described = {"fold": fold, "role": "test", **names, "variant": ""}
        batches[clip.dataset, clip.subject, clip.video] = scores.rows(
            described, clip.frames, (TYPE,), intensity[:, None], clip.inside[:, None]
        )
    scored = [batch for some in batches.values() for batch in some]
    schema = with_starts(PREDICTIONS, stated(starts))
    outputs.table(folder / "predictions.parquet", pa.Table.from_pylist(predictions, schema=schema))
    outputs.table(folder / "scores.parquet", pa.Table.from_batches(scored, scores.SCORES).unify_dictionaries())
    outputs.table(folder / "states.parquet", pa.Table.from_pylist(shown, schema=STATES_TABLE))


class Folds(trainer.Folds):
    """The folds of an experiment that spots and recognises at once; see :class:`mexflow.training.trainer.Folds`.

    With `versions`, each clip has so many augmented sequences (150 printed), and what the frozen networks see of them
    is kept in memory, 2 MB a sequence of 14; with 0 each is drawn and augmented when it is wanted. Without
    augmentation, what they see of every frame is kept, 0.13 MB each.
    """

    run = staticmethod(run_fold)

    def __init__(self, recipe: SequencesRecipe, material: Material) -> None:
        """
        Raises:
            UserError: for a label that is none of the classes, or motion that does not fit.
        """
        super().__init__()
        self.recipe = recipe
        rows = labelled(material.rows, recipe.label, recipe.classes)
        self.testing = {fold.name: fold.test_subjects for fold in PROTOCOLS[recipe.protocol](rows, recipe.label)}
        if recipe.permute_labels:
            rows = permute_within_subject(rows, recipe.label, derive(recipe.seed, recipe.paper, recipe.experiment))
        faces, motion = material.arrays
        self.samples, self.left_out = load(
            material.inputs, faces, motion, rows, material.rows, recipe.label, recipe.classes
        )
        self.epochs = 2 * recipe.stage1_epochs + recipe.epochs

    def saved_as(self, fold: str) -> list[str]:
        """The names of its checkpoints, one a stage."""
        return [checkpoint_name(fold, stage) for stage in STAGES]
