"""Which networks an analysis uses where none is named: of those that the results hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mexflow.analysis.model import load_card
from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs

MODELS = Path("results/models")


def cards(folder: Path = MODELS) -> dict[Path, dict[str, Any]]:
    """The cards of the networks of a run by their folders, in the order of names.

    Raises:
        UserError: naming one that is no card of a network for use.
    """
    return {path.parent: load_card(path, Inputs()) for path in sorted(folder.glob("*/*/card.json"))}


def spotter(found: Mapping[Path, Mapping[str, Any]], folder: Path = MODELS) -> Path:
    """The network that spots: of several, that whose data have the most frames a second.

    Raises:
        UserError: if there is none.
    """
    spotters = [path for path, card in found.items() if card.get("spotting")]
    if not spotters:
        raise UserError(
            f"{folder}: no network that spots; make the networks with './run snakemake --cores all models', or name "
            "one with --spot"
        )
    return max(spotters, key=lambda path: (max(found[path]["fps"]), path.as_posix()))


def recogniser(found: Mapping[Path, Mapping[str, Any]], kinds: Mapping[str, Any]) -> Path | None:
    """The network that recognises: of several usable ones, that of the most subjects. None where there is none."""
    usable = [path for path, card in found.items() if card.get("classes") and card.get("kind") in kinds]
    return max(usable, key=lambda path: (len(found[path]["subjects"]), path.as_posix()), default=None)
