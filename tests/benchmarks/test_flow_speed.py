"""Speed of flow, as a ratio of two measurements of one run, so that it holds on any machine."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import horn_schunck_loops
from mexflow.preprocess import flow
from stopwatch import best_of

LEAST_RATIO = 20.0


@pytest.mark.benchmark
def test_batched_flow_is_many_times_as_fast_as_the_loops() -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as the command runs it
    try:
        first, second = np.random.default_rng(0).random((2, 64, 64, 64), np.float32)
        batched = best_of(5, lambda: flow.horn_schunck(first, second)) / len(first)
        loops = best_of(2, lambda: horn_schunck_loops.horn_schunck(first[0], second[0], 1, 10))
    finally:
        cv2.setNumThreads(threads)
    print(f"\nHorn-Schunck, 64 x 64, 10 iterations: {batched * 1e3:.2f} ms a pair in a batch of {len(first)}, "
          f"{loops * 1e3:.0f} ms by loops: {loops / batched:.0f} times as fast")  # fmt: skip
    assert loops >= LEAST_RATIO * batched
