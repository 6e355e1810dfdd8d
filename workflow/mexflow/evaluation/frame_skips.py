"""How far apart the two frames of a pair are (elface2021): as printed, or fitted to the expressions at hand.

A printed skip suits the expressions that the paper measured. Where others are shorter or longer, as the synthetic ones
are, the same network would look past them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from mexflow.datasets.half_length import half_length
from mexflow.papers.trainings import FrameSkips

TYPES = ("micro", "macro")
"""Types of expression, in the order of skips."""

Skips = TypeVar("Skips", bound=FrameSkips)


def fitted(settings: Skips, rows: Iterable[Mapping[str, Any]]) -> Skips:
    """The settings with the skips that are used, frames.

    Where its `skips` are ``printed`` these are the settings as they are. Where they are ``measured``, the skips of the
    variant `k` are the half lengths of the expressions in the index. All other skips, of training and of testing, are
    the printed ones times measured k over printed k of their stream, rounded half up; none becomes less than 1 frame.

    Args:
        settings: with the printed skips.
        rows: of the index, see :func:`mexflow.datasets.half_length.half_length`.

    Raises:
        UserError: if k cannot be computed.
    """
    if settings.skips == "printed":
        return settings
    assert settings.k is not None
    rows = list(rows)
    printed = settings.test_skips[settings.k]
    measured = tuple(half_length(rows, kind).k for kind in TYPES)

    def scaled(skip: int, stream: int) -> int:
        # Half up in whole numbers, so that no skip depends on how a quotient is rounded.
        frames = (2 * skip * measured[stream] + printed[stream]) // (2 * printed[stream])
        return max(frames, 1) if skip else 0

    train = tuple(tuple(scaled(skip, stream) for skip in ends) for stream, ends in enumerate(settings.train_skips))
    test = {
        variant: tuple(scaled(skip, stream) for stream, skip in enumerate(skips))
        for variant, skips in settings.test_skips.items()
    }
    return settings.model_copy(update={"train_skips": train, "test_skips": test})
