"""The networks: parameter counts to the last weight, shapes, settings, and what they compute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mexflow import models
from mexflow.errors import UserError

DEPTH = {1: 91_525, 3: 104_197, 5: 178_309, 7: 398_597, 9: 694_277, 11: 1_608_965, 13: 2_790_149, 15: 6_462_213,
         17: 11_183_877}  # fmt: skip
ONE_CHANNEL = {1: 82_373, 2: 168_997, 3: 331_301, 4: 712_933}
TWO_CHANNELS = {1: 165_541, 2: 348_005, 3: 709_477, 4: 1_620_197}
FILTERS = {1: (16, 48, 112, 240), 2: (32, 96, 224, 480)}

SHALLOW = [(1, layers, count) for layers, count in ONE_CHANNEL.items()]
SHALLOW += [(2, layers, count) for layers, count in TWO_CHANNELS.items()]


def images(inputs: int, count: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, inputs, 64, 64, generator=torch.Generator().manual_seed(seed))


def lively(network: nn.Module) -> nn.Module:
    """The network with every weight and running statistic random: none is 0 or 1, which would hide a missing step."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                fan = value[0].numel() if value.ndim > 1 else 1
                value.copy_(torch.randn(value.shape, generator=generator) / fan**0.5)
                if name.endswith("running_var"):
                    value.abs_().add_(0.5)
    return network


# The depth study


