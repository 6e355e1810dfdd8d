"""Local binary patterns of frames, and on three orthogonal planes of clips: LBP and LBP-TOP.

A pixel's code has one bit a neighbour: 1 where the neighbour is at least as bright as the pixel itself. The neighbours
lie on a circle (in LBP-TOP's planes with time, on an ellipse), neighbour p at the angle 2 π p / P, as in Zhao and
Pietikäinen's own program, t counting frames and y running down:

    XY: (x + Rx cos, y - Ry sin)     XT: (x + Rx cos, t + Rt sin)     YT: (t + Rt cos, y - Ry sin)

Between pixels the brightness is interpolated bilinearly. All of it is integer arithmetic: coordinates are rounded to
1/1024 of a pixel or a frame, and the sum of brightness times weight is compared with the centre's brightness times 1024
(or 1024²), so that a neighbour as bright as the pixel is a tie, on every machine, and a tie is 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np

from mexflow.preprocess.blocks import block_numbers, normalised

UNIT = 1024
"""Parts of a pixel or a frame that the neighbours' coordinates are rounded to."""

SLAB = 8
"""Frames worked on at once: few enough for the processor's cache, whatever the length of a clip."""

Point = tuple[int, int, int]
"""Where a neighbour lies: t, y, x from the pixel it belongs to, in units of 1/:data:`UNIT`."""


class ClipTooShort(ValueError):
    """A clip with fewer frames than one neighbourhood spans; its text, ``code: words``, is a reason of exclusion."""


def grey_levels(faces: np.ndarray) -> np.ndarray:
    """Brightness uint8 (n, h, w) of aligned faces uint8 (n, h, w, c), c = 1 (grey) or 3 (RGB)."""
    if faces.shape[-1] == 1:
        return faces[..., 0]
    return np.stack([cv2.cvtColor(np.ascontiguousarray(face), cv2.COLOR_RGB2GRAY) for face in faces])


