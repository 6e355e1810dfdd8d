"""Figures of papers and datasets.

A kind of figure has a module of its own, named for it and imported when such a figure is drawn and not before: a new
kind changes nothing of the figures that there are. Each has one function,
``draw(figure: Figure, material: Material) -> Drawn``, see :mod:`mexflow.figures.material`.
"""

from __future__ import annotations


def module(kind: str) -> str:
    """The module that draws a kind of figure."""
    return f"mexflow.figures.{kind}_figure"
