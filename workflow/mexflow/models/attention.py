"""The three shallow networks with self-attention of upadhy2025, on thirteen grey frames of a clip.

The paper's 28M, 55M and 6M parameters fit no reading of its text; this one has 2,132,725 (``3d``), 6,165,269 (``2d``)
and 6,002,253 (``convlstm``) with five classes. In it, tokens of d values get queries, keys and values of 64 (four heads
of 16), each by a fully connected layer with bias, and one more with bias takes the 64 of all heads back to d, on which
the head stands; there is no layer normalisation. Positions are learned, one value for each value of each token, but for
``convlstm``, where the recurrence knows the order.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

FRAMES, SIZE = 13, 90
"""Frames of a sample, their side in pixels."""

ONSET, APEX, OFFSET = 0, 6, 12
"""Positions of the frames a clip is annotated with."""

HEADS = 4
FILTERS = 8
_CELLS = 32
_GRID = 3
_HIDDEN = 128
_DROPOUT = 0.2


class Attention(nn.Module):
    """Multi-head self-attention over tokens of `width` values, with `head_size` values in each of four heads."""

    def __init__(self, width: int, head_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, HEADS * head_size)
        self.key_value = nn.Linear(width, 2 * HEADS * head_size)
        self.output = nn.Linear(HEADS * head_size, width)

    def forward(self, tokens: torch.Tensor, asking: torch.Tensor) -> torch.Tensor:
        """What some of the tokens find in all of them, averaged over those that ask.

        Args:
            tokens: (n, t, width).
            asking: (n, a, width), those of the tokens whose outputs are wanted.

        Returns:
            (n, width).
        """
        key, value = self.key_value(tokens).chunk(2, -1)
        query, key, value = (x.unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in (self.query(asking), key, value))
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        # The mean before the layer is the mean after it, at a fraction of the work.
        return self.output(attended.mean(1))


class Tokens3D(nn.Module):
    """Nine tokens, the blocks of a 3x3 grid: eight 5x5x5 filters, ReLU, 2x2x2 max pooling.

    Without padding, 30 x 30 x 13 becomes 26 x 26 x 9 and 13 x 13 x 4; the ninth step in time falls to the pooling's
    rounding, so it is not computed, and the last frame has no part in the result.
    """

    WIDTH, COUNT = FILTERS * 4 * 13 * 13, _GRID * _GRID
    _STEPS, _KERNEL = 8, 5

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(1, FILTERS, self._KERNEL)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, 9, 5408) of frames (n, 13, 90, 90); blocks row by row."""
        count, side = len(frames), SIZE // _GRID
        blocks = frames.reshape(count, FRAMES, _GRID, side, _GRID, side).permute(0, 2, 4, 1, 3, 5)
        # The frames under the kernel as channels: a 2-D convolution is several times faster than a 3-D one of one
        # channel, and its pooling is deterministic on a GPU.
        windows = blocks.unfold(3, self._KERNEL, 1)[:, :, :, : self._STEPS].movedim(-1, -3)
        windows = windows.reshape(-1, self._KERNEL, side, side).contiguous(memory_format=torch.channels_last)
        kernel, bias = self.convolution.weight.squeeze(1), self.convolution.bias
        values = F.max_pool2d(F.conv2d(windows, kernel, bias), 2)
        values = values.unflatten(0, (count, self.COUNT, self._STEPS // 2, 2))
        return torch.maximum(values[:, :, :, 0], values[:, :, :, 1]).relu().flatten(2)


class Tokens2D(nn.Module):
    """Thirteen tokens, the frames: eight 3x3 filters, ReLU, 2x2 max pooling, without padding 88 x 88 and 44 x 44."""

    WIDTH, COUNT = FILTERS * 44 * 44, FRAMES

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, FILTERS, 3)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, 13, 15488) of frames (n, 13, 90, 90)."""
        values = self.convolution(frames.flatten(0, 1).unsqueeze(1))
        # Pooled several times faster in this order.
        values = F.max_pool2d(values.contiguous(memory_format=torch.channels_last), 2).relu()
        return values.flatten(1).unflatten(0, frames.shape[:2])


class TokensConvLSTM(nn.Module):
    """Thirteen tokens, the states after each frame of a convolutional LSTM, pooled and brought to eight channels.

    Input gate i, forget gate f, output gate o, candidate g and state (Shi et al. 2015, without peepholes)::

        i, f, o = σ(W_x * x_t + W_h * h_{t-1} + b)
        g       = tanh(W_x * x_t + W_h * h_{t-1} + b)
        c_t     = f c_{t-1} + i g
        h_t     = o tanh(c_t)

    with 32 filters of 3x3 each, none padded on the frames and all padded on the state (88 x 88); then 2x2 max pooling
    and eight 1x1 filters with ReLU. The forget gate's bias begins at 1.
    """

    WIDTH, COUNT = FILTERS * 44 * 44, FRAMES

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Conv2d(1, 4 * _CELLS, 3)
        self.recurrent = nn.Conv2d(_CELLS, 4 * _CELLS, 3, padding=1, bias=False)
        self.reduce = nn.Conv2d(_CELLS, FILTERS, 1)
        with torch.no_grad():
            self.input.bias[_CELLS : 2 * _CELLS] = 1

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(n, 13, 15488) of frames (n, 13, 90, 90)."""
        state = cell = None
        pooled = []
        for frame in frames.unsqueeze(2).unbind(1):
            gates = self.input(frame)
            if state is not None:
                gates = gates + self.recurrent(state)
            # Unbound rather than sliced: the backward of a slice fills and adds a whole tensor of zeros.
            admit, keep, show, candidate = gates.unflatten(1, (4, _CELLS)).unbind(1)
            cell = admit.sigmoid() * candidate.tanh() + (0 if cell is None else keep.sigmoid() * cell)
            state = show.sigmoid() * cell.tanh()
            pooled.append(F.max_pool2d(state, 2))
        values = self.reduce(torch.cat(pooled)).relu().flatten(1)
        return values.unflatten(0, (FRAMES, len(frames))).transpose(0, 1)


