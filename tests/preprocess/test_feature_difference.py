"""Feature difference of frames: the distances that nag2019's spotting baselines are made of."""

from __future__ import annotations

import tracemalloc
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import feature_difference_loops as loops
from mexflow.errors import UserError
from mexflow.evaluation.spotting import contrast
from mexflow.preprocess.feature_difference import CHUNK, EDGES, chi_square, difference, hoof_features
from mexflow.preprocess.flow import compute
from mexflow.preprocess.hoof import hoof
from mexflow.preprocess.lbp_top import lbp_histograms
from stopwatch import best_of


def histograms(frames: int, blocks: int = 36, bins: int = 8, seed: int = 0) -> np.ndarray:
    """Random histograms of sum 1, with bins and whole blocks that are empty."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.5, (frames, blocks, bins)) * (rng.random((frames, blocks, 1)) > 0.1)
    return (counts / np.maximum(counts.sum(-1, keepdims=True), 1)).astype(np.float32)


def texture(height: int = 112, width: int = 112, seed: int = 0) -> np.ndarray:
    """Brightness that flow can follow and LBP can see, float32 (h, w) in 60..190."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 60, 190, cv2.NORM_MINMAX).astype(np.float32)


def grainy(video: np.ndarray, seed: int = 0) -> np.ndarray:
    """Frames uint8 with the camera's noise."""
    noise = np.random.default_rng(seed).standard_normal(video.shape)
    return np.clip(np.rint(video + noise), 0, 255).astype(np.uint8)


