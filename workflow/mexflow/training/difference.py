"""Spotting by feature difference, of LBP or HOOF, in the test videos of each fold; nothing is trained (nag2019).

A frame in which the face was not seen has no score; those before and after it are compared among themselves alone.
The features ``position`` are none: see :func:`position`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pyarrow as pa

from mexflow.datasets.half_length import half_length
from mexflow.evaluation import scores
from mexflow.evaluation.folds import PROTOCOLS
from mexflow.evaluation.spotting import contrast, swept
from mexflow.papers.recipe import DifferenceRecipe
from mexflow.preprocess.feature_difference import difference, hoof_features
from mexflow.preprocess.lbp_top import grey_levels, lbp_histograms
from mexflow.store.artifacts import Outputs
from mexflow.training import trainer
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.memory.clips import TYPE, Clip, load
from mexflow.training.recognition.samples import labelled

if TYPE_CHECKING:
    import torch

    from mexflow.training.job import Material


def position(frames: np.ndarray) -> np.ndarray:
    """A score that knows where in its clip a frame lies, and nothing else: 1 in the middle, 0 at both ends.

    A clip holds its expression near its middle, so it finds it without a look at any frame. What does not score more
    has not been shown to see anything (a control; the paper has none).

    Args:
        frames: frame numbers of a clip, int64 (n,), in order, n at least 1.

    Returns:
        float64 (n,), in [0, 1]; 1 for a single frame.
    """
    first, last = int(frames[0]), int(frames[-1])
    return 1 - np.abs(2 * frames - first - last) / max(last - first, 1)


class Folds(trainer.Folds):
    """The folds of an experiment of feature difference; see :class:`mexflow.training.trainer.Folds`."""

    def __init__(self, recipe: DifferenceRecipe, material: Material) -> None:
        """
        Raises:
            UserError: for a label that is none of the classes, or an index without the expressions that k is made from.
        """
        cv2.setNumThreads(1)
        super().__init__()
        self.recipe = recipe
        rows = labelled(material.rows, recipe.label, recipe.classes)
        self._half = half_length(material.rows, "micro").k if recipe.k is None else recipe.k
        self.testing = {fold.name: fold.test_subjects for fold in PROTOCOLS[recipe.protocol](rows, recipe.label)}
        clips, self.left_out = load(
            material.inputs, material.arrays[0], None, rows, material.rows, recipe.label, recipe.classes
        )
        # The clips of one video share its frames.
        self.samples = {(clip.dataset, clip.subject, clip.video): clip for clip in clips}
        self.facts = {"k": self._half}

    def train(
        self,
        fold: str,
        device: torch.device,
        folder: Path,
        outputs: Outputs,
        checkpoints: Checkpoints,
        after_epoch: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Score the test videos of a fold, and write ``scores.parquet`` to `folder`."""
        batches, short = [], 0
        for clip in (clip for clip in self.samples.values() if clip.subject in self.testing[fold]):
            values = self._scores(clip).astype(np.float32)
            texts = {
                "fold": fold,
                "role": "test",
                "dataset": clip.dataset,
                "subject": clip.subject,
                "video": clip.video,
                "variant": "",
            }
            batches += scores.rows(texts, clip.frames, (TYPE,), values[:, None], clip.inside[:, None])
            short += len(clip) <= 2 * self._half
        outputs.table(folder / "scores.parquet", pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries())
        if short:
            print(f"{fold}: {short} videos of at most 2 k = {2 * self._half} frames")
        after_epoch()
        return {"training_subjects": [], "test_subjects": sorted(self.testing[fold]), "test_videos": len(batches)}

    def _scores(self, clip: Clip) -> np.ndarray:
        """float64 (n,), of a video's n frames."""
        if self.recipe.features == "position":
            return position(clip.frames)
        # Frames that follow each other are a video of their own: none is compared with one behind a gap.
        contrasts = [
            contrast(difference(self._described(clip.rows[start:end], clip), self._half, self.recipe.edges), self._half)
            for start, end in clip.stretches
        ]
        return swept(np.concatenate(contrasts))

    def saved_as(self, fold: str) -> list[str]:
        """Nothing is saved on the way."""
        return []

    def _described(self, rows: np.ndarray, clip: Clip) -> np.ndarray:
        """Histograms float32 (n, blocks, bins) of some of the video's frames, which follow each other."""
        recipe, grid = self.recipe, (self.recipe.blocks, self.recipe.blocks)
        frames = grey_levels(clip.faces[rows])
        if recipe.features == "lbp":
            return lbp_histograms(frames, blocks=grid)
        return hoof_features(frames, recipe.method, recipe.reference, grid, recipe.bins, **recipe.flow_options)
