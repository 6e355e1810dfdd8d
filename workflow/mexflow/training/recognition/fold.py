"""One fold: split, train, test, write."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from mexflow.errors import UserError
from mexflow.evaluation.folds import assert_disjoint, validation_subjects
from mexflow.models import build
from mexflow.seeds import derive
from mexflow.store.artifacts import Outputs
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Clips, CrossEntropy
from mexflow.training.loop import Settings, fit, predict, recompute_batch_norm
from mexflow.training.recognition.normalisation import normalised
from mexflow.training.recognition.samples import Samples

PREDICTIONS = pa.schema(
    [
        ("paper", pa.string()),
        ("experiment", pa.string()),
        ("fold", pa.string()),
        ("dataset", pa.string()),
        ("subject", pa.string()),
        ("clip", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("probabilities", pa.list_(pa.float32())),
    ]
)
"""One row per test clip; `probabilities` are in the order of the paper's classes."""

HISTORY = pa.schema(
    [
        ("epoch", pa.int64()),
        ("loss", pa.float64()),
        ("accuracy", pa.float64()),
        ("validation_loss", pa.float64()),
        ("learning_rate", pa.float64()),
    ]
)
"""One row per epoch: mean cross entropy, the share of training samples classified rightly (both in training mode),
mean cross entropy of the validation samples (null where none validate), and the learning rate."""


@dataclass(frozen=True)
class FoldRun:
    """What one fold trains and tests."""

    paper: str
    experiment: str
    fold: str
    test_subjects: frozenset[str]
    train_pairs: list[str]
    test_pairs: list[str]
    model: str
    options: dict[str, Any]
    normalise: str
    settings: Settings
    validation_share: float | None
    seed: int
    keep_features: bool
    augment: Sequence[str] = ()
    oversample: Sequence[str] = ()
    label_smoothing: float = 0.0
    recompute_batch_norm: bool = False


@dataclass(frozen=True)
class Split:
    """The samples of a fold by their use; no subject is in two of them. `validation` is None if none validate."""

    train: Samples
    validation: Samples | None
    test: Samples


def split(samples: Samples, run: FoldRun) -> Split:
    """The training, validation and test samples of a fold; no subject is in two of them.

    Validation subjects are taken from the training subjects.

    Raises:
        UserError: if nothing is left to train on, or a class of the paper has no training sample.
    """
    subjects = np.array([clip["subject"] for clip in samples.clips], object)
    testing = np.isin(subjects, list(run.test_subjects))
    pairs = np.array([clip["pair"] for clip in samples.clips])
    # Inputs without pairs of frames have one sample a clip.
    trainable = ~testing & (np.isin(pairs, run.train_pairs) if run.train_pairs else True)
    test = samples.subset(testing & (np.isin(pairs, run.test_pairs) if run.test_pairs else True))
    validation = None
    if run.validation_share is not None:
        chosen = _validating(set(subjects[trainable]), run)
        validating = np.isin(subjects, list(chosen))
        # Validated on what is tested on: of a clip's samples, those of the test pairs.
        kept = np.isin(pairs, run.test_pairs) if run.test_pairs else True
        validation = samples.subset(trainable & validating & kept)
        trainable &= ~validating
    train = samples.subset(trainable)
    absent = [name for i, name in enumerate(samples.classes) if not (train.labels == i).any()]
    if absent:
        raise UserError(
            f"fold {run.fold} of {run.paper}/{run.experiment}: no training clip of {', '.join(absent)} "
            f"(of {len(train)} training samples); the test subject holds them all, or they were excluded: "
            "see the exclusions that 'index' and the logs of faces list, and add subjects"
        )
    assert_disjoint(train.subjects, test.subjects)
    assert_disjoint(train.subjects, run.test_subjects)
    if validation is not None:
        assert_disjoint(validation.subjects, {*train.subjects, *run.test_subjects})
    return Split(train, validation, test)


def _validating(training: set[str], run: FoldRun) -> frozenset[str]:
    assert run.validation_share is not None
    try:
        return validation_subjects(training, run.validation_share, derive(run.seed, "validation"))
    except ValueError as error:
        raise UserError(f"fold {run.fold} of {run.paper}/{run.experiment}: {error}; add subjects") from None


def _fitted(network: torch.nn.Module, train: Samples) -> list[dict[str, float | None]] | None:
    """The history of a machine that is fitted at once; None for a network, which is trained."""
    if not hasattr(network, "fit"):
        return None
    return [{"epoch": 1, "loss": None, "accuracy": network.fit(train.images, train.labels)}]


def run_fold(
    run: FoldRun,
    samples: Samples,
    device: torch.device,
    folder: Path,
    outputs: Outputs,
    checkpoints: Checkpoints,
    after_epoch: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Train and test one fold, and write its files to `folder`.

    Writes ``predictions.parquet`` (:data:`PREDICTIONS`), ``history.parquet`` (epoch, loss, accuracy), ``model.pt``
    (the state of the network behind its normalisation, loadable with ``weights_only=True``) and, if wanted,
    ``features.npy``, float32 (n, d), rows as in the predictions.

    Returns:
        What the job's record says of the fold.
    """
    used = split(samples, run)
    train, test = used.train, used.test
    torch.manual_seed(run.seed)
    network = build(run.model, run.options, samples.images.shape[1], len(samples.classes))
    network = normalised(network, run.normalise, train)
    feed = Clips(train, device, run.seed, Augmentation.parse(run.augment), run.oversample)
    history = _fitted(network.network, train) or fit(
        network,
        feed,
        CrossEntropy(run.label_smoothing),
        run.settings,
        run.seed,
        device,
        fold=run.fold,
        checkpoints=checkpoints,
        validation=Clips(used.validation, device) if used.validation is not None else None,
        after_epoch=after_epoch,
    )
    if run.recompute_batch_norm:
        recompute_batch_norm(network, Clips(train, device), run.settings.batch_size)
    probabilities, features = predict(network, test, device, run.settings.batch_size, run.keep_features)
    names = samples.classes
    rows = [
        {
            "paper": run.paper,
            "experiment": run.experiment,
            "fold": run.fold,
            **{key: clip[key] for key in ("dataset", "subject", "clip")},
            "label": names[label],
            "predicted": names[int(values.argmax())],
            "probabilities": values,
        }
        for clip, label, values in zip(test.clips, test.labels, probabilities, strict=True)
    ]
    outputs.table(folder / "predictions.parquet", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    outputs.table(folder / "history.parquet", pa.Table.from_pylist(history, schema=HISTORY))
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in network.state_dict().items()}, buffer)
    outputs.bytes(folder / "model.pt", buffer.getvalue())
    if features is not None:
        with outputs.array(folder / "features.npy", features.shape, np.float32) as append:
            append(features)
    return {
        "training_subjects": train.subjects,
        "validation_subjects": used.validation.subjects if used.validation is not None else [],
        "test_subjects": sorted(run.test_subjects),
        "training_samples": len(train),
        "oversampled": len(feed) - len(train),
        "test_clips": len(test),
        "seed": run.seed,
        "normalisation": [float(value) for value in network.divisor.flatten()],
        "final_loss": history[-1]["loss"],
    }
