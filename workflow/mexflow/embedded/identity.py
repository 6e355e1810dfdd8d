"""One person: the neutral face, at rest, as the camera of a dataset would see it.

The two photographs are warped to a common shape, morphed, given proportions, colours and light of
their own and put before a plain backdrop. Everything later (expression, head motion) is a smooth
map of this one picture, the *canonical frame*.

Aligned units: the outer eye corners are 59 apart and their midpoint is the origin, as in an aligned
112-pixel face; x points to the right of the picture, y down.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from mexflow.embedded.geometry import ALIGNED_EYE_DISTANCE, Geometry
from mexflow.embedded.scenario import digest, layout
from mexflow.embedded.textures import MIRROR, Texture, textures
from mexflow.embedded.thin_plate import ThinPlate

# Mean RGB of the skin, from fair to dark.
_SKIN_TONES = (
    (0.83, 0.66, 0.55),
    (0.80, 0.62, 0.50),
    (0.78, 0.60, 0.48),
    (0.72, 0.53, 0.41),
    (0.63, 0.45, 0.34),
    (0.56, 0.40, 0.31),
)


@dataclass(frozen=True)
class Identity:
    """The canonical frame and its landmarks.

    `shape` is float64 `(68, 2)` in aligned units, `landmarks` the same in pixels; `origin` the
    pixel (x, y) of the aligned origin; `unit` pixels per aligned unit.
    """

    shape: np.ndarray
    origin: np.ndarray
    unit: float
    geometry: Geometry
    paint: Callable[[], np.ndarray]

    @functools.cached_property
    def image(self) -> np.ndarray:
        """The frame, uint8 `(H, W, 3)` BGR or `(H, W)` grey: painted when first asked for, for motion needs none."""
        return self.paint()

    @property
    def landmarks(self) -> np.ndarray:
        """float64 `(68, 2)`, (x, y) in pixels of the canonical frame."""
        return self.origin + self.unit * self.shape


@functools.lru_cache(maxsize=2)
def identity(dataset: str, seed: int, subject: str) -> Identity:
    """The face of a subject: a pure function of (seed, people of the dataset, subject)."""
    geometry: Geometry = layout(dataset).GEOMETRY
    rng = np.random.default_rng(digest(seed, geometry.people, subject, "identity"))
    sources = textures()
    if rng.random() < 0.5:
        sources = tuple(texture.mirrored() for texture in sources)
    # Away from an even mix, which looks the same in everyone, and from the bare photographs.
    weight = rng.uniform(0.15, 0.42) if rng.random() < 0.5 else rng.uniform(0.58, 0.88)
    weights = (weight, 1 - weight)
    shape = _proportions(rng, _mean_shape(sources, weights))
    outer = int(rng.random() < 1 - weight)
    tone = np.array(_SKIN_TONES[rng.integers(len(_SKIN_TONES))]) * rng.uniform(0.95, 1.05)
    origin = np.array(
        [geometry.width * (0.5 + rng.uniform(-0.03, 0.03)),
         geometry.height * (geometry.eye_level + rng.uniform(-0.012, 0.012))]
    )  # fmt: skip
    paint = functools.partial(_painted, rng, sources, weights, outer, tone, shape, origin, geometry)
    return Identity(shape, origin, geometry.unit, geometry, paint)


def _painted(
    rng: np.random.Generator,
    sources: tuple[Texture, ...],
    weights: tuple[float, float],
    outer: int,
    tone: np.ndarray,
    shape: np.ndarray,
    origin: np.ndarray,
    geometry: Geometry,
) -> np.ndarray:
    """The frame of a subject, whose generator has come so far."""
    grid = _aligned_grid(geometry, origin)
    colours, persons = [], []
    for texture in sources:
        colour, person = _warp(texture, shape, geometry, grid)
        colours.append(_toned(colour, texture.skin, tone))
        persons.append(person)
    face = _face_mask(shape, grid)
    morph = weights[0] * colours[0] + weights[1] * colours[1]
    # An average of two faces is flatter than either.
    morph += 0.15 * (morph - cv2.GaussianBlur(morph, (0, 0), 6 * geometry.unit))
    person = persons[outer]
    dressed = _dressed(rng, colours[outer], face, grid)
    image = dressed + face[..., None] * (morph - dressed)
    image = _skin_detail(rng, image, shape, face, grid)
    alpha = np.maximum(person, face)[..., None]
    image = _backdrop(rng, grid) * (1 - alpha) + image * alpha
    image = np.clip(_lit(rng, image, grid), 0, 1) * 255
    bgr = np.round(image[:, :, ::-1]).astype(np.uint8)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY) if geometry.grey else np.ascontiguousarray(bgr)


def _aligned_grid(geometry: Geometry, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = (np.arange(geometry.width, dtype=np.float32) - np.float32(origin[0])) / geometry.unit
    y = (np.arange(geometry.height, dtype=np.float32) - np.float32(origin[1])) / geometry.unit
    x, y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return x, y


def _similarity(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset that take pixels of a photograph to aligned units."""
    middle = (points[36] + points[45]) / 2
    dx, dy = points[45] - points[36]
    scale = ALIGNED_EYE_DISTANCE / (dx * dx + dy * dy)
    matrix = scale * np.array([[dx, dy], [-dy, dx]])
    return matrix, -matrix @ middle


