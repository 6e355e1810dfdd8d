"""Experiments, as a paper's file says them: one model for each kind of input (:mod:`mexflow.papers.kinds`)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from mexflow.errors import nearest
from mexflow.papers.efforts import Effort, EpochsEffort, ImagesEffort, MemoryEffort, SpottingEffort
from mexflow.papers.part import Option, Part
from mexflow.papers.pretrained import PRETRAINED


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


class StartingWeights(Part):
    """The weights that a part of a network starts from, where the configuration gives their file.

    `file` is their name there, and `training` changes settings of the training then.
    """

    file: str
    training: dict[str, Any] = {}

    @field_validator("file")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in PRETRAINED:
            raise ValueError(f"unknown weights {value!r}{nearest(value, PRETRAINED)}; one of: {', '.join(PRETRAINED)}")
        return value


class Trained(Experiment):
    """A network of one family, with its options.

    `weights` says of a part of the network which weights it can start from; without their file it is trained from
    scratch. Weights of which only the name is to be said may be written as their name.

    `learning` is the effort of the budget ``learning``, in place of that of ``demo``: the paper's proposed method has
    one, enough to learn on the embedded data (:meth:`mexflow.papers.paper.Paper.learning`).
    """

    model: str
    options: dict[str, Option] = {}
    weights: dict[str, StartingWeights] = {}
    training: dict[str, Any] = {}
    null_control: bool = False
    learning: Effort | None = None

    @field_validator("weights", mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {part: {"file": value} if isinstance(value, str) else value for part, value in values.items()}


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
    learning: EpochsEffort | None = None

    @property
    def input_channels(self) -> int:
        """Channels that the network sees."""
        return len(self.channels)


class ResidualExperiment(Recognising):
    """The residual images of that name."""

    kind: Literal["residual"]
    residual: str
    demo: ImagesEffort | None = None
    learning: ImagesEffort | None = None
    inputs: ClassVar[int] = 3


class FramesExperiment(Recognising):
    """Thirteen aligned frames of the clip, grey, scaled to `size` pixels."""

    kind: Literal["frames"]
    size: int = Field(ge=16, le=112)
    demo: EpochsEffort | None = None
    learning: EpochsEffort | None = None
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
    learning: SpottingEffort | None = None
    inputs: ClassVar[int] = 1


class SequencesExperiment(Trained):
    """Consecutive frames of clips and the motion of that name between them, for spotting and recognition at once."""

    kind: Literal["sequences"]
    motion: str | None = None
    permute_labels: bool = False
    demo: MemoryEffort | None = None
    learning: MemoryEffort | None = None
    inputs: ClassVar[int] = 3


class DifferenceExperiment(Experiment):
    """Spotting by feature difference, for which nothing is trained.

    `features` are ``lbp`` or ``hoof``; ``position`` is a control, a score that knows a frame's place in its clip alone.
    `k` is half the length of an expression, frames (null: its mean's in the index). The first and last k frames `hold`
    the value next to them, or the distance is `clip`\\ ped to the frames there are. `method`, its `flow_options` and
    `reference` are those of the flow that HOOF is made from, of so many `bins`.
    """

    kind: Literal["difference"]
    features: Literal["lbp", "hoof", "position"]
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