class ShallowAttention(nn.Module):
    """Tokens of a clip, attention over them, and a head on what the asking tokens find.

    `asking` is the position of the token that is classified, or None for the average over all; `positions` says whether
    learned positions are added to the tokens.
    """

    def __init__(
        self, tokens: Tokens3D | Tokens2D | TokensConvLSTM, classes: int, head_size: int, asking: int | None,
        positions: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.tokens = tokens
        self.positions = nn.Parameter(torch.randn(tokens.COUNT, tokens.WIDTH) * 0.02) if positions else None
        self.attention = Attention(tokens.WIDTH, head_size)
        self.asking = slice(None) if asking is None else slice(asking, asking + 1)
        self.hidden = nn.Sequential(nn.Linear(tokens.WIDTH, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT))
        self.classifier = nn.Linear(_HIDDEN, classes)

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        """Features float32 (n, 128) of frames as for :meth:`forward`."""
        tokens = self.tokens(frames)
        if self.positions is not None:
            tokens = tokens + self.positions
        return self.hidden(self.attention(tokens, tokens[:, self.asking]))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits float32 (n, classes) of grey frames float32 (n, 13, 90, 90) in [0, 1], onset to offset."""
        return self.classifier(self.features(frames))


_FORMS = {
    "3d": (Tokens3D, None, True),
    "2d": (Tokens2D, APEX, True),
    "convlstm": (TokensConvLSTM, OFFSET, False),
}


def build(inputs: int, classes: int, form: str, head_size: int = 16) -> ShallowAttention:
    """One of the networks of upadhy2025.

    Args:
        inputs: 13, the frames of a sample; they stand where other networks have channels.
        classes: number of classes.
        form: ``3d`` (average over nine blocks), ``2d`` (the apex token of thirteen) or ``convlstm`` (the offset token).
        head_size: values of a query, key or value in each of the four heads: 16, which reads the paper's "parameter
            size 64" as their sum (decided), or 64, which reads it as one head's.

    Raises:
        ValueError: for another number of inputs, a form or a head size that the paper does not have.
    """
    if inputs != FRAMES or form not in _FORMS or head_size not in (16, 64):
        raise ValueError(f"13 inputs, form 3d, 2d or convlstm, head_size 16 or 64; not {inputs}, {form}, {head_size}")
    tokens, asking, positions = _FORMS[form]
    return ShallowAttention(tokens(), classes, head_size, asking, positions)