def _aligned(points: np.ndarray) -> np.ndarray:
    matrix, offset = _similarity(points)
    return points @ matrix.T + offset


def _mean_shape(sources: tuple[Texture, ...], weights: tuple[float, float]) -> np.ndarray:
    shapes = [_aligned(texture.landmarks) for texture in sources]
    shape = weights[0] * shapes[0] + weights[1] * shapes[1]
    # The mouth is nearly Hopper's in everyone: at rest, the astronaut's smile closed.
    mouth = 0.25 * shapes[0][48:] + 0.75 * shapes[1][48:]
    mouth += shape[48:].mean(0) - mouth.mean(0)
    shape[48:] = mouth
    mirrored = shape[MIRROR] * (-1, 1)
    shape = 0.6 * shape + 0.4 * mirrored
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        middle = (shape[upper] + shape[lower]) / 2
        shape[upper] = middle - (0, 0.7)
        shape[lower] = middle + (0, 0.7)
    return shape


def _proportions(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """Vary jaw, brows, eyes, nose and mouth independently."""
    shape = shape.copy()
    jaw, brows, nose, mouth = shape[:17], shape[17:27], shape[27:36], shape[48:]
    jaw[:, 0] *= rng.uniform(0.94, 1.07)
    lower = np.clip((jaw[:, 1] - 20) / 50, 0, 1)
    jaw[:, 1] += lower * rng.uniform(-4, 4)
    jaw[:, 0] *= 1 + rng.uniform(-0.06, 0.07) * np.sin(np.pi * lower)
    brows[:, 1] += rng.uniform(-2.2, 2.0)
    brows[:, 1] += rng.uniform(-1.4, 1.4) * (np.abs(brows[:, 0]) - 22) / 15
    nose[:, 0] *= 1 + rng.uniform(-0.14, 0.16) * np.clip((nose[:, 1] - 10) / 15, 0, 1)
    nose[:, 1] += rng.uniform(-2, 2) * np.clip(nose[:, 1] / 25, 0, 1)
    middle = mouth.mean(0)
    mouth[:] = middle + (mouth - middle) * (rng.uniform(0.88, 1.12), rng.uniform(0.85, 1.2))
    mouth[:, 1] += rng.uniform(-1.5, 1.5)
    open_wider, wider = rng.uniform(0.9, 1.18), rng.uniform(0.95, 1.05)
    for eye in (slice(36, 42), slice(42, 48)):
        middle = shape[eye].mean(0)
        shape[eye] = middle + (shape[eye] - middle) * (wider, open_wider)
    # Eye size moved the outer corners; aligned units are defined by them.
    return _aligned(shape)


def _warp(
    texture: Texture, shape: np.ndarray, geometry: Geometry, grid: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The photograph with its landmarks moved to `shape`, and its person mask, in the frame."""
    matrix, offset = _similarity(texture.landmarks)
    landmarks = texture.landmarks @ matrix.T + offset
    # Far from the face nothing is moved: a ring of points that stay.
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    ring = np.stack([78 * np.cos(angle), 15 + 92 * np.sin(angle)], 1)
    targets = np.vstack([shape, ring])
    shifts = np.vstack([landmarks - shape, np.zeros_like(ring)])
    # Light smoothing: the closed lips would otherwise fold the surface.
    spline = ThinPlate(targets, shifts, smoothing=0.4)
    x = np.arange(-80, 81, 1.0)
    y = np.arange(-78, 109, 1.0)
    coarse = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    shift = spline(coarse).reshape(len(y), len(x), 2)
    radius = np.hypot(coarse[:, 0] / 78, (coarse[:, 1] - 15) / 92).reshape(len(y), len(x))
    shift *= np.clip((1.0 - radius) / 0.15, 0, 1)[..., None]
    shift = shift.astype(np.float32)
    shift = cv2.remap(
        shift,
        grid[0] - np.float32(x[0]),
        grid[1] - np.float32(y[0]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0),
    )
    inverse = np.linalg.inv(matrix)
    ax, ay = grid[0] + shift[..., 0] - offset[0], grid[1] + shift[..., 1] - offset[1]
    map_x = (inverse[0, 0] * ax + inverse[0, 1] * ay).astype(np.float32)
    map_y = (inverse[1, 0] * ax + inverse[1, 1] * ay).astype(np.float32)
    colour = cv2.remap(texture.image, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    person = cv2.remap(texture.person, map_x, map_y, cv2.INTER_LINEAR)
    return np.clip(colour, 0, 1), person


def _toned(colour: np.ndarray, skin: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Bring the skin to `tone`, by curves that leave black black and by a gain for the rest."""
    skin, tone = np.clip(skin, 0.05, 0.95), np.clip(tone, 0.05, 0.9)
    # A flatter curve would wash out lids, nostrils and lips, by which faces are found.
    power = np.clip(np.log(tone) / np.log(skin), 0.85, 1.6)
    gain = tone / skin**power
    toned = np.power(np.maximum(colour, 1e-4), power.astype(np.float32)) * gain.astype(np.float32)
    return np.minimum(toned, 1)


def _face_mask(shape: np.ndarray, grid: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Where the morph shows: 1 inside jaw and brows, soft at the edge, float32 `(H, W)`."""
    unit = 1 / float(grid[0][0, 1] - grid[0][0, 0])
    origin = np.array([-grid[0][0, 0], -grid[1][0, 0]]) * unit
    jaw = shape[:17] * (0.95, 1.0) - (0, 1.5)
    brows = shape[17:27] - (0, 4.5)
    outline = cv2.convexHull(((np.vstack([jaw, brows])) * unit + origin).round().astype(np.int32))
    mask = np.zeros(grid[0].shape, np.float32)
    cv2.fillConvexPoly(mask, outline, 1.0)
    return cv2.GaussianBlur(mask, (0, 0), 2.6 * unit)


def _dressed(rng, colour: np.ndarray, face: np.ndarray, grid) -> np.ndarray:
    """Recolour hair or hat and clothes: everything well outside the face."""
    x, y = grid
    clothes = np.clip((y - 82) / 10, 0, 1)
    head = np.clip((-y - 16) / 8, 0, 1) * (1 - clothes)
    side = np.clip((np.abs(x) - 41) / 5, 0, 1) * np.clip((40 - y) / 30, 0, 1)
    hair = np.maximum(head, side) * (1 - face)
    luminance = colour.mean(-1, keepdims=True)
    tint = (rng.dirichlet((6, 6, 6)) * 3).astype(np.float32)
    cloth = np.minimum(0.12 + luminance * np.float32(rng.uniform(0.5, 0.95)), 1) * tint
    shade = (np.array([1.12, 1.0, 0.86]) ** rng.uniform(0.4, 1.7)).astype(np.float32)
    lock = cv2.pow(np.clip(luminance[..., 0], 1e-3, 1), rng.uniform(0.8, 1.7))[..., None] * shade
    mixed = colour + clothes[..., None] * (cloth - colour)
    return mixed + hair[..., None] * (lock - mixed)


def _skin_detail(rng, image: np.ndarray, shape: np.ndarray, face: np.ndarray, grid) -> np.ndarray:
    """Patches, pores and moles that belong to the skin and so move with it."""
    height, width = face.shape
    unit = 1 / float(grid[0][0, 1] - grid[0][0, 0])
    patches = cv2.resize(rng.normal(size=(24, 32)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    fine, coarse = (
        cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), size * unit) for size in (0.32, 0.8)
    )
    pores = fine / fine.std() + coarse / coarse.std()
    gain = 1 + face * (0.025 * patches + np.float32(rng.uniform(0.012, 0.022)) * pores)
    hull = cv2.convexHull(shape.astype(np.float32))
    for _ in range(rng.integers(6, 16)):
        centre = rng.uniform((-36, -4), (36, 72))
        size, depth = rng.uniform(0.35, 0.8), rng.uniform(0.08, 0.3)
        if cv2.pointPolygonTest(hull, centre.tolist(), False) > 0:
            column, row = (int((centre[axis] - grid[axis][0, 0]) * unit) for axis in (0, 1))
            reach = int(4 * size * unit) + 1
            near = (slice(row - reach, row + reach), slice(column - reach, column + reach))
            distance = np.hypot(grid[0][near] - centre[0], grid[1][near] - centre[1])
            gain[near] *= 1 - depth * np.exp(-0.5 * (distance / size) ** 2)
    return image * gain[..., None]


def _backdrop(rng, grid) -> np.ndarray:
    """A plain wall with uneven light."""
    x, y = grid
    colour = np.clip(rng.uniform(0.32, 0.6) * (1 + rng.normal(0, 0.035, 3)), 0, 1)
    light = 1 + rng.uniform(-0.12, 0.12) * x / 150 + rng.uniform(-0.1, 0.04) * y / 120
    return (np.clip(light, 0.6, 1.4)[..., None] * colour).astype(np.float32)


def _lit(rng, image: np.ndarray, grid) -> np.ndarray:
    """Light from one side: shade the face as the ellipsoid it roughly is."""
    x, y = grid
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.04, 0.16)
    nx, ny = np.clip(x / 48, -1, 1), np.clip((y - 20) / 75, -1, 1)
    shade = 1 + strength * (np.cos(angle) * nx + 0.6 * np.sin(angle) * ny)
    return image * shade.astype(np.float32)[..., None]