@pytest.mark.parametrize(("layers", "count"), DEPTH.items())
def test_the_residual_networks(layers: int, count: int) -> None:
    network = models.build("reduced_resnet", {"layers": layers}, inputs=3, classes=5).eval()
    assert models.parameters(network) == count
    main = [m for name, m in network.named_modules() if isinstance(m, nn.Conv2d) and "shortcut" not in name]
    assert len(main) == layers
    with torch.no_grad():
        features = network.features(images(3))
        assert network(images(3)).shape == (2, 5)
    width, side = ((64, 16), (64, 8), (64, 8), (128, 4), (128, 4), (256, 2), (256, 2), (512, 1), (512, 1))[layers // 2]
    assert features.shape == (2, width * side * side) and network.classifier.in_features == features.shape[1]


def batch_norm(x: torch.Tensor, weights: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """Batch normalisation by stored statistics, written out."""
    scale = weights[f"{name}.weight"] / (weights[f"{name}.running_var"] + 1e-5).sqrt()
    shifted = x - weights[f"{name}.running_mean"][:, None, None]
    return shifted * scale[:, None, None] + weights[f"{name}.bias"][:, None, None]


def convolve(x: torch.Tensor, weights: dict[str, torch.Tensor], name: str, stride: int = 1) -> torch.Tensor:
    """A convolution with bias that keeps the size but for its stride, as a sum over the taps of its kernel."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    size, (height, width) = kernel.shape[-1], x.shape[-2:]
    padded = F.pad(x, [size // 2] * 4)
    taps = [
        torch.einsum("oc,nchw->nohw", kernel[:, :, i, j], padded[:, :, i : i + height, j : j + width])
        for i in range(size)
        for j in range(size)
    ]
    return (sum(taps) + bias[:, None, None])[:, :, ::stride, ::stride]


def residual(x: torch.Tensor, weights: dict[str, torch.Tensor], name: str, stride: int) -> torch.Tensor:
    body = batch_norm(convolve(x, weights, f"{name}.body.0", stride), weights, f"{name}.body.1").relu()
    body = batch_norm(convolve(body, weights, f"{name}.body.3"), weights, f"{name}.body.4")
    if stride == 2:
        x = batch_norm(convolve(x, weights, f"{name}.shortcut.0", stride), weights, f"{name}.shortcut.1")
    return (body + x).relu()


def doubles(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.double() for name, value in network.state_dict().items()}


def test_a_residual_network_computes_what_the_paper_says() -> None:
    # Seven layers: two residual layers that keep the channels and one that doubles them.
    network = lively(models.build("reduced_resnet", {"layers": 7}, inputs=3, classes=5)).eval()
    weights, x = doubles(network), images(3, 1, seed=2)
    with torch.no_grad():
        found, features = network(x), network.features(x)
    x = batch_norm(convolve(x.double(), weights, "features.0", 2), weights, "features.1").relu()
    x = F.pad(x, [1] * 4, value=-torch.inf).unfold(2, 3, 2).unfold(3, 3, 2).amax((-1, -2))
    for name, stride in (("features.4", 1), ("features.5", 1), ("features.6", 2)):
        x = residual(x, weights, name, stride)
    x = x.reshape(1, 128, 4, 2, 4, 2).amax((3, 5)).flatten(1)
    assert torch.allclose(features.double(), x, rtol=1e-4, atol=1e-4 * x.abs().max().item())
    logits = x @ weights["classifier.weight"].T + weights["classifier.bias"]
    assert logits.abs().max() > 0.1
    assert torch.allclose(found.double(), logits, rtol=1e-4, atol=1e-4 * logits.abs().max().item())


# The input study


@pytest.mark.parametrize(("inputs", "layers", "count"), SHALLOW)
def test_the_shallow_networks(inputs: int, layers: int, count: int) -> None:
    network = models.build("shallow_cnn", {"layers": layers}, inputs=inputs, classes=5).eval()
    assert models.parameters(network) == count
    assert models.filters(network) == FILTERS[inputs][layers - 1]
    with torch.no_grad():
        features = network.features(images(inputs))
        assert network(images(inputs)).shape == (2, 5)
    side = 32 if layers <= 2 else 31
    assert features.shape == (2, 16 * inputs * 2 ** (layers - 1) * side * side)
    assert network.classifier.in_features == features.shape[1]


@pytest.mark.parametrize(("inputs", "layers", "count"), SHALLOW)
def test_pooling_first_has_the_same_parameters(inputs: int, layers: int, count: int) -> None:
    last, first = (
        models.build("shallow_cnn", {"layers": layers, "pool": pool}, inputs, 5) for pool in ("last", "first")
    )
    assert models.parameters(first) == models.parameters(last) == count
    assert {n: v.shape for n, v in first.state_dict().items()} == {n: v.shape for n, v in last.state_dict().items()}
    assert first(images(inputs)).shape == (2, 5)
    places = [[name for name, _ in network.features.named_children()].index("pool") for network in (first, last)]
    assert places == [3, 3 * layers]


@pytest.mark.parametrize("pool", ["last", "first"])
@pytest.mark.parametrize("layers", [2, 3])
def test_a_shallow_network_computes_what_the_paper_says(layers: int, pool: str) -> None:
    network = lively(models.build("shallow_cnn", {"layers": layers, "pool": pool}, inputs=2, classes=5)).eval()
    weights, x = doubles(network), images(2, 1, seed=3)
    with torch.no_grad():
        found = network(x)
    x = x.double()
    size = 2 if layers <= 2 else 3
    for layer in range(1, layers + 1):
        x = batch_norm(convolve(x, weights, f"features.conv{layer}"), weights, f"features.norm{layer}").relu()
        if layer == (1 if pool == "first" else layers):
            x = x.unfold(2, size, 2).unfold(3, size, 2).amax((-1, -2))
    logits = x.flatten(1) @ weights["classifier.weight"].T + weights["classifier.bias"]
    assert torch.allclose(found.double(), logits, rtol=1e-4, atol=1e-4 * logits.abs().max().item())


@pytest.mark.parametrize(
    ("model", "options", "inputs"), [("reduced_resnet", {"layers": 3}, 3), ("shallow_cnn", {"layers": 2}, 1)]
)
def test_every_parameter_learns(model: str, options: dict[str, int], inputs: int) -> None:
    torch.manual_seed(0)
    network = models.build(model, options, inputs, 5)
    F.cross_entropy(network(images(inputs, 4)), torch.tensor([0, 1, 2, 3])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # A bias before a batch normalisation is taken out by it: counted, but without effect.
        assert parameter.ndim == 1 or parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_number_of_classes(classes: int) -> None:
    for model, options, inputs in (("reduced_resnet", {"layers": 5}, 3), ("shallow_cnn", {"layers": 3}, 2)):
        network = models.build(model, options, inputs, classes).eval()
        assert network(images(inputs, 1)).shape == (1, classes)


# What is refused


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: models.build("reduced_resnett", {}, 3, 5),
         "unknown network 'reduced_resnett' (did you mean 'reduced_resnet'?)"),
        (lambda: models.build("shallow_cnn", {"layer": 3}, 1, 5),
         "unknown setting of shallow_cnn 'layer' (did you mean 'layers'?); one of: layers, pool"),
        (lambda: models.build("shallow_cnn", {"layers": 3, "inputs": 2}, 1, 5), "unknown setting of shallow_cnn"),
        (lambda: models.build("reduced_resnet", {"layers": 8}, 3, 5),
         "reduced_resnet: layers must be odd, from 1 to 17, not 8"),
        (lambda: models.build("reduced_resnet", {"layers": 19}, 3, 5),
         "reduced_resnet: layers must be odd, from 1 to 17, not 19"),
        (lambda: models.build("reduced_resnet", {"layers": "three"}, 3, 5), "not three"),
        (lambda: models.build("shallow_cnn", {"layers": 5}, 1, 5), "not 5, 1, last"),
        (lambda: models.build("shallow_cnn", {"layers": 3}, 3, 5), "not 3, 3, last"),
        (lambda: models.build("shallow_cnn", {"layers": 3, "pool": "middle"}, 1, 5), "not 3, 1, middle"),
        (lambda: models.build("shallow_cnn", {}, 1, 5), "shallow_cnn needs the setting 'layers'"),
    ],
)  # fmt: skip
def test_what_the_paper_does_not_have_is_one_line(build: Callable[[], nn.Module], text: str) -> None:
    with pytest.raises(UserError) as error:
        build()
    assert text in str(error.value) and "\n" not in str(error.value)


def test_the_families() -> None:
    assert {"reduced_resnet", "shallow_cnn"} <= set(models.available())
