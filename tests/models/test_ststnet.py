"""STSTNet: its printed layers, its parameters, and the strain that it sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mexflow.models import build, parameters
from mexflow.training.recognition.channels import CHANNELS


@pytest.mark.parametrize(("classes", "count"), [(3, 1683), (5, 2485)])
def test_parameters(classes, count):
    network = build("ststnet", {}, 3, classes)
    assert parameters(network) == count
    norms = sum(parameters(module) for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d))
    assert norms == 32 and count - norms == {3: 1651, 5: 2453}[classes]


def test_shapes_of_the_printed_layers():
    network = build("ststnet", {}, 3, 3).eval()
    images = torch.rand(2, 3, 28, 28)
    for branch, filters in zip(network.branches, (3, 5, 8), strict=True):
        assert branch(images).shape == (2, filters, 10, 10)
    assert network.features(images).shape == (2, 400) and network(images).shape == (2, 3)


def test_a_branch_is_convolution_relu_norm_and_pooling_in_this_order():
    torch.manual_seed(3)
    network = build("ststnet", {"dropout": 0.0}, 3, 3).eval()
    branch, image = network.branches[0], torch.rand(1, 3, 28, 28)
    convolution, _, norm, _, _ = branch
    norm.running_mean.uniform_(0, 1)
    norm.running_var.uniform_(0.5, 2)
    padded = np.pad(image[0].numpy().astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    weights, bias = convolution.weight.detach().numpy().astype(np.float64), convolution.bias.detach().numpy()
    maps = np.zeros((3, 28, 28))
    for filter_ in range(3):
        for y in range(28):
            for x in range(28):
                value = (weights[filter_] * padded[:, y : y + 3, x : x + 3]).sum() + bias[filter_]
                maps[filter_, y, x] = max(value, 0)
    mean, variance = norm.running_mean.numpy(), norm.running_var.numpy()
    maps = (maps - mean[:, None, None]) / np.sqrt(variance + norm.eps)[:, None, None]
    border = np.pad(maps, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    pooled = np.array([[[border[f, 3 * y : 3 * y + 3, 3 * x : 3 * x + 3].max() for x in range(10)] for y in range(10)]
                       for f in range(3)])  # fmt: skip
    np.testing.assert_allclose(branch(image)[0].detach().numpy(), pooled, atol=1e-5)


def test_strain_is_that_of_its_equation():
    rng = np.random.default_rng(0)
    u, v = field = rng.normal(0, 1, (2, 6, 7)).astype(np.float32)
    strain = CHANNELS["strain"](field)
    assert strain.shape == (6, 7) and strain.dtype == np.float32
    for y in range(6):
        for x in range(7):
            left, above = max(x - 1, 0), max(y - 1, 0)
            u_x, v_x = u[y, x] - u[y, left], v[y, x] - v[y, left]
            u_y, v_y = u[y, x] - u[above, x], v[y, x] - v[above, x]
            expected = (u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2) ** 0.5
            assert strain[y, x] == pytest.approx(expected, rel=1e-5)


def test_strain_of_known_motions():
    """A shift strains nothing, nor does a turn by a small angle; a stretch of 1 % along x is a strain of 0.01."""
    y, x = np.mgrid[:20, :20].astype(np.float32)
    zero = np.zeros_like(x)
    inside = (slice(1, None), slice(1, None))
    assert CHANNELS["strain"](np.stack([zero + 2, zero - 1])).max() == 0
    np.testing.assert_allclose(CHANNELS["strain"](np.stack([-0.01 * y, 0.01 * x]))[inside], 0, atol=1e-6)
    np.testing.assert_allclose(CHANNELS["strain"](np.stack([0.01 * x, zero]))[inside], 0.01, rtol=1e-3)
