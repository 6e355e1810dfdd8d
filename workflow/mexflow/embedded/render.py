"""Frames of the embedded datasets, written as the JPEG files of the raw dataset.

Only the region round the head is warped; the backdrop is still but for light and noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from mexflow.embedded.action_units import SIDES, UNITS
from mexflow.embedded.identity import Identity, identity
from mexflow.embedded.motion import Region, VideoMotion
from mexflow.embedded.scenario import DatasetPlan, PlannedVideo, digest

_NOISE_SHIFT = 96  # pixels by which the noise can be moved between frames


class Camera:
    """Light, sensor noise and compression of one person's recording."""

    def __init__(self, person: Identity, seed: int, dataset: str, subject: str):
        geometry = person.geometry
        rng = np.random.default_rng(digest(seed, dataset, subject, "camera"))
        shape = (geometry.height + _NOISE_SHIFT, geometry.width + _NOISE_SHIFT, *person.image.shape[2:])
        noise = np.rint(rng.standard_normal(shape, np.float32) * geometry.noise)
        # Saturating 8-bit addition is many times faster than float: one tile up, one down.
        self._up = np.clip(noise, 0, 255).astype(np.uint8)
        self._down = np.clip(-noise, 0, 255).astype(np.uint8)
        ramp = np.linspace(0, 255, geometry.width, dtype=np.float32)
        slope = np.broadcast_to(np.rint(ramp).astype(np.uint8), (geometry.height, geometry.width))
        self._slope = np.repeat(slope[..., None], 3, 2) if not geometry.grey else slope.copy()
        self._flags = [cv2.IMWRITE_JPEG_QUALITY, geometry.jpeg_quality]
        if not geometry.grey:
            self._flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]

    def expose(self, picture: np.ndarray, light: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
        """The picture under `light` (gain, slope from left to right), with noise."""
        gain, slope = light
        exposed = cv2.addWeighted(picture, gain, self._slope, slope, -127.5 * slope)
        height, width = picture.shape[:2]
        y, x = rng.integers(0, _NOISE_SHIFT, 2)
        tile = (slice(y, y + height), slice(x, x + width))
        cv2.add(exposed, self._up[tile], dst=exposed)
        return cv2.subtract(exposed, self._down[tile], dst=exposed)

    def encode(self, picture: np.ndarray) -> bytes:
        """The JPEG file of a picture."""
        done, data = cv2.imencode(".jpg", picture, self._flags)
        if not done:
            raise RuntimeError("OpenCV could not encode a JPEG")
        return data.tobytes()


def warp(person: Identity, motion: VideoMotion, frame: float) -> np.ndarray:
    """The person at a frame, free of light changes and noise; uint8, shaped as the canonical frame."""
    region = motion.region
    back = motion.to_pixels(motion.backward(frame))
    picture = person.image.copy()
    window = picture[region.y : region.y + region.height, region.x : region.x + region.width]
    source = person.image[region.y : region.y + region.height, region.x : region.x + region.width]
    map_x, map_y = back[..., 0] + region.pixel_x, back[..., 1] + region.pixel_y
    window[:] = cv2.remap(source, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return picture


def render_subject(
    plan: DatasetPlan,
    subject: str,
    folders: Mapping[str, Path],
    progress: Callable[[str, int], None] | None = None,
) -> list[dict]:
    """Write every video of a subject; see `mexflow.embedded.render_subject`."""
    threads = cv2.getNumThreads()
    # One thread: the frames are small, and the caller runs a job per subject.
    cv2.setNumThreads(1)
    try:
        person = identity(plan.dataset, plan.seed, subject)
        region = Region(person)
        camera = Camera(person, plan.seed, plan.dataset, subject)
        rows = []
        for video in plan.of_subject(subject):
            parts = video.path.split("/")
            target = folders["/".join(parts[: plan.depth])].joinpath(*parts[plan.depth :])
            target.mkdir(parents=True, exist_ok=True)
            for row in _frames(video, plan.seed, region, camera, target):
                rows.append(row)
                if progress is not None:
                    progress(video.video, row["frame"])
        return rows
    finally:
        cv2.setNumThreads(threads)


def _frames(video: PlannedVideo, seed: int, region: Region, camera: Camera, target: Path) -> Iterator[dict]:
    motion = VideoMotion(video, seed, region)
    rng = np.random.default_rng(digest(seed, video.dataset, video.subject, video.video, "camera"))
    lights = _lights(rng, video.frame_count)
    for frame, light in zip(video.frames, lights, strict=True):
        data = camera.encode(camera.expose(warp(region.identity, motion, frame), light, rng))
        file = video.file(frame)
        (target / file.rpartition("/")[2]).write_bytes(data)
        yield {
            "dataset": video.dataset,
            "subject": video.subject,
            "video": video.video,
            "frame": frame,
            "file": file,
            "sha256": hashlib.sha256(data).hexdigest(),
            "blink": motion.blink(frame),
            **intensity_columns(motion.unit_intensities(frame)),
        }


def intensity_columns(intensities: dict[str, float]) -> dict[str, float]:
    """`{"12l": 0.5}` as the columns `au1_l`, `au1_r`, ... `au26_r`, zero where a unit is at rest."""
    return {f"au{unit}_{side}": float(intensities.get(f"{unit}{side}", 0.0)) for unit in UNITS for side in SIDES}


def _lights(rng: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """(gain, slope) per frame: a slow ramp of a few per cent and the flicker of mains light."""
    ramp, slope = rng.uniform(-0.03, 0.03), rng.uniform(-0.02, 0.02)
    depth, period, phase = rng.uniform(0.002, 0.012), rng.uniform(2.2, 9), rng.uniform(0, 2 * np.pi)
    jitter = rng.normal(0, 0.002, count)
    lights = []
    for position in range(count):
        way = position / max(1, count - 1) - 0.5
        flicker = depth * np.sin(2 * np.pi * position / period + phase)
        lights.append((float(1 + ramp * way + flicker + jitter[position]), float(slope * way)))
    return lights
