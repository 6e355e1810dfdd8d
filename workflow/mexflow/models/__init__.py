"""The networks, one module per family, imported by name when built.

A module of this package has ``build(inputs, classes, **options)``, which returns a :class:`torch.nn.Module` with
two parts, `features` and `classifier` (the last fully connected layer), applied one after the other.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.errors import UserError, choose, nearest
from mexflow.papers.pretrained import PRETRAINED

if TYPE_CHECKING:
    from torch import nn

    from mexflow.models.backbones.weights import File


def available() -> list[str]:
    """Names of the network families."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def wrong_options(model: str, options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of a family, a text each; read from its source, without importing it.

    Names and types are looked at. Which values a family takes it says itself when it is built.
    """
    source = (Path(__file__).parent / f"{model}.py").read_text(encoding="utf-8")
    function = next(
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "build"
    )
    settings = function.args.args[2:]
    needed = settings[: len(settings) - len(function.args.defaults)]
    types = {setting.arg: ast.unparse(setting.annotation) for setting in settings if setting.annotation}
    problems = []
    for name, value in options.items():
        if name not in types:
            known = f"it has: {', '.join(types)}" if types else "it has none"
            problems.append(f"unknown setting of {model} {name!r}{nearest(name, types)}; {known}")
        elif not isinstance(value, _TYPES.get(types[name], object)) or (
            isinstance(value, bool) != (types[name] == "bool")
        ):
            problems.append(f"{model}: {name} is of type {types[name]}, not {value!r}")
    problems += [f"{model} needs the setting {setting.arg!r}" for setting in needed if setting.arg not in options]
    return problems


def starts(model: str) -> dict[str, str]:
    """The parts of a family's networks that can start from weights of a file, and the names of these weights.

    They are said by ``WEIGHTS`` of its module, and read from its source, without importing it.
    """
    source = (Path(__file__).parent / f"{model}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["WEIGHTS"]:
            return ast.literal_eval(node.value)
    return {}


def wrong_weights(model: str, weights: Mapping[str, str]) -> list[str]:
    """What is wrong with the weights that parts of a family's networks are to start from, a text each."""
    known = starts(model)
    takes = ", ".join(f"{part}: {name}" for part, name in known.items())
    problems = []
    for part, name in weights.items():
        if part not in known:
            can = f"it has: {takes}" if known else "none of its parts can start from weights of a file"
            problems.append(f"{part!r} is no such part of {model}{nearest(part, known)}; {can}")
        elif known[part] != name:
            problems.append(f"{part} of {model} cannot start from {name}; it takes {known[part]}")
    return problems


_TYPES: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "str": str}


def build(
    model: str,
    options: Mapping[str, Any],
    inputs: int,
    classes: int,
    weights: Mapping[str, File] | None = None,
) -> nn.Module:
    """Construct a network.

    Args:
        model: name of a family, a module of this package.
        options: its settings.
        inputs: number of input channels.
        classes: number of classes.
        weights: what parts of it start from; the rest, and all of it by default, starts from random weights.

    Raises:
        UserError: for an unknown family or setting, or one that is missing, and for weights that do not fit.
    """
    module = importlib.import_module(f"mexflow.models.{choose('network', model, available())}")
    known = list(inspect.signature(module.build).parameters.values())[2:]
    for name in options:
        choose(f"setting of {model}", name, [setting.name for setting in known])
    for setting in known:
        if setting.default is setting.empty and setting.name not in options:
            raise UserError(f"{model} needs the setting {setting.name!r}")
    try:
        network = module.build(inputs, classes, **options)
    except ValueError as error:
        raise UserError(f"{model}: {error}") from None
    weights = weights or {}
    for problem in wrong_weights(model, {part: file.weights for part, file in weights.items()}):
        raise UserError(f"weights: {problem}")
    for part, file in weights.items():
        loader = importlib.import_module(PRETRAINED[file.weights].module)
        loader.load(network.get_submodule(part), file)
    return network


def parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def filters(network: nn.Module) -> int:
    """Number of convolution filters: output channels summed over all convolutions."""
    from torch import nn

    return sum(module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d))
