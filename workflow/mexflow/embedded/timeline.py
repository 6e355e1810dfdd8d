"""When the expressions of a long video take place.

Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Frame numbers of one expression of a `type`, "micro" or "macro".

    `share` is the part of its strength that is left to it, 1 unless it overlaps another: so the sum moves little
    more skin than one does.
    """

    type: str
    onset: int
    apex: int
    offset: int
    share: float = 1.0


def timeline(
    rng: random.Random,
    types: Sequence[str],
    lengths: dict[str, tuple[int, int]],
    frame_count: int,
    starts_at_once: int = 0,
    overlapping: int = 0,
) -> list[Span]:
    """Place expressions into a video of frames 1 to `frame_count`, in the order of their onsets.

    Args:
        rng: draws the order, lengths and gaps.
        types: the type of each expression.
        lengths: the smallest and largest number of frames from onset to offset of each type.
        frame_count: the frames of the video.
        starts_at_once: how many macro-expressions have begun when the recording begins, in frame 1.
        overlapping: how many pairs of macro-expressions overlap, apart from those that start at once.

    Between two that do not overlap, and after the last, the face is at rest for a tenth of a second or more at
    200 fps, and in one place for long.

    Raises:
        ValueError: if the video is too short.
    """
    shuffled = rng.sample(list(types), len(types))
    macros = [place for place, kind in enumerate(shuffled) if kind == "macro"]
    first = macros[:starts_at_once]
    paired = macros[starts_at_once : starts_at_once + 2 * overlapping]
    pairs = [tuple(paired[place : place + 2]) for place in range(0, len(paired) - 1, 2)]
    alone = [place for place in range(len(shuffled)) if place not in {*first, *(p for pair in pairs for p in pair)}]
    spans = {place: _span(rng, shuffled[place], lengths[shuffled[place]]) for place in range(len(shuffled))}
    # A block is what takes place without a rest: its expressions, and where in it each begins.
    blocks: list[dict[int, int]] = [{place: 0} for place in alone]
    for earlier, later in pairs:
        apex, offset = spans[earlier][0], spans[earlier][1]
        blocks.append({earlier: 0, later: rng.randint(apex + 1, apex + max(1, (offset - apex) // 2))})
    rng.shuffle(blocks)
    if first:
        blocks.insert(0, dict.fromkeys(first, 0))
    sizes = [max(start + spans[place][1] for place, start in block.items()) for block in blocks]
    gaps = _gaps(rng, frame_count - 1 - sum(sizes), len(blocks) + 1, bool(first))
    placed, now = [], 1
    for block, size, gap in zip(blocks, sizes, gaps, strict=False):
        now += gap
        for place, start in block.items():
            apex, offset = spans[place]
            share = 1.0 if len(block) == 1 else 1 / len(block) if place in first else 0.85
            placed.append(Span(shuffled[place], now + start, now + start + apex, now + start + offset, share))
        now += size
    return sorted(placed, key=lambda span: (span.onset, span.offset))


def _span(rng: random.Random, kind: str, limits: tuple[int, int]) -> tuple[int, int]:
    """Frames from onset to apex and from onset to offset."""
    length = rng.randint(*limits)
    share = rng.uniform(0.38, 0.55) if kind == "micro" else rng.uniform(0.3, 0.5)
    return max(2, round(length * share)), length


def _gaps(rng: random.Random, rest: int, count: int, starts_at_once: bool) -> list[int]:
    """Frames at rest before each block and after the last, `rest` in all; one of them is long."""
    least = [0 if starts_at_once and place == 0 else min(20, rest // (2 * count)) for place in range(count)]
    free = rest - sum(least)
    if min(least[1:], default=rest) < 2 or free < 0:
        raise ValueError("the video is too short for its expressions")
    open_ended = range(1 if starts_at_once else 0, count)
    shares = [rng.uniform(0.3, 1.0) if place in open_ended else 0.0 for place in range(count)]
    shares[rng.choice(open_ended)] += 2.0
    total = sum(shares)
    gaps = [minimum + int(free * share / total) for minimum, share in zip(least, shares, strict=True)]
    gaps[-1] += rest - sum(gaps)
    return gaps


def deal(rng: random.Random, total: int, least: dict[str, int], most: int) -> dict[str, int]:
    """Deal `total` expressions to the videos of `least`, each getting its least and, but for that, no more than `most`.

    Raises:
        ValueError: if they cannot be dealt.
    """
    dealt = dict(least)
    for _ in range(total - sum(least.values())):
        open_ones = [name for name, count in dealt.items() if count < most]
        if not open_ones:
            raise ValueError("there are more expressions than the videos can hold")
        dealt[rng.choice(open_ones)] += 1
    return dealt
