"""What a paper's experiments are fed, by name: flow, motion, residual images, LBP-TOP features.

Each has a folder of its own, ``<stage>/<name>/<dataset>/<subject>.npy``, so papers with different settings live side by
side; two papers that use one name of a stage agree on its settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mexflow.papers.flow_methods import OPTIONS
from mexflow.papers.part import Option, Part, parsed, stated

Count = Annotated[int, Field(ge=1, strict=True)]
Pair = Literal["onset-apex", "onset-apex+1", "onset-offset", "consecutive"]
"""Pairs of a clip's frames; :data:`mexflow.preprocess.pairs.PAIRS` says which frames they are."""


class _Flow(Part):
    """A method of optical flow and its settings."""

    method: str
    options: dict[str, Option] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.method not in OPTIONS:
            from mexflow.errors import nearest

            raise ValueError(
                f"unknown flow method {self.method!r}{nearest(self.method, OPTIONS)}; one of: {', '.join(OPTIONS)}"
            )
        parsed(OPTIONS.declared(self.method), self.options, "options")
        return self


class Flow(_Flow):
    """Optical flow between aligned faces of a clip, scaled to `size` pixels, of each of its `pairs`."""

    size: int = Field(ge=8)
    pairs: list[Pair] = Field(min_length=1)


class Motion(_Flow):
    """Optical flow from each aligned face of a video to the next."""


class Residual(Part):
    """What a clip's later frames differ by from its first (cropnet2021).

    `image` is the sum of absolute (``ars``) or relative (``rrs``) differences of `key_frames` key frames, or the flow
    (``farneback``, ``tvl1``) to the last of them. `gap` is the reading of eq. 3, whose brackets were lost in print:
    ``printed``, ceil((end - start) / N + 1), or ``bracketed``, ceil((end - start) / (N + 1)).
    """

    image: Literal["ars", "rrs", "farneback", "tvl1"]
    key_frames: Count = 5
    gap: Literal["printed", "bracketed"] = "printed"


class LbpTop(Part):
    """LBP-TOP features; :func:`mexflow.preprocess.lbp_top.lbp_top` says what each setting is, and its default."""

    neighbours: tuple[Count, Count, Count] | None = None
    radii: tuple[Count, Count, Count] | None = None
    blocks: tuple[Count, Count] | None = None
    uniform: bool | None = None
    frames: Count | None = None


class Preprocessing(Part):
    """The named preprocessing of a paper, by stage."""

    flow: dict[str, Flow] = {}
    motion: dict[str, Motion] = {}
    residual: dict[str, Residual] = {}
    lbp_top: dict[str, LbpTop] = {}

    def named(self, stage: str) -> dict[str, Any]:
        """The settings of a stage, by name."""
        return getattr(self, stage)


def options(part: LbpTop) -> dict[str, Any]:
    """The settings that a file gives, as the function takes them."""
    return stated(part)
