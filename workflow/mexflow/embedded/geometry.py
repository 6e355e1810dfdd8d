"""Where a camera sees faces. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

ALIGNED_EYE_DISTANCE = 59.0
"""Distance of the outer eye corners in an aligned 112-pixel face, in its pixels."""


@dataclass(frozen=True)
class Geometry:
    """Where a dataset's camera sees faces.

    Frame width and height and eye corner distance in pixels, eye level as a fraction of the height;
    `grey` for one channel. `people` names the set of persons: datasets that share it show the same
    faces.

    dlib looks for faces in sizes that grow by 1.2: an eye distance of 117 or 239 makes a face fit one of them, at the
    full size of the frame and at half of it, for between two sizes the wrong one is chosen at times.
    """

    people: str
    width: int
    height: int
    eye_distance: float
    eye_level: float
    grey: bool
    noise: float
    jpeg_quality: int

    @property
    def unit(self) -> float:
        """Pixels per aligned unit."""
        return self.eye_distance / ALIGNED_EYE_DISTANCE
