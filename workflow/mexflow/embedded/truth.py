"""The truth of the embedded datasets: flow and landmarks, from the renderer's motion.

The intensities of the action units stand in the table that `render_subject` returns. Nothing is estimated; head
motion, blinks and glances are part of the flow.
"""

from __future__ import annotations

import functools

import numpy as np

from mexflow.embedded.identity import identity
from mexflow.embedded.motion import Region, VideoMotion
from mexflow.embedded.scenario import plan


@functools.lru_cache(maxsize=2)
def _region(dataset: str, seed: int, subject: str) -> Region:
    return Region(identity(dataset, seed, subject))


def video_motion(dataset: str, size: str, seed: int, subject: str, video: str, nuisance: bool = True) -> VideoMotion:
    """The motion of a video, without head motion, blinks and glances if not `nuisance`.

    Raises KeyError for an unknown subject or video.
    """
    planned = plan(dataset, size, seed).find(subject, video)
    return VideoMotion(planned, seed, _region(dataset, seed, subject), nuisance)


def flow_between(motion: VideoMotion, frame_a: float, frame_b: float) -> np.ndarray:
    """Where the pixels of one frame are in another; see `true_flow`."""
    region, geometry = motion.region, motion.region.identity.geometry
    flow = np.zeros((2, geometry.height, geometry.width), np.float32)
    x = region.x + region.pixel_x.astype(np.float64) + np.zeros_like(region.pixel_y)
    y = region.y + region.pixel_y.astype(np.float64) + np.zeros_like(region.pixel_x)
    start = np.stack([x, y], -1)
    canonical = start + motion.to_pixels(motion.backward(frame_a))
    moved = motion.forward_at(frame_b, canonical) - start
    rows = slice(region.y, region.y + region.height)
    columns = slice(region.x, region.x + region.width)
    flow[:, rows, columns] = np.moveaxis(moved, -1, 0)
    return flow


def true_flow(dataset: str, size: str, seed: int, subject: str, video: str, frame_a: int, frame_b: int) -> np.ndarray:
    """The flow from frame a to frame b (numbers as in the file names).

    float32 `(2, H, W)`: Vx, Vy in raw pixels. The pixel (x, y) of frame a is at (x + Vx, y + Vy) in
    frame b. Agrees with the rendered frames to about 0.05 pixels, 0.15 at worst. Raises KeyError for an unknown video.
    """
    return flow_between(video_motion(dataset, size, seed, subject, video), frame_a, frame_b)


def true_landmarks(dataset: str, size: str, seed: int, subject: str, video: str, frame: int) -> np.ndarray:
    """The 68 landmarks in a frame, float64 `(68, 2)`, (x, y) in raw pixels."""
    motion = video_motion(dataset, size, seed, subject, video)
    return motion.forward_at(frame, motion.region.identity.landmarks)
