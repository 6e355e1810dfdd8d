"""Local binary patterns, transcribed literally: one pixel and one neighbour at a time, in whole numbers."""

from __future__ import annotations

from math import cos, floor, pi, sin

import numpy as np


def between(a: list[list[int]], u: int, v: int) -> int:
    """1024² times the brightness at the shares u and v (in 1/1024) of the way along the columns and down the rows."""
    (top_left, top_right), (low_left, low_right) = a
    return (
        top_left * (1024 - u) * (1024 - v)
        + top_right * u * (1024 - v)
        + low_left * (1024 - u) * v
        + low_right * u * v
    )  # fmt: skip


def lbp_top_codes(clip: np.ndarray, neighbours: tuple[int, ...], radii: tuple[int, ...]) -> np.ndarray:
    """Codes (3, n - 2Rt, h - 2Ry, w - 2Rx) of the planes XY, XT, YT of a clip (n, h, w)."""
    length, height, width = clip.shape
    volume = clip.tolist()
    rx, ry, rt = radii
    codes = np.zeros((3, length - 2 * rt, height - 2 * ry, width - 2 * rx), np.int64)

    def pixel(t: int, y: int, x: int) -> int:
        """Brightness, or 0 outside: only asked for there as a corner of weight zero."""
        inside = t < length and y < height and x < width
        return volume[t][y][x] if inside else 0

    for t in range(rt, length - rt):
        for y in range(ry, height - ry):
            for x in range(rx, width - rx):
                centre = 1024 * 1024 * volume[t][y][x]

                code = 0
                for p in range(neighbours[0]):
                    column = 1024 * x + round(1024 * rx * cos(2 * pi * p / neighbours[0]))
                    row = 1024 * y - round(1024 * ry * sin(2 * pi * p / neighbours[0]))
                    left, top = floor(column / 1024), floor(row / 1024)
                    corners = [[pixel(t, top + i, left + j) for j in (0, 1)] for i in (0, 1)]
                    if between(corners, column - 1024 * left, row - 1024 * top) >= centre:
                        code += 2**p
                codes[0, t - rt, y - ry, x - rx] = code

                code = 0
                for p in range(neighbours[1]):
                    column = 1024 * x + round(1024 * rx * cos(2 * pi * p / neighbours[1]))
                    frame = 1024 * t + round(1024 * rt * sin(2 * pi * p / neighbours[1]))
                    left, first = floor(column / 1024), floor(frame / 1024)
                    corners = [[pixel(first + i, y, left + j) for j in (0, 1)] for i in (0, 1)]
                    if between(corners, column - 1024 * left, frame - 1024 * first) >= centre:
                        code += 2**p
                codes[1, t - rt, y - ry, x - rx] = code

                code = 0
                for p in range(neighbours[2]):
                    row = 1024 * y - round(1024 * ry * sin(2 * pi * p / neighbours[2]))
                    frame = 1024 * t + round(1024 * rt * cos(2 * pi * p / neighbours[2]))
                    top, first = floor(row / 1024), floor(frame / 1024)
                    corners = [[pixel(first + i, top + j, x) for j in (0, 1)] for i in (0, 1)]
                    if between(corners, row - 1024 * top, frame - 1024 * first) >= centre:
                        code += 2**p
                codes[2, t - rt, y - ry, x - rx] = code
    return codes


def uniform_bins(neighbours: int) -> list[int]:
    """The bin of each code: uniform codes in ascending order, then one bin for all others."""
    bins, uniform = [], 0
    for code in range(2**neighbours):
        bits = [code >> p & 1 for p in range(neighbours)]
        changes = sum(bits[p] != bits[(p + 1) % neighbours] for p in range(neighbours))
        if changes <= 2:
            bins.append(uniform)
            uniform += 1
        else:
            bins.append(-1)
    return [number if number >= 0 else uniform for number in bins]


def lbp_top(
    clip: np.ndarray, neighbours: tuple[int, ...], radii: tuple[int, ...], blocks: tuple[int, int], uniform: bool
) -> np.ndarray:
    """Features: blocks from the top left along the rows, each with its histograms of XY, XT, YT."""
    codes = lbp_top_codes(clip, neighbours, radii)
    height, width = codes.shape[2:]
    across, down = blocks
    features = []
    for row in range(down):
        for column in range(across):
            for plane in range(3):
                bins = uniform_bins(neighbours[plane]) if uniform else list(range(2 ** neighbours[plane]))
                histogram = [0] * (max(bins) + 1)
                for t in range(codes.shape[1]):
                    for y in range(height):
                        for x in range(width):
                            if y * down // height == row and x * across // width == column:
                                histogram[bins[codes[plane, t, y, x]]] += 1
                features += [count / sum(histogram) for count in histogram]
    return np.array(features, np.float32)
