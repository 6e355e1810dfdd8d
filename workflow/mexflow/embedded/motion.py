"""How the canonical frame of a person moves in every frame of a video: the one source of motion.

Frame t shows the canonical point p at

    phi_t(p) = q + h(p) * (A_t(q) - q),    q = p + sum_k a_k(t) * b_k(p)

with the displacement fields b_k of action units, blink and glance, their intensities a_k, the rigid
head pose A_t and a weight h that is 1 on the head and 0 before the border of the region that moves,
so the backdrop stays. The renderer samples phi_t^-1 and the truth composes phi_b with phi_a^-1,
both from the fields of this module.

phi_t - id is evaluated on a grid of about one aligned unit and inverted there by fixed-point
iteration; both are interpolated to pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from mexflow.embedded import action_units
from mexflow.embedded.identity import Identity
from mexflow.embedded.scenario import PlannedExpression, PlannedVideo, digest

# The region that moves, in aligned units, and the ellipse (centre, radii) of the rigid head.
_REGION = (-74.0, 74.0, -80.0, 112.0)
_HEAD = (0.0, 16.0, 50.0, 66.0)
_FADE = (1.0, 1.42)
# Rounds of the inversion of a clip of one micro-expression. In a long video a macro-expression takes more, and a face
# at rest fewer: as many as bring the error below `_ERROR` pixels.
_ROUNDS, _MOST_ROUNDS, _ERROR = 14, 40, 0.01


WIDE = "+"
"""Marks the field of a macro-expression, which moves more skin, and so can move it further without a fold."""


def time_course(frame: float, onset: int, apex: int, offset: int) -> float:
    """Intensity 0..1: 0 up to onset and from offset on, 1 at apex, raised cosines between."""
    if frame <= onset or frame >= offset:
        return 0.0
    if frame <= apex:
        return float(0.5 - 0.5 * np.cos(np.pi * (frame - onset) / (apex - onset)))
    return float(0.5 + 0.5 * np.cos(np.pi * (frame - apex) / (offset - apex)))


class Region:
    """The moving part of a person's canonical frame and its displacement fields.

    `x`, `y`, `width`, `height` is the rectangle in pixels, `step` the pixels per grid node.
    """

    def __init__(self, identity: Identity):
        geometry, unit, origin = identity.geometry, identity.unit, identity.origin
        self.identity = identity
        self.step = max(1, round(0.8 * unit))
        left, right, top, bottom = _REGION
        x0 = max(0, int(origin[0] + left * unit))
        y0 = max(0, int(origin[1] + top * unit))
        x1 = min(geometry.width, int(origin[0] + right * unit))
        y1 = min(geometry.height, int(origin[1] + bottom * unit))
        columns, rows = (x1 - x0) // self.step, (y1 - y0) // self.step
        self.x, self.y = x0, y0
        self.width, self.height = columns * self.step, rows * self.step
        # A node sits at the centre of its step x step pixels, as cv2.resize has it.
        centre = (self.step - 1) / 2
        self.nodes_x = x0 + centre + self.step * np.arange(columns)
        self.nodes_y = (y0 + centre + self.step * np.arange(rows))[:, None]
        self._ax = (self.nodes_x - origin[0]) / unit
        self._ay = (self.nodes_y - origin[1]) / unit
        radius = np.hypot((self._ax - _HEAD[0]) / _HEAD[2], (self._ay - _HEAD[1]) / _HEAD[3])
        # The picture ends where a head touches its border; everything must be at rest there.
        border_x = np.minimum(self.nodes_x - x0, x1 - 1 - self.nodes_x)
        border_y = np.minimum(self.nodes_y - y0, y1 - 1 - self.nodes_y)
        border = np.minimum(border_x, border_y) / (9 * unit)
        fade = np.clip((_FADE[1] - radius) / (_FADE[1] - _FADE[0]), 0, 1)
        self.weight = _smooth(fade) * _smooth(np.clip(border - 0.12, 0, 1))
        # Full-size coordinates inside the region, for the backward map.
        self.pixel_x = np.arange(self.width, dtype=np.float32)[None, :]
        self.pixel_y = np.arange(self.height, dtype=np.float32)[:, None]

    @functools.lru_cache(maxsize=40)  # noqa: B019 - a region lives as long as its person
    def field(self, name: str) -> np.ndarray:
        """A displacement field on the nodes, float32 `(rows, columns, 2)`, pixels.

        `name` is "blink", "glance" or an action unit and a side, "12l", with `WIDE` for a macro-expression's.
        """
        shape, unit = self.identity.shape, self.identity.unit
        if name == "blink":
            field = action_units.blink_field(shape, self._ax, self._ay)
        elif name == "glance":
            field = action_units.glance_field(shape, self._ax, self._ay)
        else:
            narrow = name.rstrip(WIDE)
            number, side = int(narrow[:-1]), narrow[-1]
            width = action_units.MACRO_WIDTH if name.endswith(WIDE) else 1.0
            field = action_units.unit_fields(shape, number, self._ax, self._ay, width)[side]
        return (field * unit * self.weight[..., None]).astype(np.float32)


def _smooth(value: np.ndarray) -> np.ndarray:
    return value * value * (3 - 2 * value)


@dataclass(frozen=True)
class State:
    """What is seen at one frame: head shift in pixels, rotation in radians, relative scale, field
    intensities."""

    shift: tuple[float, float]
    rotation: float
    scale: float
    intensities: dict[str, float]


class VideoMotion:
    """The motion of one video. `nuisance=False` leaves out head, blinks and glances."""

    def __init__(self, video: PlannedVideo, seed: int, region: Region, nuisance: bool = True):
        self.video, self.region, self.nuisance = video, region, nuisance
        self._short = [expression.type for expression in video.expressions] == ["micro"]
        rng = np.random.default_rng(digest(seed, video.dataset, video.subject, video.video, "motion"))
        # A few pixels over a clip, in frames of any size.
        reach = min(region.identity.unit, 2.4)
        self._waves = [
            (
                rng.uniform(0.2, 0.65) * reach,
                rng.uniform(60, 150),
                rng.uniform(0, 2 * np.pi),
                rng.uniform(18, 35),
                rng.uniform(0, 2 * np.pi),
            )
            for _ in range(2)
        ]
        self._turn = (np.deg2rad(rng.uniform(0.05, 0.35)), rng.uniform(60, 160), rng.uniform(0, 6.28))
        self._zoom = (rng.uniform(0.0005, 0.003), rng.uniform(60, 160), rng.uniform(0, 6.28))
        self._blinks = self._draw_blinks(rng)
        jumps = rng.integers(0, 3 + video.frame_count // 250)
        self._glances = [
            (rng.uniform(video.first_frame, video.last_frame), rng.uniform(-0.8, 0.8)) for _ in range(jumps)
        ]

    def _draw_blinks(self, rng: np.random.Generator) -> list[tuple[float, float]]:
        video = self.video
        count = rng.binomial(max(1, video.frame_count // 90), 0.3)
        half = min(0.08 * video.fps, video.frame_count / 8)
        blinks = []
        for _ in range(count):
            middle = rng.uniform(video.first_frame, video.last_frame)
            if not any(self._hides(middle, half, expression) for expression in video.expressions):
                blinks.append((middle, half))
        return blinks

    @staticmethod
    def _hides(middle: float, half: float, expression: PlannedExpression) -> bool:
        """Whether a blink would spoil an expression: coders would not have coded it.

        A lid must not be down at the onset or apex of a micro-expression; beside the wide motion of a
        macro-expression it would fold the skin.
        """
        if expression.type == "macro":
            return expression.onset - half < middle < expression.offset + half
        return abs(middle - expression.apex) <= half or abs(middle - expression.onset) <= half

    def blink(self, frame: float) -> float:
        """How far the lids are down, 0..1."""
        down = 0.0
        for middle, half in self._blinks if self.nuisance else ():
            distance = abs(frame - middle) / half
            if distance < 1:
                down = max(down, 0.5 + 0.5 * np.cos(np.pi * distance))
        return float(down)

    def unit_intensities(self, frame: float) -> dict[str, float]:
        """Intensity of each action unit and side that takes part, keyed "12l"; overlapping expressions add up.

        1 is the strongest micro-expression: a largest displacement of `action_units.PEAK`.
        """
        result: dict[str, float] = {}
        for name, value in self._field_weights(frame).items():
            result[name.rstrip(WIDE)] = result.get(name.rstrip(WIDE), 0.0) + value
        return result

    def _field_weights(self, frame: float) -> dict[str, float]:
        """Weight of each displacement field of an action unit (see `Region.field`)."""
        weights: dict[str, float] = {}
        for expression in self.video.expressions:
            course = time_course(frame, expression.onset, expression.apex, expression.offset)
            mark = WIDE if expression.type == "macro" else ""
            for number, side, peak in expression.units:
                for name in action_units.SIDES if side == "B" else (side.lower(),):
                    key = f"{number}{name}{mark}"
                    weights[key] = weights.get(key, 0.0) + course * peak
        return weights

    def state(self, frame: float) -> State:
        """Pose and intensities at a frame."""
        intensities = self._field_weights(frame)
        if not self.nuisance:
            return State((0.0, 0.0), 0.0, 1.0, intensities)
        intensities["blink"] = self.blink(frame)
        glance = sum(size / (1 + np.exp(-(frame - when) * 1.2)) for when, size in self._glances)
        intensities["glance"] = float(np.clip(glance, -1, 1))
        shift = tuple(
            float(size * (np.sin(2 * np.pi * frame / slow + a) + 0.12 * np.sin(2 * np.pi * frame / fast + b)))
            for size, slow, a, fast, b in self._waves
        )
        turn = self._turn[0] * np.sin(2 * np.pi * frame / self._turn[1] + self._turn[2])
        zoom = 1 + self._zoom[0] * np.sin(2 * np.pi * frame / self._zoom[1] + self._zoom[2])
        return State(shift, float(turn), float(zoom), intensities)

    def forward(self, frame: float) -> np.ndarray:
        """phi_t - id on the nodes, float32 `(rows, columns, 2)`, pixels."""
        region, state = self.region, self.state(frame)
        local = np.zeros((*region.weight.shape, 2), np.float32)
        for name, value in state.intensities.items():
            if value:
                local += np.float32(value) * region.field(name)
        # The head turns about a point below the chin.
        pivot = region.identity.origin + region.identity.unit * np.array([0.0, 80.0])
        qx = region.nodes_x + local[..., 0] - pivot[0]
        qy = region.nodes_y + local[..., 1] - pivot[1]
        cosine, sine = state.scale * np.cos(state.rotation), state.scale * np.sin(state.rotation)
        weight = region.weight
        result = np.empty_like(local)
        result[..., 0] = local[..., 0] + weight * (cosine * qx - sine * qy - qx + state.shift[0])
        result[..., 1] = local[..., 1] + weight * (sine * qx + cosine * qy - qy + state.shift[1])
        return result

    def backward(self, frame: float) -> np.ndarray:
        """phi_t^-1 - id on the nodes, float32 `(rows, columns, 2)`, pixels."""
        forward = self.forward(frame)
        rows, columns = forward.shape[:2]
        nodes = np.stack(np.meshgrid(*(np.arange(count, dtype=np.float32) for count in (columns, rows))), -1)
        per_node = np.float32(1 / self.region.step)
        back = forward  # the shift, other way round
        for _ in range(self._rounds(forward)):
            back = cv2.remap(forward, nodes - back * per_node, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return -back

    def _rounds(self, forward: np.ndarray) -> int:
        """How many rounds of the fixed-point iteration `forward` takes."""
        if self._short:
            return _ROUNDS
        along_x, along_y = (np.diff(forward, axis=axis) for axis in (1, 0))
        # The steepest change per pixel is at most the factor by which a round makes the error smaller.
        steepest = np.sqrt((along_x[:-1] ** 2 + along_y[:, :-1] ** 2).sum(-1).max()) / self.region.step
        error = float(np.abs(forward).max())
        if error <= _ERROR or steepest >= 1:
            return 1 if error <= _ERROR else _MOST_ROUNDS
        return min(_MOST_ROUNDS, 1 + int(np.log(_ERROR / error) / np.log(max(steepest, 1e-3))))

    def to_pixels(self, nodes: np.ndarray) -> np.ndarray:
        """A field of the nodes at every pixel of the region, float32 `(height, width, 2)`."""
        size = (self.region.width, self.region.height)
        return cv2.resize(nodes, size, interpolation=cv2.INTER_LINEAR)

    def forward_at(self, frame: float, points: np.ndarray) -> np.ndarray:
        """phi_t of any canonical points, float64 `(..., 2)` as (x, y) pixels of the frame."""
        from scipy.ndimage import map_coordinates  # here, for it takes as long to import as to render a clip

        region, field = self.region, self.forward(frame)
        column = (points[..., 0] - region.nodes_x[0]) / region.step
        row = (points[..., 1] - region.nodes_y[0, 0]) / region.step
        moved = [
            map_coordinates(field[..., axis].astype(np.float64), [row, column], order=1, mode="nearest")
            for axis in range(2)
        ]
        return points + np.stack(moved, -1)
