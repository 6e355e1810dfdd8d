"""The kinds of figures that a paper's file may ask for: one class a kind, with just the keys that the kind reads.

A kind ``x`` is drawn by the module ``mexflow.figures.x_figure``; which arrays it is drawn from, beside the folds of its
experiments, says :mod:`mexflow.plan.paper_figures`. Imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Union

from pydantic import Field, model_validator

from mexflow.errors import nearest
from mexflow.papers.metrics import ScoreName
from mexflow.papers.part import Part
from mexflow.papers.parts import TsneSetting
from mexflow.registries import Registry

if TYPE_CHECKING:
    from mexflow.papers.paper import Paper

Matrix = Annotated[list[list[float]], Field(min_length=1)]
"""A printed confusion matrix: a row a true class, per cent."""


class Figure(Part):
    """What figures of every kind have.

    Attributes:
        title: of the figure, without its number.
        kind: how it is drawn.
        of_flow: whether it shows the paper's flow.
    """

    title: str
    kind: str
    of_flow: ClassVar[bool] = False

    @property
    def experiments(self) -> list[str]:
        """The experiments whose folds it shows."""
        return []

    @property
    def shown_data(self) -> str | None:
        """The name of the paper's data whose clips it shows, where it names one."""
        return None

    @property
    def shown_part(self) -> str | None:
        """The member dataset of that data that it is restricted to, if any."""
        return None

    @property
    def residual_kinds(self) -> list[str]:
        """The kinds of residual images that it shows."""
        return []

    def indexed_data(self, paper: Paper) -> str | None:
        """The name of the paper's data whose index it looks clips up in, if any."""
        return next(iter(paper.data)) if self.of_flow else self.shown_data

    def check(self, paper: Paper) -> None:
        """Hold it against the paper.

        Raises:
            ValueError: if the paper lacks what it shows.
        """
        for experiment in self.experiments:
            if experiment not in paper.experiments:
                raise ValueError(f"no experiment {experiment!r}{nearest(experiment, paper.experiments)}")
        if self.shown_data is not None and self.shown_data not in paper.data:
            raise ValueError(f"no data {self.shown_data!r}{nearest(self.shown_data, paper.data)}")
        if self.of_flow and not paper.preprocessing.flow:
            raise ValueError("a figure of flow, and the paper has none")


KINDS: Registry[type[Figure]] = Registry("kind of figure", __name__)


@KINDS.entry("flow_sample")
class FlowSample(Figure):
    """The flow of the clip of the strongest local motion: vectors on its first face, Vx, Vy and magnitude."""

    kind: Literal["flow_sample"]
    of_flow: ClassVar[bool] = True


@KINDS.entry("mean_flow")
class MeanFlow(Figure):
    """The mean flow of each class of the paper's first data."""

    kind: Literal["mean_flow"]
    of_flow: ClassVar[bool] = True


@KINDS.entry("confusion")
class Confusion(Figure):
    """Confusion matrices: the measured one of an `experiment`, beside what is `published`; or several `panels`.

    A panel is an experiment, or its clips of one member dataset (`part`) of its composite. `note` stands at the foot.
    """

    class Panel(Part):
        title: str
        experiment: str
        part: str | None = None

    kind: Literal["confusion"]
    experiment: str | None = None
    published: Matrix | None = None
    panels: Annotated[list[Panel], Field(min_length=1)] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Confusion:
        if (self.experiment is None) == (self.panels is None):
            raise ValueError("a figure of kind confusion needs either experiment or panels")
        if self.panels and self.published:
            raise ValueError("published stands beside one experiment, and here are panels")
        return self

    @property
    def experiments(self) -> list[str]:
        return [self.experiment] if self.experiment else [panel.experiment for panel in self.panels or ()]

    def check(self, paper: Paper) -> None:
        super().check(paper)
        if self.published is not None and self.experiment is not None:
            _require_square(self.published, paper.data_of(self.experiment).classes)


@KINDS.entry("published_confusion")
class PublishedConfusion(Figure):
    """A confusion matrix that the paper prints and that is not ours to measure, of the classes of its first data."""

    kind: Literal["published_confusion"]
    published: Matrix

    def check(self, paper: Paper) -> None:
        super().check(paper)
        _require_square(self.published, next(iter(paper.data.values())).classes)


@KINDS.entry("sweep")
class Sweep(Figure):
    """The `metrics` of experiments over a setting: `points` names the experiment of each value, `axis` the setting."""

    kind: Literal["sweep"]
    axis: str = Field(min_length=1)
    points: dict[float, str] = Field(min_length=1)
    metrics: list[ScoreName] = Field(min_length=1)

    @property
    def experiments(self) -> list[str]:
        return list(self.points.values())


@KINDS.entry("embedding")
class Embedding(Figure):
    """t-SNE of the images of each kind of `residuals`, of the clips of `data` in these `classes`.

    `data` is the name of one of the paper's, `part` the one member dataset of its composite that is shown (none: all);
    `settings` are t-SNE's.
    """

    kind: Literal["embedding"]
    data: str
    part: str | None = None
    classes: list[str] = Field(min_length=1)
    residuals: list[str] = Field(min_length=1)
    settings: dict[TsneSetting, Annotated[int | float, Field(gt=0)]] = {}

    @property
    def shown_data(self) -> str:
        return self.data

    @property
    def shown_part(self) -> str | None:
        return self.part

    @property
    def residual_kinds(self) -> list[str]:
        return self.residuals

    def check(self, paper: Paper) -> None:
        super().check(paper)
        known = paper.data[self.data].classes
        if unknown := [name for name in self.classes if name not in known]:
            raise ValueError(f"{unknown[0]!r} is no class of {self.data}{nearest(unknown[0], known)}")
        made = paper.preprocessing.residual
        for name in self.residuals:
            if name not in made:
                raise ValueError(
                    f"no residual images {name!r}{nearest(name, made)}; there are: {', '.join(made) or 'none'}"
                )


@KINDS.entry("scores")
class Scores(Figure):
    """The scores of a test video of a spotting `experiment`, tested in `variant` (the first if left out)."""

    kind: Literal["scores"]
    experiment: str
    variant: str | None = None

    @property
    def experiments(self) -> list[str]:
        return [self.experiment]

    def indexed_data(self, paper: Paper) -> str:
        return paper.data_name(self.experiment)

    def check(self, paper: Paper) -> None:
        super().check(paper)
        known = paper.variants(self.experiment)
        if known and self.variant is not None and self.variant not in known:
            hint = nearest(self.variant, known)
            raise ValueError(f"no variant {self.variant!r} of testing {self.experiment}{hint}")


@KINDS.entry("states")
class States(Figure):
    """The intensity and the state of each frame, in sample clips of an `experiment`."""

    kind: Literal["states"]
    experiment: str

    @property
    def experiments(self) -> list[str]:
        return [self.experiment]

    def indexed_data(self, paper: Paper) -> str:
        return paper.data_name(self.experiment)


@KINDS.entry("aligned")
class Aligned(Figure):
    """An aligned face of `data`, and the same face as training changes it, each above its LCN."""

    kind: Literal["aligned"]
    data: str

    @property
    def shown_data(self) -> str:
        return self.data


def _require_square(matrix: list[list[float]], classes: list[str]) -> None:
    if {len(matrix), *map(len, matrix)} != {len(classes)}:
        raise ValueError(f"published: a matrix of {len(classes)} times {len(classes)} numbers is expected")


AnyFigure = Annotated[
    Union[tuple(KINDS.entries())],  # noqa: UP007
    Field(discriminator="kind"),
]
"""A figure of whichever kind its `kind` says."""
