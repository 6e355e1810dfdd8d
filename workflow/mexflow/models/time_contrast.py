"""Time-contrasted features with visual memory (nag2019): what changes between two frames, remembered over a clip.

A spatial network sees each frame, a temporal network the flow from it to the next; both are trained alone (stage 1)
and then frozen, and the memory is trained on what they see (stage 2). The three are networks of their own:
`TimeContrastNetwork.spatial`, `.temporal` and `.memory`. A recurrence runs over t time steps, which are t + 1
consecutive frames and the t flow fields between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from mexflow.models.backbones import largefov, motion_pattern
from mexflow.models.backbones.weights import Normalisation, xavier

WEIGHTS = {"spatial.backbone": "deeplab", "temporal": "mpnet"}
"""The parts that can start from weights of a file, and which: see :func:`mexflow.models.starts`."""

CHANNELS = 128
"""Of a frame's map FM_t, which the time contrast compares."""

WIDTH = 256
"""Of what the memory is fed, of its state and of the fully connected layers."""

CELLS, KERNEL = 64, 7
"""Channels of the convolutional memory's state (decided) and side of its kernels (printed)."""

MEMORIES = ("gru", "conv_gru")

_SIDE = 8  # of the maps of 64 x 64 pixels


class SpatialNetwork(nn.Module):
    """DeepLab-LargeFOV; for stage 1, which the paper does not describe, a classifier on its fc6 averaged over space."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.normalise = Normalisation()
        self.backbone = largefov.LargeFOV()
        self.classifier = nn.Linear(largefov.OUTPUTS, classes)
        xavier(self.classifier)

    def train(self, mode: bool = True) -> SpatialNetwork:
        """Torch's, which also lays out the weights for what comes: no value changes.

        On a CPU, a step of training takes a seventh to a quarter less time where channels come first, and seeing a
        fifth less where they come last.
        """
        super().train(mode)
        self.backbone.to(memory_format=self._layout)
        return self

    @property
    def _layout(self) -> torch.memory_format:
        return torch.contiguous_format if self.training else torch.channels_last

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """fc6, float32 (n, 1024, 8, 8), of images as for :meth:`forward`."""
        return self.backbone(self.normalise(images).contiguous(memory_format=self._layout))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Features float32 (n, 1024) of images as for :meth:`forward`."""
        return self.maps(images).mean((2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits float32 (n, classes) of RGB images (n, 3, 64, 64), uint8 0..255 or float32 0..1."""
        return self.classifier(self.features(images))


class TimeContrast(nn.Module):
    """What differs between a frame and the next, locally (M_l, 3x3) and in its surroundings (M_c, 3x3 dilated by 2).

    With FM_t the map of frame t (eq. 1-3)::

        F1 = M_l(FM_t)     - M_c(FM_{t+1})
        F2 = M_l(FM_t)     - M_l(FM_{t+1})
        F3 = M_l(FM_{t+1}) - M_c(FM_t)
    """

    def __init__(self) -> None:
        super().__init__()
        self.local = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.context = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=2, dilation=2)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """F1, F2 and F3, float32 (n, t, 384, h, w), of the maps of consecutive frames, (n, t + 1, 128, h, w)."""
        # Each once for a frame, though a frame is the later one of one pair and the earlier one of the next.
        frames = maps.flatten(0, 1)
        local, context = (module(frames).unflatten(0, maps.shape[:2]) for module in (self.local, self.context))
        now, after = slice(None, -1), slice(1, None)
        return torch.cat(
            [local[:, now] - context[:, after], local[:, now] - local[:, after], local[:, after] - context[:, now]], 2
        )


class VectorGRU(nn.GRU):
    """PyTorch's gated recurrent unit over vectors, with Xavier's weights for each gate."""

    def __init__(self, inputs: int, cells: int) -> None:
        super().__init__(inputs, cells, batch_first=True)
        for name, parameter in self.named_parameters():
            for gate in parameter.chunk(3):
                nn.init.xavier_uniform_(gate) if name.startswith("weight") else nn.init.zeros_(gate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The states (n, t, cells) of inputs (n, t, inputs), from a state of zeros."""
        return super().forward(x)[0]


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are 7x7 convolutions; `inputs` and `cells` are numbers of channels.

    Gates and state, as in PyTorch's own unit::

        r, z = σ(W x_t + U h_{t-1} + b)
        n    = tanh(W_n x_t + b_n + r (U_n h_{t-1} + c_n))
        h_t  = (1 - z) n + z h_{t-1},  h_0 = 0
    """

    def __init__(self, inputs: int, cells: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(inputs, 3 * cells, KERNEL, padding=KERNEL // 2)
        self.recurrent = nn.Conv2d(cells, 3 * cells, KERNEL, padding=KERNEL // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The states (n, t, cells, h, w) of inputs (n, t, inputs, h, w)."""
        steps = self.input(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        cells = self.recurrent.in_channels
        state = x.new_zeros(len(x), cells, *x.shape[-2:])
        states = []
        for step in steps.unbind(1):
            remembered = self.recurrent(state)
            reset, keep = (step + remembered)[:, : 2 * cells].sigmoid().chunk(2, 1)
            candidate = (step[:, 2 * cells :] + reset * remembered[:, 2 * cells :]).tanh()
            state = candidate + keep * (state - candidate)
            states.append(state)
        return torch.stack(states, 1)


class Memory(nn.Module):
    """What stage 2 trains: two 1x1 convolutions with tanh, the time contrast, a recurrence and two heads.

    FM_t (with `next_features` FM_{t+1} as well), F1, F2, F3 and the motion, 513 (641) channels, become 256 by a 1x1
    convolution. With the memory ``gru``, two fully connected layers make a vector of the map, and a GRU remembers it.
    With ``conv_gru`` the map itself is remembered, and the two layers make a vector of its state. ReLU follows the 1x1
    convolution and every fully connected layer but the last of a head.
    """

    def __init__(self, classes: int, memory: str, next_features: bool) -> None:
        super().__init__()
        self.next_features = next_features
        self.reduce = nn.Sequential(
            nn.Conv2d(largefov.OUTPUTS, CHANNELS, 1), nn.Tanh(), nn.Conv2d(CHANNELS, CHANNELS, 1), nn.Tanh()
        )
        self.contrast = TimeContrast()
        self.merge = nn.Sequential(nn.Conv2d(CHANNELS * (5 if next_features else 4) + 1, WIDTH, 1), nn.ReLU())
        self.convolutional = memory == "conv_gru"
        channels = CELLS if self.convolutional else WIDTH
        self.vector = nn.Sequential(
            nn.Flatten(2), nn.Linear(channels * _SIDE**2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
        )  # fmt: skip
        self.recurrence = ConvGRU(WIDTH, CELLS) if self.convolutional else VectorGRU(WIDTH, WIDTH)
        self.classifier = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, classes))
        self.state = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))
        xavier(self)

    def forward(self, maps: torch.Tensor, motion: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class and intensity after each frame, in the order of time: a step knows nothing of later ones.

        Args:
            maps: float32 (n, t + 1, 1024, 8, 8), fc6 of consecutive frames.
            motion: float32 (n, t, 1, 8, 8), in [0, 1], the likelihood of motion from each frame to the next.

        Returns:
            Class logits float32 (n, t, classes) and intensities float32 (n, t) in [0, 1], of the first t frames.

        Raises:
            ValueError: if there is not one map more than motions.
        """
        if maps.shape[1] != motion.shape[1] + 1:
            raise ValueError(f"{motion.shape[1]} motions are between {motion.shape[1] + 1} frames, not {maps.shape[1]}")
        frames = self.reduce(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        parts = [frames[:, :-1], self.contrast(frames), motion]
        if self.next_features:
            parts.append(frames[:, 1:])
        stacked = torch.cat(parts, 2)
        merged = self.merge(stacked.flatten(0, 1)).unflatten(0, stacked.shape[:2])
        states = self.vector(self.recurrence(merged)) if self.convolutional else self.recurrence(self.vector(merged))
        return self.classifier(states), self.state(states).squeeze(-1).sigmoid()


class TimeContrastNetwork(nn.Module):
    """The three networks. The first two are trained by themselves; through this one, gradients reach the last alone."""

    def __init__(self, classes: int, memory: str, next_features: bool) -> None:
        super().__init__()
        self.spatial = SpatialNetwork(classes)
        self.temporal = motion_pattern.MotionPattern()
        self.memory = Memory(classes, memory, next_features)

    def stage2_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters that stage 2 trains."""
        return self.memory.parameters()

    @torch.no_grad()
    def spatial_features(self, images: torch.Tensor) -> torch.Tensor:
        """fc6, float32 (n, 1024, 8, 8), at least 0, without gradient, of RGB images (n, 3, 64, 64).

        A function of the image and of stage 1's weights alone, so it may be kept from epoch to epoch.
        """
        return self.spatial.maps(images)

    @torch.no_grad()
    def motion(self, flow: torch.Tensor) -> torch.Tensor:
        """The likelihood of motion, float32 (n, 1, 8, 8) in [0, 1], without gradient, of flow float32 (n, 2, 64, 64).

        Flow is in whatever unit stage 1 was trained with. It may be kept as well.
        """
        return self.temporal.likelihood(flow)

    def forward(self, images: torch.Tensor, flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Class and intensity after each frame (see :meth:`Memory.forward`).

        Args:
            images: RGB frames (n, t + 1, 3, 64, 64), consecutive, uint8 0..255 or float32 0..1.
            flow: float32 (n, t, 2, 64, 64), from each frame to the next.

        Returns:
            Class logits float32 (n, t, classes) and intensities float32 (n, t) in [0, 1], of the first t frames.
        """
        maps = self.spatial_features(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        return self.memory(maps, self.motion(flow.flatten(0, 1)).unflatten(0, flow.shape[:2]))


def build(
    inputs: int,
    classes: int,
    memory: str = "gru",
    next_features: bool = False,
) -> TimeContrastNetwork:
    """The networks of nag2019.

    Args:
        inputs: input channels of a frame; 3, red, green and blue.
        classes: number of classes.
        memory: ``gru`` (decided: the paper describes a vector of 256) or ``conv_gru`` (its "the entire GRU uses 7x7
            convolutions").
        next_features: whether the stack that is remembered has the next frame's map too: 641 channels instead of 513.

    Raises:
        ValueError: for a number of inputs or a memory that the paper does not have.
    """
    if inputs != 3 or memory not in MEMORIES:
        raise ValueError(f"3 inputs (red, green, blue), memory {' or '.join(MEMORIES)}; not {inputs}, {memory}")
    return TimeContrastNetwork(classes, memory, next_features)
