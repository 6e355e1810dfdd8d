"""LBP and LBP-TOP: against their literal transcription, another library, and what is known of the patterns."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

import lbp_top_loops
from mexflow.models.backbones.pairwise_svm import LinearSvm
from mexflow.preprocess.lbp_top import (
    SLAB,
    ClipTooShort,
    bins_of,
    grey_levels,
    interpolated,
    lbp_codes,
    lbp_histograms,
    lbp_top,
    lbp_top_codes,
    uniform_bins,
)


def noise(*shape: int, seed: int = 0, levels: int = 256) -> np.ndarray:
    """Random brightness; of few levels, ties are everywhere."""
    return np.random.default_rng(seed).integers(0, levels, shape).astype(np.uint8)


def smooth(*shape: int, seed: int = 0) -> np.ndarray:
    """A clip with neighbours as alike as those of a face."""
    blurred = [cv2.GaussianBlur(frame, (0, 0), 2) for frame in noise(*shape, seed=seed)]
    return cv2.normalize(np.stack(blurred), None, 90, 140, cv2.NORM_MINMAX)


# The transcription


@pytest.mark.parametrize(
    ("shape", "neighbours", "radii", "blocks", "uniform"),
    [
        ((9, 11, 13), (8, 8, 8), (1, 1, 4), (5, 5), True),
        ((SLAB + 3, 9, 12), (8, 8, 8), (1, 1, 1), (2, 3), True),
        ((SLAB + 6, 12, 11), (4, 4, 4), (3, 2, 2), (1, 1), False),
        ((2 * SLAB + 5, 8, 9), (8, 4, 6), (2, 1, 2), (3, 2), True),
        ((7, 9, 9), (5, 7, 10), (1, 3, 3), (2, 1), False),
        ((3, 3, 3), (4, 8, 16), (1, 1, 1), (1, 1), True),
    ],
)
@pytest.mark.parametrize("kind", ["noise", "ties", "smooth"])
def test_lbp_top_is_its_literal_transcription(shape, neighbours, radii, blocks, uniform, kind) -> None:
    clip = {"noise": noise(*shape), "ties": noise(*shape, levels=3), "smooth": smooth(*shape)}[kind]
    codes = lbp_top_codes(clip, neighbours, radii)
    assert codes.dtype == np.uint16
    assert np.array_equal(codes, lbp_top_loops.lbp_top_codes(clip, neighbours, radii))
    features = lbp_top(clip, neighbours, radii, blocks, uniform)
    assert features.dtype == np.float32
    assert features.shape == (blocks[0] * blocks[1] * sum(bins_of(count, uniform) for count in neighbours),)
    assert np.array_equal(features, lbp_top_loops.lbp_top(clip, neighbours, radii, blocks, uniform))


@pytest.mark.parametrize("neighbours", [4, 5, 8, 11])
def test_uniform_bins_are_those_counted_by_hand(neighbours: int) -> None:
    bins = uniform_bins(neighbours)
    assert bins.tolist() == lbp_top_loops.uniform_bins(neighbours)
    assert bins.max() + 1 == bins_of(neighbours) == neighbours * (neighbours - 1) + 3


def test_there_are_59_bins_of_8_neighbours() -> None:
    assert bins_of(8) == 59 and bins_of(8, uniform=False) == 256
    assert lbp_top(noise(9, 30, 30)).shape == (25 * 3 * 59,)
    # 00000000, 00000001, 00000101 (not uniform), 11111111
    assert uniform_bins(8)[[0, 1, 0b101, 255]].tolist() == [0, 1, 58, 57]


# What the codes are


def test_bits_say_where_the_bright_neighbour_is() -> None:
    dark = np.full((9, 3, 3), 50, np.uint8)
    dark[4, 1, 1] = 100
    bits = {}
    for name, (t, y, x) in {"right": (4, 1, 2), "up": (4, 0, 1), "left": (4, 1, 0), "down": (4, 2, 1),
                            "later": (8, 1, 1), "earlier": (0, 1, 1)}.items():  # fmt: skip
        clip = dark.copy()
        clip[t, y, x] = 150
        bits[name] = lbp_top_codes(clip, (4, 4, 4)).ravel().tolist()
    assert bits == {
        "right": [1, 1, 0], "up": [2, 0, 2], "left": [4, 4, 0], "down": [8, 0, 8],
        "later": [0, 2, 1], "earlier": [0, 8, 4],
    }  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 77, 255])
def test_a_tie_is_one_even_between_pixels(level: int) -> None:
    flat = np.full((9, 12, 12), level, np.uint8)
    assert (lbp_top_codes(flat) == 255).all()
    assert (lbp_codes(flat, 16, 3) == 2**16 - 1).all()
    # A ramp: up and down along the other axis are ties, also at the diagonals' height.
    ramp = np.broadcast_to(np.arange(12, dtype=np.uint8), (1, 12, 12))
    assert (lbp_codes(ramp) == 0b11000111).all()


def test_codes_know_brightness_by_its_order_and_spacing_alone() -> None:
    clip = noise(11, 10, 10, levels=100)
    assert np.array_equal(lbp_top_codes(clip), lbp_top_codes(clip * np.uint8(2) + np.uint8(13)))


def test_lbp_codes_are_those_of_another_library() -> None:
    from skimage.feature import local_binary_pattern

    frames = noise(3, 40, 50, seed=4)
    for neighbours, radius in ((8, 1), (8, 2), (12, 3)):
        inner = (slice(radius, -radius),) * 2
        expected = np.stack([local_binary_pattern(frame, neighbours, radius)[inner] for frame in frames])
        found = lbp_codes(frames, neighbours, radius)
        assert found.shape == (3, 40 - 2 * radius, 50 - 2 * radius)
        # Coordinates to 1/1024 make a difference only where brightness is equal to a thousandth of its range.
        assert (found != expected).mean() < 2e-3


def test_lbp_is_the_first_plane_of_lbp_top() -> None:
    clip = noise(2 * SLAB + 5, 14, 15)
    codes = lbp_codes(clip)
    assert codes.shape == (2 * SLAB + 5, 12, 13) and codes.dtype == np.uint16
    assert np.array_equal(codes[2:-2], lbp_top_codes(clip, radii=(1, 1, 2))[0])


def test_lbp_histograms_count_the_codes_of_each_block() -> None:
    frames = noise(SLAB + 2, 26, 32, levels=8)
    found = lbp_histograms(frames, blocks=(6, 4))
    assert found.shape == (SLAB + 2, 24, 59) and found.dtype == np.float32
    bins = uniform_bins(8)[lbp_codes(frames)]
    # 24 rows in 4 blocks of 6, 30 columns in 6 of 5.
    for i in (0, SLAB, SLAB + 1):
        for block in range(24):
            row, column = divmod(block, 6)
            part = bins[i, row * 6 : row * 6 + 6, column * 5 : column * 5 + 5]
            assert np.array_equal(found[i, block], (np.bincount(part.ravel(), minlength=59) / 30).astype(np.float32))
    assert lbp_histograms(frames, uniform=False).shape == (SLAB + 2, 36, 256)
    assert lbp_histograms(frames[:0]).shape == (0, 36, 59)


def test_a_change_in_a_block_changes_that_blocks_histograms_alone() -> None:
    clip = noise(11, 42, 52)
    before = lbp_top(clip).reshape(25, 3, 59)
    assert before.sum(-1) == pytest.approx(1, abs=1e-6)
    # The second block of the third row: rows 17 to 24 and columns 11 to 20 of the face.
    clip[:, 20:22, 14:17] = 0
    changed = (lbp_top(clip).reshape(25, 3, 59) != before).any((1, 2))
    assert np.flatnonzero(changed).tolist() == [11]


def test_a_still_clip_has_patterns_in_time_that_are_ties() -> None:
    still = np.repeat(noise(1, 16, 16), 9, axis=0)
    codes = lbp_top_codes(still)
    # Earlier and later are ties: bits 2 and 6 of XT, 0 and 4 of YT.
    assert (codes[1] & 0b1000100 == 0b1000100).all() and (codes[2] & 0b10001 == 0b10001).all()


# Clips


def test_a_clip_too_short_says_why() -> None:
    assert lbp_top(noise(9, 8, 8)).any()
    with pytest.raises(ClipTooShort) as error:
        lbp_top(noise(8, 8, 8))
    assert str(error.value) == "clip_too_short: 8 frames, LBP-TOP with a radius of 4 needs 9"
    assert lbp_top(noise(8, 8, 8), frames=10).any()


def test_interpolation_in_time_is_linear_and_keeps_the_ends() -> None:
    clip = noise(7, 5, 6)
    assert np.array_equal(interpolated(clip, 7), clip)
    assert np.array_equal(interpolated(clip, 13)[::2], clip)
    assert np.array_equal(interpolated(clip, 4), clip[::2])
    assert np.array_equal(interpolated(clip, 2), clip[[0, -1]])
    assert np.array_equal(interpolated(clip[:1], 3), np.repeat(clip[:1], 3, axis=0))
    found = interpolated(clip, 20)
    at = np.linspace(0, 6, 20)
    expected = np.apply_along_axis(lambda values: np.interp(at, np.arange(7), values), 0, clip.astype(float))
    assert found.dtype == np.uint8 and np.abs(found - expected).max() <= 0.5 + 1e-9
    halves = interpolated(np.array([[[0]], [[1]]], np.uint8), 3)
    assert halves.ravel().tolist() == [0, 1, 1]
    assert np.array_equal(lbp_top(clip, radii=(1, 1, 2), blocks=(1, 1), frames=20),
                          lbp_top(found, radii=(1, 1, 2), blocks=(1, 1)))  # fmt: skip


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        np.save(tmp_path / "clip.npy", noise(frames, 40, 40))
        clip = np.load(tmp_path / "clip.npy", mmap_mode="r")
        tracemalloc.start()
        lbp_top(clip)
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(40)
    assert peak(400) < 1.1 * peak(40)


def test_grey_levels() -> None:
    grey = noise(2, 6, 6, 1)
    assert np.array_equal(grey_levels(grey), grey[..., 0])
    colour = np.zeros((3, 6, 6, 3), np.uint8)
    for channel in range(3):
        colour[channel, ..., channel] = 255
    assert grey_levels(colour)[:, 0, 0].tolist() == [76, 150, 29]


def test_the_clip_is_left_alone() -> None:
    clip = noise(12, 9, 9)
    copy = clip.copy()
    lbp_top(clip), lbp_histograms(clip, blocks=(2, 2)), interpolated(clip, 20)
    assert np.array_equal(clip, copy)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"neighbours": (8, 8, 3)}, "neighbours must be 4 to 16; not 3"),
        ({"neighbours": (8, 17, 8)}, "neighbours must be 4 to 16; not 17"),
        ({"neighbours": (8, 8)}, "three numbers of neighbours and three radii; not (8, 8) and (1, 1, 4)"),
        ({"radii": (1, 1)}, "three numbers of neighbours and three radii"),
        ({"radii": (1, 0, 4)}, "radii must be whole numbers from 1 on; not 1, 0, 4"),
        ({"radii": (1.5, 1, 4)}, "not 1.5, 1, 4"),
        ({"radii": (6, 1, 4)}, "frames of 12 x 12 are too small for radii of 6 and 1"),
        ({"blocks": (0, 5)}, "blocks must be whole numbers, at most 10 across and 10 down; not (0, 5)"),
        ({"blocks": (5, 11)}, "not (5, 11)"),
        ({"frames": 1}, "2 frames and more; not 12 and 1"),
        ({"clip": np.zeros((12, 9, 9), np.float32)}, "grey frames are uint8 (n, h, w); not float32 (12, 9, 9)"),
        ({"clip": np.zeros((12, 9, 9, 1), np.uint8)}, "not uint8 (12, 9, 9, 1)"),
    ],
)
def test_settings_that_make_no_sense(settings: dict, text: str) -> None:
    with pytest.raises(ValueError) as error:
        lbp_top(**{"clip": noise(12, 12, 12), **settings})
    assert text in str(error.value) and not isinstance(error.value, ClipTooShort)


@pytest.mark.parametrize("settings", [{"neighbours": 40}, {"radius": 0}, {"radius": 5}, {"blocks": (6, -6)}])
def test_settings_of_single_frames_that_make_no_sense(settings: dict) -> None:
    with pytest.raises(ValueError, match="neighbours|radi|blocks"):
        lbp_histograms(noise(2, 10, 10), **settings)


# The baseline


def moving(kind: str, seed: int) -> np.ndarray:
    """A random texture that moves a pixel a frame: to the right, down, or not at all, with noise of the camera."""
    texture = cv2.GaussianBlur(noise(40, 40, seed=seed), (0, 0), 1.5).astype(float)
    shift = {"right": (0, 1), "down": (1, 0), "still": (0, 0)}[kind]
    frames = np.stack([np.roll(texture, (shift[0] * i, shift[1] * i), (0, 1)) for i in range(12)])
    return (frames + np.random.default_rng(seed).normal(0, 2, frames.shape)).clip(0, 255).astype(np.uint8)


def test_an_svm_tells_motions_of_unseen_textures_apart_and_not_their_names() -> None:
    kinds = ["right", "down", "still"]
    labels = np.tile(np.arange(3), 8)
    features = np.stack([lbp_top(moving(kinds[label], seed), blocks=(2, 2)) for seed, label in enumerate(labels)])
    train = np.arange(24) < 12
    found = LinearSvm().fit(features[train], labels[train], 3).probabilities(features[~train]).argmax(1)
    assert (found == labels[~train]).all()
    # The plane XY alone knows the texture, not how it moves.
    texture = features.reshape(24, 4, 3, 59)[:, :, 0].reshape(24, -1)
    found = LinearSvm().fit(texture[train], labels[train], 3).probabilities(texture[~train]).argmax(1)
    assert (found == labels[~train]).mean() < 0.8
