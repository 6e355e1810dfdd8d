"""CropNet: ReXNet's size, the cropped Gaussian pyramid, gradients, and files of weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import weight_files
from mexflow.errors import UserError
from mexflow.models import build, parameters
from mexflow.models.backbones.depthwise import DepthwiseConv2d
from mexflow.models.backbones.rexnet import ReXNet, authors_names, load
from mexflow.models.cropnet import halve, pyramid, starts


def test_sizes_are_the_papers():
    assert parameters(ReXNet()) == 7_557_091
    assert parameters(build("cropnet", {}, 3, 5)) == 7_616_096, "printed: approximately 7.6M"


def test_pyramid_of_a_test_pattern():
    """Crop 5 of 9 starts at (112, 112), crop 9 at (160, 160)."""
    assert starts(320) == (0, 112, 160)
    y, x = np.mgrid[:320, :320].astype(np.float32)
    pattern = np.stack([x, y, x * y / 320])
    images = pyramid(torch.from_numpy(pattern)[None])
    assert images.shape == (1, 10, 3, 160, 160)
    places = [(top, left) for top in (0, 112, 160) for left in (0, 112, 160)]
    for crop, (top, left) in zip(images[0, 1:].numpy(), places, strict=True):
        np.testing.assert_array_equal(crop, pattern[:, top : top + 160, left : left + 160])
    np.testing.assert_array_equal(images[0, 5, :2, 0, 0], [112, 112])
    np.testing.assert_array_equal(images[0, 9, :2, 0, 0], [160, 160])
    whole = cv2.pyrDown(pattern.transpose(1, 2, 0)).transpose(2, 0, 1)
    np.testing.assert_allclose(images[0, 0], whole, atol=2e-3)


@pytest.mark.parametrize("size", [6, 32, 96])
def test_halving_is_opencvs(size):
    image = np.random.default_rng(size).random((size, size, 3), np.float32)
    found = halve(torch.from_numpy(image.transpose(2, 0, 1))[None])[0].numpy()
    np.testing.assert_allclose(found, cv2.pyrDown(image).transpose(2, 0, 1), atol=1e-6)


def test_gradients_reach_every_position_and_every_crop():
    torch.manual_seed(1)
    network = build("cropnet", {}, 3, 5)
    images = torch.rand(2, 3, 64, 64, requires_grad=True)
    network(images).logsumexp(1).sum().backward()
    assert network.positions.grad.shape == (9, 1000) and (network.positions.grad.abs().sum(1) > 0).all()
    for top in starts(64):
        for left in starts(64):
            assert images.grad[:, :, top : top + 32, left : left + 32].abs().sum() > 0
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_bytes_and_floats_are_the_same_image():
    network = build("cropnet", {"cropped": False}, 3, 5).eval()
    levels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(network(levels), network(levels.float() / 255))


# Files of weights


@pytest.mark.parametrize("naming", ["timm", "authors"])
def test_weights_of_a_file(tmp_path: Path, naming: str):
    torch.manual_seed(2)
    source = ReXNet()
    state = source.state_dict()
    if naming == "authors":
        names = authors_names(source)
        state = {names[name]: value for name, value in state.items()}
        state["output.1.weight"] = state["output.1.weight"][:, :, None, None]  # a 1x1 convolution there
        assert {"features.0.weight", "features.3.out.0.weight", "output.1.bias"} <= set(state)
    else:
        assert {"stem.conv.weight", "features.1.conv_exp.bn.running_mean", "head.fc.weight"} <= set(state)
    path = weight_files.write(tmp_path / "weights.pth", state)
    network = build("cropnet", {}, 3, 5, {"backbone": weight_files.file("rexnet", path)})
    for name, value in source.state_dict().items():
        torch.testing.assert_close(network.backbone.state_dict()[name], value, rtol=0, atol=0)


def test_wrong_files_are_refused_by_name_and_count(tmp_path: Path):
    state = ReXNet().state_dict()
    path = tmp_path / "weights.pth"
    partial = {name: value for name, value in state.items() if not name.startswith("features.2.")}
    torch.save({**partial, "extra": torch.ones(1), "head.fc.bias": torch.ones(7)}, path)
    with pytest.raises(UserError) as caught:
        load(ReXNet(), weight_files.file("rexnet", path))
    said = str(caught.value)
    missing = sum(name.startswith("features.2.") and "num_batches" not in name for name in state)
    assert said.startswith(f"{path}: ") and f"{missing} missing (first: features.2." in said
    assert "1 unexpected (first: extra)" in said and "1 of another shape (first: head.fc.bias)" in said
    lacking = sum(value.numel() for name, value in ReXNet().named_parameters() if name.startswith("features.2."))
    assert f"{7_557_091 - lacking - 993 + 1:,} parameters, not 7,557,091; " in said and "\n" not in said
    assert said.endswith("or set weights.rexnet in config.yaml to `none`, to train from scratch")


@pytest.mark.parametrize(("side", "stride"), [(1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (7, 1)])
def test_depthwise_convolution_is_torchs(side, stride):
    torch.manual_seed(side)
    images = torch.rand(3, 4, side, side, dtype=torch.float64, requires_grad=True)
    same = images.detach().clone().requires_grad_()
    convolution = DepthwiseConv2d(4, 3, stride).double()
    found = convolution(images)
    expected = torch.nn.functional.conv2d(same, convolution.weight, None, stride, 1, groups=4)
    assert torch.equal(found, expected)
    towards = torch.rand_like(expected)
    ours = torch.autograd.grad(found, (images, convolution.weight), towards)
    theirs = torch.autograd.grad(expected, (same, convolution.weight), towards)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
