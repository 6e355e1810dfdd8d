"""EL-FACE's network: its size, what it computes written with 3D convolutions, dropout, and scoring of whole videos."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift
from torch.nn import functional as F

from mexflow.errors import UserError
from mexflow.models import build, parameters
from mexflow.models.elface import FILTERS, DroppedReLU, pair_indices
from mexflow.training.losses import weighted_bce


def lively(**options):
    """A network whose weights and running statistics are all random: none is 0 or 1, which would hide a step."""
    network = build("elface", options, 1, 2)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                fan = value[0].numel() if value.ndim > 1 else 1
                value.copy_(torch.randn(value.shape, generator=generator) / fan**0.5)
                if name.endswith("running_var"):
                    value.abs_().add_(0.5)
    return network


def pairs(count: int = 3, size: int = 20, seed: int = 2) -> torch.Tensor:
    return torch.randn(count, 2, 2, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_size(batch_norm):
    network = build("elface", {"batch_norm": batch_norm}, 1, 2)
    count, inputs, taps = 0, 1, 2 * 3 * 3
    for outputs in FILTERS:
        count += inputs * taps + inputs * outputs + outputs + (2 * outputs if batch_norm else 0)
        inputs, taps = outputs, 3 * 3
    count += 256 * 256 + 256 + 256 * 2 + 2
    assert parameters(network) == count == (78_132 if batch_norm else 77_684)


def in_three_dimensions(network, samples: torch.Tensor, training: bool) -> torch.Tensor:
    """The network in double precision with 3D convolutions over (time, y, x), the streams one after the other."""
    weights = {name: value.double() for name, value in network.state_dict().items()}
    count = len(samples)
    x = torch.cat([samples[:, 0], samples[:, 1]])[:, None].double()  # streams, one channel, two frames
    for block, outputs in enumerate(FILTERS):
        depthwise, pointwise = (weights[f"blocks.{block}.{part}.weight"] for part in ("depthwise", "pointwise"))
        channels = x.shape[1]
        kernel = depthwise.reshape(channels, 1, 2 if block == 0 else 1, 3, 3)
        x = F.conv3d(x, kernel, None, (1, 2, 2), (0, 1, 1), groups=channels)
        x = F.conv3d(x, pointwise.reshape(outputs, channels, 1, 1, 1), weights[f"blocks.{block}.pointwise.bias"])
        assert x.shape[1:3] == (outputs, 1), "the first kernel collapses time"
        norm = f"blocks.{block}.norm"
        if f"{norm}.weight" in weights:
            mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
            if training:
                mean, variance = x.mean((0, 2, 3, 4)), x.var((0, 2, 3, 4), correction=0)
            scale = weights[f"{norm}.weight"] / (variance + 1e-5).sqrt()
            x = (x - mean.reshape(-1, 1, 1, 1)) * scale.reshape(-1, 1, 1, 1)
            x = x + weights[f"{norm}.bias"].reshape(-1, 1, 1, 1)
        x = x.relu()
    x = x.mean((2, 3, 4))
    x = torch.cat([x[:count], x[count:]], 1)
    w, b = weights["dense.weight"], weights["dense.bias"]
    h = ((x @ w.T + b).relu() @ w.T + b + x).relu()
    return h @ weights["classifier.weight"].T + weights["classifier.bias"]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("size", [20, 21])
def test_it_computes_3d_convolutions(size, batch_norm, training):
    network = lively(batch_norm=batch_norm, dropout=0.0).train(training)
    samples = pairs(size=size)
    expected = in_three_dimensions(network, samples, training)
    with torch.no_grad():
        found = network(samples).double()
    assert found.shape == (3, 2) and expected.std() > 0.05
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_streams_and_frames_are_not_interchangeable():
    network = lively().eval()
    samples = pairs()
    with torch.no_grad():
        logits = network(samples)
        assert (network(samples.flip(1)) - logits).abs().max() > 1e-3
        assert (network(samples.flip(2)) - logits).abs().max() > 1e-3
        torch.testing.assert_close(network.classifier(network.features(samples)), logits)


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = build("elface", {}, 1, 2)
    weighted_bce(network(pairs(8)), torch.tensor([[0, 1], [1, 0]] * 4)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # A bias before a batch normalisation is taken out by it.
        assert parameter.ndim == 1 or parameter.grad.abs().max() > 0, name


def test_dropout_drops_its_share_and_keeps_the_mean():
    torch.manual_seed(3)
    layer, ones = DroppedReLU(0.2), torch.ones(4, 32, 41, 41).contiguous(memory_format=torch.channels_last)
    source = ones.clone().requires_grad_()
    dropped = layer(source * 1)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    for part in (dropped, *(dropped.permute(0, 2, 3, 1).flatten()[i::4] for i in range(4))):
        share = (part == 0).float().mean().item()
        assert abs(share - 0.2) < 5 * (0.16 / part.numel()) ** 0.5
    # Independent of its neighbours along every axis.
    gone = (dropped == 0).float()
    for axis in range(4):
        both = (gone * gone.roll(1, axis)).mean().item()
        assert abs(both - 0.04) < 0.004
    dropped.sum().backward()
    torch.testing.assert_close(source.grad, dropped.detach())
    torch.manual_seed(3)
    assert torch.equal(layer(ones.clone()), dropped), "the seed decides"
    assert torch.equal(layer.eval()(ones.clone()), ones)
    assert torch.equal(DroppedReLU(0.0)(ones.clone()), ones)


def test_dropout_and_relu_are_what_pytorch_makes_of_the_same_draw():
    """Values and slopes, to the last bit, of numbers of both signs."""
    torch.manual_seed(3)
    x = torch.randn(3, 5, 7, 9).contiguous(memory_format=torch.channels_last)
    slopes = torch.randn_like(x)
    leaves = [x.clone(memory_format=torch.preserve_format).requires_grad_() for _ in range(2)]
    torch.manual_seed(4)
    kept = DroppedReLU(0.3)(torch.ones_like(x)) > 0
    torch.manual_seed(4)
    found = DroppedReLU(0.3)(leaves[0] * 1)
    wanted = (leaves[1] * (kept * (1 / (1 - 0.3)))).relu()
    for result in (found, wanted):
        result.backward(slopes)
    assert torch.equal(found, wanted)
    assert torch.equal(leaves[0].grad, leaves[1].grad)
    assert (kept & (x < 0)).any() and (~kept & (x > 0)).any()


# Whole videos


def test_pairs_by_hand():
    frames = torch.tensor([0, 10, 19])
    skips = torch.tensor([5, 12])
    centred = [[[0, 3], [0, 6]], [[8, 13], [4, 16]], [[17, 19], [13, 19]]]
    assert pair_indices(frames, skips, 20).tolist() == centred
    assert pair_indices(frames, skips, 20, "forward")[1].tolist() == [[10, 15], [10, 19]]
    assert pair_indices(frames, skips, 20, "backward")[1].tolist() == [[5, 10], [0, 10]]
    each = torch.tensor([[1, 2], [3, 4], [5, 6]])
    assert pair_indices(frames, each, 20)[1].tolist() == [[9, 12], [8, 12]]
    with pytest.raises(UserError, match="did you mean 'centred'"):
        pair_indices(frames, skips, 20, "centered")


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize(("count", "batch", "placement"), [(23, 4, "centred"), (23, 64, "backward"), (1, 16, "centred"),
                                                           (6, 5, "forward")])  # fmt: skip
def test_scoring_a_video_is_the_network_on_every_frame(count, batch, placement, batch_norm):
    network = lively(batch_norm=batch_norm).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    video = np.random.default_rng(0).standard_normal((count, 18, 18)).astype(np.float16)
    found = network.score_video(video, (3, 11), batch, placement)
    assert network.training and found.shape == (count, 2)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network.eval()
    for t in range(count):
        chosen = pair_indices(torch.tensor([t]), torch.tensor([3, 11]), count, placement)[0]
        with torch.no_grad():
            expected = network(torch.from_numpy(video).float()[chosen][None])[0]
        torch.testing.assert_close(found[t], expected, rtol=1e-4, atol=1e-4)


def test_scoring_reads_a_mapped_file(tmp_path):
    network = lively()
    video = np.random.default_rng(1).standard_normal((9, 16, 16)).astype(np.float16)
    np.save(tmp_path / "video.npy", video)
    mapped = np.load(tmp_path / "video.npy", mmap_mode="r")
    assert torch.equal(network.score_video(mapped, (2, 5)), network.score_video(video, (2, 5)))
    assert network.score_video(mapped[:0], (2, 5)).shape == (0, 2)


def test_it_overfits_one_short_video():
    """A texture moves fast and back in frames 20 to 30 (micro), further and slowly in frames 40 to 70 (macro)."""
    torch.manual_seed(0)
    texture = gaussian_filter(np.random.default_rng(0).standard_normal((24, 24)), 1.5)
    moved = np.interp(np.arange(90), [20, 25, 30, 40, 55, 70], [0, 1, 0, 0, 3, 0])
    video = np.stack([shift(texture / texture.std(), (by, 0), mode="reflect") for by in moved]).astype(np.float32)
    targets = torch.zeros(90, 2)
    targets[20:31, 0] = targets[40:71, 1] = 1
    network = build("elface", {"dropout": 0.0}, 1, 2)
    samples = torch.from_numpy(video)[pair_indices(torch.arange(90), torch.tensor([3, 8]), 90)]
    optimizer = torch.optim.SGD(network.parameters(), 0.2, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        weighted_bce(network(samples), targets).backward()
        optimizer.step()
    logits = network.score_video(video, (3, 8))
    for kind in range(2):
        inside, outside = (logits[targets[:, kind] == value, kind] for value in (1, 0))
        # The area under the ROC curve; it is not 1, for around an apex the two frames of a pair are alike.
        assert (inside[:, None] > outside).float().mean() > 0.92


@pytest.mark.benchmark
def test_scoring_is_faster_than_200_frames_a_second_on_one_core():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = build("elface", {}, 1, 2)
        video = np.random.default_rng(0).standard_normal((800, 112, 112)).astype(np.float16)
        network.score_video(video[:50], (37, 217))
        start = time.process_time()
        network.score_video(video, (37, 217))
        rate = len(video) / (time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    print(f"{rate:.0f} frames a second")
    assert rate > 200


@pytest.mark.parametrize(
    ("inputs", "classes", "options"), [(3, 2, {}), (1, 5, {}), (1, 2, {"dropout": 1.0}), (1, 2, {"dropout": -0.1})]
)
def test_wrong_settings(inputs, classes, options):
    with pytest.raises(UserError, match="elface: 1 input, 2 classes, dropout from 0 to under 1; not"):
        build("elface", options, inputs, classes)