# The transcription


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize(
    ("frames", "k", "blocks", "strongest"),
    [(CHUNK + 30, 7, 36, None), (2 * CHUNK + 6, 3, 4, 4), (15, 7, 5, 1), (14, 7, 2, None), (8, 20, 9, 3), (1, 1, 9, 2)],
)  # fmt: skip
def test_it_is_its_literal_transcription(frames: int, k: int, blocks: int, strongest: int | None, edges: str) -> None:
    features = histograms(frames, blocks)
    found = difference(features, k, edges, strongest)
    expected = loops.difference(features, k, edges, strongest or max(blocks // 3, 1))
    assert found.dtype == np.float64 and found.shape == (frames,)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_no_frame_has_no_difference() -> None:
    assert all(difference(histograms(0), 3, edges).shape == (0,) for edges in EDGES)


def test_chi_square_by_hand() -> None:
    assert chi_square(np.array([0.5, 0.5, 0]), np.array([0.25, 0.25, 0.5])) == pytest.approx(2 * 0.0625 / 0.75 + 0.5)
    # Nothing in common, nothing different, nothing at all.
    assert chi_square(np.array([[1, 0], [0.5, 0.5], [0, 0]]), np.array([[0, 1], [0.5, 0.5], [0, 0]])).tolist() == [
        2,
        0,
        0,
    ]


def test_the_third_of_the_blocks_that_differ_most_is_averaged() -> None:
    features = np.zeros((3, 6, 2))
    features[:, :, 0] = 1
    features[1, 0], features[1, 4] = [0, 1], [0.5, 0.5]
    assert difference(features, 1)[1] == pytest.approx((2 + 0.25 / 1.5 + 0.5) / 2)
    assert difference(features, 1, strongest=1)[1] == 2
    assert difference(features, 1, strongest=6)[1] == pytest.approx((2 + 0.25 / 1.5 + 0.5) / 6)


# What it is for


def test_lbp_peaks_where_a_blob_appears() -> None:
    video = np.repeat(texture()[None], 60, axis=0)
    # Of a size that a third of the blocks see much of: their mean is what a smaller change drowns in.
    video[28:33, 40:90, 50:100] += texture(50, 50, seed=1) / 2
    distances = difference(lbp_histograms(grainy(video)), 8)
    assert set(np.argsort(contrast(distances, 8))[-5:]) == set(range(28, 33))
    assert distances[28:33].min() > 1.2 * np.delete(distances, np.r_[28:33]).max()


@pytest.mark.parametrize("reference", ["previous", "first"])
def test_hoof_peaks_where_a_patch_moves(reference: str) -> None:
    video = np.repeat(texture()[None], 60, axis=0)
    ahead = {29: 0.5, 30: 1.0, 31: 0.5}
    rows, columns = np.mgrid[:112, :112].astype(np.float32)
    bell = np.exp(-((columns - 65) ** 2 + (rows - 48) ** 2) / 200).astype(np.float32)
    for frame, shift in ahead.items():
        video[frame] = cv2.remap(video[0], columns - 2 * shift * bell, rows, cv2.INTER_LINEAR)
    distances = difference(hoof_features(grainy(video), reference=reference), 8)
    marked = contrast(distances, 8)
    # Flow from the frame before also moves back, to frame 32.
    assert abs(int(marked.argmax()) - 30) <= 2
    assert set(np.argsort(marked)[-3:]) <= set(range(29, 33))


def test_held_edges_favour_no_place_in_a_clip() -> None:
    """Noise in clips of some 4k frames, an expression's frames in the middle: only ``hold`` gives what there is."""
    k, frames = 11, 43
    truth = np.tile((np.arange(frames) >= 11) & (np.arange(frames) < 32), 60)
    clips = [histograms(frames, 12, seed=seed) for seed in range(60)]

    def auc(edges: str, missing: float = 0) -> float:
        distances = (np.nan_to_num(difference(clip, k, edges), nan=missing) for clip in clips)
        return roc_auc_score(truth, np.concatenate([contrast(values, k) for values in distances]))

    assert auc("hold") == pytest.approx(0.5, abs=0.05)
    assert auc("clip") < 0.3
    assert auc("nan", missing=0) > 0.9


def test_a_video_too_short_to_tell_has_no_difference() -> None:
    assert difference(histograms(14), 7).tolist() == [0] * 14
    assert np.isnan(difference(histograms(14), 7, "nan")).all()
    # One frame has both neighbours, and speaks for all.
    found = difference(histograms(15), 7)
    assert found[0] > 0 and (found == found[7]).all()


# Flow of a video


@pytest.mark.parametrize("reference", ["previous", "first"])
@pytest.mark.parametrize("normalise", [True, False])
def test_hoof_features_are_those_of_each_pair(reference: str, normalise: bool) -> None:
    frames = grainy(np.stack([texture(20, 24, seed) for seed in range(5)] * 14))
    assert len(frames) > CHUNK + 1
    found = hoof_features(frames, "horn_schunck", reference, (3, 2), 4, normalise, iterations=3)
    grey = frames.astype(np.float32) / 255
    for i in (1, 2, CHUNK, CHUNK + 1, len(frames) - 1):
        first = grey[[i - 1 if reference == "previous" else 0]]
        flow = compute("horn_schunck", first, grey[[i]], iterations=3)
        assert np.array_equal(found[i], hoof(flow, 4, (3, 2), normalise)[0])
    assert found.dtype == np.float32 and found.shape == (70, 6, 4)
    # The first frame has no frame before it.
    assert np.array_equal(found[0], found[1]) and found[0].any()


def test_without_normalising_a_histogram_keeps_the_length_of_the_motion() -> None:
    flow = np.zeros((1, 2, 4, 5), np.float32)
    flow[0, 0, :, :2], flow[0, 1, 0, 2:] = 3, -1.5
    found = hoof(flow, blocks=(2, 1), normalise=False)
    # Columns 0 to 2 and 3 to 4: 12 and 8 pixels.
    expected = np.zeros((1, 2, 8))
    expected[0, 0, [0, 6]], expected[0, 1, 6] = [8 * 3 / 12, 1.5 / 12], 2 * 1.5 / 8
    assert found == pytest.approx(expected) and found.dtype == np.float32
    unit = found / np.maximum(found.sum(-1, keepdims=True), 1e-9)
    assert unit == pytest.approx(hoof(flow, blocks=(2, 1)), abs=1e-6)


def test_short_videos_have_hoof_features() -> None:
    frames = grainy(texture(12, 12)[None])
    assert hoof_features(frames[:0]).shape == (0, 36, 8)
    assert hoof_features(frames).shape == (1, 36, 8) and not hoof_features(frames).any()


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        np.save(tmp_path / "features.npy", np.tile(histograms(CHUNK, bins=59), (frames // CHUNK, 1, 1)))
        features = np.load(tmp_path / "features.npy", mmap_mode="r")
        tracemalloc.start()
        difference(features, 10)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(20 * CHUNK) < 1.1 * peak(4 * CHUNK)


# Mistakes


@pytest.mark.parametrize(
    ("features", "settings", "text"),
    [
        (histograms(9)[0], {"k": 1}, "features are (n, blocks, bins); not (36, 8)"),
        (histograms(9), {"k": 0}, "k must be a whole number from 1 on; not 0"),
        (histograms(9), {"k": 2.5}, "k must be a whole number from 1 on; not 2.5"),
        (histograms(9), {"k": 1, "strongest": 37}, "strongest must be 1 to 36 blocks; not 37"),
        (np.full((9, 2, 3), np.nan), {"k": 1}, "not finite, or negative"),
        (-histograms(9), {"k": 1}, "not finite, or negative"),
    ],
)
def test_what_makes_no_sense(features: np.ndarray, settings: dict, text: str) -> None:
    with pytest.raises(ValueError) as error:
        difference(features, **settings)
    assert text in str(error.value)


def test_unknown_words_name_the_known_ones() -> None:
    with pytest.raises(UserError, match="unknown edges of the feature difference 'clipp'.*clip, hold, nan"):
        difference(histograms(9), 1, "clipp")
    frames = grainy(texture(12, 12)[None])
    with pytest.raises(UserError, match="unknown reference of HOOF 'next'.*first, previous"):
        hoof_features(frames, reference="next")
    with pytest.raises(ValueError, match="grey frames are uint8"):
        hoof_features(frames[0])


# Against one pixel at a time


def test_features_of_pixels_are_their_literal_transcription() -> None:
    frames = grainy(np.stack([texture(26, 31, seed) for seed in range(3)]))
    assert np.array_equal(lbp_histograms(frames), np.array(loops.lbp_histograms(frames), np.float32))
    flow = np.random.default_rng(0).standard_normal((3, 2, 26, 31)).astype(np.float32)
    assert hoof(flow, normalise=False) == pytest.approx(np.array(loops.hoof_histograms(flow)), abs=1e-6)


@pytest.mark.benchmark
@pytest.mark.parametrize(("feature", "least"), [("lbp", 50), ("hoof", 7)])
def test_baselines_are_many_times_as_fast_as_the_loops(feature: str, least: float) -> None:
    """From pixels (of frames, or of their flow) to F; what computes the flow is the same for both.

    HOOF gains less: a pixel costs it one arctangent, slow in NumPy as well, and the loops little more.
    """
    rng = np.random.default_rng(0)
    if feature == "lbp":
        pixels, fast, slow = rng.integers(0, 256, (24, 112, 112), np.uint8), lbp_histograms, loops.lbp_histograms
    else:
        pixels, slow = rng.standard_normal((24, 2, 112, 112)).astype(np.float32), loops.hoof_histograms
        fast = partial(hoof, normalise=False)
    vectorised = best_of(5, lambda: difference(fast(pixels), 5))
    literal = best_of(1, lambda: loops.difference(np.array(slow(pixels)), 5, "hold", 12))
    print(f"\n{feature}, 24 frames of 112 x 112 to F: {vectorised * 1e3:.1f} ms, {literal:.1f} s by loops: "
          f"{literal / vectorised:.0f} times as fast")  # fmt: skip
    assert literal >= least * vectorised
