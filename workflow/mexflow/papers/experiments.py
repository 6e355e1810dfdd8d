"""Experiments, as a paper's file says them: one model for each kind of input (:mod:`mexflow.papers.kinds`)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mexflow.papers.efforts import Effort, EpochsEffort, ImagesEffort, MemoryEffort, SpottingEffort
from mexflow.papers.part import Option, Part


class Experiment(Part):
    """What every experiment has.

    `data` names one of the paper's `data`, the first if left out. `training` overrides settings of the paper's
    training, and `demo` is the effort of the budget `demo`, in place of the paper's.
    """

    kind: str
    data: str | None = None
    demo: Effort | None = None

    inputs: ClassVar[int | None] = None

    @property
    def input_channels(self) -> int | None:
        """Channels that the network sees; None where there is no network."""
        return type(self).inputs


class Trained(Experiment):
    """A network of one family, with its options."""

    model: str
    options: dict[str, Option] = {}
    training: dict[str, Any] = {}
    null_control: bool = False


class Recognising(Trained):
    """It predicts the class of clips.

    `null_control` asks for a second experiment on permuted labels, which must not be above chance; `permute_labels`
    makes this one such. `keep_features` stores the test clips' features, for similarities.
    """

    keep_features: bool = False
    permute_labels: bool = False


class FlowExperiment(Recognising):
    """`channels` of the flow of that name (the paper's only one if left out), scaled to `size` pixels where it is
    given.
    """

    kind: Literal["flow"]
    channels: list[str] = Field(min_length=1)
    flow: str | None = None
    size: int | None = Field(None, ge=8)
    levels: str = "none"
    demo: EpochsEffort | None = None

    @property
    def input_channels(self) -> int:
        """Channels that the network sees."""
        return len(self.channels)


class ResidualExperiment(Recognising):
    """The residual images of that name."""

    kind: Literal["residual"]
    residual: str
    demo: ImagesEffort | None = None
    inputs: ClassVar[int] = 3


class FramesExperiment(Recognising):
    """Thirteen aligned frames of the clip, grey, scaled to `size` pixels."""

    kind: Literal["frames"]
    size: int = Field(ge=16, le=112)
    demo: EpochsEffort | None = None
    inputs: ClassVar[int] = 13


class LbpTopExperiment(Experiment):
    """The LBP-TOP features of that name, to which a machine is fitted at once: it has no training and no epochs."""

    kind: Literal["lbp_top"]
    model: str
    options: dict[str, Option] = {}
    lbp_top: str | None = None
    demo: Effort | None = None
    inputs: ClassVar[int] = 0


class VideosExperiment(Trained):
    """The frames of long videos, for spotting; ablations leave out LCN, or weigh nothing in the loss.

    Its null control trains nothing: what was spotted is looked for elsewhere in the video.
    """

    kind: Literal["videos"]
    lcn: bool = True
    weighted: bool = True
    demo: SpottingEffort | None = None
    inputs: ClassVar[int] = 1


class SequencesExperiment(Trained):
    """Consecutive frames of clips and the motion of that name between them, for spotting and recognition at once."""

    kind: Literal["sequences"]
    motion: str | None = None
    permute_labels: bool = False
    demo: MemoryEffort | None = None
    inputs: ClassVar[int] = 3


class DifferenceExperiment(Experiment):
    """Spotting by feature difference, for which nothing is trained.

    `k` is half the length of an expression, frames (null: its mean's in the index). The first and last k frames `hold`
    the value next to them, or the distance is `clip`\\ ped to the frames there are. `method`, its `flow_options` and
    `reference` are those of the flow that HOOF is made from, of so many `bins`.
    """

    kind: Literal["difference"]
    features: Literal["lbp", "hoof"]
    k: int | None = Field(None, ge=1)
    blocks: int = Field(6, ge=1)
    edges: Literal["hold", "clip"] = "hold"
    bins: int = Field(8, ge=2)
    method: str = "farneback"
    flow_options: dict[str, Option] = {}
    reference: Literal["previous", "first"] = "previous"
    demo: Effort | None = None


AnyExperiment = Annotated[
    FlowExperiment
    | ResidualExperiment
    | FramesExperiment
    | LbpTopExperiment
    | VideosExperiment
    | SequencesExperiment
    | DifferenceExperiment,
    Field(discriminator="kind"),
]
