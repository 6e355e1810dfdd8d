"""Tiles of contact sheets: LCN about grey, and the box and the landmarks where the alignment says."""

from __future__ import annotations

import numpy as np
import pytest

from mexflow.figures import tiles
from sheet_world import LANDMARKS, LEFT, MATRIX, TOP


def test_lcn_is_grey_about_zero():
    frame = np.array([[-9.0, -tiles.LCN_LIMIT, 0, tiles.LCN_LIMIT]] * 4)
    assert tiles.normalised(frame, 4)[0].tolist() == [[0] * 3, [0] * 3, [128] * 3, [255] * 3]


def test_the_box_and_the_landmarks_are_drawn_where_the_alignment_says():
    tile = tiles.raw_tile(np.full((300, 400), 90, np.uint8), MATRIX, LANDMARKS).astype(int)
    rows, columns = np.nonzero((np.abs(tile - tiles._BOX) < 30).all(-1))
    # The box is 224 raw pixels wide in the middle of a cut of 1.45 times that.
    width = tiles.TILE / 1.45
    for low, high in ((rows.min(), rows.max()), (columns.min(), columns.max())):
        assert (low + high) / 2 == pytest.approx(tiles.TILE / 2, abs=1.5)
        assert high - low == pytest.approx(width, abs=4)
    shrink = width / 224
    # From the middle of the box, (172, 142) in the raw frame.
    for index in (0, 36, 67):
        x, y = ((LANDMARKS[index] + 0.5 - (LEFT + 112, TOP + 112)) * shrink + tiles.TILE / 2).round().astype(int)
        near = tile[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3)
        assert np.abs(near - tiles._POINT).max(1).min() < 30, f"landmark {index}"


def test_what_lies_outside_the_frame_is_white_and_the_face_is_inside():
    shifted = MATRIX.copy()
    shifted[:, 2] += 100  # the face is 200 raw pixels further left and up
    tile = tiles.raw_tile(np.full((300, 400), 90, np.uint8), shifted, None)
    assert (tile[5, 5] == 255).all() and (tile[-5, -5] == 90).all()


def test_without_a_box_the_landmarks_say_where_the_face_is():
    image = np.full((300, 400), 90, np.uint8)
    tile = tiles.raw_tile(image, None, LANDMARKS).astype(int)
    rows, columns = np.nonzero((np.abs(tile - tiles._POINT) < 30).all(-1))
    assert (columns.min() + columns.max()) / 2 == pytest.approx(tiles.TILE / 2, abs=2)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(tiles.TILE / 2, abs=2)
    assert not (np.abs(tile - tiles._BOX) < 30).all(-1).any()
    assert (tiles.raw_tile(image, None, None) == 90).mean() == pytest.approx(0.75, abs=0.02), "the whole frame"
