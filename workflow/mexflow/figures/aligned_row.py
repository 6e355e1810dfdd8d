"""Aligned and augmented faces above what LCN makes of them (elface2021, figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from mexflow.figures.drawing import ALARM, canvas
from mexflow.figures.tiles import LCN_LIMIT
from mexflow.preprocess.lcn import grey, lcn
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


def augmented(face: np.ndarray, operations: Sequence[str], sigma: float, seed: int, draws: int = DRAWS) -> Faces:
    """An aligned face, and so many random changes of it as training makes them, each with its LCN.

    Args:
        face: uint8 (h, w, c), c = 1 (grey) or 3 (RGB).
        operations: as for :meth:`mexflow.training.augmentation.Augmentation.parse`.
        sigma: of LCN's Gaussian, pixels.
        seed: of the draws.
        draws: their number.

    Raises:
        UserError: if an operation is not one.
    """
    augmentation = Augmentation.parse(operations)
    drawn = augmentation.draw(draws, torch.Generator().manual_seed(seed % 2**63))
    original = grey(face[None])
    changed = augmentation.apply(torch.from_numpy(original).expand(draws, -1, -1)[:, None].clone(), drawn)
    faces = np.concatenate([original, changed[:, 0].numpy()])
    names = ["aligned"]
    for sample in range(draws):
        values = (values[sample].tolist() for values in drawn)
        pairs = zip(augmentation.operations, values, strict=True)
        names.append("\n".join(_said(operation.name, value) for operation, value in pairs))
    return Faces(names, faces, lcn(faces, sigma))


def aligned_row(found: Faces | None, title: str, foot: str, alarm: bool) -> Figure:
    """Two rows of images, the faces above their LCN; without a face the figure says so."""
    count = 1 if found is None else len(found.faces)
    lines = 1 if found is None else max(name.count("\n") + 1 for name in found.names)
    figure = canvas(2.6 if found is None else 0.75 + 0.1 * lines + 2 * 7.0 / count, title, foot, alarm)
    axes = figure.subplots(2, count, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    if found is None:
        axes[0, 0].text(0.5, 0, "no face", transform=axes[0, 0].transAxes, ha="center", va="center", color=ALARM)
        return figure
    for column, name in enumerate(found.names):
        axes[0, column].imshow(found.faces[column], cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(name, fontsize=5.5, pad=2, linespacing=1.15)
        axes[1, column].imshow(found.lcn[column], cmap="gray", vmin=-LCN_LIMIT, vmax=LCN_LIMIT)
    return figure


def _said(name: str, value: float | list[float]) -> str:
    if name in ("flip", "grey"):
        return name if value else f"no {name}"
    if isinstance(value, list):
        return f"{name} " + ", ".join(f"{one:+.1f}" for one in value) + _UNITS.get(name, "")
    return f"{name} {value:+.1f}{_UNITS[name]}" if name in _UNITS else f"{name} {value:.2f}"
