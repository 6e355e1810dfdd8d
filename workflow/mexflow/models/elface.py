"""EL-FACE (elface2021): two streams of frame pairs, one shared 3D convolutional network, two outputs.

A stream looks at two frames some way apart, its *skip*: a short one for micro-expressions, a long one for
macro-expressions. The first block's depthwise kernel (2, 3, 3) spans both frames, so that behind it time has the length
1 and every later kernel (1, 3, 3) is a 2D one. The two frames therefore stand as two channels, and all convolutions
are 2D ones, which compute the same several times faster on a CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from mexflow.errors import choose

STREAMS = ("micro-expression", "macro-expression")
"""The streams, in the order of a sample's pairs, and the outputs, in the order of the logits."""

FRAMES = 2
"""Frames of a stream."""

FILTERS = (32, 64, 128)
"""Output channels of the three blocks."""

PLACEMENTS = {
    "centred": lambda skip: (skip // 2, skip - skip // 2),
    "forward": lambda skip: (0 * skip, skip),
    "backward": lambda skip: (skip, 0 * skip),
}
"""Where a pair lies around its frame t: the skip in frames to how far before and after t its two frames are."""


def pair_indices(frames: torch.Tensor, skips: torch.Tensor, length: int, placement: str = "centred") -> torch.Tensor:
    """The frames that the streams look at.

    A pair of frame t with skip d is (t - floor(d/2), t + ceil(d/2)) (decided), (t, t + d) when placed ``forward`` or
    (t - d, t) when placed ``backward``, each clipped to the video: in one shorter than the skip, its first and last
    frame are the pair at most.

    Args:
        frames: int64 (n,), positions t in the video, from 0.
        skips: int64 (2,) or (n, 2), frames, of the micro- and the macro-expression stream.
        length: frames of the video, at least 1.
        placement: one of :data:`PLACEMENTS`.

    Returns:
        int64 (n, 2 streams, 2 frames), positions from 0 to length - 1.

    Raises:
        UserError: for an unknown placement.
    """
    before, after = PLACEMENTS[choose("placement of pairs", placement, PLACEMENTS)](skips)
    return torch.stack([frames[:, None] - before, frames[:, None] + after], -1).clamp(0, length - 1)


class DroppedReLU(nn.Module):
    """ReLU and dropout in place, with 16 random bits for an element; a rate is met to 1/65536.

    On processors for which PyTorch's own dropout has no vectorised generator, that one takes longer than all the
    convolutions. The two together keep one map for the backward pass, not two.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` (n, c, h, w), in ``torch.channels_last``, changed in place; outside training by ReLU alone."""
        return _DropAndRectify.apply(x, self.rate) if self.training and self.rate else x.relu_()


class _DropAndRectify(torch.autograd.Function):
    """max(x, 0) / (1 - rate) where x is kept, else 0; its slope, 1 / (1 - rate), is where that is above 0."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, rate: float) -> torch.Tensor:
        ctx.scale = 1 / (1 - rate)
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device).random_(-(2**63), None)
        dropped = words.view(torch.int16)[: x.numel()] < round(rate * 2**16) - 2**15
        x.permute(0, 2, 3, 1).view(-1).relu_().mul_(ctx.scale).masked_fill_(dropped, 0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, slopes: torch.Tensor) -> tuple[torch.Tensor, None]:
        (rectified,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(slopes, rectified, 0).mul_(ctx.scale), None


class Block(nn.Module):
    """A depthwise-separable convolution of stride 2, batch normalisation, ReLU and dropout.

    The depthwise part has no bias, the 1x1 part has one.
    """

    def __init__(self, inputs: int, outputs: int, frames: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs * frames, inputs, 3, 2, 1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.norm = nn.BatchNorm2d(outputs) if batch_norm else None
        self.rectify = DroppedReLU(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, outputs, h / 2, w / 2), rounded up, of (n, inputs * frames, h, w), the frames of a channel in a row."""
        x = self.pointwise(self.depthwise(x))
        if self.norm is not None:
            x = self.norm(x)
        return self.rectify(x)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weight and bias of the 1x1 part with the normalisation of evaluation mode in them."""
        weight, bias, norm = self.pointwise.weight, self.pointwise.bias, self.norm
        if norm is None:
            return weight, bias
        return fuse_conv_bn_weights(weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)


class ELFace(nn.Module):
    """The network: `blocks` shared by the streams, average pool, a residual dense layer, two outputs.

    h = ReLU(W ReLU(W x + b) + b + x), with x the streams' 128 values each, and W, b used twice.
    """

    def __init__(self, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        channels, frames = (1, *FILTERS[:-1]), (FRAMES, 1, 1)
        self.blocks = nn.Sequential(
            *(Block(*sizes, batch_norm, dropout) for sizes in zip(channels, FILTERS, frames, strict=True))
        ).to(memory_format=torch.channels_last)
        width = len(STREAMS) * FILTERS[-1]
        self.dense = nn.Linear(width, width)
        self.classifier = nn.Linear(width, len(STREAMS))

    def features(self, pairs: torch.Tensor) -> torch.Tensor:
        """Features h, float32 (n, 256), of pairs as for :meth:`forward`."""
        folded = pairs.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self._residual(self.blocks(folded))

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        """Logits of the two types of expression; their sigmoids are the scores.

        Args:
            pairs: float32 (n, 2 streams, 2 frames, h, w), grey frames, locally normalised in the paper; any h and w.

        Returns:
            float32 (n, 2): micro-expression, macro-expression.
        """
        return self.classifier(self.features(pairs))

    @torch.no_grad()
    def score_video(
        self, frames: np.ndarray, skips: tuple[int, int], batch: int = 16, placement: str = "centred"
    ) -> torch.Tensor:
        """The logits of every frame of a video, in evaluation mode whatever the mode is.

        They are those that :meth:`forward` has for each frame's pairs, to rounding: batch normalisation is folded into
        the convolution before it. Only a batch is held at a time, so the frames may be a mapped file. Small batches
        stay in a processor's cache and are the fastest.

        Args:
            frames: float16 or float32 (n, h, w), the video, as for :meth:`forward`.
            skips: frames, of the micro- and the macro-expression stream.
            batch: frames scored at once.
            placement: of pairs, as for :func:`pair_indices`.

        Returns:
            float32 (n, 2), on the device of the network.

        Raises:
            UserError: for an unknown placement.
        """
        logits = self.classifier.weight.new_empty(len(frames), len(STREAMS))
        folded = [block.folded() for block in self.blocks]
        for some in torch.arange(len(frames)).split(batch):
            indices = pair_indices(some, torch.tensor(skips), len(frames), placement)
            values = torch.from_numpy(frames[indices.flatten(0, 1).numpy()]).to(logits)
            values = values.contiguous(memory_format=torch.channels_last)
            for block, (weight, bias) in zip(self.blocks, folded, strict=True):
                values = F.conv2d(block.depthwise(values), weight, bias).relu_()
            logits[some] = self.classifier(self._residual(values))
        return logits

    def _residual(self, maps: torch.Tensor) -> torch.Tensor:
        """h (n, 256) of the last block's maps (2 n, 128, h, w), the streams of a sample in a row."""
        x = maps.mean((2, 3)).reshape(-1, self.dense.in_features)
        return F.relu(self.dense(F.relu(self.dense(x))) + x)


def build(inputs: int, classes: int, batch_norm: bool = True, dropout: float = 0.2) -> ELFace:
    """The network of elface2021: 78,132 parameters, 77,684 without batch normalisation.

    Args:
        inputs: input channels of a frame; 1, grey.
        classes: 2, micro- and macro-expressions; a frame may be in one of both.
        batch_norm: whether blocks normalise.
        dropout: share of the values that a block drops in training, from 0 to under 1.

    Raises:
        ValueError: for a number of inputs or classes that the paper does not have, or a share out of range.
    """
    if inputs != 1 or classes != len(STREAMS) or not 0 <= dropout < 1:
        raise ValueError(f"1 input, 2 classes, dropout from 0 to under 1; not {inputs}, {classes}, {dropout}")
    return ELFace(batch_norm, dropout)
