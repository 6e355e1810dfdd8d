"""One fold of spotting: split, train, score every frame, write (elface2021)."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from mexflow.errors import UserError
from mexflow.evaluation import scores
from mexflow.evaluation.folds import assert_disjoint, next_subject
from mexflow.models import build
from mexflow.seeds import derive
from mexflow.store.artifacts import Outputs
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Objective
from mexflow.training.loop import Settings, fit
from mexflow.training.recognition.fold import HISTORY
from mexflow.training.spotting.samples import TYPES, Frames, Pairing, Pairs, Video


@dataclass(frozen=True)
class SpottingRun:
    """What one fold trains and tests; `sigma` is LCN's, None leaves it out."""

    paper: str
    experiment: str
    fold: str
    test_subjects: frozenset[str]
    model: str
    options: Mapping[str, Any]
    settings: Settings
    pairing: Pairing
    variants: Mapping[str, tuple[int, int]]
    augment: Sequence[str]
    sigma: float | None
    seed: int


def split(videos: Sequence[Video], run: SpottingRun) -> dict[str, list[Video]]:
    """The videos by their role; no subject has two. The validation subject is the next after the test subject.

    Raises:
        UserError: if nothing is left to train on, or a type of expression is nowhere in the training videos.
    """
    subjects = {video.subject for video in videos}
    try:
        validation = next_subject(subjects | run.test_subjects, run.test_subjects)
    except ValueError as error:
        raise UserError(f"fold {run.fold} of {run.paper}/{run.experiment}: {error}; add subjects") from None
    used: dict[str, list[Video]] = {role: [] for role in scores.ROLES}
    for video in videos:
        role = "test" if video.subject in run.test_subjects else "train"
        used["validation" if video.subject == validation else role].append(video)
    names = {role: {video.subject for video in own} for role, own in used.items()}
    assert_disjoint(names["train"], names["test"] | run.test_subjects)
    assert_disjoint(names["validation"], names["test"] | run.test_subjects | names["train"])
    absent = [kind for i, kind in enumerate(TYPES) if not any(video.labels[:, i].any() for video in used["train"])]
    if absent:
        raise UserError(
            f"fold {run.fold} of {run.paper}/{run.experiment}: no frame of a {' or '.join(absent)}-expression in the "
            "training videos; see the exclusions that 'index' and the logs of faces list, and add subjects"
        )
    return used


def run_fold(
    run: SpottingRun,
    videos: Sequence[Video],
    objective: Objective,
    device: torch.device,
    folder: Path,
    outputs: Outputs,
    checkpoints: Checkpoints,
    after_epoch: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Train and test one fold, and write ``scores.parquet``, ``history.parquet`` and ``model.pt`` to `folder`.

    The scores are those of every video in every role: thresholds are chosen on training and validation videos. Where a
    frame of the pair that a score is of was not seen, it is NaN (`measured` of a video).

    Returns:
        What the job's record says of the fold.
    """
    used = split(videos, run)
    torch.manual_seed(run.seed)
    network = build(run.model, run.options, 1, len(TYPES))
    if not hasattr(network, "score_video"):
        raise UserError(f"spot --model {run.model}: this network does not score the frames of a video; use elface")
    augmentation = Augmentation.parse(run.augment)
    feeds = {
        "train": Pairs(used["train"], run.pairing, device, run.seed, augmentation, run.sigma),
        "validation": Pairs(used["validation"], run.pairing, device, derive(run.seed, "validation"), None, run.sigma),
    }
    history = fit(
        network,
        feeds["train"],
        objective,
        run.settings,
        run.seed,
        device,
        fold=run.fold,
        checkpoints=checkpoints,
        validation=feeds["validation"],
        after_epoch=after_epoch,
    )
    batches: list[pa.RecordBatch] = []
    for role in scores.ROLES:
        for video in used[role]:
            for variant, skips in run.variants.items():
                logits = network.score_video(
                    Frames(video, run.sigma is not None), skips, placement=run.pairing.placement
                )
                names = {
                    "fold": run.fold,
                    "role": role,
                    "dataset": video.dataset,
                    "subject": video.subject,
                    "video": video.name,
                    "variant": variant,
                }
                values = logits.sigmoid().cpu().numpy()
                values[~video.measured(skips, run.pairing.placement)] = np.nan
                batches += scores.rows(names, video.frames, TYPES, values, video.labels)
    outputs.table(folder / "scores.parquet", pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries())
    outputs.table(folder / "history.parquet", pa.Table.from_pylist(history, schema=HISTORY))
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in network.state_dict().items()}, buffer)
    outputs.bytes(folder / "model.pt", buffer.getvalue())
    return {
        "training_subjects": sorted({video.subject for video in used["train"]}),
        "validation_subjects": sorted({video.subject for video in used["validation"]}),
        "test_subjects": sorted(run.test_subjects),
        "test_videos": len(used["test"]),
        "training_samples": len(feeds["train"]),
        "seed": run.seed,
        "final_loss": history[-1]["loss"],
    }
