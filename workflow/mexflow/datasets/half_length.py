"""k, the half length that spotting takes for an expression of its type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mexflow.errors import UserError


@dataclass(frozen=True)
class HalfLength:
    """``k = floor((N + 1) / 2)``, in frames.

    `mean` is N, the mean length of the `count` expressions that have frame numbers, in frames; `rule` says in
    words how k was made.
    """

    k: int
    mean: float
    count: int
    rule: str


def half_length(rows: Iterable[Mapping[str, Any]], type: str) -> HalfLength:
    """Compute k from the rows of an index.

    The length of an expression is offset - onset; where the offset is not annotated (repair ``offset_missing``) the
    apex is taken for its middle, and the length is 2 (apex - onset). Excluded rows with frame numbers count too:
    the published values are means over all annotations.

    Args:
        rows: rows with the columns `type`, `onset`, `apex`, `offset` and `repairs` of `schema.ROWS`.
        type: ``micro`` or ``macro``.

    Raises:
        UserError: if no row of the type has frame numbers, or k would be less than one frame.
    """
    lengths, mirrored = [], 0
    for row in rows:
        if row["type"] != type or row["onset"] is None or row["offset"] is None:
            continue
        open_end = any(repair.startswith("offset_missing") for repair in row["repairs"])
        mirrored += open_end
        lengths.append((row["offset"] - row["onset"]) * (2 if open_end else 1))
    total, count = sum(lengths), len(lengths)
    # floor((total / count + 1) / 2) in whole numbers, so that a mean just below a whole number is not rounded up.
    k = (total + count) // (2 * count) if count else 0
    if k < 1:
        raise UserError(
            f"the spotting interval of {type}-expressions cannot be computed: "
            + (f"their mean length is {total / count:.2f} frames" if count else "none has frame numbers")
            + "; check the annotations"
        )
    rule = f"floor((N + 1) / 2), N = {total / count:.2f} the mean of offset - onset over {count} rows"
    if mirrored:
        rule += f"; in {mirrored} of them without an offset, 2 * apex - onset stands for it"
    return HalfLength(k, total / count, count, rule)
