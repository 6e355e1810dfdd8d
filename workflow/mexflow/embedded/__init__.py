"""The embedded datasets: rendered faces with known motion, laid out as each raw dataset is.

Importing this package costs nothing: numpy, OpenCV and dlib are imported by the functions that
render. A dataset is one layout module, called as its adapter is in :mod:`mexflow.datasets`. It has FPS, GEOMETRY
(where its camera sees faces), ANNOTATION_FILES, plan(size, seed) and write_annotations(plan, directory);
identities, action units, motion and the renderer are common to all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mexflow.embedded.scenario import SIZES, DatasetPlan, PlannedExpression, PlannedVideo, layout, modules, plan

__all__ = [
    "SIZES",
    "DatasetPlan",
    "PlannedExpression",
    "PlannedVideo",
    "annotation_files",
    "expressions",
    "folders",
    "layout",
    "modules",
    "plan",
    "render_subject",
    "write_annotations",
]


def folders(dataset: str, size: str, seed: int, subject: str) -> list[str]:
    """The folders, relative to the dataset's root, that a subject's frames are rendered into.

    They hold no other subject's frames, and none lies in another. Raises KeyError for an unknown subject.
    """
    return plan(dataset, size, seed).folders(subject)


def annotation_files(dataset: str) -> list[str]:
    """The annotation files of a dataset, relative to its root; SMIC has none."""
    return list(layout(dataset).ANNOTATION_FILES)


def write_annotations(dataset: str, size: str, seed: int, directory: Path | str) -> list[str]:
    """Write every annotation file into `directory` (the dataset's root) and return their names.

    The bytes depend on the arguments alone.
    """
    layout(dataset).write_annotations(plan(dataset, size, seed), Path(directory))
    return annotation_files(dataset)


def expressions(dataset: str, size: str, seed: int, subject: str) -> list[dict]:
    """The true expressions of a subject, a row each, whether annotated or not.

    A row has `dataset`, `subject`, `video` (the folder it is in), `clip`, `type` and the true frame numbers
    `onset`, `apex` and `offset`. Raises KeyError for an unknown subject.
    """
    return [
        {
            "dataset": dataset,
            "subject": subject,
            "video": video.video,
            "clip": expression.clip,
            "type": expression.type,
            "onset": expression.onset,
            "apex": expression.apex,
            "offset": expression.offset,
        }
        for video in plan(dataset, size, seed).of_subject(subject)
        for expression in video.expressions
    ]


def render_subject(
    dataset: str,
    size: str,
    seed: int,
    subject: str,
    root: Path | str | Mapping[str, Path],
    progress: Callable[[str, int], None] | None = None,
) -> list[dict]:
    """Write the frames of every video of a subject and return the truth, a row per frame.

    `root` is the dataset's root, or gives a place to each of `folders`. A row has `dataset`, `subject`, `video`,
    `frame`, `file` (relative to the root), `sha256` of the file, `blink` (0..1) and the action unit intensities
    `au1_l`, `au1_r`, ... (L is the subject's left), in which 1 is the strongest micro-expression; a
    macro-expression, and where several overlap, goes up to about 2.5. `progress` is called after each frame with
    the name of its video and the number of the frame. Raises KeyError for an unknown subject.
    """
    from mexflow.embedded.render import render_subject as render

    if not isinstance(root, Mapping):
        root = {folder: Path(root) / folder for folder in folders(dataset, size, seed, subject)}
    return render(plan(dataset, size, seed), subject, root, progress)
