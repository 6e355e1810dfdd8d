"""dlib's face detector and 68 landmarks, tracked through a clip.

A detection costs some 30 ms, the landmarks under one: a face is detected once, then followed from frame to
frame, and detected again when the track is in doubt.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import dlib
import numpy as np

from mexflow.errors import UserError
from mexflow.preprocess import alignment

_DETECTION_WIDTH = 640
# A track is in doubt when the aligned face no longer looks like the one that was detected (correlation of
# 28 x 28 thumbnails), or when it jumped by more than a quarter of the distance between the eyes.
_LEAST_CORRELATION = 0.7
_LARGEST_JUMP = 0.25


@dataclass(frozen=True)
class Found:
    """A face: its landmarks, float64 (68, 2) in raw pixels; how it was found; how many faces were there."""

    landmarks: np.ndarray
    state: str
    faces: int


@cache
def _detector() -> dlib.fhog_object_detector:
    return dlib.get_frontal_face_detector()


@cache
def _predictor() -> dlib.shape_predictor:
    # The package's __init__ needs pkg_resources, which new versions of setuptools lack; only its data is used.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("face_recognition_models is not installed; run './run python --version' to set up .venv")
    model = Path(spec.submodule_search_locations[0]) / "models" / "shape_predictor_68_face_landmarks.dat"
    return dlib.shape_predictor(str(model))


def detect(grey: np.ndarray) -> list[dlib.rectangle]:
    """Faces in a frame, the best first: large and central.

    Args:
        grey: uint8 (h, w).

    Returns:
        Rectangles in raw pixels, empty if there is no face.
    """
    height, width = grey.shape
    scale = max(1.0, width / _DETECTION_WIDTH)
    small = grey
    if scale > 1:
        small = cv2.resize(grey, (round(width / scale), round(height / scale)), interpolation=cv2.INTER_AREA)
    faces = list(_detector()(np.ascontiguousarray(small), 0))

    def rank(face: dlib.rectangle) -> float:
        centre = face.center()
        off_centre = np.hypot(centre.x - small.shape[1] / 2, centre.y - small.shape[0] / 2) / small.shape[1]
        return face.area() * (1 - min(off_centre, 0.9))

    faces.sort(key=rank, reverse=True)
    return [
        dlib.rectangle(
            round(f.left() * scale), round(f.top() * scale), round(f.right() * scale), round(f.bottom() * scale)
        )
        for f in faces
    ]


def predict(grey: np.ndarray, face: dlib.rectangle) -> np.ndarray:
    """The 68 landmarks of a face: float64 (68, 2), raw pixels."""
    shape = _predictor()(grey, face)
    return np.array([(point.x, point.y) for point in shape.parts()], np.float64)


class Tracker:
    """Follows one face through the frames of a clip, in order."""

    def __init__(self) -> None:
        self._landmarks: np.ndarray | None = None
        self._box = np.zeros(3)
        self._look: np.ndarray | None = None
        self._faces = 0

    def next(self, grey: np.ndarray) -> Found | None:
        """The face in the next frame, or None if there is none.

        Args:
            grey: uint8 (h, w).
        """
        if self._landmarks is not None:
            landmarks = predict(grey, self._predicted_box())
            if not self._doubtful(grey, landmarks):
                self._landmarks = landmarks
                return Found(landmarks, "tracked", self._faces)
        faces = detect(grey)
        if not faces:
            self._landmarks = None
            return None
        face = self._persistent(faces)
        landmarks = predict(grey, face)
        self._remember(grey, face, landmarks, len(faces))
        return Found(landmarks, "detected", len(faces))

    def _persistent(self, faces: list[dlib.rectangle]) -> dlib.rectangle:
        """The face nearest to the one followed so far, else the largest and most central."""
        if self._landmarks is None:
            return faces[0]
        x, y = self._landmarks.mean(0)
        return min(faces, key=lambda face: (face.center().x - x) ** 2 + (face.center().y - y) ** 2)

    def _remember(self, grey: np.ndarray, face: dlib.rectangle, landmarks: np.ndarray, faces: int) -> None:
        centre, size = landmarks.mean(0), _eye_distance(landmarks)
        middle = np.array([face.left() + face.right(), face.top() + face.bottom()]) / 2
        # The detector's box relative to the landmarks, so that following them gives boxes of the detector's kind,
        # which is what the predictor was trained on.
        self._box = np.array([*(middle - centre) / size, face.width() / size])
        self._landmarks, self._faces = landmarks, faces
        self._look = _thumbnail(grey, landmarks)

    def _predicted_box(self) -> dlib.rectangle:
        assert self._landmarks is not None
        size = _eye_distance(self._landmarks)
        x, y = self._landmarks.mean(0) + self._box[:2] * size
        half = self._box[2] * size / 2
        return dlib.rectangle(round(x - half), round(y - half), round(x + half), round(y + half))

    def _doubtful(self, grey: np.ndarray, landmarks: np.ndarray) -> bool:
        assert self._landmarks is not None and self._look is not None
        jump = np.abs(landmarks - self._landmarks).mean(0).max() / _eye_distance(self._landmarks)
        if jump > _LARGEST_JUMP:
            return True
        look = _thumbnail(grey, landmarks)
        return float(np.vdot(look, self._look)) < _LEAST_CORRELATION


def _eye_distance(landmarks: np.ndarray) -> float:
    """Distance between the outer eye corners, pixels (at least 1, whatever the landmarks)."""
    return max(float(np.hypot(*(landmarks[45] - landmarks[36]))), 1.0)


def _thumbnail(grey: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The aligned face at 28 x 28, mean 0 and norm 1: float32 (28, 28)."""
    matrix = alignment.alignment_matrix(landmarks) / 4
    # Bilinear sampling of so small a picture aliases, but the eyes, nose and mouth are what is compared.
    look = cv2.warpAffine(grey, matrix, (28, 28), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    look = look.astype(np.float32)
    look -= look.mean()
    return look / max(float(np.linalg.norm(look)), 1e-6)
