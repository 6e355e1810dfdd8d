"""The three networks of upadhy2025: their sizes, tokens and what they look at."""

from __future__ import annotations

import pytest
import torch

from mexflow.errors import UserError
from mexflow.models import build, parameters

SIZES = {"3d": 2_132_725, "2d": 6_165_269, "convlstm": 6_002_253}


@pytest.mark.parametrize(("form", "size"), SIZES.items())
def test_sizes_are_those_derived_from_print(form, size):
    assert parameters(build("attention", {"form": form}, 13, 5)) == size


@pytest.mark.parametrize("form", SIZES)
@pytest.mark.parametrize("head_size", [16, 64])
def test_logits_and_gradients(form, head_size):
    torch.manual_seed(1)
    network = build("attention", {"form": form, "head_size": head_size}, 13, 5)
    frames = torch.rand(1 if form == "convlstm" else 2, 13, 90, 90, requires_grad=True)
    logits = network(frames)
    assert logits.shape == (len(frames), 5)
    torch.testing.assert_close(network.eval().classifier(network.features(frames)), network(frames))
    logits.logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters() if p.ndim > 1)
    seen = frames.grad.abs().sum((0, 2, 3)) > 0
    # Without padding the thirteenth frame falls to the 3D pooling's rounding; the others look at every frame.
    assert seen[:12].all() and bool(seen[12]) == (form != "3d")


def test_attention_is_softmax_of_the_products():
    """Four heads of 16, written out."""
    from mexflow.models.attention import Attention

    torch.manual_seed(2)
    layer = Attention(20, 16)
    tokens = torch.rand(3, 7, 20)
    asking = tokens[:, 2:3]
    query = layer.query(asking).reshape(3, 1, 4, 16)
    key, value = (half.reshape(3, 7, 4, 16) for half in layer.key_value(tokens).split(64, -1))
    weights = (torch.einsum("nahd,nthd->nhat", query, key) / 4).softmax(-1)
    mixed = torch.einsum("nhat,nthd->nahd", weights, value).reshape(3, 1, 64).mean(1)
    torch.testing.assert_close(layer(tokens, asking), layer.output(mixed))


def test_wrong_settings():
    for inputs, options in ((3, {"form": "2d"}), (13, {"form": "4d"}), (13, {"form": "2d", "head_size": 8})):
        with pytest.raises(UserError, match="13 inputs, form 3d, 2d or convlstm"):
            build("attention", options, inputs, 5)