def interpolated(clip: np.ndarray, frames: int) -> np.ndarray:
    """A clip at another number of frames: frame i is what lies at i (n - 1) / (frames - 1), by linear interpolation.

    The first frame stays the first, the last the last. This has the purpose of the temporal interpolation model (TIM)
    of Zhou et al., clips of one length, but not its method, a curve through all frames.

    Args:
        clip: uint8 (n, h, w), n >= 1.
        frames: of the result, at least 2.

    Returns:
        uint8 (frames, h, w), rounded half up.

    Raises:
        ValueError: for an empty clip, or a number of frames that is not a whole number from 2 on.
    """
    _check_frames(clip)
    if not (isinstance(frames, int) and frames >= 2 and len(clip)):
        raise ValueError(f"a clip of 1 frame and more can be given 2 frames and more; not {len(clip)} and {frames}")
    steps = frames - 1
    result = np.empty((frames, *clip.shape[1:]), np.uint8)
    for i in range(frames):
        first, share = divmod(i * (len(clip) - 1), steps)
        before, after = (clip[min(at, len(clip) - 1)].astype(np.int64) for at in (first, first + 1))
        result[i] = (before * (steps - share) + after * share + steps // 2) // steps
    return result


def bins_of(neighbours: int, uniform: bool = True) -> int:
    """Number of bins of a histogram of codes: P (P - 1) + 3 with uniform patterns, 2^P without.

    Raises:
        ValueError: unless there are 4 to 16 neighbours.
    """
    _check_neighbours(neighbours)
    return neighbours * (neighbours - 1) + 3 if uniform else 2**neighbours


@cache
def uniform_bins(neighbours: int) -> np.ndarray:
    """The bin of each code, for histograms of uniform patterns (u2), int64 (2^P,); read-only.

    A code is uniform if its bits, read around the circle, change at most twice. Uniform codes have a bin each, in
    ascending order; all others share the last bin. Of 8 neighbours that makes 58 + 1 bins.

    Raises:
        ValueError: unless there are 4 to 16 neighbours.
    """
    last = bins_of(neighbours) - 1
    codes = np.arange(2**neighbours)
    turned = codes >> 1 | (codes & 1) << (neighbours - 1)
    uniform = np.bitwise_count(codes ^ turned) <= 2
    bins = np.where(uniform, np.cumsum(uniform) - 1, last)
    bins.flags.writeable = False
    return bins


def lbp_codes(frames: np.ndarray, neighbours: int = 8, radius: int = 1) -> np.ndarray:
    """LBP(P, R) codes of each frame by itself.

    Args:
        frames: uint8 (n, h, w).
        neighbours: P, 4 to 16.
        radius: R, pixels, a whole number from 1 on.

    Returns:
        uint16 (n, h - 2R, w - 2R), below 2^P: the codes of pixels whose whole neighbourhood lies in the frame; bit p is
        neighbour p's.

    Raises:
        ValueError: for settings out of range, frames that are no uint8 (n, h, w), or smaller than 2R + 1.
    """
    return np.concatenate(list(_frame_codes(frames, neighbours, radius)))


def lbp_histograms(
    frames: np.ndarray,
    neighbours: int = 8,
    radius: int = 1,
    blocks: tuple[int, int] = (6, 6),
    uniform: bool = True,
) -> np.ndarray:
    """Histograms of LBP(P, R) codes of each frame by itself, one a block (nag2019's spotting baseline by default).

    Args:
        frames, neighbours, radius: as for :func:`lbp_codes`.
        blocks: how many blocks across and down; they divide the pixels that have codes evenly.
        uniform: uniform patterns (:func:`uniform_bins`), or a bin for each code.

    Returns:
        float32 (n, blocks, bins), each histogram with sum 1; blocks along the rows from the top left.

    Raises:
        ValueError: as :func:`lbp_codes`, and for more blocks than pixels.
    """
    count, size = bins_of(neighbours, uniform), blocks[0] * blocks[1]
    parts = []
    for codes in _frame_codes(frames, neighbours, radius):
        bins = block_numbers(*codes.shape[1:], blocks) * count + _binned(codes, neighbours, uniform)
        bins += np.arange(len(codes))[:, None, None] * size * count
        totals = np.bincount(bins.ravel(), minlength=len(codes) * size * count)
        parts.append(normalised(totals.reshape(len(codes), size, count)))
    return np.concatenate(parts)


def lbp_top_codes(
    clip: np.ndarray,
    neighbours: tuple[int, int, int] = (8, 8, 8),
    radii: tuple[int, int, int] = (1, 1, 4),
) -> np.ndarray:
    """LBP codes of the three planes through each pixel of a clip; arguments and errors as for :func:`lbp_top`.

    Returns:
        uint16 (3, n - 2Rt, h - 2Ry, w - 2Rx), planes XY, XT, YT: the codes of pixels whose neighbourhoods in all three
        planes lie in the clip.
    """
    return np.concatenate([np.stack(codes) for codes in _top_codes(clip, neighbours, radii)], axis=1)


def lbp_top(
    clip: np.ndarray,
    neighbours: tuple[int, int, int] = (8, 8, 8),
    radii: tuple[int, int, int] = (1, 1, 4),
    blocks: tuple[int, int] = (5, 5),
    uniform: bool = True,
    frames: int | None = None,
) -> np.ndarray:
    """LBP-TOP features of a clip of aligned faces (Zhao and Pietikäinen 2007).

    The codes of all pixels whose neighbourhoods lie in the clip, as a histogram for each block and plane. Neither paper
    with an LBP-TOP baseline (belaiche2020, Table 8; upadhy2025, Table 1) tells its settings. Decided: 5 x 5 blocks, one
    block in time, and the radii 1, 1, 4, a usual choice for CASME II; Zhao and Pietikäinen's 8 neighbours with their 59
    uniform patterns; every frame, without interpolation in time. A radius of 4 frames is for 200 frames a second.

    Args:
        clip: uint8 (n, h, w), grey, from onset to offset. A memory-mapped array is read a few frames at a time.
        neighbours: P in the planes XY, XT, YT, 4 to 16 each.
        radii: Rx and Ry in pixels, Rt in frames, whole numbers from 1 on.
        blocks: how many blocks across and down; they divide the pixels that have codes evenly.
        uniform: uniform patterns (:func:`uniform_bins`), or a bin for each code.
        frames: number of frames the clip is interpolated to first (:func:`interpolated`); None leaves it as it is.

    Returns:
        float32 (blocks * (bins of XY + XT + YT),), 4,425 by default: for each block, along the rows from the top left,
        the histograms of XY, XT and YT, each with sum 1.

    Raises:
        ClipTooShort: if the clip has fewer than 2 Rt + 1 frames.
        ValueError: for settings out of range, a clip that is no uint8 (n, h, w), faces too small for the radii, or more
            blocks than pixels.
    """
    if frames is not None:
        clip = interpolated(clip, frames)
    counts, totals = [], []
    for codes in _top_codes(clip, neighbours, radii):
        if not totals:
            numbers = block_numbers(*codes[0].shape[1:], blocks)
            counts = [bins_of(count, uniform) for count in neighbours]
            totals = [np.zeros(blocks[0] * blocks[1] * count, np.int64) for count in counts]
        for total, count, plane, places in zip(totals, counts, codes, neighbours, strict=True):
            bins = numbers * count + _binned(plane, places, uniform)
            total += np.bincount(bins.ravel(), minlength=len(total))
    parts = [normalised(total.reshape(-1, count)) for total, count in zip(totals, counts, strict=True)]
    return np.concatenate(parts, axis=1).ravel()


def _binned(codes: np.ndarray, neighbours: int, uniform: bool) -> np.ndarray:
    return uniform_bins(neighbours)[codes] if uniform else codes


def _frame_codes(frames: np.ndarray, neighbours: int, radius: int) -> Iterator[np.ndarray]:
    """Codes of frames by themselves, slab by slab: uint16 (frames of the slab, h - 2R, w - 2R)."""
    _check_frames(frames)
    _check_radii((radius,))
    margin = (0, radius, radius)
    _check_size(frames, margin)
    points = _ellipse(neighbours, (0, 0, radius), (0, -radius, 0))
    for slab in _slabs(frames, 0):
        yield _codes(slab, points, margin)


def _top_codes(
    clip: np.ndarray, neighbours: tuple[int, int, int], radii: tuple[int, int, int]
) -> Iterator[list[np.ndarray]]:
    """Codes of the planes XY, XT, YT, slab by slab: three uint16 (frames of the slab, h - 2Ry, w - 2Rx)."""
    _check_frames(clip)
    if len(neighbours) != 3 or len(radii) != 3:
        raise ValueError(f"LBP-TOP has three numbers of neighbours and three radii; not {neighbours} and {radii}")
    _check_radii(radii)
    x, y, t = radii
    right, up, later = (0, 0, x), (0, -y, 0), (t, 0, 0)
    planes = [
        _ellipse(count, *axes)
        for count, axes in zip(neighbours, ((right, up), (right, later), (later, up)), strict=True)
    ]
    _check_size(clip, (0, y, x))
    if len(clip) < 2 * t + 1:
        raise ClipTooShort(f"clip_too_short: {len(clip)} frames, LBP-TOP with a radius of {t} needs {2 * t + 1}")
    for slab in _slabs(clip, t):
        yield [_codes(slab, points, (t, y, x)) for points in planes]


def _slabs(clip: np.ndarray, radius: int) -> Iterator[np.ndarray]:
    """The clip in parts of :data:`SLAB` frames, each with `radius` frames before and after; one part at least."""
    for start in range(0, max(len(clip) - 2 * radius, 1), SLAB):
        yield np.asarray(clip[start : start + SLAB + 2 * radius])


def _ellipse(neighbours: int, cosine: Point, sine: Point) -> list[Point]:
    """Where the neighbours lie: neighbour p at cosine cos(2 π p / P) + sine sin(2 π p / P), axes in whole pixels."""
    _check_neighbours(neighbours)
    points = []
    for p in range(neighbours):
        angle = 2 * math.pi * p / neighbours
        t, y, x = (c * math.cos(angle) + s * math.sin(angle) for c, s in zip(cosine, sine, strict=True))
        points.append((round(UNIT * t), round(UNIT * y), round(UNIT * x)))
    return points


def _codes(clip: np.ndarray, points: list[Point], margin: Point) -> np.ndarray:
    """Codes uint16 of all pixels further from the clip's borders than the margin, which no neighbour is beyond."""
    shape = tuple(length - 2 * border for length, border in zip(clip.shape, margin, strict=True))
    centre = clip[tuple(slice(border, border + length) for border, length in zip(margin, shape, strict=True))]
    scaled = [centre, *(centre.astype(np.int32) * UNIT**k for k in (1, 2))]
    codes = np.zeros(shape, np.uint16)
    for bit, point in enumerate(points):
        values, axes = _sampled(clip, point, margin, shape)
        codes |= (values >= scaled[axes]).astype(np.uint16) << np.uint16(bit)
    return codes


def _sampled(clip: np.ndarray, point: Point, margin: Point, shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """The neighbour's brightness at every pixel, times :data:`UNIT` to the number of axes that were interpolated along.

    Returns:
        The values, exact, as int32 (uint8 if nothing is interpolated), and that number: 0, 1 or 2.
    """
    starts, shares = zip(*(divmod(offset, UNIT) for offset in point), strict=True)
    values = clip[
        tuple(
            slice(border + start, border + start + length + (share > 0))
            for border, start, length, share in zip(margin, starts, shape, shares, strict=True)
        )
    ]
    for axis, share in enumerate(shares):
        if share:
            values = values.astype(np.int32, copy=False)
            low = values[tuple(slice(None, -1) if i == axis else slice(None) for i in range(3))]
            high = values[tuple(slice(1, None) if i == axis else slice(None) for i in range(3))]
            # At most 255 * UNIT², well within 32 bits.
            values = low * (UNIT - share)
            values += high * share
    return values, sum(share > 0 for share in shares)


def _check_frames(frames: np.ndarray) -> None:
    if frames.ndim != 3 or frames.dtype != np.uint8:
        raise ValueError(f"grey frames are uint8 (n, h, w); not {frames.dtype} {frames.shape}")


def _check_neighbours(count: int) -> None:
    if not (isinstance(count, int) and 4 <= count <= 16):
        raise ValueError(f"neighbours must be 4 to 16; not {count}")


def _check_radii(radii: tuple[int, ...]) -> None:
    if not all(isinstance(radius, int) and radius >= 1 for radius in radii):
        raise ValueError(f"radii must be whole numbers from 1 on; not {', '.join(map(str, radii))}")


def _check_size(frames: np.ndarray, margin: Point) -> None:
    height, width = frames.shape[1:]
    if height < 2 * margin[1] + 1 or width < 2 * margin[2] + 1:
        raise ValueError(f"frames of {width} x {height} are too small for radii of {margin[2]} and {margin[1]}")
