"""The card of a network for use: what it is, what it was trained on, how well it does on people it has not seen."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

import mexflow
from mexflow.analysis import honesty
from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError
from mexflow.evaluation import spotted
from mexflow.evaluation.folds import ALL
from mexflow.evaluation.frame_skips import TYPES
from mexflow.papers.kinds import KINDS
from mexflow.papers.metrics import METRICS
from mexflow.papers.paper import Paper
from mexflow.papers.part import Part
from mexflow.papers.recipe import AnyRecipe, Recipe, VideosRecipe
from mexflow.papers.reporting_recipe import CardRecipe, Faces, Lcn
from mexflow.preprocess.boxes import box_matrix
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results
from mexflow.store.records import load
from mexflow.tables.cells import Cell
from mexflow.tables.source import Source

FORMAT = 1
"""Of a card, and of the file that it is packed into."""

MODEL, CARD, SCORES = "model.pt", "card.json", "scores.parquet"

PARTLY_SYNTHETIC = "Trained on faces of which some are synthetic: for trying the software, not for judging people."


_MADE_WITH = {"flow": "flow", "residual": "residual", "videos": "lcn", "sequences": "motion"}
"""By kind of input what of `preprocess` it is made with."""


class FlowMade(Part):
    """Optical flow: its method, the side that faces are scaled to before, pixels, and the method's options."""

    method: str
    size: int
    options: dict[str, int | float | str | bool]


class MotionMade(Part):
    """Optical flow from each aligned face to the next: its method and options."""

    method: str
    options: dict[str, int | float | str | bool]


class ResidualMade(Part):
    """Residual images: the text of their :class:`mexflow.preprocess.residual.Kind`, and the margin of the box of the
    face, a share of its width and height at each side.
    """

    image: str
    margin: float


class Preprocess(Part):
    """Everything that the input is made with, from raw frames on; null where it has no part in it."""

    faces: Faces
    lcn: Lcn | None = None
    flow: FlowMade | None = None
    motion: MotionMade | None = None
    residual: ResidualMade | None = None


class Spotting(Part):
    """How a network that spots is used.

    Scores are smoothed by a low-pass of this `order`, with Wn = 1/k of the type; runs of fewer than `least` frames are
    dropped. `variant` names its frame `skips`, of micro- and macro-expressions. `thresholds` are of smoothed scores,
    null where none could be chosen, so that nothing is spotted. Frames are those of its data's rate.
    """

    order: int = Field(ge=1)
    least: int = Field(ge=1)
    k: dict[str, int]
    variant: str
    skips: tuple[int, int]
    thresholds: dict[str, float | None]


class HeldOut(Part):
    """A cell of the paper's tables about the experiment: measured on people whom the networks had not seen."""

    cell: str
    metric: str
    measured: float | None
    ci_low: float | None
    ci_high: float | None
    n: int | None
    note: str


class Card(Part):
    """A network for use.

    Attributes:
        format: of this document.
        citation: of the paper.
        kind: of its input, see :mod:`mexflow.papers.kinds`.
        synthetic: whether any of its data is.
        data: ``embedded``, or a text that names the licensed copies.
        release: which release of its datasets, and the sha256 of their index.
        licence: what binds whoever has it.
        recipe: as it was trained; of spotting with the frame skips that were used.
        classes: of recognition, in the order of its outputs; null where it recognises nothing.
        types: of expressions that it spots, in the order of its outputs; null where it spots nothing.
        fps: of the expressions it was trained on, frames per second: every rate that occurs, ascending.
        subjects: all, those that validated too; `validation_subjects` are these.
        held_out: of the paper's tables, of networks that had not seen the tested subjects.
        limits: what it is not, a sentence each.
        digests: sha256 of the files that the card describes.
        mexflow: the version that trained it; `torch` likewise.
    """

    format: Literal[1]
    paper: str
    experiment: str
    citation: str
    kind: str
    synthetic: bool
    data: str
    release: str
    licence: str
    budget: str
    reading: str
    recipe: AnyRecipe
    classes: list[str] | None
    types: list[str] | None
    fps: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(min_length=1)
    preprocess: Preprocess
    subjects: list[str]
    validation_subjects: list[str]
    spotting: Spotting | None
    held_out: list[HeldOut]
    limits: list[str]
    digests: dict[str, str]
    mexflow: str
    torch: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        made = _MADE_WITH.get(self.kind)
        if made and getattr(self.preprocess, made) is None and getattr(self.recipe, "sigma", True) is not None:
            raise ValueError(f"preprocess.{made}: missing, which the input of {self.kind} is made with")
        if self.classes is not None and self.classes != self.recipe.classes:
            raise ValueError(f"classes: {', '.join(self.classes)}, and other ones in its recipe")
        return self


