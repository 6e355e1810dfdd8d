"""Long videos as EL-FACE is fed with them (elface2021): pairs of frames some way apart, drawn by a plan.

No video is ever in memory: of an array of aligned faces, or of LCN frames, only the rows of a batch are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mexflow.errors import UserError
from mexflow.evaluation.frame_skips import TYPES
from mexflow.models.elface import STREAMS, pair_indices
from mexflow.preprocess.aligned import AlignedFaces, by_video
from mexflow.preprocess.lcn import grey, lcn
from mexflow.seeds import derive
from mexflow.store.arrays import Rows
from mexflow.store.artifacts import Inputs
from mexflow.training.augmentation import Augmentation
from mexflow.training.losses import unweighted_bce, weighted_bce

assert len(TYPES) == len(STREAMS), "types of expression are in the order of the network's streams and outputs"


@dataclass(frozen=True)
class Video:
    """A video's frames, in order.

    `frames` int64 (n,) are their numbers, `rows` int64 (n,) where their faces lie in `faces` (uint8, (N, h, w, c)) and
    `lcn` (float16, (N, h, w)), `known` bool (n,) whether the face was seen in the frame, `labels` bool (n, 2) whether
    it is inside a micro- and inside a macro-expression.

    A frame in which the face was not seen keeps its place, so that no two frames are brought nearer together. Its row
    is that of the frame before it (of the first that was seen, where there is none before), a picture to fill the
    place: no pair with it is trained on, and no score is measured of one, see :meth:`measured`.
    """

    dataset: str
    subject: str
    name: str
    frames: np.ndarray
    rows: np.ndarray
    known: np.ndarray
    labels: np.ndarray
    faces: Rows
    lcn: Rows

    def __len__(self) -> int:
        return len(self.frames)

    def measured(self, skips: tuple[int, int], placement: str) -> np.ndarray:
        """Of which frames a score is a measurement: bool (n, 2 streams).

        That is where the face was seen in the frame itself and in both frames of the pair that the stream looks at.
        """
        indices = pair_indices(torch.arange(len(self)), torch.tensor(skips), len(self), placement).numpy()
        return self.known[indices].all(-1) & self.known[:, None]


class Frames:
    """The frames of a video as :meth:`mexflow.models.elface.ELFace.score_video` takes them, read when asked for.

    LCN frames, or without LCN grey ones in [0, 1].
    """

    def __init__(self, video: Video, normalised: bool) -> None:
        self._video, self._normalised = video, normalised

    def __len__(self) -> int:
        return len(self._video)

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        """float16 or float32 (*positions, h, w)."""
        positions = np.asarray(positions)
        # A frame is in several of the pairs of a batch; it is read once.
        rows, places = np.unique(self._video.rows[positions], return_inverse=True)
        frames = self._video.lcn[rows] if self._normalised else grey(self._video.faces[rows])
        return frames[places.reshape(positions.shape)]


def load(
    inputs: Inputs, faces: Sequence[Path], lcn_frames: Sequence[Path], expressions: Sequence[Mapping[str, Any]]
) -> tuple[list[Video], list[str]]:
    """The videos of some subjects.

    Args:
        faces: aligned faces, an array a subject, each with its table beside it.
        lcn_frames: the LCN frames of the same subjects, in the same order.
        expressions: rows of the index. One that is excluded labels no frame.

    Returns:
        The videos, in the order of subjects' and their own names, and a line for each video or expression that is left
        out, saying why.

    Raises:
        UserError: if faces and LCN frames are not as many arrays, or a table does not fit its arrays.
    """
    if len(faces) != len(lcn_frames):
        raise UserError(
            f"spot: {len(faces)} arrays of faces and {len(lcn_frames)} of LCN frames; give one of each a subject"
        )
    annotated = by_video(row for row in expressions if row["excluded"] is None)
    excluded = [row for row in expressions if row["excluded"] is not None]
    left_out = [f"{row['dataset']} {row['clip']}: {row['excluded']}" for row in excluded]
    videos = []
    for path, beside in zip(faces, lcn_frames, strict=True):
        aligned = AlignedFaces(inputs, path)
        images, normalised = aligned.images, aligned.beside(beside)
        for video in aligned.videos.values():
            if reason := video.why_none():
                left_out.append(f"{aligned.dataset} {video.name}: {reason}")
                continue
            labels = np.zeros((len(video), len(TYPES)), bool)
            for expression in annotated.get(video.key, ()):
                inside = (video.frames >= expression["onset"]) & (video.frames <= expression["offset"])
                labels[inside, TYPES.index(expression["type"])] = True
            videos.append(Video(*video.key, video.frames, video.held_rows, video.seen, labels, images, normalised))
    return sorted(videos, key=lambda video: (video.dataset, video.subject, video.name)), sorted(left_out)


@dataclass(frozen=True)
class Pairing:
    """How samples are made: the skip of each stream is drawn from its range (lowest and highest frames, both included).

    There are `samples` in an epoch. Without `inside` they are frames as they occur (decided): every frame of every
    video is as likely as any other, and none is drawn twice before all were drawn. That few of them are inside an
    expression is what W of the loss is for.

    With `inside`, an alternative, there are as many of each video as of any other, or one more. Where a video has
    expressions, that share of its samples are frames inside one, of each type as many; the others are any frames.
    A frame in which the face was not seen is neither drawn nor one of a pair.
    """

    skips: tuple[tuple[int, int], tuple[int, int]]
    samples: int
    inside: float | None = None
    placement: str = "centred"


class Pairs:
    """A feed of frame pairs, float32 (n, 2 streams, 2 frames, h, w), with targets float32 (n, 2).

    Args:
        videos: of one fold and one use. One in which no frame has both its pairs seen, even with the lowest skips, is
            passed over.
        seed: of the plan; each epoch has its own.
        augmentation: before LCN, one draw for the four images of a sample; None takes the stored LCN frames.
        sigma: of LCN's Gaussian, pixels, for augmented frames; None leaves LCN out.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        pairing: Pairing,
        device: torch.device,
        seed: int,
        augmentation: Augmentation | None,
        sigma: float | None,
    ) -> None:
        lowest = tuple(low for low, _ in pairing.skips)
        self._videos = [video for video in videos if video.measured(lowest, pairing.placement).all(1).any()]
        self._lowest = lowest
        self._pairing, self._device, self._seed = pairing, device, seed
        self._augmentation, self._sigma = augmentation, sigma
        self._known = [np.flatnonzero(video.known) for video in self._videos]
        inside = [[np.flatnonzero(of_type & video.known) for of_type in video.labels.T] for video in self._videos]
        self._inside = [[frames for frames in types if len(frames)] for types in inside]

    def __len__(self) -> int:
        return self._pairing.samples if self._videos else 0

    def plan(self, epoch: int) -> list[tuple[int, int, tuple[int, int]]]:
        """What an epoch shows: (video, frame, skips), in order; frames are positions in the video."""
        rng = np.random.default_rng(derive(self._seed, "plan", epoch))
        planned = []
        for video, group, frame in self._natural(rng) if self._pairing.inside is None else self._balanced(rng):
            first, second = (int(rng.integers(low, high, endpoint=True)) for low, high in self._pairing.skips)
            planned.append((video, *self._seen(rng, video, group, frame, (first, second))))
        return planned

    def _natural(self, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray, int]]:
        """A video, its frames that were seen, and one of these, for each sample: frames as they occur."""
        ends = np.cumsum([len(frames) for frames in self._known])
        drawn: list[int] = []
        while len(drawn) < len(self):
            drawn += rng.permutation(ends[-1])[: len(self) - len(drawn)].tolist()
        for place in drawn:
            video = int(np.searchsorted(ends, place, "right"))
            frames = self._known[video]
            yield video, frames, int(frames[place - ends[video]])

    def _balanced(self, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray, int]]:
        """A video, a group of its frames, and one of these, for each sample: expressions more often, see `Pairing`."""
        chosen: list[int] = []
        while len(chosen) < len(self):
            chosen += rng.permutation(len(self._videos)).tolist()
        for video in chosen[: len(self)]:
            within = self._inside[video]
            if within and rng.random() < self._pairing.inside:
                # First of which type, so that the shorter expressions are not drowned by the longer ones.
                group = within[rng.integers(len(within))]
            else:
                group = self._known[video]
            yield video, group, int(rng.choice(group))

    def _seen(
        self, rng: np.random.Generator, number: int, group: np.ndarray, frame: int, skips: tuple[int, int]
    ) -> tuple[int, tuple[int, int]]:
        """The frame and skips drawn, or where a frame of a pair was not seen, others.

        Another frame of the group, else any of the video, else one with the lowest skips. Where all frames were seen
        nothing is drawn.
        """
        video = self._videos[number]
        if video.known.all():
            return frame, skips
        for positions, chosen in ((group, skips), (self._known[number], skips), (self._known[number], self._lowest)):
            whole = video.measured(chosen, self._pairing.placement).all(1)
            if chosen == skips and whole[frame]:
                return frame, skips
            if len(left := positions[whole[positions]]):
                return int(rng.choice(left)), chosen
        raise AssertionError(f"{video.name}: no pair was seen")

    def batches(self, epoch: int, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See the class."""
        generator = torch.Generator().manual_seed(derive(self._seed, "augment", epoch))
        planned = self.plan(epoch)
        for start in range(0, len(planned), size):
            batch = planned[start : start + size]
            pairs = torch.from_numpy(np.stack([self._read(*sample) for sample in batch])).to(self._device)
            if self._augmentation is not None:
                # The four images are the frames of a sequence of one channel.
                frames = self._augmentation(pairs.flatten(1, 2)[:, :, None], generator)[:, :, 0]
                pairs = (frames if self._sigma is None else lcn(frames, self._sigma)).view(pairs.shape)
            labels = np.stack([self._videos[video].labels[frame] for video, frame, _ in batch])
            yield pairs, torch.from_numpy(labels).float().to(self._device)

    def _read(self, number: int, frame: int, skips: tuple[int, int]) -> np.ndarray:
        """float32 (2, 2, h, w)."""
        video = self._videos[number]
        indices = pair_indices(torch.tensor([frame]), torch.tensor(skips), len(video), self._pairing.placement)
        stored = Frames(video, self._augmentation is None and self._sigma is not None)
        return stored[indices[0].numpy()].astype(np.float32)


class SpottingLoss:
    """The objective: eq. 2 for logits and targets (n, 2); not `weighted`, the plain cross entropy of the ablation."""

    def __init__(self, weighted: bool, stream_weights: tuple[float, float], positive: float) -> None:
        self._weighted, self._stream_weights, self._positive = weighted, stream_weights, positive

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self._weighted:
            return weighted_bce(outputs, targets, self._stream_weights, self._positive)
        return unweighted_bce(outputs, targets)

    def error(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.loss(outputs, targets)

    def right(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Samples, each type of expression counting half."""
        return float(((outputs > 0) == (targets > 0)).float().mean(1).sum())
