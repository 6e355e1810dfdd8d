"""The settings of each method of optical flow, as a paper's file may give them; :mod:`mexflow.preprocess.flow` has the
methods and their defaults. A new method is an entry here and one there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mexflow.papers.part import Part
from mexflow.registries import Registry

OPTIONS: Registry[type[Part]] = Registry("flow method", __name__)

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1, strict=True)]


@OPTIONS.entry("horn_schunck")
class HornSchunck(Part):
    """`alpha` in the units of the derivatives; `iterations` are updates.

    ``until_converged`` goes on until an update changes the flow by less than `tolerance`, pixels.
    """

    alpha: Positive | None = None
    iterations: Count | Literal["until_converged"] | None = None
    tolerance: Positive | None = None


@OPTIONS.entry("farneback")
class Farneback(Part):
    """`window`, `neighbours` and `sigma` in pixels; `scale` of a pyramid's level to the one below."""

    scale: Annotated[float, Field(gt=0, lt=1)] | None = None
    levels: Count | None = None
    window: Count | None = None
    iterations: Count | None = None
    neighbours: Literal[5, 7] | None = None
    sigma: Positive | None = None


@OPTIONS.entry("tvl1")
class Tvl1(Part):
    """`attachment` is lambda, `tightness` theta, `step` tau; `epsilon` is the change at which an iteration ends."""

    attachment: Positive | None = None
    tightness: Positive | None = None
    step: Annotated[float, Field(gt=0, le=0.25)] | None = None
    scales: Count | None = None
    warps: Count | None = None
    epsilon: Positive | None = None
    zoom: Annotated[float, Field(gt=0, lt=1)] | None = None
