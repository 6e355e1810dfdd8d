"""nag2019's networks: sizes, the time contrast written out, what stage 2 trains, masks, and files of weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import weight_files
from mexflow.errors import UserError
from mexflow.models import build, parameters, time_contrast
from mexflow.models.backbones import largefov, motion_pattern
from mexflow.models.backbones.largefov import LargeFOV
from mexflow.models.backbones.motion_pattern import MotionPattern, pseudo_masks
from mexflow.models.time_contrast import ConvGRU, Memory, TimeContrast
from mexflow.training.losses import class_and_intensity


@pytest.fixture(scope="module")
def network() -> time_contrast.TimeContrastNetwork:
    torch.manual_seed(0)
    return build("time_contrast", {}, 3, 5)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# Sizes


def test_the_spatial_network_is_as_large_as_derived(network):
    assert parameters(network.spatial.backbone) == 19_434_304
    # Of VGG-16, 14,714,688 in conv1 ... conv5; the rest is fc6, 512 x 9 inputs, 1024 outputs and as many biases.
    assert parameters(network.spatial.backbone.fc6) == 512 * 9 * 1024 + 1024 == 19_434_304 - 14_714_688
    assert parameters(network.spatial) == 19_434_304 + 1024 * 5 + 5


def test_the_other_sizes(network):
    down = 2 * 49 * 64 + 64 + 64 * 25 * 128 + 128 + 128 * 9 * 256 + 256 + 256 * 9 * 512 + 512
    up = (512 + 512) * 9 * 256 + 256 + (256 + 256) * 9 * 128 + 128 + 128 + 1
    assert parameters(network.temporal) == down + up == 4_636_225
    common = 1024 * 128 + 128 + 128 * 128 + 128 + 2 * (128 * 9 * 128 + 128)
    heads = 2 * (256 * 256 + 256) + 256 * 5 + 5 + 256 + 1
    gru = 16_384 * 256 + 256 + 256 * 256 + 256 + 3 * (256 * 512 + 2 * 256)
    conv_gru = 4_096 * 256 + 256 + 256 * 256 + 256 + 3 * (64 * 49 * (256 + 64) + 2 * 64)
    for memory, recurrence in (("gru", gru), ("conv_gru", conv_gru)):
        for next_features, channels in ((False, 513), (True, 641)):
            module = Memory(5, memory, next_features)
            assert module.merge[0].in_channels == channels
            assert parameters(module) == common + channels * 256 + 256 + recurrence + heads


# The spatial network


def test_a_frame_of_64_pixels_has_a_map_of_8(network):
    images = random(2, 3, 64, 64)
    sides = []
    with torch.no_grad():
        x = images
        for layer in network.spatial.backbone.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
                sides.append(x.shape[-1])
        assert sides == [32, 16, 8, 8, 8, 8]
        assert network.spatial_features(images).shape == (2, 1024, 8, 8)
        assert network.spatial(images).shape == (2, 5)


def test_the_claim_that_fc6_is_a_1x1_convolution(network):
    """Dilated by 12 on an 8x8 map, all its outer taps fall in the padding, whatever they weigh."""
    backbone = network.spatial.backbone
    with torch.no_grad():
        for side, same in ((8, True), (12, True), (13, False)):
            maps = torch.randn(2, 512, side, side, generator=torch.Generator().manual_seed(side))
            one = F.conv2d(maps, backbone.fc6.weight[:, :, 1:2, 1:2], backbone.fc6.bias)
            assert torch.allclose(backbone.fc6(maps), one, atol=1e-4) == same


@pytest.mark.parametrize("sides", [(64, 64), (104, 64), (48, 40)])
def test_the_shortcut_of_fc6_is_the_dilated_convolution(network, sides):
    """On maps of 8x8, and of 13x8, where it may not be taken."""
    backbone, images = network.spatial.backbone, random(1, 3, *sides, seed=1)
    with torch.no_grad():
        found, whole = backbone(images), backbone.fc6(backbone.features(images)).relu()
    assert found.shape == (1, 1024, sides[0] // 8, sides[1] // 8) and found.std() > 1e-3
    torch.testing.assert_close(found, whole, rtol=1e-4, atol=1e-4 * whole.max().item())


def test_the_layout_of_training_and_of_seeing_gives_the_same(network):
    """Each has the faster one; weights stay what they are, so that an optimiser keeps them."""
    spatial, images = network.spatial, random(2, 3, 64, 64, seed=2)
    weight = spatial.backbone.fc6.weight
    maps, values = {}, weight.detach().clone()
    for mode, layout in (
        (True, torch.contiguous_format),
        (False, torch.channels_last),
        (True, torch.contiguous_format),
    ):
        spatial.train(mode)
        assert spatial.backbone.fc6.weight is weight and torch.equal(weight, values)
        assert weight.is_contiguous(memory_format=layout)
        assert spatial.maps(images).is_contiguous(memory_format=layout)
        maps[mode] = spatial.maps(images).detach()
    torch.testing.assert_close(maps[True], maps[False], rtol=1e-4, atol=1e-4 * maps[True].max().item())


def test_bytes_and_floats_are_the_same_image(network):
    levels = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    torch.testing.assert_close(network.spatial_features(levels), network.spatial_features(levels / 255))


def test_conv5_sees_as_far_as_its_dilation_says(network):
    convolutions = [layer for layer in network.spatial.backbone.features if isinstance(layer, nn.Conv2d)]
    assert [layer.dilation[0] for layer in convolutions] == [1] * 10 + [2] * 3
    assert all(layer.padding == layer.dilation and layer.bias is not None for layer in convolutions)


# The temporal network


def test_motion_is_a_likelihood_at_an_eighth(network):
    flow = torch.randn(2, 2, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits, motion = network.temporal(flow), network.motion(flow)
    assert logits.shape == (2, 1, 16, 16) and motion.shape == (2, 1, 8, 8)
    likelihood = 1 / (1 + (-logits.double()).exp())
    mean = likelihood.reshape(2, 1, 8, 2, 8, 2).mean((3, 5))
    torch.testing.assert_close(motion.double(), mean, rtol=1e-5, atol=1e-6)
    assert logits.std() > 0.05


def test_every_stage_of_the_temporal_network_learns():
    torch.manual_seed(1)
    temporal = MotionPattern()
    flow = torch.randn(2, 2, 64, 64)
    F.binary_cross_entropy_with_logits(temporal(flow), pseudo_masks(flow)).backward()
    assert all(p.grad.isfinite().all() and p.grad.abs().max() > 0 for p in temporal.parameters())


def otsu(levels: np.ndarray) -> int:
    """The level t that maximises the variance between levels <= t and those above, each tried."""
    best = (-1.0, 0)
    for t in range(256):
        low, high = levels[levels <= t], levels[levels > t]
        if low.size and high.size:
            best = max(best, (low.size * high.size * (low.mean() - high.mean()) ** 2 / levels.size**2, -t))
    return -best[1]


def test_pseudo_masks_are_otsus():
    """A disc that moves, with noise around it, in three units; and a field without any flow."""
    y, x = np.mgrid[:64, :64]
    disc = (x - 40) ** 2 + (y - 20) ** 2 < 100
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 64, 64))
    flow = torch.from_numpy(noise + disc * np.array([0.6, -0.8])[:, None, None]).float()
    masks = pseudo_masks(torch.stack([flow, 0.01 * flow, 100 * flow, 0 * flow]))
    assert masks.shape == (4, 1, 16, 16) and masks.dtype == torch.float32
    lengths = flow.norm(dim=0).numpy()
    levels = np.round(lengths / lengths.max() * 255)
    moving = levels > otsu(levels)
    assert (moving == disc).mean() > 0.99
    expected = (moving.reshape(16, 4, 16, 4).mean((1, 3)) >= 0.5).astype(np.float32)
    assert 10 < expected.sum() < 40
    for mask in masks[:3, 0]:
        np.testing.assert_array_equal(mask, expected)
    assert not masks[3].any()


# Time contrast and memory


def tap(maps: torch.Tensor, layer: nn.Conv2d, out: int, y: int, x: int, dilation: int) -> float:
    """One value of a 3x3 convolution padded with zeros, by plain loops over its taps."""
    weight = layer.weight.detach().double()
    total = layer.bias[out].item()
    for i in range(3):
        for j in range(3):
            row, column = y + (i - 1) * dilation, x + (j - 1) * dilation
            if 0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]:
                total += float(weight[out, :, i, j] @ maps[:, row, column].double())
    return total


def test_time_contrast_is_equations_1_to_3():
    torch.manual_seed(2)
    contrast = TimeContrast()
    nn.init.normal_(contrast.local.bias)
    nn.init.normal_(contrast.context.bias)
    maps = torch.randn(2, 3, 128, 5, 4)
    with torch.no_grad():
        found = contrast(maps)
    assert found.shape == (2, 2, 384, 5, 4)
    rng = np.random.default_rng(0)
    for _ in range(60):
        n, t, c, y, x = (int(rng.integers(size)) for size in (2, 2, 128, 5, 4))
        now, after = maps[n, t], maps[n, t + 1]
        local_now, local_after = (tap(m, contrast.local, c, y, x, 1) for m in (now, after))
        context_now, context_after = (tap(m, contrast.context, c, y, x, 2) for m in (now, after))
        expected = (local_now - context_after, local_now - local_after, local_after - context_now)
        assert [found[n, t, part * 128 + c, y, x].item() for part in range(3)] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("memory", ["gru", "conv_gru"])
@pytest.mark.parametrize("next_features", [False, True])
def test_the_memory_knows_the_past_only(memory, next_features):
    torch.manual_seed(3)
    module = Memory(5, memory, next_features)
    maps, motion = random(2, 6, 1024, 8, 8), random(2, 5, 1, 8, 8, seed=1)
    with torch.no_grad():
        logits, intensity = module(maps, motion)
        assert logits.shape == (2, 5, 5) and intensity.shape == (2, 5)
        assert (intensity > 0).all() and (intensity < 1).all()
        # Step t sees frames up to t + 1 and motions up to t, of its own sequence.
        for changed_maps, changed_motion, first in ((4, None, 3), (None, 2, 2)):
            other_maps, other_motion = maps.clone(), motion.clone()
            if changed_maps is not None:
                other_maps[0, changed_maps] += 1
            else:
                other_motion[0, changed_motion] += 1
            change = (module(other_maps, other_motion)[0] - logits).abs().amax(2)
            assert (change[0, :first] < 1e-6).all() and (change[0, first:] > 1e-6).all()
            assert (change[1] < 1e-6).all()
    with pytest.raises(ValueError, match="5 motions are between 6 frames, not 5"):
        module(maps[:, :5], motion)


def test_the_convolutional_memory_is_pytorchs_unit_on_a_single_pixel():
    torch.manual_seed(4)
    convolutional, vector = ConvGRU(6, 5), nn.GRU(6, 5, batch_first=True)
    with torch.no_grad():
        vector.weight_ih_l0.copy_(convolutional.input.weight[:, :, 3, 3])
        vector.weight_hh_l0.copy_(convolutional.recurrent.weight[:, :, 3, 3])
        vector.bias_ih_l0.copy_(convolutional.input.bias)
        vector.bias_hh_l0.copy_(convolutional.recurrent.bias)
        x = torch.randn(2, 7, 6)
        torch.testing.assert_close(convolutional(x[..., None, None])[..., 0, 0], vector(x)[0])


def test_stage_2_trains_the_memory_alone(network):
    network.zero_grad(set_to_none=True)
    images, flow = random(1, 4, 3, 64, 64), torch.randn(1, 3, 2, 64, 64)
    logits, intensity = network(images, flow)
    class_and_intensity(logits, intensity, torch.tensor([2]), random(1, 3)).backward()
    reached = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    trained = {id(parameter) for parameter in network.stage2_parameters()}
    assert reached == {name for name, parameter in network.named_parameters() if id(parameter) in trained}
    assert reached and all(name.startswith("memory.") for name in reached)
    for name, parameter in network.memory.named_parameters():
        # A head's and the recurrence's biases count too; none is without effect.
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name
    # What is frozen may be kept and given again.
    maps = torch.cat([network.spatial_features(image[None]) for image in images[0]])
    motion = network.motion(flow[0])
    assert not maps.requires_grad and not motion.requires_grad
    again = network.memory(maps[None], motion[None])
    for found, expected in zip(again, (logits, intensity), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_stage_1_trains_the_first_two(network):
    network.zero_grad(set_to_none=True)
    F.cross_entropy(network.spatial(random(1, 3, 64, 64)), torch.tensor([1])).backward()
    for name, parameter in network.spatial.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name
    outer = network.spatial.backbone.fc6.weight.grad.clone()
    outer[:, :, 1, 1] = 0
    assert not outer.any(), "fc6's outer taps lie in the padding"
    network.zero_grad(set_to_none=True)


def test_the_memory_overfits_two_sequences():
    """Two classes, and an intensity that rises, from features that say both."""
    torch.manual_seed(5)
    module = Memory(2, "gru", False)
    rise = torch.linspace(0, 1, 7)
    pattern = torch.rand(3, 1024, 8, 8)
    maps = torch.stack([pattern[0] + torch.linspace(0, 7 / 6, 8)[:, None, None, None] * pattern[n] for n in (1, 2)])
    motion, labels, targets = torch.zeros(2, 7, 1, 8, 8), torch.tensor([0, 1]), rise.expand(2, 7)
    optimizer = torch.optim.RMSprop(module.parameters(), 1e-4, weight_decay=0.005)
    for _ in range(30):
        optimizer.zero_grad()
        loss = class_and_intensity(*module(maps, motion), labels, targets)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits, intensity = module(maps, motion)
    assert (logits.softmax(2).mean(1).argmax(1) == labels).all()
    assert np.corrcoef(intensity.flatten(), targets.flatten())[0, 1] > 0.9


# Weights


def test_initial_weights_are_xaviers(network):
    for layer, gain in ((network.spatial.backbone.features[28], 2**0.5), (network.memory.contrast.local, 1.0)):
        bound = gain * (6 / (9 * (layer.in_channels + layer.out_channels))) ** 0.5
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=1e-2) and not layer.bias.any()
    gates = network.memory.recurrence.weight_hh_l0
    assert gates.abs().max().item() == pytest.approx((6 / 512) ** 0.5, rel=1e-2), "each gate is a matrix of its own"


def test_vgg16_weights_of_a_file(tmp_path: Path):
    state = weight_files.state("deeplab")
    path = weight_files.write(tmp_path / "vgg16.pth", state)
    network = build("time_contrast", {}, 3, 5, {"spatial.backbone": weight_files.file("deeplab", path)})
    loaded = network.spatial.backbone.state_dict()
    for name, value in state.items():
        if name.startswith("features."):
            assert torch.equal(loaded.pop(name), value), name
    assert set(loaded) == {"fc6.weight", "fc6.bias"} and loaded["fc6.weight"].std() > 0


def test_wrong_files_are_refused_by_name_and_count(tmp_path: Path):
    path, network = tmp_path / "weights.pth", LargeFOV()
    state = {name: value for name, value in weight_files.state("deeplab").items() if "features.5." not in name}
    weight_files.write(path, state | {"features.1.running_mean": torch.ones(64), "features.0.bias": torch.ones(7)})
    before = network.features[2].weight.clone()
    with pytest.raises(UserError) as caught:
        largefov.load(network, weight_files.file("deeplab", path))
    said = str(caught.value)
    counted = 14_714_688 - 64 * 128 * 9 - 128 - 64 + 7
    assert said.startswith(
        f"{path}: not the weights of VGG-16 up to its fully connected layers: {counted:,} parameters, "
    )
    assert "not 14,714,688; of 26 tensors 2 missing (first: features.5.weight), " in said
    assert "1 unexpected (first: features.1.running_mean)" in said
    assert "1 of another shape (first: features.0.bias)" in said and "vgg16_bn" in said and "\n" not in said
    assert torch.equal(network.features[2].weight, before), "nothing of it was loaded"
    with pytest.raises(UserError, match="not the weights of the motion pattern network: .* of 14 tensors 14 missing"):
        motion_pattern.load(MotionPattern(), weight_files.file("mpnet", path))


def test_motion_weights_of_a_file(tmp_path: Path):
    source = weight_files.state("mpnet", 6)
    path = weight_files.write(tmp_path / "motion.pth", {"state_dict": source})
    network = build("time_contrast", {}, 3, 5, {"temporal": weight_files.file("mpnet", path)})
    for name, value in source.items():
        assert torch.equal(network.temporal.state_dict()[name], value)


@pytest.mark.parametrize(("inputs", "memory"), [(1, "gru"), (3, "lstm")])
def test_wrong_settings(inputs, memory):
    with pytest.raises(UserError, match="time_contrast: 3 inputs .*, memory gru or conv_gru; not"):
        build("time_contrast", {"memory": memory}, inputs, 5)