def make(paper: Paper, experiment: str, recipe: CardRecipe, results: Path, record: Path, inputs: Inputs) -> Card:
    """The card of a network that was trained on all subjects.

    Args:
        paper: its paper, as it was read.
        experiment: its experiment.
        recipe: what the card depends on besides.
        results: the folder of the results: index, model and tables are read.
        record: of its training.
        inputs: reads them, but for the record.

    Raises:
        UserError: if a file cannot be read, or the record is of no such training.
    """
    places = Results(results)
    folder = places.model(paper.paper, experiment)
    trained = load(record)  # not an input: it tells times as well, and would be other bytes in every run
    try:
        fold, version = trained["folds"][ALL], trained["versions"]["torch"]
        used = _trained(trained)
    except (KeyError, TypeError):
        raise UserError(f"{record}: no record of a training on all subjects; delete it and run again") from None
    inputs.bytes(folder / MODEL)
    index = places.index(used.index)
    rows = inputs.table(index).to_pylist()
    validating = list(fold.get("validation_subjects", ()))
    subjects = sorted({*fold["training_subjects"], *validating})
    fps = sorted({row["fps"] for row in rows if row["subject"] in subjects and row["excluded"] is None})
    spotting = None
    if isinstance(used, VideosRecipe):
        spotting = _spotting(paper, used, rows, inputs.table(folder / SCORES))
    tables = inputs.table(results / "tables" / f"{paper.paper}.parquet").to_pylist() if recipe.tables else []
    held_out = _held_out(paper, experiment, spotting.variant if spotting else None, tables)
    kind = KINDS[used.kind]
    source = Source(recipe.data, recipe.budget, recipe.reading)
    card = Card(
        format=FORMAT,
        paper=paper.paper,
        experiment=experiment,
        citation=paper.citation.strip(),
        kind=used.kind,
        synthetic=source.embedded,
        data=recipe.data,
        release=f"{recipe.release}; index sha256 {inputs.digests[index.as_posix()].sha256}",
        licence=_licence(source, trained.get("weights", {})),
        budget=recipe.budget,
        reading=recipe.reading,
        recipe=used,
        classes=list(used.classes) if kind.recognises else None,
        types=list(TYPES) if kind.every_video else None,
        fps=fps,
        preprocess=_preprocess(recipe),
        subjects=subjects,
        validation_subjects=validating,
        spotting=spotting,
        held_out=held_out,
        limits=[],
        digests={MODEL: inputs.digests[(folder / MODEL).as_posix()].sha256},
        mexflow=mexflow.__version__,
        torch=version,
    )
    return card.model_copy(update={"limits": _limits(card, recipe.preprocess.faces.openface)})


def _trained(record: Mapping[str, Any]) -> Recipe:
    """The recipe of a training, with the frame skips that were used."""
    used = KINDS[record["recipe"]["kind"]].recipe.model_validate(record["recipe"])
    if isinstance(used, VideosRecipe):
        skips = {name: record[name] for name in ("train_skips", "test_skips")}
        used = VideosRecipe.model_validate({**used.model_dump(), **skips})
    return used


def variant_of(recipe: VideosRecipe) -> str:
    """The frame skips that a network is used with: half the length of an expression, where the paper says which are.

    Else the first that it was tested with. (Decided: others, as the manual ones of elface2021, were chosen by hand.)
    """
    return recipe.k if recipe.k is not None else next(iter(recipe.test_skips))


