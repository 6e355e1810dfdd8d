"""Files of weights for tests: states of the right names and shapes, drawn at random by the networks themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch

from mexflow.models.backbones import resnet18, weights
from mexflow.models.backbones.largefov import LargeFOV
from mexflow.models.backbones.motion_pattern import MotionPattern
from mexflow.models.backbones.rexnet import ReXNet
from mexflow.models.backbones.weights import File

State = dict[str, torch.Tensor]


def state(name: str, seed: int = 0) -> State:
    """A state of these weights, in the naming of timm, of torchvision, or for `mpnet` of our own."""
    torch.manual_seed(seed)
    if name == "rexnet":
        return ReXNet().state_dict()
    if name == "mpnet":
        return MotionPattern().state_dict()
    if name == "deeplab":
        own = {key: value for key, value in LargeFOV().state_dict().items() if not key.startswith("fc6.")}
        return own | {f"classifier.{number}.weight": torch.rand(3, 3) for number in (0, 3, 6)}
    drawn = {}
    for key, value in resnet18.state().items():
        drawn[key] = torch.rand(value.shape) + 0.5 if value.ndim == 1 else torch.randn(value.shape) / value[0].numel()
        if key.endswith("running_mean"):
            drawn[key.replace("running_mean", "num_batches_tracked")] = torch.tensor(7)
    return drawn


def write(path: Path, values: Mapping[str, object]) -> Path:
    """Write a state to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(values, path)
    return path


def file(name: str, path: Path) -> File:
    """A file of these weights, read."""
    data = path.read_bytes()
    return File(name, path, hashlib.sha256(data).hexdigest(), weights.read(data, path))
