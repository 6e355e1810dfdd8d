"""The embedded datasets: rendered faces with known motion, laid out as each raw dataset is.

Importing this package costs nothing: numpy, OpenCV and dlib are imported by the functions that
render. A dataset is one layout module (see `plan.LAYOUTS`) that plans its clips and writes its
annotation files; identities, action units, motion and the renderer are common to all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mexflow.embedded.plan import LAYOUTS, SIZES, DatasetPlan, PlannedClip, layout, plan

__all__ = [
    "LAYOUTS",
    "SIZES",
    "DatasetPlan",
    "PlannedClip",
    "annotation_files",
    "plan",
    "render_subject",
    "subject_directory",
    "write_annotations",
]


def subject_directory(dataset: str, subject: str) -> str:
    """The folder of one subject, relative to the dataset's root."""
    return layout(dataset).subject_directory(subject)


def annotation_files(dataset: str) -> list[str]:
    """The annotation files of a dataset, relative to its root."""
    return list(layout(dataset).ANNOTATION_FILES)


def write_annotations(dataset: str, size: str, seed: int, directory: Path | str) -> list[str]:
    """Write every annotation file into `directory` (the dataset's root) and return their names.

    The bytes depend on the arguments alone.
    """
    layout(dataset).write_annotations(plan(dataset, size, seed), Path(directory))
    return annotation_files(dataset)


def render_subject(
    dataset: str,
    size: str,
    seed: int,
    subject: str,
    directory: Path | str,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[dict]:
    """Write the frames of every clip of a subject and return the truth, a row per frame.

    `directory` stands for the subject's own folder (`subject_directory`). A row has `dataset`,
    `subject`, `video`, `clip`, `frame`, `file` (relative to the root), `sha256` of the file,
    `onset`, `apex`, `offset` (true frame numbers), `blink` (0..1) and the action unit intensities
    `au1_l`, `au1_r`, ... (0..1; L is the subject's left). `progress` is called after each clip
    with its name, its ordinal and the number of clips. Raises KeyError for an unknown subject.
    """
    from mexflow.embedded.render import render_subject as render

    return render(plan(dataset, size, seed), subject, Path(directory), progress)
