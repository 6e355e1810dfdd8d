"""Weights of files: ResNet-18 cut to its layers, which part takes which, files that are none, inputs that fit."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import weight_files
from mexflow import models
from mexflow.errors import UserError
from mexflow.models import build
from mexflow.models.backbones import resnet18, weights
from mexflow.papers.pretrained import PRETRAINED, unfit
from mexflow.papers.trainings import MemoryTraining, RecognitionTraining

State = dict[str, torch.Tensor]


def normalised(x: torch.Tensor, state: State, name: str) -> torch.Tensor:
    mean, variance, weight, bias = (
        state[f"{name}.{entry}"] for entry in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(x, mean, variance, weight, bias)


def torchvisions(images: torch.Tensor, state: State, layers: int) -> torch.Tensor:
    """The map after so many residual layers of a ResNet-18, written out by the names of its state."""
    x = F.relu(normalised(F.conv2d(images, state["conv1.weight"], stride=2, padding=3), state, "bn1"))
    x = F.max_pool2d(x, 3, 2, padding=1)
    for place in [f"layer{width}.{layer}" for width in range(1, 5) for layer in range(2)][:layers]:
        stride = 2 if f"{place}.downsample.0.weight" in state else 1
        body = F.conv2d(x, state[f"{place}.conv1.weight"], stride=stride, padding=1)
        body = F.relu(normalised(body, state, f"{place}.bn1"))
        body = normalised(F.conv2d(body, state[f"{place}.conv2.weight"], padding=1), state, f"{place}.bn2")
        if stride == 2:
            x = normalised(F.conv2d(x, state[f"{place}.downsample.0.weight"], stride=2), state, f"{place}.downsample.1")
        x = F.relu(body + x)
    return x


@pytest.mark.parametrize("layers", range(1, 18, 2))
def test_resnet18_up_to_its_layers(tmp_path: Path, layers: int):
    state = weight_files.state("resnet18")
    file = weight_files.file("resnet18", weight_files.write(tmp_path / "resnet18.pth", state))
    network = build("reduced_resnet", {"layers": layers}, 3, 5, {"features": file}).eval()
    pools = [module for module in network.features[4:] if isinstance(module, nn.MaxPool2d | nn.Flatten)]
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = nn.Sequential(*pools)(torchvisions(images, state, (layers - 1) // 2))
        torch.testing.assert_close(network.features(images), expected, rtol=1e-4, atol=1e-5)


def test_resnet18s_file_is_known_by_names_and_count(tmp_path: Path):
    assert weights.parameters(resnet18.state()) == 11_689_512
    state = weight_files.state("resnet18")
    assert len(state) == 122, "as many tensors as torchvision's"
    wrong = {**state, "layer1.2.conv1.weight": torch.ones(64, 64, 3, 3)}
    file = weight_files.file("resnet18", weight_files.write(tmp_path / "resnet34.pth", wrong))
    with pytest.raises(UserError) as caught:
        build("reduced_resnet", {"layers": 1}, 3, 5, {"features": file})
    assert str(caught.value) == (
        f"{tmp_path}/resnet34.pth: not the weights of ResNet-18: 11,726,376 parameters, not 11,689,512; of 102 tensors "
        "1 unexpected (first: layer1.2.conv1.weight); give torchvision's resnet18, or set weights.resnet18 in "
        "config.yaml to `none`, to train from scratch"
    )
    file = weight_files.file("resnet18", weight_files.write(tmp_path / "resnet18.pth", state))
    with pytest.raises(UserError, match="resnet18.pth: ResNet-18 sees 3 channels, the network 2; take `weights` out"):
        build("reduced_resnet", {"layers": 1}, 2, 5, {"features": file})


class Harmful:
    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


def test_what_is_no_file_of_weights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    torch.save({"a": Harmful()}, path)
    for data in (b"no weights", pickle.dumps({"a": 1}), path.read_bytes(), b""):
        with pytest.raises(UserError, match="weights.pth: not a file of weights that torch.save wrote; download it"):
            weights.read(data, path)
    assert not Path("harm").exists()
    for values, expected in (
        ({"epoch": 3, "state_dict": {"a": 1}}, r"not a state \(names to tensors\); save the network's state_dict\(\)"),
        ([torch.ones(1)], "not a state"),
        (
            {"a": torch.ones(2), "b": torch.tensor([1, float("nan")])},
            r"1 tensors \(first: b\) are not finite",
        ),
    ):
        with pytest.raises(UserError, match=expected):
            weight_files.file("rexnet", weight_files.write(path, values))


def test_every_part_takes_weights_that_load_there(tmp_path: Path):
    options = {"reduced_resnet": {"layers": 3}}
    taken = set()
    for model in models.available():
        for part, name in models.starts(model).items():
            file = weight_files.file(name, weight_files.write(tmp_path / f"{name}.pth", weight_files.state(name)))
            torch.manual_seed(1)
            scratch = build(model, options.get(model, {}), 3, 5)
            torch.manual_seed(1)
            started = build(model, options.get(model, {}), 3, 5, {part: file})
            inside = {entry for entry in scratch.state_dict() if entry.startswith(f"{part}.")}
            before = scratch.state_dict()
            changed = {entry for entry, value in started.state_dict().items() if not torch.equal(value, before[entry])}
            assert changed and changed <= inside, "what is no part of the file starts as without it"
            taken.add(name)
    assert taken == set(PRETRAINED)


def test_parts_and_weights_that_do_not_belong_together(tmp_path: Path):
    file = weight_files.file("rexnet", weight_files.write(tmp_path / "x.pth", weight_files.state("mpnet")))
    for model, part, expected in (
        (
            "cropnet",
            "bakbone",
            r"'bakbone' is no such part of cropnet \(did you mean 'backbone'\?\); it has: back",
        ),
        ("time_contrast", "temporal", "temporal of time_contrast cannot start from rexnet; it takes mpnet"),
        ("elface", "backbone", "'backbone' is no such part of elface; none of its parts can start from weights"),
    ):
        with pytest.raises(UserError, match=f"^weights: {expected}"):
            build(model, {}, 1 if model == "elface" else 3, 2, {part: file})


def test_inputs_that_weights_fit():
    ways = {
        way
        for training in (RecognitionTraining, MemoryTraining)
        for way in training.model_fields["normalise"].annotation.__args__
    }
    for name in PRETRAINED:
        fitting = PRETRAINED.declared(name).normalise
        assert set(fitting) < ways, "what fits is a way that there is, and not every way fits"
        for way in ways:
            assert bool(unfit(name, way)) == (way not in fitting)
    assert unfit("deeplab", "first_frame") == (
        "the weights deeplab were trained on whole frames normalised as ImageNet's, which the spatial network itself "
        "does: they need training.normalise rms or none, not first_frame"
    )
