"""Aligned and augmented faces above what LCN makes of them (elface2021, figure 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from mexflow.evaluation.uncertainty import seed_of
from mexflow.figures.drawing import ALARM, canvas
from mexflow.figures.material import Drawn, Material
from mexflow.figures.tiles import LCN_LIMIT
from mexflow.papers.figure_kinds import Aligned
from mexflow.papers.operations import Operation
from mexflow.preprocess.aligned import AlignedFaces, video_key
from mexflow.preprocess.lcn import grey, lcn
from mexflow.store.artifacts import Inputs
from mexflow.training.augmentation import Augmentation

DRAWS = 6
"""How many augmented faces stand beside the aligned one."""

_UNITS = {"rotation": "°", "shift": " px"}


@dataclass(frozen=True)
class Faces:
    """One face as it is aligned, then as training draws it.

    Attributes:
        names: (n,), what was done, one line an operation.
        faces: float32 (n, h, w), grey in [0, 1].
        lcn: float32 (n, h, w), their LCN.
    """

    names: list[str]
    faces: np.ndarray
    lcn: np.ndarray


def draw(figure: Aligned, material: Material) -> Drawn:
    """The apex of the first usable expression of the subject that the recipe names.

    Raises:
        UserError: if a file cannot be read.
    """
    shown = material.shown
    assert shown.sigma is not None
    face, summary = None, "no face"
    if shown.subject and shown.faces:
        path = material.array(shown.faces, *shown.subject)
        face, summary = _first_apex(material.rows(figure.data), shown.subject, path, material.inputs)
    faces = None
    if face is not None:
        seed = seed_of(material.recipe.seed, material.paper.paper, material.name)
        faces = augmented(face, shown.augment, shown.sigma, seed)
    foot = material.foot(summary, f"LCN with sigma {shown.sigma:g} px")
    return Drawn(aligned_row(faces, material.title(figure), foot, material.alarm), foot, summary)


def _first_apex(
    rows: Sequence[Mapping[str, Any]], subject: tuple[str, str], path: Path, inputs: Inputs
) -> tuple[np.ndarray | None, str]:
    """The face of the first clip's apex, uint8 (h, w, c), and what it is in words; None where it was not seen there."""
    usable = [row for row in rows if video_key(row)[:2] == subject and row["excluded"] is None]
    if not usable:
        return None, "no face"
    clip = min(usable, key=lambda row: row["clip"])
    aligned = AlignedFaces(inputs, path)
    if clip["apex"] is None or aligned.video(clip["video"]).why_not((clip["apex"],)) is not None:
        return None, "no face"
    return aligned[clip["video"], clip["apex"]], f"{clip['dataset']} {clip['clip']}, frame {clip['apex']}"


def augmented(face: np.ndarray, operations: Sequence[Operation], sigma: float, seed: int, draws: int = DRAWS) -> Faces:
    """An aligned face, and so many random changes of it as training makes them, each with its LCN.

    Args:
        face: uint8 (h, w, c), c = 1 (grey) or 3 (RGB).
        operations: as for :meth:`mexflow.training.augmentation.Augmentation.of`.
        sigma: of LCN's Gaussian, pixels.
        seed: of the draws.
        draws: their number.

    Raises:
        UserError: if the name of an operation is none.
    """
    augmentation = Augmentation.of(operations)
    drawn = augmentation.draw(draws, torch.Generator().manual_seed(seed % 2**63))
    original = grey(face[None])
    changed = augmentation.apply(torch.from_numpy(original).expand(draws, -1, -1)[:, None].clone(), drawn)
    faces = np.concatenate([original, changed[:, 0].numpy()])
    names = ["aligned"]
    for sample in range(draws):
        values = (values[sample].tolist() for values in drawn)
        pairs = zip(augmentation.operations, values, strict=True)
        names.append("\n".join(_words(operation.name, value) for operation, value in pairs))
    return Faces(names, faces, lcn(faces, sigma))


def aligned_row(shown: Faces | None, title: str, foot: str, alarm: bool) -> Figure:
    """Two rows of images, the faces above their LCN; without a face the figure says so."""
    count = 1 if shown is None else len(shown.faces)
    lines = 1 if shown is None else max(name.count("\n") + 1 for name in shown.names)
    figure = canvas(2.6 if shown is None else 0.75 + 0.1 * lines + 2 * 7.0 / count, title, foot, alarm)
    axes = figure.subplots(2, count, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    if shown is None:
        axes[0, 0].text(0.5, 0, "no face", transform=axes[0, 0].transAxes, ha="center", va="center", color=ALARM)
        return figure
    for column, name in enumerate(shown.names):
        axes[0, column].imshow(shown.faces[column], cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(name, fontsize=5.5, pad=2, linespacing=1.15)
        axes[1, column].imshow(shown.lcn[column], cmap="gray", vmin=-LCN_LIMIT, vmax=LCN_LIMIT)
    return figure


def _words(name: str, value: float | list[float]) -> str:
    if name in ("flip", "grey"):
        return name if value else f"no {name}"
    if isinstance(value, list):
        return f"{name} " + ", ".join(f"{part:+.1f}" for part in value) + _UNITS.get(name, "")
    return f"{name} {value:+.1f}{_UNITS[name]}" if name in _UNITS else f"{name} {value:.2f}"