def _spotting(paper: Paper, recipe: VideosRecipe, rows: Sequence[Mapping[str, Any]], scores: pa.Table) -> Spotting:
    variant, settings = variant_of(recipe), paper.intervals
    k = {kind: half_length(rows, kind).k for kind in TYPES}
    videos = spotted.scored(scores, k, settings.order)
    thresholds = {}
    for kind in TYPES:
        # Nobody is tested: the threshold is chosen on all videos there are.
        found = spotted.spot(videos.get((variant, kind), []), {}, variant, kind, settings.least, settings.iou)
        thresholds[kind] = found.threshold if found.threshold < float("inf") else None
    return Spotting(
        order=settings.order,
        least=settings.least,
        k=k,
        variant=variant,
        skips=recipe.test_skips[variant],
        thresholds=thresholds,
    )


def _held_out(paper: Paper, experiment: str, variant: str | None, cells: Iterable[Mapping[str, Any]]) -> list[HeldOut]:
    """The cells of the paper's tables that are measured of this experiment's folds, in the order of the tables."""
    starts = set()
    for name, table in paper.tables.items():
        for row in table.rows:
            for column, own in zip(table.columns, row.experiments, strict=False):
                metric = column.metric or row.metric
                said = METRICS.declared(metric)
                # How alike features are says nothing of how often it is right.
                scores = said.of_folds and "features" not in said.needs
                if own == experiment and scores and row.variant in (None, variant):
                    cell = Cell(paper.paper, name, row.name, column.name, metric).name
                    starts.add(cell.rpartition("/")[0])  # what is measured beside it has another metric
    names = list(HeldOut.model_fields)
    return [
        HeldOut(**{name: cell[name] for name in names}) for cell in cells if cell["cell"].rpartition("/")[0] in starts
    ]


def _preprocess(recipe: CardRecipe) -> Preprocess:
    made = recipe.preprocess
    residual = None
    if made.residual is not None:
        residual = ResidualMade(
            image=f"{made.residual.image},{made.residual.key_frames},{made.residual.gap}",
            margin=inspect.signature(box_matrix).parameters["margin"].default,
        )
    return Preprocess(
        faces=made.faces,
        lcn=made.lcn,
        flow=made.flow and FlowMade(method=made.flow.method, size=made.flow.size, options=made.flow.options),
        motion=made.motion and MotionMade(method=made.motion.method, options=made.motion.options),
        residual=residual,
    )


def _licence(source: Source, weights: Mapping[str, Mapping[str, str]]) -> str:
    texts = []
    if source.embedded:
        texts.append("Synthetic faces, made of two photographs in the public domain.")
    if source.data != "embedded":
        texts.append("The agreements with the owners of the datasets say whether this network may be passed on.")
    texts += [
        f"Its part {part} started from the weights {start['weights']} ({start['file']}, sha256 {start['sha256']}), "
        "whose licence holds too."
        for part, start in weights.items()
    ]
    return " ".join(texts)


def _limits(card: Card, openface: bool) -> list[str]:
    """What a network is not, a sentence each."""
    rates = " and ".join(f"{rate:g}" for rate in card.fps)
    synthetic = f"{honesty.FOR_TRYING.capitalize()}." if card.data == "embedded" else PARTLY_SYNTHETIC
    limits = [synthetic] if card.synthetic else []
    if card.budget != "paper":
        limits.append(f"Trained with the budget {card.budget}, not as the paper prints it.")
    if card.reading == "literal":
        limits.append("Trained as the paper prints it, word for word, also where that does not work.")
    limits.append(f"Trained on video of {rates} frames per second; of others it has seen none.")
    if card.classes is not None:
        limits.append(f"It knows {', '.join(card.classes)}, and gives every expression one of these.")
    if card.types is not None:
        limits.append(
            f"It looks for expressions of the type {' or '.join(card.types)}, and tells nothing else of them."
        )
    if card.kind == "sequences":
        limits.append("It is not made for videos of one's own: it reads the whole clip of an expression, cut by hand.")
    if openface:
        limits.append("Its faces were found by OpenFace; faces found otherwise lie a little differently.")
    if card.spotting is not None:
        limits += [
            f"No threshold could be chosen for the type {kind}: it spots none."
            for kind, threshold in card.spotting.thresholds.items()
            if threshold is None
        ]
    if not any(cell.measured is not None for cell in card.held_out):
        limits.append("How well it does on people it has not seen was not measured.")
    else:
        limits.append(
            "Its held-out scores are of networks trained in the same way on some of the subjects; it has seen them all."
        )
    return [*limits, honesty.NO_CLAIM]
