"""Weights of torchvision's ResNet-18 for networks that are cut from it (belaiche2020's depth study).

The first convolution, its batch normalisation and the eight residual layers are torchvision's ``conv1``, ``bn1`` and
``layer1.0`` ... ``layer4.1``. A network cut after k of the layers takes the first k; the others and the last, fully
connected layer of a file are passed over, but must be there: that is how a file of another network is told. Here every
convolution has a bias, in torchvision none: it becomes 0, and the batch normalisation after it takes any bias off.
"""

from __future__ import annotations

import torch
from torch import nn

from mexflow.errors import UserError
from mexflow.models.backbones import weights

INPUTS, CLASSES = 3, 1000
"""Channels of an image, and outputs of the last layer."""

_WIDTHS = (64, 128, 256, 512)
_LAYERS = 2  # residual layers of each width


def state() -> dict[str, torch.Tensor]:
    """Tensors of the shapes of torchvision's resnet18, by their names there, without counts of batches.

    They are on the device ``meta``, where they take no memory; it has 11,689,512 parameters.
    """
    tensors = {"conv1": (64, INPUTS, 7, 7)}
    inputs = 64
    for number, width in enumerate(_WIDTHS, start=1):
        for layer in range(_LAYERS):
            place = f"layer{number}.{layer}"
            tensors |= {f"{place}.conv1": (width, inputs, 3, 3), f"{place}.conv2": (width, width, 3, 3)}
            if inputs != width:
                tensors[f"{place}.downsample.0"] = (width, inputs, 1, 1)
            inputs = width
    shapes = {}
    for name, shape in tensors.items():
        norm = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
        shapes[f"{name}.weight"] = shape
        shapes |= {f"{norm}.{entry}": shape[:1] for entry in ("weight", "bias", "running_mean", "running_var")}
    shapes |= {"fc.weight": (CLASSES, inputs), "fc.bias": (CLASSES,)}
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def check(file: weights.File) -> None:
    """See that a file is one of ResNet-18, all of it, however many layers a network takes; see :func:`load`.

    Raises:
        UserError: if it is not.
    """
    weights.check(file, weights.without_counts(file.state), state(), "ResNet-18", "torchvision's resnet18")


def load(network: nn.Module, file: weights.File) -> None:
    """Load ImageNet weights of ResNet-18 in torchvision's naming.

    Args:
        network: the ``features`` of a :class:`mexflow.models.reduced_resnet.ReducedResNet`.
        file: of a state. Counts of batches may be missing.

    Raises:
        UserError: if the file is not exactly one of ResNet-18, see :func:`mexflow.models.backbones.weights.check`, or
            the network's images have not three channels.
    """
    weights.require_part(network, nn.Sequential, file)
    check(file)
    given = weights.without_counts(file.state)
    if network[0].in_channels != INPUTS:
        raise UserError(
            f"{file.path}: ResNet-18 sees {INPUTS} channels, the network {network[0].in_channels}; "
            "take `weights` out of the experiment"
        )
    loaded = {}
    for name in weights.without_counts(network.state_dict()):
        theirs = _theirs(name)
        loaded[name] = given[theirs] if theirs else torch.zeros(network.get_parameter(name).shape)
    network.load_state_dict(loaded, strict=False)


def _theirs(name: str) -> str:
    """The name that an entry of our network's state has in torchvision's; empty for the bias of a convolution."""
    place, *inside, entry = name.split(".")
    number = int(place)
    if not inside:
        theirs = ("conv1", "bn1")[number]
    else:
        width, layer = divmod(number - _STEM, _LAYERS)
        theirs = f"layer{width + 1}.{layer}.{_PLACES['.'.join(inside)]}"
    convolution = theirs.rpartition(".")[2].startswith("conv") or theirs.endswith("downsample.0")
    return "" if convolution and entry == "bias" else f"{theirs}.{entry}"


_STEM = 4  # convolution, batch normalisation, ReLU, max pool
_PLACES = {
    "body.0": "conv1", "body.1": "bn1", "body.3": "conv2", "body.4": "bn2",
    "shortcut.0": "downsample.0", "shortcut.1": "downsample.1",
}  # fmt: skip
"""Of a residual layer's parts, their names in torchvision's."""
