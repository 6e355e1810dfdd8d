"""One fold: split, train, test, write."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from mexflow.errors import UserError
from mexflow.evaluation.folds import PROTOCOLS, assert_disjoint, validation_subjects
from mexflow.evaluation.starts import with_starts
from mexflow.models import build
from mexflow.papers.recipe import LbpTopRecipe, RecognitionRecipe
from mexflow.seeds import derive
from mexflow.store.artifacts import Outputs
from mexflow.training import trainer
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Clips, CrossEntropy
from mexflow.training.loop import Settings, fit, predict, recompute_batch_norm
from mexflow.training.recognition.loaders import load
from mexflow.training.recognition.normalisation import normalised
from mexflow.training.recognition.samples import Samples, labelled, permute_within_subject
from mexflow.training.starting import Starts, stated

if TYPE_CHECKING:
    from mexflow.training.job import Material

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
class Split:
    """The samples of a fold by their use; no subject is in two of them. `validation` is None if none validate."""

    train: Samples
    validation: Samples | None
    test: Samples


def split(samples: Samples, recipe: RecognitionRecipe | LbpTopRecipe, fold: str, testing: frozenset[str]) -> Split:
    """The training, validation and test samples of a fold; no subject is in two of them.

    Validation subjects are taken from the training subjects.

    Args:
        samples: of all clips.
        recipe: of the experiment.
        fold: the fold's name.
        testing: its test subjects.

    Raises:
        UserError: if nothing is left to train on, or a class of the paper has no training sample.
    """
    subjects = np.array([clip["subject"] for clip in samples.clips], object)
    tested = np.isin(subjects, list(testing))
    pairs = np.array([clip["pair"] for clip in samples.clips])
    # Inputs without pairs of frames have one sample a clip.
    train_pairs, test_pairs = getattr(recipe, "train_pairs", None), getattr(recipe, "test_pairs", None)
    trainable = ~tested & (np.isin(pairs, train_pairs) if train_pairs else True)
    test = samples.subset(tested & (np.isin(pairs, test_pairs) if test_pairs else True))
    validation = None
    share = recipe.training.validation_share if isinstance(recipe, RecognitionRecipe) else None
    where = f"fold {fold} of {recipe.paper}/{recipe.experiment}"
    if share is not None:
        try:
            chosen = validation_subjects(set(subjects[trainable]), share, derive(recipe.seed_of(fold), "validation"))
        except ValueError as error:
            raise UserError(f"{where}: {error}; add subjects") from None
        validating = np.isin(subjects, list(chosen))
        # Validated on what is tested on: of a clip's samples, those of the test pairs.
        kept = np.isin(pairs, test_pairs) if test_pairs else True
        validation = samples.subset(trainable & validating & kept)
        trainable &= ~validating
    train = samples.subset(trainable)
    absent = [name for i, name in enumerate(samples.classes) if not (train.labels == i).any()]
    if absent:
        raise UserError(
            f"{where}: no training clip of {', '.join(absent)} "
            f"(of {len(train)} training samples); the test subject holds them all, or they were excluded: "
            "see the exclusions that 'index' and the logs of faces list, and add subjects"
        )
    assert_disjoint(train.subjects, test.subjects)
    assert_disjoint(train.subjects, testing)
    if validation is not None:
        assert_disjoint(validation.subjects, {*train.subjects, *testing})
    return Split(train, validation, test)


_FITTED_BATCH = 64
"""Clips that are classified at once by a machine that was fitted, not trained."""


def run_fold(
    recipe: RecognitionRecipe | LbpTopRecipe,
    fold: str,
    testing: frozenset[str],
    samples: Samples,
    device: torch.device,
    folder: Path,
    outputs: Outputs,
    checkpoints: Checkpoints,
    after_epoch: Callable[[], None] = lambda: None,
    starts: Starts = MappingProxyType({}),
) -> dict[str, Any]:
    """Train and test one fold, and write its files to `folder`; `starts` are what parts of its network start from.

    Writes ``history.parquet`` (epoch, loss, accuracy), ``model.pt`` (the state of the network behind its normalisation,
    loadable with ``weights_only=True``) and, where anybody is tested, ``predictions.parquet`` (:data:`PREDICTIONS`)
    and, if wanted, ``features.npy``, float32 (n, d), rows as in the predictions.

    Returns:
        What the job's record says of the fold.
    """
    parts, seed = split(samples, recipe, fold, testing), recipe.seed_of(fold)
    train, test = parts.train, parts.test
    torch.manual_seed(seed)
    network = build(recipe.model, recipe.options, samples.images.shape[1], len(samples.classes), starts)
    fitted = isinstance(recipe, LbpTopRecipe)
    if fitted != hasattr(network, "fit"):
        how = "is trained, and features of LBP-TOP need one that is fitted" if fitted else "is fitted, not trained"
        raise UserError(f"{recipe.paper}/{recipe.experiment}: the model {recipe.model} {how}")
    if fitted:
        network = normalised(network, "none", train)
        history = [{"epoch": 1, "loss": None, "accuracy": network.network.fit(train.images, train.labels)}]
        oversampled = 0
        batch_size = _FITTED_BATCH
    else:
        training, batch_size = recipe.training, recipe.training.batch_size
        network = normalised(network, training.normalise, train)
        augmentation = Augmentation.of(training.augment)
        feed = Clips(train, device, seed, augmentation, training.oversample, network.taken_off, recipe.samples)
        history = fit(
            network,
            feed,
            CrossEntropy(training.label_smoothing),
            Settings.of(training, recipe.epochs),
            seed,
            device,
            fold=fold,
            checkpoints=checkpoints,
            validation=Clips(parts.validation, device) if parts.validation is not None else None,
            after_epoch=after_epoch,
        )
        if training.recompute_batch_norm:
            recompute_batch_norm(network, Clips(train, device), batch_size)
        oversampled = feed.oversampled
    features = None
    if testing:
        keep_features = getattr(recipe, "keep_features", False)
        probabilities, features = predict(network, test, device, batch_size, keep_features)
        names = samples.classes
        rows = [
            {
                "paper": recipe.paper,
                "experiment": recipe.experiment,
                "fold": fold,
                **{key: clip[key] for key in ("dataset", "subject", "clip")},
                "label": names[label],
                "predicted": names[int(values.argmax())],
                "probabilities": values,
            }
            for clip, label, values in zip(test.clips, test.labels, probabilities, strict=True)
        ]
        schema = with_starts(PREDICTIONS, stated(starts))
        outputs.table(folder / "predictions.parquet", pa.Table.from_pylist(rows, schema=schema))
    outputs.table(folder / "history.parquet", pa.Table.from_pylist(history, schema=HISTORY))
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in network.state_dict().items()}, buffer)
    outputs.bytes(folder / "model.pt", buffer.getvalue())
    if features is not None:
        with outputs.array(folder / "features.npy", features.shape, np.float32) as append:
            append(features)
    return {
        "training_subjects": train.subjects,
        "validation_subjects": parts.validation.subjects if parts.validation is not None else [],
        "test_subjects": sorted(testing),
        "training_samples": len(train),
        "oversampled": oversampled,
        "test_clips": len(test),
        "seed": seed,
        "normalisation": [float(value) for value in network.divisor.flatten()],
        "final_loss": history[-1]["loss"],
    }


class Folds(trainer.Folds):
    """The folds of an experiment that recognises, its samples at hand; see :class:`mexflow.training.trainer.Folds`."""

    run = staticmethod(run_fold)

    def __init__(self, recipe: RecognitionRecipe | LbpTopRecipe, material: Material) -> None:
        """
        Raises:
            UserError: for an unknown channel, or a label that is none of the classes.
        """
        super().__init__()
        self.recipe = recipe
        rows = labelled(material.rows, recipe.label, recipe.classes)
        self.testing = {fold.name: fold.test_subjects for fold in PROTOCOLS[recipe.protocol](rows, recipe.label)}
        if getattr(recipe, "permute_labels", False):
            rows = permute_within_subject(rows, recipe.label, derive(recipe.seed, recipe.paper, recipe.experiment))
        self.samples, self.left_out = load(recipe, material.inputs, material.arrays[0], rows)
        self.epochs = recipe.epochs if isinstance(recipe, RecognitionRecipe) else 1

    def saved_as(self, fold: str) -> list[str]:
        """The name of its checkpoint."""
        return [fold]
