"""The two photographs every embedded face is made of, with their landmarks and outlines.

Both are in the public domain and come inside pinned libraries: the astronaut (Eileen Collins) in
scikit-image and Grace Hopper in matplotlib's sample data. Their landmarks are dlib's, kept here: to
find them anew would take longer than to render a clip.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

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
# The landmarks that dlib finds in the photographs at twice their size; a test finds them again.
_ASTRONAUT_POINTS = [
    (359, 209), (360, 232), (362, 254), (364, 277), (370, 299), (382, 320), (400, 336), (418, 351), (441, 357),
    (464, 354), (485, 343), (505, 328), (520, 309), (530, 288), (536, 265), (541, 242), (544, 218), (373, 189),
    (384, 177), (401, 175), (418, 178), (433, 185), (473, 188), (489, 182), (505, 182), (521, 186), (531, 199),
    (452, 205), (451, 222), (451, 238), (450, 255), (429, 263), (439, 266), (449, 269), (459, 267), (469, 264),
    (391, 203), (401, 196), (414, 198), (425, 208), (413, 209), (400, 208), (476, 211), (487, 201), (500, 202),
    (511, 209), (501, 213), (488, 213), (401, 278), (418, 279), (436, 279), (447, 282), (459, 280), (475, 281),
    (492, 282), (475, 302), (458, 310), (445, 311), (432, 309), (415, 299), (407, 281), (435, 286), (447, 289),
    (459, 287), (486, 284), (458, 300), (446, 301), (434, 299),
]  # fmt: skip
_HOPPER_POINTS = [
    (352, 414), (360, 459), (371, 502), (384, 544), (399, 585), (422, 621), (454, 646), (492, 662), (538, 664),
    (581, 658), (620, 638), (653, 610), (678, 572), (695, 530), (703, 485), (707, 438), (709, 389), (372, 384),
    (382, 351), (412, 335), (447, 333), (479, 342), (559, 335), (590, 321), (626, 318), (659, 331), (679, 358),
    (523, 377), (525, 410), (527, 443), (528, 477), (490, 493), (510, 499), (532, 505), (554, 498), (572, 490),
    (415, 397), (430, 384), (450, 381), (472, 391), (453, 396), (433, 400), (580, 385), (597, 371), (617, 370),
    (636, 380), (619, 385), (599, 386), (461, 561), (485, 548), (510, 543), (531, 547), (551, 542), (576, 544),
    (601, 553), (578, 568), (555, 577), (534, 580), (511, 579), (486, 574), (469, 560), (511, 556), (532, 558),
    (553, 555), (591, 554), (553, 557), (533, 560), (511, 559),
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


@functools.cache
def textures() -> tuple[Texture, Texture]:
    """The astronaut and Grace Hopper."""
    astronaut, hopper = photographs()
    return (
        _texture("astronaut", astronaut, _ASTRONAUT, _ASTRONAUT_POINTS),
        _texture("hopper", hopper, _HOPPER, _HOPPER_POINTS),
    )


def photographs() -> tuple[np.ndarray, np.ndarray]:
    """Of the astronaut and of Grace Hopper, uint8 (h, w, 3), RGB."""
    astronaut = cv2.imread(str(_folder("skimage") / "data" / "astronaut.png"))
    hopper = cv2.imread(str(_folder("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg"))
    return astronaut[:, :, ::-1], hopper[:, :, ::-1]


def _folder(library: str) -> Path:
    """Where a library lies; it is not imported, which would take longer than to render a clip."""
    spec = importlib.util.find_spec(library)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _texture(name: str, rgb: np.ndarray, outline: list, points: list) -> Texture:
    landmarks = (np.array(points, np.float64) - 0.5) / 2 + _MARGIN
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
