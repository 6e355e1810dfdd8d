"""One fold of spotting: split, train, score every frame, write (elface2021)."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from mexflow.errors import UserError, choose
from mexflow.evaluation import scores
from mexflow.evaluation.folds import assert_disjoint, next_subject
from mexflow.evaluation.frame_skips import fitted
from mexflow.models import build
from mexflow.models.elface import PLACEMENTS
from mexflow.papers.recipe import VideosRecipe
from mexflow.seeds import derive
from mexflow.store.artifacts import Outputs
from mexflow.training import trainer
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.loop import Settings, fit
from mexflow.training.recognition.fold import HISTORY
from mexflow.training.spotting.samples import TYPES, Frames, Pairing, Pairs, SpottingLoss, Video, load
from mexflow.training.starting import Starts

if TYPE_CHECKING:
    from mexflow.training.job import Material


def split(videos: Sequence[Video], recipe: VideosRecipe, fold: str, testing: frozenset[str]) -> dict[str, list[Video]]:
    """The videos by their role; no subject has two. The validation subject is the next after the test subject.

    Where nobody is tested, it is the first one.

    Raises:
        UserError: if nothing is left to train on, or a type of expression is nowhere in the training videos.
    """
    subjects = {video.subject for video in videos}
    try:
        validation = next_subject(subjects | testing, testing)
    except ValueError as error:
        raise UserError(f"fold {fold} of {recipe.paper}/{recipe.experiment}: {error}; add subjects") from None
    by_role: dict[str, list[Video]] = {role: [] for role in scores.ROLES}
    for video in videos:
        role = "test" if video.subject in testing else "train"
        by_role["validation" if video.subject == validation else role].append(video)
    names = {role: {video.subject for video in role_videos} for role, role_videos in by_role.items()}
    assert_disjoint(names["train"], names["test"] | testing)
    assert_disjoint(names["validation"], names["test"] | testing | names["train"])
    absent = [kind for i, kind in enumerate(TYPES) if not any(video.labels[:, i].any() for video in by_role["train"])]
    if absent:
        raise UserError(
            f"fold {fold} of {recipe.paper}/{recipe.experiment}: no frame of a {' or '.join(absent)}-expression in the "
            "training videos; see the exclusions that 'index' and the logs of faces list, and add subjects"
        )
    return by_role


def run_fold(
    recipe: VideosRecipe,
    fold: str,
    testing: frozenset[str],
    videos: Sequence[Video],
    device: torch.device,
    folder: Path,
    outputs: Outputs,
    checkpoints: Checkpoints,
    after_epoch: Callable[[], None] = lambda: None,
    starts: Starts = MappingProxyType({}),
) -> dict[str, Any]:
    """Train and test one fold, and write ``scores.parquet``, ``history.parquet`` and ``model.pt`` to `folder`.

    The scores are those of every video in every role: thresholds are chosen on training and validation videos. Where a
    frame of the pair that a score is of was not seen, it is NaN (`measured` of a video).

    Returns:
        What the job's record says of the fold.
    """
    by_role = split(videos, recipe, fold, testing)
    seed = recipe.seed_of(fold)
    torch.manual_seed(seed)
    network = build(recipe.model, recipe.options, 1, len(TYPES), starts)
    if not hasattr(network, "score_video"):
        raise UserError(
            f"{recipe.paper}/{recipe.experiment}: the network {recipe.model} does not score the frames of a video; "
            "use elface"
        )
    augmentation = Augmentation.of(recipe.training.augment)
    pairing = Pairing(recipe.train_skips, recipe.samples, recipe.inside, recipe.placement)
    objective = SpottingLoss(recipe.weighted, recipe.stream_weights, recipe.positive)
    sigma = recipe.sigma
    feeds = {
        "train": Pairs(by_role["train"], pairing, device, seed, augmentation, sigma),
        "validation": Pairs(by_role["validation"], pairing, device, derive(seed, "validation"), None, sigma),
    }
    history = fit(
        network,
        feeds["train"],
        objective,
        Settings.of(recipe.training, recipe.epochs),
        seed,
        device,
        fold=fold,
        checkpoints=checkpoints,
        validation=feeds["validation"],
        after_epoch=after_epoch,
    )
    batches: list[pa.RecordBatch] = []
    for role in scores.ROLES:
        for video in by_role[role]:
            for variant, skips in recipe.test_skips.items():
                logits = network.score_video(Frames(video, sigma is not None), skips, placement=recipe.placement)
                names = {
                    "fold": fold,
                    "role": role,
                    "dataset": video.dataset,
                    "subject": video.subject,
                    "video": video.name,
                    "variant": variant,
                }
                values = logits.sigmoid().cpu().numpy()
                values[~video.measured(skips, recipe.placement)] = np.nan
                batches += scores.rows(names, video.frames, TYPES, values, video.labels)
    outputs.table(folder / "scores.parquet", pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries())
    outputs.table(folder / "history.parquet", pa.Table.from_pylist(history, schema=HISTORY))
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in network.state_dict().items()}, buffer)
    outputs.bytes(folder / "model.pt", buffer.getvalue())
    return {
        "training_subjects": sorted({video.subject for video in by_role["train"]}),
        "validation_subjects": sorted({video.subject for video in by_role["validation"]}),
        "test_subjects": sorted(testing),
        "test_videos": len(by_role["test"]),
        "training_samples": len(feeds["train"]),
        "seed": seed,
        "final_loss": history[-1]["loss"],
    }


class Folds(trainer.Folds):
    """The folds of an experiment that spots in long videos; see :class:`mexflow.training.trainer.Folds`."""

    run = staticmethod(run_fold)

    def __init__(self, recipe: VideosRecipe, material: Material) -> None:
        """
        Raises:
            UserError: for an unknown placement or another protocol, or faces and LCN frames that do not fit.
        """
        choose("placement of pairs", recipe.placement, PLACEMENTS)
        super().__init__()
        self.recipe = fitted(recipe, material.rows)
        self.facts = {"train_skips": self.recipe.train_skips, "test_skips": self.recipe.test_skips}
        # Every video counts, so every subject has a fold, one without an expression too.
        choose("protocol of long videos", recipe.protocol, ("leave_one_subject_out",))
        self.testing = {subject: frozenset([subject]) for _, subject in material.subjects}
        faces, lcn_frames = material.arrays
        self.samples, self.left_out = load(material.inputs, faces, lcn_frames, material.rows)
        self.epochs = recipe.epochs

    def saved_as(self, fold: str) -> list[str]:
        """The name of its checkpoint."""
        return [fold]
