"""What nag2019's networks are fed with: single frames and flow fields, then sequences as these two see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from mexflow.models.backbones.motion_pattern import pseudo_masks
from mexflow.models.backbones.weights import DEVIATION, MEAN
from mexflow.models.time_contrast import TimeContrastNetwork
from mexflow.seeds import derive
from mexflow.training.augmentation import Augmentation, Draws
from mexflow.training.feeding import cut
from mexflow.training.memory.clips import Clip, starts, window

_CHUNK = 16  # frames that the frozen networks see at a time


class Plan:
    """Which clip each sample of an epoch is of: the clips in random orders, one after the other."""

    def __init__(self, clips: Sequence[Clip], samples: int, seed: int) -> None:
        self.clips, self.samples, self._seed = list(clips), samples, seed

    def epoch(self, number: int) -> tuple[np.ndarray, np.random.Generator]:
        """Positions of clips, int64 (samples,), and what to draw the rest of the epoch from."""
        rng = np.random.default_rng(derive(self._seed, "plan", number))
        orders = [rng.permutation(len(self.clips)) for _ in range(-(-self.samples // len(self.clips)))]
        return np.concatenate(orders)[: self.samples], rng


def frames(clip: Clip, positions: np.ndarray, scale: float | None) -> torch.Tensor:
    """Raw frames, float32 (m, 3, 64, 64) in [0, 1]; with a `scale` m + 1 of them, the clip's first one ahead.

    Augmentation is of these: what frames differ by is signed, and no image.
    """
    return torch.from_numpy(clip.images(positions if scale is None else np.concatenate([[0], positions])))


def as_images(frames: torch.Tensor, scale: float | None) -> torch.Tensor:
    """:func:`frames`, augmented or not, as the spatial network takes images, float32 (..., m, 3, 64, 64).

    With a `scale`, that is what they differ by from the first of them, over `scale`, as deviations from ImageNet's
    mean: the mean itself where they do not differ.

    Args:
        frames: float32 (..., m or m + 1, 3, 64, 64).
        scale: of :func:`mexflow.training.memory.clips.frame_scale`; None leaves frames as they are.
    """
    if scale is None:
        return frames
    mean, deviation = (frames.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return mean + deviation * ((frames[..., 1:, :, :, :] - frames[..., :1, :, :, :]) / scale)


class Images:
    """Stage 1 of the spatial network: single frames of expressions, float32 (n, 3, 64, 64), and classes (n,).

    Frames outside [onset, offset] show no class, so none is drawn. `scale` as for :func:`as_images`.
    """

    def __init__(
        self, clips: Sequence[Clip], samples: int, seed: int, augmentation: Augmentation, device: torch.device,
        scale: float | None = None,
    ) -> None:  # fmt: skip
        self._plan, self._seed, self._scale = Plan(clips, samples, seed), seed, scale
        self._augmentation, self._device = augmentation, device

    def __len__(self) -> int:
        return self._plan.samples

    def batches(self, epoch: int, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See the class."""
        chosen, rng = self._plan.epoch(epoch)
        generator = torch.Generator().manual_seed(derive(self._seed, "augment", epoch))
        for some in cut(chosen, size):
            clips = [self._plan.clips[number] for number in some]
            drawn = [frames(clip, rng.choice(np.flatnonzero(clip.expression), 1), self._scale) for clip in clips]
            augmented = self._augmentation(torch.stack(drawn).to(self._device), generator)
            yield (
                as_images(augmented, self._scale)[:, 0],
                torch.tensor([clip.label for clip in clips], device=self._device),
            )


