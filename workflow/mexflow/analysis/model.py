"""Networks for use: read from the folder that a run made, or from the one file that they are handed on as.

Such a file is a plain zip of ``card.json`` and ``model.pt``, stored as they are. Nothing in it is run: the state is
tensors alone (``weights_only=True``), and the card a document of known keys.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from mexflow.analysis.card import CARD, FORMAT, MODEL, Card
from mexflow.errors import UserError, choose
from mexflow.models import available, build, wrong_options
from mexflow.papers.kinds import KINDS
from mexflow.papers.recipe import RecognitionRecipe, SequencesRecipe, TrainedRecipe, VideosRecipe
from mexflow.store.arrays import first_line
from mexflow.store.artifacts import Inputs, Outputs, hash_bytes
from mexflow.training.memory.fold import Scaled, Scales
from mexflow.training.recognition.normalisation import restored
from mexflow.validation import explain

MOST_BYTES = {CARD: 1 << 24, MODEL: 1 << 31}
"""More than any card or network has; larger ones are not read."""

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: the same network gives the same bytes


@dataclass(frozen=True)
class Model:
    """A network for use.

    Attributes:
        card: what it is, see :class:`mexflow.analysis.card.Card`; JSON's values.
        network: in evaluation mode on the CPU, behind its normalisation. Of spotting the network itself, whose
            ``score_video`` scores frames; of sequences a :class:`mexflow.training.memory.fold.Scaled`.
        recipe: as it was trained.
    """

    card: dict[str, Any]
    network: nn.Module
    recipe: TrainedRecipe


def load(path: Path, inputs: Inputs) -> Model:
    """Read a network for use, and make sure that it is what its card says.

    Args:
        path: a folder with ``card.json`` and ``model.pt``, or a file that ``mexflow export`` made.
        inputs: reads it, so that a record can name it.

    Raises:
        UserError: if it is not there or no such network, of another format, damaged, its digest is not the card's, or
            its state does not fit its network.
    """
    parts = _read(path, inputs)
    card = _card(parts[CARD], path)
    if hash_bytes(parts[MODEL]).sha256 != card.digests.get(MODEL):
        raise UserError(f"{path}: {MODEL} is not the one that its card describes (other sha256); get it anew")
    return Model(json.loads(parts[CARD]), _network(card, _state(parts[MODEL], path), path), card.recipe)


def load_card(path: Path, inputs: Inputs) -> dict[str, Any]:
    """The card in a ``card.json``, see :class:`Model`.

    Raises:
        UserError: if it cannot be read, or is none.
    """
    return _card(inputs.bytes(path), path.parent).model_dump(mode="json")


def pack(folder: Path, target: Path, inputs: Inputs, outputs: Outputs) -> Card:
    """Pack the folder of a network for use as one file; the caller commits `outputs`.

    Raises:
        UserError: as :func:`load`, or if `folder` is not one.
    """
    if folder.is_file():
        raise UserError(f"{folder}: a file, and not the folder of a network; what is packed can be copied as it is")
    load(folder, inputs)
    parts = _read(folder, inputs)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(MOST_BYTES):
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = 3, 0o644 << 16  # the same wherever it is packed
            packed.writestr(member, parts[name])
    outputs.bytes(target, buffer.getvalue())
    return _card(parts[CARD], folder)


def _read(path: Path, inputs: Inputs) -> dict[str, bytes]:
    """The bytes of both parts."""
    if path.is_dir():
        absent = [name for name in MOST_BYTES if not (path / name).is_file()]
        if absent:
            raise UserError(f"{path}: no network for use: it has no {absent[0]}; make one with 'snakemake models'")
        for name, most in MOST_BYTES.items():
            _require_size(path / name, most)
        return {name: inputs.bytes(path / name) for name in MOST_BYTES}
    if not path.exists():
        raise UserError(f"{path}: no such file or folder; networks for use are in results/models/PAPER/EXPERIMENT")
    _require_size(path, sum(MOST_BYTES.values()))
    data = inputs.bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = packed.infolist()
            if sorted(member.filename for member in members) != sorted(MOST_BYTES):
                raise UserError(f"{path}: no network for use: it does not hold {' and '.join(MOST_BYTES)} alone")
            for member in members:
                stored = member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
                if not stored or member.file_size > min(MOST_BYTES[member.filename], len(data)):
                    raise UserError(f"{path}: {member.filename} in it is packed in another way than 'export' does")
            return {name: packed.read(name) for name in MOST_BYTES}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UserError(
            f"{path}: no file of 'mexflow export', or a damaged one ({first_line(error)}); get it anew"
        ) from None


def _require_size(path: Path, most: int) -> None:
    if path.stat().st_size > most:
        raise UserError(f"{path}: {path.stat().st_size:,} bytes, more than any network for use has")


def _card(data: bytes, path: Path) -> Card:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: {CARD} is not readable JSON ({first_line(error)})") from None
    if not isinstance(values, dict) or "format" not in values:
        raise UserError(f"{path}: {CARD} is no card of a network for use")
    if values["format"] != FORMAT:
        raise UserError(
            f"{path}: of format {values['format']!r}, not {FORMAT}; use the version of mexflow that made it"
        )
    try:
        return Card.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {CARD}: {explain(error, Card)}") from None


def _state(data: bytes, path: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception as error:  # whatever torch makes of bytes that are no state
        raise UserError(f"{path}: {MODEL} cannot be read ({first_line(error)})") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{path}: {MODEL} is no state of a network")
    return state


def _network(card: Card, state: Mapping[str, torch.Tensor], path: Path) -> nn.Module:
    recipe = card.recipe
    if not isinstance(recipe, RecognitionRecipe | VideosRecipe | SequencesRecipe):
        raise UserError(f"{path}: networks of the kind {card.kind} are not for use on other videos")
    try:
        choose("network", recipe.model, available())
        for problem in wrong_options(recipe.model, recipe.options):
            raise UserError(problem)
        channels = len(getattr(recipe, "channels", ())) or KINDS[recipe.kind].experiment.inputs
        network = build(recipe.model, recipe.options, channels, len(card.classes or card.types or ()))
        if isinstance(recipe, RecognitionRecipe):
            network = restored(network, recipe.training.normalise, state)
        elif isinstance(recipe, SequencesRecipe):
            network = Scaled(network, Scales(1.0, None))
        network.load_state_dict(state)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except RuntimeError:
        raise UserError(f"{path}: the state in {MODEL} does not fit the network {recipe.model} of its card") from None
    return network.eval()
