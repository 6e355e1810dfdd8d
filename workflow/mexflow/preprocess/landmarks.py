"""dlib's face detector and 68 landmarks, tracked through a clip.

A detection costs some 30 ms, the landmarks one or two: a face is detected once, then followed from frame to frame,
and detected again when the track is in doubt. The head's own motion is followed in every frame (`head.py`); the
landmarks, which err by far more, are predicted in some frames and moved with the head between. Of several faces the
one that persists is followed; a face elsewhere never takes the place of one that was lost.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import dlib
import numpy as np

from mexflow.errors import UserError
from mexflow.preprocess import alignment
from mexflow.preprocess.head import IDENTITY, HeadMotion, after

_DETECTION_WIDTH = 640
# A track is in doubt when the aligned face no longer looks like the one that was detected (correlation of
# 28 x 28 thumbnails), or when it jumped by more than a quarter of the distance between the eyes.
_LEAST_CORRELATION = 0.7
_LARGEST_JUMP = 0.25
# A detected face is another one when it is farther than this, in widths of the face, from where the followed face was
# last seen, or when its width differs by more than this factor. People side by side are one and a half widths apart.
_FARTHEST = 1.0
_LARGEST_GROWTH = 2.0


@dataclass(frozen=True)
class Found:
    """What a frame shows of the followed face.

    `landmarks` are float64 (68, 2) in raw pixels, or None where the face was not found; `state` is ``detected``,
    ``tracked`` or ``missing``; `faces` is how many faces the last detection saw; `choice` says as ``code: words`` which
    of them is followed and why, and is None where there was nothing to choose. `head` is the transform, float64 (2, 3),
    to this frame from the one where the track began; `predicted` is whether the landmarks were predicted in this frame,
    not moved with the head from an earlier one.
    """

    landmarks: np.ndarray | None
    state: str
    faces: int
    choice: str | None = None
    head: np.ndarray | None = None
    predicted: bool = False


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
    faces.sort(key=lambda face: _rank(face, small), reverse=True)
    return [
        dlib.rectangle(
            round(f.left() * scale), round(f.top() * scale), round(f.right() * scale), round(f.bottom() * scale)
        )
        for f in faces
    ]


def _rank(face: dlib.rectangle, grey: np.ndarray) -> float:
    """How large and central a face of a frame is, square pixels."""
    height, width = grey.shape
    centre = face.center()
    off_centre = np.hypot(centre.x - width / 2, centre.y - height / 2) / width
    return face.area() * (1 - min(off_centre, 0.9))


def predict(grey: np.ndarray, face: dlib.rectangle) -> np.ndarray:
    """The 68 landmarks of a face: float64 (68, 2), raw pixels."""
    shape = _predictor()(grey, face)
    return np.array([(point.x, point.y) for point in shape.parts()], np.float64)


@dataclass
class _Person:
    """One of several people in a video: where last seen, in how many frames, how large and central in all of them."""

    face: dlib.rectangle
    frames: int
    rank: float


def _apart(face: dlib.rectangle, other: dlib.rectangle) -> float:
    """Distance between the centres of two faces, in widths of the wider one; infinite where their sizes differ."""
    small, large = sorted((face.width(), other.width()))
    if large > _LARGEST_GROWTH * small:
        return np.inf
    a, b = face.dcenter(), other.dcenter()
    return float(np.hypot(a.x - b.x, a.y - b.y)) / large


def _people(frames: list[list[tuple[dlib.rectangle, float]]]) -> list[_Person]:
    """Who is seen in some frames of a video, given as the faces of each and how large and central they are.

    A face goes on where, in a frame before, the one nearest to it was. Those of the first frame come first, in order.
    """
    people: list[_Person] = []
    for faces in frames:
        pairs = sorted(
            (_apart(person.face, face), p, f) for p, person in enumerate(people) for f, (face, _) in enumerate(faces)
        )
        owners: dict[int, int] = {}
        for apart, p, f in pairs:
            if apart <= _FARTHEST and f not in owners and p not in owners.values():
                owners[f] = p
        for f, (face, rank) in enumerate(faces):
            if f in owners:
                person = people[owners[f]]
                person.face, person.frames, person.rank = face, person.frames + 1, person.rank + rank
            else:
                people.append(_Person(face, 1, rank))
    return people


Box = tuple[int, int, int, int]
"""Where a face is: left, top, right and bottom, pixels."""


def persistent_faces(samples: Iterable[np.ndarray], least: float) -> list[Box]:
    """Who is seen in a video: where each face was last, from left to right.

    Args:
        samples: the grey, uint8 (h, w), of some frames spread over the video.
        least: the share of them in which a face is to be seen; what is taken for one now and then is none.
    """
    frames = [[(face, _rank(face, sample)) for face in detect(sample)] for sample in samples]
    faces = [person.face for person in _people(frames) if person.frames >= least * len(frames)]
    return sorted((face.left(), face.top(), face.right(), face.bottom()) for face in faces)


class Tracker:
    """Follows one face through the frames of a clip, in order."""

    def __init__(
        self, samples: Callable[[], Iterable[np.ndarray]] = tuple, every: int = 1, near: Box | None = None
    ) -> None:
        """
        Args:
            samples: gives the grey (uint8 (h, w)) of some frames spread over the video; it is called only where more
                than one face is seen before any was followed, to tell which of them persists.
            every: landmarks are predicted in every so many frames of a track.
            near: where the face is that is to be followed; None leaves it to what is seen.
        """
        self._samples, self._every = samples, every
        self._landmarks = np.zeros((68, 2))
        self._expected = None if near is None else dlib.rectangle(*near)
        self._lost = True
        self._box = np.zeros(3)
        self._look = np.zeros((28, 28), np.float32)
        self._faces = 0
        self._choice: str | None = None
        self._motion = HeadMotion()
        self._head: np.ndarray | None = None
        self._since = 0

    def next(self, image: np.ndarray) -> Found:
        """What the next frame shows of the face.

        Args:
            image: uint8 (h, w), or (h, w, 3) in RGB.
        """
        if not self._lost and self._follow(image):
            return Found(self._landmarks, "tracked", self._faces, self._choice, self._head, self._since == 0)
        grey = grey_of(image)
        faces = detect(grey)
        face, self._choice = self._chosen(faces, grey)
        self._faces, self._lost = len(faces), face is None
        if face is None:
            return Found(None, "missing", len(faces), self._choice)
        landmarks = predict(grey, face)
        # Found again, the head is where the landmarks say; the track's own frame goes on.
        self._head = IDENTITY if self._head is None else after(_moved(self._landmarks, landmarks), self._head)
        self._since = 0
        self._motion.begin(grey, landmarks)
        self._remember(grey, face, landmarks)
        return Found(landmarks, "detected", len(faces), self._choice, self._head, True)

    def _follow(self, image: np.ndarray) -> bool:
        """Move the landmarks to this frame; False, with nothing changed, where the track is in doubt."""
        box = self._expected
        left = top = 0
        if image.ndim == 3:
            # Grey is wanted about the face alone; the predictor looks at nothing farther away.
            margin = box.width() // 2
            left, top = max(box.left() - margin, 0), max(box.top() - margin, 0)
            image = image[top : max(box.bottom() + margin, 0), left : max(box.right() + margin, 0)]
            if not image.size:
                return False
            image = grey_of(image)
            box = dlib.translate_rect(box, dlib.point(-left, -top))
        motion = self._motion.step(image, left, top)
        since = (self._since + 1) % self._every
        if motion is None or since == 0:
            since = 0
            landmarks = predict(image, box)
            look = _thumbnail(image, landmarks)
            landmarks += (left, top)
            jump = np.abs(landmarks - self._landmarks).mean(0).max() / _eye_distance(self._landmarks)
            if jump > _LARGEST_JUMP or float(np.vdot(look, self._look)) < _LEAST_CORRELATION:
                return False
            if motion is None:
                motion = _moved(self._landmarks, landmarks)
        else:
            landmarks = alignment.apply(motion, self._landmarks)
        if self._motion.wants_points:
            self._motion.begin(image, landmarks, left, top)
        self._since, self._head = since, after(motion, self._head)
        self._landmarks, self._expected = landmarks, self._predicted_box(landmarks)
        return True

    def _chosen(self, faces: list[dlib.rectangle], grey: np.ndarray) -> tuple[dlib.rectangle | None, str | None]:
        """The face to follow among those detected, None if it is not there; and why, if there is something to say."""
        if not faces:
            return None, None
        if self._expected is None:
            return (faces[0], None) if len(faces) == 1 else self._persistent(faces, grey)
        nearest = min(faces, key=lambda face: _apart(face, self._expected))
        if _apart(nearest, self._expected) > _FARTHEST:
            return None, "another: the face that was followed is gone, and what is seen elsewhere is not followed"
        several = len(faces) > 1
        return nearest, f"nearest: of {len(faces)} faces the one nearest to the face followed" if several else None

    def _persistent(self, faces: list[dlib.rectangle], grey: np.ndarray) -> tuple[dlib.rectangle | None, str]:
        """The face in most of the sampled frames; of several such, the largest and most central."""
        frames = [[(face, _rank(face, grey)) for face in faces]]
        for sample in self._samples():
            frames.append([(face, _rank(face, sample)) for face in detect(sample)])
        people = _people(frames)
        order = sorted(range(len(people)), key=lambda p: (people[p].frames, people[p].rank), reverse=True)
        best, second = people[order[0]], people[order[1]]
        seen = f"of {len(frames)} sampled frames"
        if best.frames > second.frames:
            choice = f"persistent: the face in {best.frames} {seen}; another is in {second.frames}"
        else:
            choice = f"largest: the largest, most central one of several faces in {best.frames} {seen}"
        if order[0] < len(faces):
            return faces[order[0]], choice
        # It comes later: it is waited for where it was last seen.
        self._expected = best.face
        return None, choice

    def _remember(self, grey: np.ndarray, face: dlib.rectangle, landmarks: np.ndarray) -> None:
        centre, size = landmarks.mean(0), _eye_distance(landmarks)
        middle = np.array([face.left() + face.right(), face.top() + face.bottom()]) / 2
        # The detector's box relative to the landmarks, so that following them gives boxes of the detector's kind,
        # which is what the predictor was trained on.
        self._box = np.array([*(middle - centre) / size, face.width() / size])
        self._landmarks, self._expected = landmarks, self._predicted_box(landmarks)
        self._look = _thumbnail(grey, landmarks)

    def _predicted_box(self, landmarks: np.ndarray) -> dlib.rectangle:
        """Where the detector would see the face with these landmarks."""
        size = _eye_distance(landmarks)
        x, y = landmarks.mean(0) + self._box[:2] * size
        half = self._box[2] * size / 2
        return dlib.rectangle(round(x - half), round(y - half), round(x + half), round(y + half))


def _moved(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """How the head moved, by landmarks (68, 2) alone: float64 (2, 3)."""
    return alignment.similarity(before[alignment.STABLE], now[alignment.STABLE])


def grey_of(image: np.ndarray) -> np.ndarray:
    """The grey of an image, uint8 (h, w), of uint8 (h, w) or (h, w, 3) in RGB."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


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