class Flows:
    """Stage 1 of the temporal network: flow over `scale`, float32 (n, 2, 64, 64), and where it moves.

    The masks, float32 (n, 1, 16, 16), are the flow's own: see
    :func:`mexflow.models.backbones.motion_pattern.pseudo_masks`.
    """

    def __init__(
        self, clips: Sequence[Clip], samples: int, seed: int, augmentation: Augmentation, device: torch.device,
        scale: float,
    ) -> None:  # fmt: skip
        self._plan, self._seed, self._scale = Plan(clips, samples, seed), seed, scale
        self._augmentation, self._device = augmentation, device

    def __len__(self) -> int:
        return self._plan.samples

    def batches(self, epoch: int, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See the class."""
        chosen, rng = self._plan.epoch(epoch)
        generator = torch.Generator().manual_seed(derive(self._seed, "augment", epoch))
        for some in cut(chosen, size):
            clips = [self._plan.clips[number] for number in some]
            fields = [clip.flow(self._position(clip, rng)) for clip in clips]
            flow = torch.from_numpy(np.concatenate(fields))
            draws = self._augmentation.draw(len(flow), generator)
            flow = self._augmentation.apply_to_flow(flow.to(self._device), draws) / self._scale
            yield flow, pseudo_masks(flow)

    @staticmethod
    def _position(clip: Clip, rng: np.random.Generator) -> np.ndarray:
        """int64 (1,): not of a frame without a next one, which has no flow, unless there is no other."""
        drawn = rng.integers(max(len(clip.moving), 1), size=1)
        return clip.moving[drawn] if len(clip.moving) else drawn


class Seeing:
    """What the frozen networks see of clips, by which the memory is fed.

    A frame's is float16 (1025, 8, 8): fc6, and the likelihood of motion to the next frame. Frames are seen
    :data:`_CHUNK` at a time whether what is seen is kept or not, so that both ways give the same bits.

    Args:
        scale: what flow is divided by.
        frame_scale: as for :func:`as_images`.
    """

    def __init__(
        self, network: TimeContrastNetwork, scale: float, augmentation: Augmentation, device: torch.device,
        frame_scale: float | None = None,
    ) -> None:  # fmt: skip
        self._network, self._scale, self._frame_scale = network.to(device).eval(), scale, frame_scale
        self._augmentation, self._device = augmentation, device

    @torch.no_grad()
    def __call__(self, clip: Clip, positions: np.ndarray, draws: Draws | None = None) -> torch.Tensor:
        """float16 (m, 1025, 8, 8) on the CPU, of the frames at m positions; all changed by the same draws, if any."""
        parts = []
        for start in range(0, len(positions), _CHUNK):
            some = positions[start : start + _CHUNK]
            images = frames(clip, some, self._frame_scale).to(self._device)
            flow = torch.from_numpy(clip.flow(some)).to(self._device)
            if draws is not None:
                images = self._augmentation.apply(images[None], draws)[0]
                flow = self._augmentation.apply_to_flow(flow[None], draws)[0]
            images = as_images(images, self._frame_scale)
            maps, motion = self._network.spatial_features(images), self._network.motion(flow / self._scale)
            parts.append(torch.cat([maps, motion], 1).half().cpu())
        return torch.cat(parts)


class Sequences:
    """Stage 2: sequences of consecutive frames of random clips, as the frozen networks see them.

    Inputs are float32 (n, length + 1, 1025, 8, 8): the frames and the one after, see :class:`Seeing`. Targets are
    classes int64 (n,) and intensities float32 (n, length). A clip without as many frames in a row is
    continued by the last of its longest stretch (decided).

    Args:
        samples: sequences in an epoch.
        seeing: with the same augmentation.
        length: frames of a sequence.
        versions: augmented sequences of each clip, kept in memory as they are seen; 0 draws and sees each anew. Without
            augmentation what is seen of every frame is kept.
    """

    def __init__(
        self, clips: Sequence[Clip], samples: int, seed: int, augmentation: Augmentation, device: torch.device,
        seeing: Seeing, length: int, versions: int,
    ) -> None:  # fmt: skip
        self._plan, self._seed, self._seeing = Plan(clips, samples, seed), seed, seeing
        self._augmentation, self._device = augmentation, device
        self._length, self._versions = length, versions
        self._kept: dict[tuple[int, int], torch.Tensor] = {}

    def __len__(self) -> int:
        return self._plan.samples

    def batches(self, epoch: int, size: int) -> Iterator[tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]]:
        """See the class."""
        chosen, rng = self._plan.epoch(epoch)
        generator = torch.Generator().manual_seed(derive(self._seed, "augment", epoch))
        for some in cut(chosen, size):
            clips = [self._plan.clips[number] for number in some]
            sequences = [self._sequence(int(number), rng, generator) for number in some]
            targets = [clip.intensity[positions[:-1]] for clip, (positions, _) in zip(clips, sequences, strict=True)]
            yield (
                torch.stack([seen for _, seen in sequences]).to(self._device).float(),
                (
                    torch.tensor([clip.label for clip in clips], device=self._device),
                    torch.from_numpy(np.stack(targets)).to(self._device),
                ),
            )

    def _sequence(
        self, number: int, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[np.ndarray, torch.Tensor]:
        """Positions of frames, int64 (length + 1,), and what is seen there."""
        clip = self._plan.clips[number]
        if not self._augmentation:
            positions = self._window(clip, rng)
            return positions, self._keep((number, 0), clip, np.arange(len(clip)), None)[positions]
        if not self._versions:
            positions = self._window(clip, rng)
            return positions, self._seeing(clip, positions, self._augmentation.draw(1, generator))
        version = int(rng.integers(self._versions))
        seed = derive(self._seed, "version", clip.dataset, clip.name, version)
        positions = self._window(clip, np.random.default_rng(seed))
        draws = self._augmentation.draw(1, torch.Generator().manual_seed(seed))
        return positions, self._keep((number, version), clip, positions, draws)

    def _window(self, clip: Clip, rng: np.random.Generator) -> np.ndarray:
        possible = starts(clip, self._length)
        return window(clip, int(possible[rng.integers(len(possible))]), self._length)

    def _keep(self, key: tuple[int, int], clip: Clip, positions: np.ndarray, draws: Draws | None) -> torch.Tensor:
        if key not in self._kept:
            self._kept[key] = self._seeing(clip, positions, draws)
        return self._kept[key]
