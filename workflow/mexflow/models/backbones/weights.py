"""Weights of networks: those they start with, and those of files that others have trained."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mexflow.errors import UserError

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's images, red, green and blue in [0, 1]."""


class Normalisation(nn.Module):
    """Images as networks get them whose weights come from ImageNet; it adds nothing to a network's state."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(..., 3, h, w) float32 of RGB images of that shape, uint8 0..255 or float32 0..1."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        return (images - self.mean) / self.deviation


def xavier(network: nn.Module, gain: float = 1.0) -> None:
    """Draw all weights of convolutions and linear layers as Xavier does, uniformly, and set their biases to 0.

    Args:
        gain: by how much the standard deviation exceeds Xavier's; sqrt(2) keeps it through layers with ReLU.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@dataclass(frozen=True)
class File:
    """A file of weights.

    Attributes:
        weights: their name in the configuration.
        path: the file's.
        sha256: of its bytes, hex.
        state: what it holds, names to tensors.
    """

    weights: str
    path: Path
    sha256: str
    state: Mapping[str, torch.Tensor]

    @property
    def remedy(self) -> str:
        """What to do if it is a wrong one, for messages."""
        return f"or set weights.{self.weights} in config.yaml to `none`, to train from scratch"


def read(data: bytes, path: Path) -> dict[str, torch.Tensor]:
    """The state in a file that ``torch.save`` wrote: names to tensors, as it is or under ``state_dict``.

    Args:
        data: the file's content. No code in it is run, and no object but tensors and plain containers is made.
        path: of the file, for messages.

    Raises:
        UserError: if it is no such file, or a value is infinite or no number.
    """
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # torch names a dozen kinds, by what is wrong
        raise UserError(f"{path}: not a file of weights that torch.save wrote; download it again") from None
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{path}: not a state (names to tensors); save the network's state_dict() with torch.save")
    wrong = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if wrong:
        raise UserError(f"{path}: {len(wrong)} tensors (first: {wrong[0]}) are not finite; download it again")
    return {str(name): value for name, value in state.items()}


def parameters(state: Mapping[str, torch.Tensor]) -> int:
    """The number of learned parameters in a state; the statistics of batch normalisation are none."""
    return sum(state[name].numel() for name in state if name.rpartition(".")[2] not in {*_STATISTICS, _COUNT})


def without_counts(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state without counts of batches, which no computation here uses, and which old files do not have."""
    return {name: value for name, value in state.items() if name.rpartition(".")[2] != _COUNT}


_STATISTICS, _COUNT = ("running_mean", "running_var"), "num_batches_tracked"


def check(
    file: File, given: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], network: str, remedy: str
) -> None:
    """See that a state has the names and shapes that a network needs, no more and no fewer.

    Args:
        file: the state's file, for messages.
        given: the state, or the part of it that the network has.
        wanted: tensors of the right shapes, by the names that they have in the file.
        network: name of the network, for messages.
        remedy: which file to give instead, for messages.

    Raises:
        UserError: it names the file, how many parameters it has and should have, how many tensors are missing,
            unexpected or of another shape, the first of each, and the remedy.
    """
    problems = []
    for kind, names in (
        ("missing", [name for name in wanted if name not in given]),
        ("unexpected", [name for name in given if name not in wanted]),
        ("of another shape", [n for n, value in wanted.items() if n in given and given[n].shape != value.shape]),
    ):
        if names:
            problems.append(f"{len(names)} {kind} (first: {names[0]})")
    if problems:
        raise UserError(
            f"{file.path}: not the weights of {network}: {parameters(given):,} parameters, not {parameters(wanted):,}; "
            f"of {len(wanted)} tensors {', '.join(problems)}; give {remedy}, {file.remedy}"
        )


def require_part(part: nn.Module, kind: type[nn.Module], file: File) -> None:
    """See that weights go to a part of a network that they are of.

    Raises:
        UserError: if the part is of another kind.
    """
    if not isinstance(part, kind):
        raise UserError(f"{file.path}: the weights {file.weights} are of {kind.__name__}, not {type(part).__name__}")
