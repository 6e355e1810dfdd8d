"""The recipe of a paper's figures: everything that they depend on beside the paper's file, as one document.

The plan writes it, ``mexflow figures`` reads it. Paths are below the folder of results. Imports nothing heavy.
"""

from __future__ import annotations

from mexflow.papers import interval_methods, metrics
from mexflow.papers.decisions import Reading
from mexflow.papers.document import Document
from mexflow.papers.interval_methods import DEFAULT, IntervalMethod
from mexflow.papers.operations import Operation, name_of
from mexflow.papers.part import Part
from mexflow.papers.parts import Budget

_KINDS = "mexflow.papers.figure_kinds"
_AUGMENTATION = "mexflow.training.augmentation"
_FOLDS = "mexflow.evaluation.folds"


class FlowFolder(Part):
    """Flow of one name: its `folder`, which holds ``<dataset>/<subject>.npy``, and what of it is shown.

    `pair` is the pair of frames, `size` the height and width of a field in pixels.
    """

    folder: str
    pair: str
    size: int


class Shown(Part):
    """What one figure is drawn from beside the folds of its experiments; a figure has only what its kind needs.

    Attributes:
        kind: of the figure.
        flow: the flow.
        faces: the folder of aligned faces, ``<dataset>/<subject>.npy``.
        residuals: the folder of each kind of residual images, likewise.
        subject: dataset and subject of the one face that is shown.
        augment: the operations that change that face.
        sigma: of LCN's Gaussian, pixels.
    """

    kind: str
    flow: FlowFolder | None = None
    faces: str | None = None
    residuals: dict[str, str] = {}
    subject: tuple[str, str] | None = None
    augment: list[Operation] = []
    sigma: float | None = None


class FigureRecipe(Document):
    """The recipe of all figures of a paper.

    Attributes:
        budget: as the networks were trained.
        reading: how the paper is read: with its file's decisions, or literally.
        data: ``embedded``, or a text that names the licensed copies.
        seed: base seed.
        intervals: the method of intervals over subjects.
        indexes: the index of each of the paper's data that a figure, or an experiment that is shown, is of.
        folds: the folds expected of each experiment that is shown; what lacks one is INCOMPLETE.
        metrics: the scores that are shown.
        protocols: how their folds are made.
        total_folds: folds of the whole protocol on the data of these experiments.
        figures: what each figure is drawn from, by its name.
    """

    budget: Budget
    reading: Reading = "decided"
    data: str
    seed: int
    intervals: IntervalMethod = DEFAULT
    indexes: dict[str, str] = {}
    folds: dict[str, list[str]] = {}
    protocols: list[str] = []
    metrics: list[str] = []
    total_folds: dict[str, int] = {}
    figures: dict[str, Shown] = {}

    def picks(self) -> list[str]:
        """What the figures pick by name, as code digests name it: modules, and ``module:entry``."""
        kinds = {shown.kind for shown in self.figures.values()}
        operations = {name_of(operation) for shown in self.figures.values() for operation in shown.augment}
        return sorted(
            [
                *(f"mexflow.figures.{kind}_figure" for kind in kinds),
                *(f"{_KINDS}:{kind}" for kind in kinds),
                *(f"{_AUGMENTATION}:{name}" for name in operations),
                *(f"{_FOLDS}:{protocol}" for protocol in self.protocols),
                *metrics.entries(self.metrics),
                *([interval_methods.identity(self.intervals)] if self.metrics else []),
            ]
        )
