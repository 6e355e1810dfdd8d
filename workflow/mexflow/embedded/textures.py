"""The two photographs every embedded face is made of, with their landmarks and outlines.

Both are in the public domain and come inside pinned libraries: the astronaut (Eileen Collins) in
scikit-image and Grace Hopper in matplotlib's sample data. dlib finds their landmarks once per
process.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

LANDMARK_MODEL = "models/shape_predictor_68_face_landmarks.dat"

# Outlines of the two persons in pixels of the photographs, traced once, so that each can be put
# before a plain backdrop. They run past the lower border, where the person is cut.
_ASTRONAUT = [
    (282, 36), (251, 19), (227, 16), (201, 23), (189, 35), (174, 43), (156, 58), (153, 68),
    (155, 98), (159, 107), (170, 116), (174, 128), (182, 132), (183, 153), (152, 168), (140, 179),
    (128, 197), (113, 202), (107, 211), (90, 227), (76, 235), (65, 246), (44, 282), (40, 298),
    (30, 330), (20, 520), (365, 520), (359, 330), (352, 286), (347, 282), (346, 274), (340, 262),
    (318, 242), (303, 233), (295, 212), (280, 189), (259, 168), (259, 158), (267, 138), (275, 134),
    (290, 117), (299, 98), (299, 80), (295, 60), (288, 43),
]  # fmt: skip
_HOPPER = [
    (196, 50), (179, 67), (175, 84), (159, 98), (153, 108), (149, 130), (149, 160), (153, 196),
    (157, 222), (162, 232), (170, 261), (168, 282), (176, 292), (194, 301), (195, 320), (183, 333),
    (165, 344), (129, 355), (121, 360), (96, 363), (80, 368), (61, 380), (53, 381), (41, 398),
    (31, 440), (24, 620), (620, 720), (560, 560), (508, 440), (492, 393), (461, 376), (422, 366),
    (365, 342), (338, 322), (330, 313), (330, 300), (336, 288), (339, 269), (352, 268), (361, 262),
    (369, 225), (367, 208), (371, 206), (375, 196), (375, 185), (368, 182), (371, 134), (369, 129),
    (369, 103), (365, 89), (352, 86), (351, 78), (344, 65), (330, 50), (283, 32), (260, 28),
    (234, 34),
]  # fmt: skip
_MARGIN = 200  # pixels added around a photograph, so that outlines can leave it


@dataclass(frozen=True)
class Texture:
    """A photograph of one face.

    `image` is float32 `(H, W, 3)`, RGB in 0..1, padded by replication; `landmarks` float64
    `(68, 2)` as (x, y) in pixels of `image`; `person` float32 `(H, W)`, 1 inside the outline;
    `skin` the mean RGB of cheeks, forehead and chin.
    """

    name: str
    image: np.ndarray
    landmarks: np.ndarray
    person: np.ndarray
    skin: np.ndarray

    def mirrored(self) -> Texture:
        """The same face seen in a mirror, its landmarks renumbered."""
        width = self.image.shape[1]
        landmarks = self.landmarks[MIRROR] * (-1, 1) + (width - 1, 0)
        flipped = np.ascontiguousarray(self.image[:, ::-1])
        return Texture(self.name, flipped, landmarks, np.ascontiguousarray(self.person[:, ::-1]), self.skin)


# For each of the 68 points, the point that takes its place in a mirror.
MIRROR = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47,
     46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60,
     67, 66, 65]
)  # fmt: skip


def landmark_model() -> Path:
    """The file of dlib's 68-point model. Raises FileNotFoundError if the package is missing."""
    # The package's own __init__ needs pkg_resources, so it is located without being imported.
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / LANDMARK_MODEL
        if path.is_file():
            return path
    raise FileNotFoundError(f"face_recognition_models ({LANDMARK_MODEL}) is not installed")


@functools.cache
def textures() -> tuple[Texture, Texture]:
    """The astronaut and Grace Hopper."""
    import dlib
    import matplotlib
    import skimage.data

    predictor = dlib.shape_predictor(str(landmark_model()))
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    photographs = (
        ("astronaut", skimage.data.astronaut(), _ASTRONAUT),
        ("hopper", cv2.imread(str(hopper))[:, :, ::-1], _HOPPER),
    )
    return tuple(_texture(predictor, name, rgb, outline) for name, rgb, outline in photographs)


def _texture(predictor, name: str, rgb: np.ndarray, outline: list) -> Texture:
    import dlib

    # Twice the size: the astronaut's face is near the detector's smallest.
    double = cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    upper = np.ascontiguousarray(double[: 2 * 350])
    found = dlib.get_frontal_face_detector()(upper, 0)
    face = max(found, key=lambda rectangle: rectangle.width())
    shape = predictor(upper, face)
    points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
    landmarks = (points - 0.5) / 2 + _MARGIN
    image = cv2.copyMakeBorder(rgb, *[_MARGIN] * 4, cv2.BORDER_REPLICATE).astype(np.float32) / 255
    person = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(person, [np.array(outline) + _MARGIN], 1)
    # A pixel less and a soft edge: no fringe of the old background.
    person = cv2.erode(person, np.ones((3, 3), np.uint8)).astype(np.float32)
    person = cv2.GaussianBlur(person, (0, 0), 0.011 * np.ptp(landmarks[:17, 0]))
    return Texture(name, image, landmarks, person, _skin(image, landmarks))


def _skin(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    left = (points[31] + points[2] + points[48]) / 3
    right = (points[35] + points[14] + points[54]) / 3
    chin = (points[57] + points[8]) / 2
    size = max(2, int(0.03 * np.ptp(points[:17, 0])))
    patches = []
    for x, y in (left, right, chin, points[29]):
        x, y = int(round(x)), int(round(y))
        patches.append(image[y - size : y + size + 1, x - size : x + size + 1].mean((0, 1)))
    return np.mean(patches, 0)
