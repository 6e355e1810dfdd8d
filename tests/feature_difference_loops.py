"""Feature difference and its features, transcribed literally: one frame, one block, one pixel or bin at a time."""

from __future__ import annotations

from math import atan2, cos, floor, hypot, nan, pi, sin

import numpy as np

from lbp_top_loops import between, uniform_bins


def lbp_histograms(frames: np.ndarray) -> list[list[list[float]]]:
    """Uniform LBP(8, 1) of 6 x 6 blocks, (n, 36, 59), of frames (n, h, w)."""
    bins = uniform_bins(8)
    result = []
    for frame in frames.tolist():
        height, width = len(frame) - 2, len(frame[0]) - 2
        histograms = [[0.0] * 59 for _ in range(36)]
        for y in range(height):
            for x in range(width):
                code = 0
                for p in range(8):
                    column = 1024 * (x + 1) + round(1024 * cos(2 * pi * p / 8))
                    row = 1024 * (y + 1) - round(1024 * sin(2 * pi * p / 8))
                    left, top = floor(column / 1024), floor(row / 1024)
                    # Beyond the frame there are only corners of weight zero.
                    corners = [
                        [frame[min(top + i, height + 1)][min(left + j, width + 1)] for j in (0, 1)] for i in (0, 1)
                    ]
                    if between(corners, column - 1024 * left, row - 1024 * top) >= 1024 * 1024 * frame[y + 1][x + 1]:
                        code += 2**p
                histograms[y * 6 // height * 6 + x * 6 // width][bins[code]] += 1
        result.append([[count / sum(histogram) for count in histogram] for histogram in histograms])
    return result


def hoof_histograms(flow: np.ndarray) -> list[list[list[float]]]:
    """Mean magnitude by direction of 6 x 6 blocks, (n, 36, 8), of flow (n, 2, h, w)."""
    result = []
    for vx, vy in flow.tolist():
        height, width = len(vx), len(vx[0])
        histograms, pixels = [[0.0] * 8 for _ in range(36)], [0] * 36
        for y in range(height):
            for x in range(width):
                block = y * 6 // height * 6 + x * 6 // width
                direction = round(atan2(vy[y][x], vx[y][x]) / (2 * pi / 8)) % 8
                histograms[block][direction] += hypot(vx[y][x], vy[y][x])
                pixels[block] += 1
        result.append(
            [[total / count for total in histogram] for histogram, count in zip(histograms, pixels, strict=True)]
        )
    return result


def chi_square(a: list[float], b: list[float]) -> float:
    """Sum of (a - b)² / (a + b) over the bins that are not empty in both."""
    distance = 0.0
    for x, y in zip(a, b, strict=True):
        if x + y > 0:
            distance += (x - y) * (x - y) / (x + y)
    return distance


def distance(video: list[list[list[float]]], i: int, before: int, after: int, strongest: int) -> float:
    """F of frame i with these neighbours: the mean of its blocks' largest distances."""
    distances = []
    for block, histogram in enumerate(video[i]):
        mean = [(x + y) / 2 for x, y in zip(video[before][block], video[after][block], strict=True)]
        distances.append(chi_square(histogram, mean))
    distances.sort(reverse=True)
    total = 0.0
    for j in range(strongest):
        total += distances[j]
    return total / strongest


def difference(features: np.ndarray, k: int, edges: str, strongest: int) -> list[float]:
    """F of all frames of a video (n, blocks, bins)."""
    video = features.tolist()
    n = len(video)
    inner = {i: distance(video, i, i - k, i + k, strongest) for i in range(n) if i - k >= 0 and i + k < n}
    result = []
    for i in range(n):
        if i in inner:
            result.append(inner[i])
        elif edges == "nan":
            result.append(nan)
        elif edges == "clip":
            result.append(distance(video, i, max(i - k, 0), min(i + k, n - 1), strongest))
        elif inner:
            result.append(inner[min(inner, key=lambda other: abs(other - i))])
        else:
            result.append(0.0)
    return result
