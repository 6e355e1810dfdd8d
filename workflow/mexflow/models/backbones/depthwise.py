"""Depthwise convolution whose gradient is also fast on maps of one or two pixels.

On a CPU, torch computes the weights' gradient of a depthwise convolution twenty times slower on such maps than it
could; networks on small images spend most of their time there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

_SMALL = 2
"""Height and width, pixels, up to which the sum over shifted maps is the faster way; measured, from 3 it is not."""


class DepthwiseConv2d(nn.Conv2d):
    """A square depthwise convolution of odd size without bias, padded to keep an image's size at stride 1."""

    def __init__(self, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, ceil(h / stride), ceil(w / stride)) of (n, c, h, w)."""
        if x.device.type == "cpu" and max(x.shape[2:]) <= _SMALL * self.stride[0] and torch.is_grad_enabled():
            return _Small.apply(x, self.weight, self.stride[0])
        return super().forward(x)


class _Small(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor, weight: torch.Tensor, stride: int) -> torch.Tensor:
        context.save_for_backward(x, weight)
        context.stride = stride
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        x, weight = context.saved_tensors
        stride, kernel = context.stride, weight.shape[-1]
        half, groups = kernel // 2, len(weight)
        to_x = None
        if context.needs_input_grad[0]:
            settings = ([stride] * 2, [half] * 2, [1, 1], False, [0, 0], groups, [True, False, False])
            to_x = torch.ops.aten.convolution_backward(gradient, x, weight, None, *settings)[0]
        height, width = gradient.shape[2:]
        padded = F.pad(x, (half,) * 4)
        sums = [
            (gradient * padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride]).sum((0, 2, 3))
            for i in range(kernel)
            for j in range(kernel)
        ]
        return to_x, torch.stack(sums, 1).view_as(weight), None
