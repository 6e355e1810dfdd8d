"""Weights that others trained, which networks may start from: what there is, and what input each was trained on.

The configuration gives their files (``weights: {rexnet: FILE}``), an experiment says which part of its network takes
which, and the module that is named here loads them. Imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass

from mexflow.registries import Registry


@dataclass(frozen=True)
class Pretrained:
    """Weights by one name.

    Attributes:
        title: what they are, in the schema of the configuration.
        module: has ``load(network, file)``, which puts the state of a file into the part of a network, and
            ``check(file)``, which sees beforehand that it is of such a part.
        normalise: the values of ``training.normalise`` under which the network sees what the weights were trained on.
        input: what that is, for messages.
    """

    title: str
    module: str
    normalise: tuple[str, ...]
    input: str


PRETRAINED: Registry[Pretrained] = Registry("weights", __name__)
"""Weights by name, as the configuration and the papers' files name them."""

PRETRAINED.add(
    "rexnet",
    Pretrained(
        "ReXNet x1.3 trained on ImageNet: timm's rexnet_130, or the authors' rexnetv1_1.3x",
        "mexflow.models.backbones.rexnet",
        ("none",),
        "images normalised as ImageNet's, which CropNet itself does",
    ),
)
PRETRAINED.add(
    "deeplab",
    Pretrained(
        "VGG-16 trained on ImageNet: torchvision's vgg16; the convolutions of DeepLab-LargeFOV before its fc6",
        "mexflow.models.backbones.largefov",
        ("rms", "none"),
        "whole frames normalised as ImageNet's, which the spatial network itself does",
    ),
)
PRETRAINED.add(
    "mpnet",
    Pretrained(
        "the motion pattern network (MP-Net), under the names of mexflow's own",
        "mexflow.models.backbones.motion_pattern",
        ("rms", "first_frame"),
        "flow over its root mean square",
    ),
)
PRETRAINED.add(
    "resnet18",
    Pretrained(
        "ResNet-18 trained on ImageNet: torchvision's resnet18",
        "mexflow.models.backbones.resnet18",
        ("rms",),
        "three channels whose root mean square is about 1",
    ),
)


def unfit(name: str, normalise: str) -> str:
    """Why weights do not fit an input that is normalised this way, and the remedy; empty if they do.

    Raises:
        UserError: if there are no weights of that name.
    """
    pretrained = PRETRAINED.declared(name)
    if normalise in pretrained.normalise:
        return ""
    return (
        f"the weights {name} were trained on {pretrained.input}: they need training.normalise "
        f"{' or '.join(pretrained.normalise)}, not {normalise}"
    )
