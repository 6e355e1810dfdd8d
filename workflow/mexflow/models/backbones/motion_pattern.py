"""A motion pattern network after MP-Net (Tokmakov, Alahari, Schmid, CVPR 2017): where nag2019 sees motion in flow."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from mexflow.models.backbones import weights

ENCODER = ((7, 64), (5, 128), (3, 256), (3, 512))
"""Side of the kernel and output channels of each convolution down."""

DECODER = (256, 128)
"""Output channels of each 3x3 convolution up."""

SHRINKS = 4
"""A flow field's side over the output's."""


class MotionPattern(nn.Module):
    """An encoder and a decoder that gets the encoder's maps as well: 4,636,225 parameters.

    Down: a convolution, ReLU and a 2x2 max pool, four times. Up, twice: nearest neighbours at double size, the
    encoder's map of that size (before its pool) beside it, a 3x3 convolution, ReLU. Then 1x1 to one value. Weights are
    drawn by Xavier's rule with ReLU's gain.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = [2, *(width for _, width in ENCODER)]
        self.down = nn.ModuleList(
            nn.Conv2d(inputs, width, kernel, padding=kernel // 2)
            for inputs, (kernel, width) in zip(sizes[:-1], ENCODER, strict=True)
        )
        self.up = nn.ModuleList()
        inputs = sizes[-1]
        for beside, width in zip(reversed(sizes[1:]), DECODER, strict=False):
            self.up.append(nn.Conv2d(inputs + beside, width, 3, padding=1))
            inputs = width
        self.output = nn.Conv2d(inputs, 1, 1)
        weights.xavier(self, 2**0.5)

    def forward(self, flow: torch.Tensor) -> torch.Tensor:
        """Logits of motion, float32 (n, 1, h / 4, w / 4), of flow float32 (n, 2, h, w), sides multiples of 16."""
        maps, x = [], flow
        for convolution in self.down:
            maps.append(F.relu(convolution(x)))
            x = F.max_pool2d(maps[-1], 2)
        for convolution, beside in zip(self.up, reversed(maps), strict=False):
            x = F.relu(convolution(torch.cat([F.interpolate(x, scale_factor=2.0), beside], 1)))
        return self.output(x)

    def likelihood(self, flow: torch.Tensor) -> torch.Tensor:
        """The likelihood of motion in [0, 1] at half that size, float32 (n, 1, h / 8, w / 8), of flow as above."""
        return F.avg_pool2d(self(flow).sigmoid(), 2)


def check(file: weights.File) -> None:
    """See that a file is one of this network's weights, see :func:`load`.

    Raises:
        UserError: if it is not.
    """
    load(MotionPattern(), file)


def load(network: nn.Module, file: weights.File) -> None:
    """Load weights under this network's own names, such as ``down.0.weight``.

    Args:
        network: a :class:`MotionPattern`.
        file: of a state.

    Raises:
        UserError: if it is not exactly one of this network, see :func:`mexflow.models.backbones.weights.check`.
    """
    weights.require_part(network, MotionPattern, file)
    remedy = "a state with its own names (down.0.weight, …)"
    weights.check(file, file.state, network.state_dict(), "the motion pattern network", remedy)
    network.load_state_dict(file.state)


def pseudo_masks(flow: torch.Tensor) -> torch.Tensor:
    """Where a flow field moves: the masks that the network learns, for want of true ones (decided).

    A pixel moves where its flow is longer than Otsu's threshold of the field's lengths (in 256 steps up to the
    longest); a cell of the mask does where at least half of its 4x4 pixels do.

    Args:
        flow: float32 (n, 2, h, w), in any unit, sides multiples of 4.

    Returns:
        float32 (n, 1, h / 4, w / 4), 0 or 1, on the flow's device; all 0 where there is no flow.
    """
    lengths = flow.norm(dim=1)
    longest = lengths.amax((1, 2), keepdim=True).clamp(min=torch.finfo(lengths.dtype).tiny)
    levels = (lengths / longest * 255).round().byte().cpu().numpy()
    masks = np.stack([cv2.threshold(image, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1] for image in levels])
    shares = F.avg_pool2d(torch.from_numpy(masks).float().unsqueeze(1), SHRINKS)
    return (shares >= 0.5).to(flow)
