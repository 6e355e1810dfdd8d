"""The settings of each optimiser and schedule, as a paper's file may give them; :mod:`mexflow.training.loop` has the
optimisers and schedules. What is not given is the library's default."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mexflow.papers.part import Part
from mexflow.registries import Registry

OPTIMIZERS: Registry[type[Part]] = Registry("optimizer", __name__)
SCHEDULES: Registry[type[Part]] = Registry("schedule", __name__)

_Decay = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Small = Annotated[float, Field(gt=0)]


@OPTIMIZERS.entry("adam")
class Adam(Part):
    """`betas` are the decays of the means of gradients and of their squares."""

    betas: tuple[_Share, _Share] | None = None
    eps: _Small | None = None
    weight_decay: _Decay | None = None


@OPTIMIZERS.entry("adamp")
class AdamP(Part):
    """Adam with the projection of Heo et al."""

    betas: tuple[_Share, _Share] | None = None
    eps: _Small | None = None
    weight_decay: _Decay | None = None


@OPTIMIZERS.entry("rmsprop")
class RmsProp(Part):
    """`alpha` is the decay of the mean of squared gradients."""

    alpha: _Share | None = None
    eps: _Small | None = None
    weight_decay: _Decay | None = None
    momentum: _Share | None = None


@OPTIMIZERS.entry("sgd")
class Sgd(Part):
    """Stochastic gradient descent."""

    momentum: _Share | None = None
    weight_decay: _Decay | None = None
    nesterov: bool | None = None


@SCHEDULES.entry("constant")
class Constant(Part):
    """The printed rate in every epoch."""


@SCHEDULES.entry("cosine")
class Cosine(Part):
    """From the rate to `eta_min` over all epochs, along a half cosine."""

    eta_min: Annotated[float, Field(ge=0)] | None = None


@SCHEDULES.entry("plateau")
class Plateau(Part):
    """The rate times `factor` after `patience` epochs without a better validation loss."""

    factor: Annotated[float, Field(gt=0, lt=1)] | None = None
    patience: Annotated[int, Field(ge=0, strict=True)] | None = None
