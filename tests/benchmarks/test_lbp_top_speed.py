"""Speed of LBP-TOP, as a ratio of two measurements of one run, so that it holds on any machine."""

from __future__ import annotations

import numpy as np
import pytest

import lbp_top_loops
from mexflow.preprocess.lbp_top import lbp_top_codes
from stopwatch import best_of

LEAST_RATIO = 50.0


@pytest.mark.benchmark
def test_codes_are_many_times_as_fast_as_the_loops() -> None:
    # The codes alone: the transcription's histograms are written to be read, and would flatter the ratio.
    clip = np.random.default_rng(0).integers(0, 256, (11, 112, 112), np.uint8)
    settings = (8, 8, 8), (1, 1, 4)
    vectorised = best_of(5, lambda: lbp_top_codes(clip, *settings))
    loops = best_of(1, lambda: lbp_top_loops.lbp_top_codes(clip, *settings))
    print(f"\nLBP-TOP codes of 11 frames of 112 x 112: {vectorised * 1e3:.1f} ms, {loops:.1f} s by loops: "
          f"{loops / vectorised:.0f} times as fast")  # fmt: skip
    assert loops >= LEAST_RATIO * vectorised
