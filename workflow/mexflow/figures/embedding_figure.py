"""Figures of t-SNE: the images of several kinds, each clip a point in its class's colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mexflow.errors import choose
from mexflow.evaluation.uncertainty import seed_of
from mexflow.figures.drawing import ALARM, canvas
from mexflow.figures.material import Drawn, Material, subjects
from mexflow.papers.figure_kinds import Embedding
from mexflow.store.artifacts import Inputs

SIDE = 64
"""Images are scaled to this height and width, pixels (decided)."""

COMPONENTS = 50
"""Principal components that t-SNE is given (decided; t-SNE's authors do so)."""

PERPLEXITY = 30.0
"""The perplexity where the paper's file gives none."""

_FEWEST = 4
_COLOURS = ("#1f5fa8", "#c2611f", "#2c7d4f", "#8a3fa0", "#7a6a00")
_MARKS = ("o", "s", "^", "D", "v")


@dataclass(frozen=True)
class Embedded:
    """The clips of one kind of image in the plane: `points` float (n, 2), none for too few clips; `labels` int64 (n,).

    `left_out` counts clips of these classes without an image; `perplexity` is the one used, `wanted` the one asked for.
    """

    kind: str
    points: np.ndarray
    labels: np.ndarray
    left_out: int
    perplexity: float
    wanted: float
    silhouette: float | None = None

    @property
    def remarks(self) -> list[str]:
        """How many clips there are, how many are not, and the perplexity."""
        count = len(self.labels)
        remarks = [f"{count} clips, {self.left_out} left out"]
        if not len(self.points):
            return remarks
        lowered = f" ({self.wanted:g} is too much for {count} clips)" if self.perplexity < self.wanted else ""
        return [*remarks, f"perplexity {self.perplexity:.3g}{lowered}"]


def draw(figure: Embedding, material: Material) -> Drawn:
    """A panel for each kind of residual images.

    Raises:
        UserError: as :func:`embed`, and if the data has no clip of the `part` that is to be shown.
    """
    data, rows = material.paper.data[figure.data], material.rows(figure.data)
    if figure.part is not None:
        choose(f"dataset of {figure.data}", figure.part, sorted({row["dataset"] for row in rows}))
        rows = [row for row in rows if row["dataset"] == figure.part]
    usable = [row for row in rows if row[data.label] in figure.classes and row["excluded"] is None]
    shown = subjects(usable)
    embedded = []
    for kind in figure.residuals:
        paths = [material.array(material.shown.residuals[kind], *subject) for subject in shown]
        seed = seed_of(material.recipe.seed, material.paper.paper, material.name, kind)
        embedded.append(embed(kind, rows, data.label, figure.classes, paths, figure.settings, seed, material.inputs))
    remarks = dict.fromkeys(remark for panel in embedded for remark in panel.remarks)
    alike = len(remarks) == len(embedded[0].remarks)
    notes = remarks if alike else [f"{panel.kind}: {remark}" for panel in embedded for remark in panel.remarks]
    foot = material.foot(*notes)
    drawn = embedding(embedded, figure.classes, material.title(figure), foot, material.alarm, material.mark)
    return Drawn(drawn, foot, ", ".join(f"{panel.kind} {len(panel.points)} clips" for panel in embedded))


def embed(
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    label: str,
    classes: Sequence[str],
    arrays: Sequence[Path],
    settings: Mapping[str, Any],
    seed: int,
    inputs: Inputs,
) -> Embedded:
    """Lay the residual images of the clips of some classes out in the plane.

    Args:
        rows: rows of the index.
        arrays: uint8 (m, h, w, 3), each with its table beside it.
        settings: of scikit-learn's ``TSNE``; a perplexity that is too large for the clips there are is lowered.
        seed: of t-SNE; it takes the lowest 32 bits.

    Returns:
        Points with the mean silhouette of the classes in the plane, None where it is not defined; no points for fewer
        than four clips.

    Raises:
        UserError: if a file cannot be read, or a table does not fit its array.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_score

    from mexflow.training.recognition.loaders import load_residual

    wanted = [dict(row) for row in rows if row[label] in classes]
    usable = [row for row in wanted if row["excluded"] is None]
    samples, _ = load_residual(inputs, arrays, usable, label, classes, SIDE)
    count, asked = len(samples), float(settings.get("perplexity", PERPLEXITY))
    left_out = len(wanted) - count
    if count < _FEWEST:
        return Embedded(kind, np.zeros((0, 2)), samples.labels, left_out, 0, asked)
    values = samples.images.reshape(count, -1).astype(np.float64) / 255
    values = PCA(min(COMPONENTS, count - 1), svd_solver="full").fit_transform(values)
    # A point has n - 1 neighbours; the original program refuses a perplexity above a third of that, as such a
    # neighbourhood is no longer local.
    perplexity = min(asked, (count - 1) / 3)
    # Exact: the same bits on every run, and quick enough for some hundred clips.
    fixed = {"perplexity": perplexity, "method": "exact", "init": "pca", "random_state": seed % 2**32, "n_jobs": 1}
    points = TSNE(2, **{**settings, **fixed}).fit_transform(values)
    known = len(set(samples.labels.tolist()))
    silhouette = float(silhouette_score(points, samples.labels)) if 1 < known < count else None
    return Embedded(kind, points, samples.labels, left_out, perplexity, asked, silhouette)


def embedding(
    panels: Sequence[Embedded], classes: Sequence[str], title: str, foot: str, alarm: bool, mark: str
) -> Figure:
    """One panel a kind of image; `mark` is set behind every measured number."""
    figure = canvas(2.6, title, foot, alarm)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        axis.set(xticks=[], yticks=[])
        axis.set_box_aspect(1)
        silhouette = "no silhouette" if panel.silhouette is None else f"silhouette {panel.silhouette:.2f}{mark}"
        axis.set_title(f"{panel.kind}: {silhouette}")
        if not len(panel.points):
            axis.text(0.5, 0.5, "too few clips", transform=axis.transAxes, ha="center", va="center", color=ALARM)
            continue
        for number, name in enumerate(classes):
            points = panel.points[panel.labels == number]
            style = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKS[number % len(_MARKS)]}
            label = f"{name} ({len(points)})"
            axis.scatter(points[:, 0], points[:, 1], s=13, linewidths=0, alpha=0.85, label=label, **style)
        axis.legend(
            fontsize=5.5, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncol=2, handletextpad=0.1
        )
    return figure
