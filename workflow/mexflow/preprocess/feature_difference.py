"""Feature difference: how much each frame differs from those before and after it (nag2019's spotting baselines).

The method of Li et al. 2017. Histograms of a frame's blocks, of LBP (:func:`mexflow.preprocess.lbp_top.lbp_histograms`)
or of flow (:func:`hoof_features`), are compared with the mean of those k frames earlier and k frames later: an
expression that comes and goes within 2k frames stands out, a slower change does not. The contrast that is made of these
distances, and the threshold over it, are in :mod:`mexflow.evaluation.spotting`.
"""

from __future__ import annotations

import numpy as np

from mexflow.errors import choose
from mexflow.preprocess.flow import compute
from mexflow.preprocess.hoof import hoof

CHUNK = 64
"""Frames worked on at once: memory does not grow with the length of a video."""

EDGES = ("hold", "clip", "nan")
"""Settings of :func:`difference` for the first and last k frames."""

REFERENCES = ("previous", "first")
"""Settings of :func:`hoof_features`: the frame that a frame's flow comes from."""


def hoof_features(
    frames: np.ndarray,
    method: str = "farneback",
    reference: str = "previous",
    blocks: tuple[int, int] = (6, 6),
    bins: int = 8,
    normalise: bool = False,
    **options: float,
) -> np.ndarray:
    """Histograms of oriented optical flow of each frame of a video.

    nag2019 tells neither the flow's method, nor its reference, nor whether a histogram keeps the length of the motion.
    Decided: Farneback's, from the frame before, and it does. With histograms of sum 1, a block where nothing
    moves has the directions of the flow's noise, which weigh as much as an expression.

    Args:
        frames: uint8 (n, h, w), grey, one video. A memory-mapped array is read a few frames at a time.
        method, options: flow method and its settings, see :func:`mexflow.preprocess.flow.compute`.
        reference: ``previous``, the flow from frame i - 1 to frame i; or ``first``, from the video's first frame to
            frame i (one of two that Li et al. tried), which measures displacement and with it the head's drift. The
            first frame, which has no flow of its own, is given that of the second.
        blocks: how many blocks across and down.
        bins: number of directions.
        normalise: whether each histogram has sum 1; see :func:`mexflow.preprocess.hoof.hoof`.

    Returns:
        float32 (n, blocks, bins); zero for a video of one frame.

    Raises:
        UserError: for an unknown method, reference or setting of the method.
        ValueError: for frames of another shape or type, and as :func:`mexflow.preprocess.hoof.hoof`.
    """
    choose("reference of HOOF", reference, REFERENCES)
    if frames.ndim != 3 or frames.dtype != np.uint8:
        raise ValueError(f"grey frames are uint8 (n, h, w); not {frames.dtype} {frames.shape}")
    # The empty part gives the result its shape where there are no pairs, and checks the settings there too.
    parts = [hoof(np.zeros((min(len(frames), 1), 2, *frames.shape[1:]), np.float32), bins, blocks, normalise)]
    for start in range(1, len(frames), CHUNK):
        second = _unit(frames[start : start + CHUNK])
        if reference == "previous":
            first = _unit(frames[start - 1 : start - 1 + len(second)])
        else:
            first = np.broadcast_to(_unit(frames[:1]), second.shape)
        parts.append(hoof(compute(method, first, second, **options), bins, blocks, normalise))
    features = np.concatenate(parts)
    features[:1] = features[1:2] if len(features) > 1 else features[:1]
    return features


def chi_square(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Chi-square distance of histograms, ``sum (a - b)² / (a + b)``; bins that are empty in both add nothing.

    Args:
        a, b: (..., bins), not negative, of shapes that broadcast.

    Returns:
        float64 (...), from 0 to 2 for histograms of sum 1.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    total = a + b
    total[total == 0] = 1
    return ((a - b) ** 2 / total).sum(-1)


def difference(features: np.ndarray, k: int, edges: str = "hold", strongest: int | None = None) -> np.ndarray:
    """F: the distance of each frame of a video to the mean of its neighbours k frames before and after.

    Each block's histogram has its :func:`chi_square` distance to the mean of that block's two histograms in the frames
    i - k and i + k; F_i is the mean of the largest of these distances, those of a third of the blocks.

    The first and last k frames lack a neighbour. In a clip of some 4k frames around one expression, what stands there
    decides what the ROC curve of the contrasts shows, even for histograms of pure noise: with 0 there, as if nothing
    could happen, the middle of the clip is found whatever it holds, and the AUC is over 0.9; with ``clip`` it is
    under 0.3, as a frame that is its own neighbour differs less from their mean; with ``hold`` it is 0.5.

    Args:
        features: float (n, blocks, bins), histograms of one video's frames, finite and not negative. A memory-mapped
            array is read a few frames at a time.
        k: half the mean length of an expression, frames, a whole number from 1 on.
        edges: ``hold`` gives frames without both neighbours the F of the nearest frame that has them, which
            favours no place in the video, and 0 to all frames of a video of 2k frames and less; ``clip`` takes the
            video's first or last frame for a neighbour outside it; ``nan`` leaves these frames without a value.
        strongest: number of blocks averaged; None for a third of them, rounded down but at least 1.

    Returns:
        float64 (n,), not negative.

    Raises:
        UserError: for unknown edges.
        ValueError: for features of another shape, or values of them that are not finite or negative; a k that is not a
            whole number from 1 on; more strongest blocks than blocks, or none.
    """
    choose("edges of the feature difference", edges, EDGES)
    if features.ndim != 3:
        raise ValueError(f"features are (n, blocks, bins); not {features.shape}")
    frames, blocks = features.shape[:2]
    if not (isinstance(k, int) and k >= 1):
        raise ValueError(f"k must be a whole number from 1 on; not {k}")
    strongest = max(blocks // 3, 1) if strongest is None else strongest
    if not (isinstance(strongest, int) and 1 <= strongest <= blocks):
        raise ValueError(f"strongest must be 1 to {blocks} blocks; not {strongest}")
    # Frames from `first` to before `end` are measured; all have both neighbours, unless these are clipped.
    first, end = (0, frames) if edges == "clip" else (k, frames - k)
    result = np.full(frames, np.nan if edges == "nan" else 0.0)
    for start in range(first, end, CHUNK):
        at = np.arange(start, min(start + CHUNK, end))
        current, before, after = (
            np.asarray(features[places], np.float64)
            for places in (at, np.maximum(at - k, 0), np.minimum(at + k, frames - 1))
        )
        for values in (current, before, after):
            if not (values.min() >= 0 and values.max() < np.inf):
                raise ValueError(
                    f"features of frames {start} to {at[-1]} or their neighbours are not finite, or negative"
                )
        distances = np.sort(chi_square(current, (before + after) / 2), axis=1)
        result[at] = distances[:, blocks - strongest :].mean(1)
    if edges == "hold" and first < end:
        result[:first], result[end:] = result[first], result[end - 1]
    return result


def _unit(frames: np.ndarray) -> np.ndarray:
    """Brightness in [0, 1], float32."""
    return np.asarray(frames, np.float32) / 255
