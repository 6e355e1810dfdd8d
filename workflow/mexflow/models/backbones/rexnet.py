"""ReXNet x1.3 (Han, Yun, Heo, Yoo, CVPR 2021): the network that CropNet applies to each of its images.

Its modules have timm's names (``rexnet_130``), so a file of ImageNet weights in that naming loads as it is; one in the
naming of the network's authors (``rexnetv1_1.3x``) is renamed by :func:`authors_names`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from mexflow.models.backbones import weights
from mexflow.models.backbones.depthwise import DepthwiseConv2d

STEM = 42
"""Channels after the first convolution."""

CHANNELS = (21, 35, 50, 65, 79, 94, 109, 123, 138, 152, 167, 182, 196, 211, 226, 240)
"""Output channels of the sixteen bottlenecks: they grow by a constant, which is the idea of the network."""

PENULTIMATE = 1664
"""Channels before the average pool."""

OUTPUTS = 1000
"""Outputs of the last layer, the classes of ImageNet."""

EXPANSION, SQUEEZE = 6, 12
_DEPTHS = (1, 2, 2, 3, 3, 5)
_STRIDES = (1, 2, 2, 2, 1, 2)
_SQUEEZED_FROM = 2  # the first stage with squeeze-and-excitation


class Convolution(nn.Module):
    """A convolution without bias, batch normalisation and, if wanted, swish."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, swish: bool = True
    ) -> None:
        super().__init__()
        self.conv: nn.Module
        if groups == inputs == outputs:
            self.conv = DepthwiseConv2d(outputs, kernel, stride)
        else:
            self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.swish = swish

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, outputs, h / stride, w / stride), rounded up, of (n, inputs, h, w)."""
        x = self.bn(self.conv(x))
        return F.silu(x) if self.swish else x


class SqueezeExcitation(nn.Module):
    """Weights of channels: average pool, 1x1 to a twelfth, batch normalisation, ReLU, 1x1 back, sigmoid.

    Both convolutions have a bias.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // SQUEEZE, 1)
        self.bn = nn.BatchNorm2d(channels // SQUEEZE)
        self.fc2 = nn.Conv2d(channels // SQUEEZE, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` (n, channels, h, w) with each channel weighted."""
        return x * self.fc2(torch.relu(self.bn(self.fc1(x.mean((2, 3), keepdim=True))))).sigmoid()


class Bottleneck(nn.Module):
    """An inverted linear bottleneck: expansion, depthwise 3x3, squeeze-and-excitation, ReLU6, projection.

    Where the stride is 1 and there are no more inputs than outputs, the input is added to the first outputs.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, squeezed: bool) -> None:
        super().__init__()
        width = inputs * expansion
        self.conv_exp = Convolution(inputs, width) if expansion > 1 else None
        self.conv_dw = Convolution(width, width, 3, stride, groups=width, swish=False)
        self.se = SqueezeExcitation(width) if squeezed else None
        self.conv_pwl = Convolution(width, outputs, swish=False)
        self.kept = inputs if stride == 1 and inputs <= outputs else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, outputs, h / stride, w / stride), rounded up, of (n, inputs, h, w)."""
        shortcut = x
        if self.conv_exp is not None:
            x = self.conv_exp(x)
        x = self.conv_dw(x)
        if self.se is not None:
            x = self.se(x)
        x = self.conv_pwl(F.relu6(x))
        if self.kept:
            x = torch.cat([x[:, : self.kept] + shortcut, x[:, self.kept :]], 1)
        return x


class Head(nn.Module):
    """Average pool over positions and a fully connected layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(PENULTIMATE, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1000) of (n, 1664, h, w)."""
        return self.fc(x.mean((2, 3)))


class ReXNet(nn.Module):
    """ReXNet x1.3 on colour images of any size: 7,557,091 parameters, initialised as PyTorch does by default.

    Fastest on images in ``torch.channels_last``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 3, 2)
        parts: list[nn.Module] = []
        inputs = STEM
        for stage, (depth, stride) in enumerate(zip(_DEPTHS, _STRIDES, strict=True)):
            for position in range(depth):
                outputs = CHANNELS[len(parts)]
                expansion = EXPANSION if parts else 1
                parts.append(Bottleneck(inputs, outputs, expansion, 1 if position else stride, stage >= _SQUEEZED_FROM))
                inputs = outputs
        self.features = nn.Sequential(*parts, Convolution(inputs, PENULTIMATE))
        self.head = Head()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Outputs float32 (n, 1000) of normalised RGB images float32 (n, 3, h, w)."""
        return self.head(self.features(self.stem(images)))


def authors_names(network: ReXNet) -> dict[str, str]:
    """For each entry of the network's state, its name in the files of the network's authors.

    There, all parts stand in numbered sequences: stem, bottlenecks and the last convolution in ``features``, the parts
    of a bottleneck in its ``out``, activations counted; the last layer, a 1x1 convolution, is ``output.1``.
    """
    places = {"stem.conv": "features.0", "stem.bn": "features.1", "head.fc": "output.1"}
    number = 3
    for block, part in enumerate(network.features):
        if isinstance(part, Bottleneck):
            place = 0
            for name, length in (("conv_exp", 3), ("conv_dw", 2), ("se", 1), ("conv_pwl", 2)):
                if getattr(part, name) is None:
                    continue
                ours, theirs = f"features.{block}.{name}", f"features.{number}.out.{place}"
                if name == "se":
                    places |= {
                        f"{ours}.{inner}": f"{theirs}.fc.{i}" for inner, i in (("fc1", 0), ("bn", 1), ("fc2", 3))
                    }
                else:
                    places |= {f"{ours}.conv": theirs, f"{ours}.bn": f"features.{number}.out.{place + 1}"}
                # ReLU6 stands between the depthwise convolution (or what weights its channels) and the projection.
                place += length + (name == "se" or (name == "conv_dw" and part.se is None))
            number += 1
        else:
            places |= {f"features.{block}.conv": f"features.{number}", f"features.{block}.bn": f"features.{number + 1}"}
    result = {}
    for name in network.state_dict():
        place, _, entry = name.rpartition(".")
        result[name] = f"{places[place]}.{entry}"
    return result


def check(file: weights.File) -> None:
    """See that a file is one of this network's weights, see :func:`load`.

    Raises:
        UserError: if it is not.
    """
    load(ReXNet(), file)


def load(network: nn.Module, file: weights.File) -> None:
    """Load ImageNet weights, in timm's naming or in that of the network's authors.

    Args:
        network: a :class:`ReXNet`.
        file: of a state: names to tensors. Counts of batches, which no computation here uses, may be missing.

    Raises:
        UserError: if the file is not exactly one of this network, see :func:`mexflow.models.backbones.weights.check`.
    """
    weights.require_part(network, ReXNet, file)
    network_state, theirs = weights.without_counts(network.state_dict()), authors_names(network)
    file_state = weights.without_counts(file.state)
    if "output.1.weight" in file_state or ("features.0.weight" in file_state and "stem.conv.weight" not in file_state):
        names = theirs
    else:
        names = {name: name for name in network_state}
    if "output.1.weight" in file_state and file_state["output.1.weight"].ndim == 4:
        file_state["output.1.weight"] = file_state["output.1.weight"].flatten(1)
    wanted = {names[name]: value for name, value in network_state.items()}
    weights.check(file, file_state, wanted, "ReXNet x1.3", "timm's rexnet_130 or the authors' rexnetv1_1.3x")
    network.load_state_dict({name: file_state[names[name]] for name in network_state}, strict=False)
