"""OFF-ApexNet and Dual-Inception: their parameters, their layers, and a stream for each component of the flow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mexflow.errors import UserError
from mexflow.models import build, parameters
from mexflow.models.dual_inception import Inception


@pytest.mark.parametrize(
    ("model", "classes", "count"),
    [
        ("off_apexnet", 3, 2_664_475),
        ("off_apexnet", 5, 2_664_475 + 2 * 1025),
        ("dual_inception", 3, 6_449_867),
        ("dual_inception", 5, 6_449_867 + 2 * 1025),
    ],
)
def test_parameters(model, classes, count):
    assert parameters(build(model, {}, 2, classes)) == count


@pytest.mark.parametrize(("model", "values"), [("off_apexnet", 784), ("dual_inception", 3136)])
def test_shapes_of_the_layers(model, values):
    network = build(model, {}, 2, 3).eval()
    images = torch.rand(4, 2, 28, 28)
    for stream in network.streams:
        assert stream(images[:, :1]).shape == (4, values)
    assert network.hidden[0].in_features == 2 * values
    assert network.features(images).shape == (4, 1024) and network(images).shape == (4, 3)


@pytest.mark.parametrize("model", ["off_apexnet", "dual_inception"])
def test_each_component_has_weights_of_its_own(model):
    torch.manual_seed(1)
    network = build(model, {}, 2, 3).eval()
    images = torch.rand(1, 2, 28, 28)
    assert not torch.allclose(network(images), network(images.flip(1)), atol=1e-4)
    with pytest.raises(UserError, match=f"{model}: its streams are of 2 channels, Vx and Vy, not 3"):
        build(model, {}, 3, 3)


def convolve(maps: np.ndarray, convolution: nn.Conv2d) -> np.ndarray:
    """A padded convolution with ReLU, pixel by pixel; maps (c, h, w)."""
    weights, bias = convolution.weight.detach().double().numpy(), convolution.bias.detach().double().numpy()
    side = weights.shape[-1]
    padded = np.pad(maps, ((0, 0), (side // 2, side // 2), (side // 2, side // 2)))
    found = np.zeros((len(weights), *maps.shape[1:]))
    for filter_ in range(len(weights)):
        for y in range(maps.shape[1]):
            for x in range(maps.shape[2]):
                window = padded[:, y : y + side, x : x + side]
                found[filter_, y, x] = max((weights[filter_] * window).sum() + bias[filter_], 0)
    return found


def pooled(maps: np.ndarray, side: int, step: int, padding: int = 0) -> np.ndarray:
    """Max pooling, window by window."""
    padded = np.pad(maps, ((0, 0), (padding, padding), (padding, padding)), constant_values=-np.inf)
    count = (padded.shape[1] - side) // step + 1
    corners = range(0, count * step, step)
    return np.array([[[one[y : y + side, x : x + side].max() for x in corners] for y in corners] for one in padded])


def test_an_inception_block_is_its_four_paths():
    torch.manual_seed(2)
    block, maps = Inception(2, 3).eval(), torch.rand(1, 2, 7, 7)
    given = maps[0].double().numpy()
    paths = [
        convolve(given, block.point[0]),
        convolve(convolve(given, block.small[0][0]), block.small[1][0]),
        convolve(convolve(given, block.large[0][0]), block.large[1][0]),
        convolve(pooled(given, 3, 1, padding=1), block.pooled[1][0]),
    ]
    np.testing.assert_allclose(block(maps)[0].detach().numpy(), np.concatenate(paths), atol=1e-5)


def test_a_stream_of_off_apexnet_is_convolution_relu_and_pooling_twice():
    torch.manual_seed(3)
    stream, image = build("off_apexnet", {}, 2, 3).streams[1], torch.rand(1, 1, 28, 28) - 0.5
    maps = image[0].double().numpy()
    for convolution in (stream[0], stream[3]):
        maps = pooled(convolve(maps, convolution), 2, 2)
    np.testing.assert_allclose(stream(image)[0].detach().numpy(), maps.ravel(), atol=1e-5)
