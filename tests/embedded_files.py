"""The embedded subjects that tests share, and the command line as a user calls it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import project

SIZE, SEED = "tiny", 7
SUBJECTS = {"casme2": "05", "samm": "032"}
"""The one subject of each dataset whose frames are rendered; the annotation files list the others as well."""

OTHERS = {"samm_lv": "028", "cas_me_2": "s27", "smic": "s03", "mmew": "S01"}
"""The same of the datasets that few tests need rendered; see `render`."""

PAIRS = ("onset-apex", "onset-apex+1")


def run(command: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """``python -m mexflow COMMAND`` in a process of its own; ``max_missed=x`` becomes ``--max-missed x``."""
    return project.mexflow(command, *map(str, arguments), *_flags(options))


def call(command: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """The same in this process; see :func:`project.called`."""
    return project.called(command, *arguments, *_flags(options))


def _flags(options: Mapping[str, object]) -> list[str]:
    return [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]


def render(dataset: str, subject: str, folder: Path) -> tuple[Path, list[dict]]:
    """Render a subject into a root of its own in a folder: the root, and a row of truth per frame."""
    from mexflow import embedded

    root = folder / dataset
    root.mkdir()
    return root, embedded.render_subject(dataset, SIZE, SEED, subject, root)


def index(dataset: str, root: Path, folder: Path) -> None:
    """Write ``index.parquet`` and ``videos.parquet`` of a raw dataset into `folder`."""
    import pyarrow.parquet as pq

    from mexflow.datasets import reading

    listing = reading.read(dataset, {dataset: root})
    pq.write_table(listing.rows_table(), folder / "index.parquet")
    pq.write_table(listing.videos_table(), folder / "videos.parquet")


def faces(dataset: str, subject: str, root: Path, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Write ``faces.npy`` and ``faces.parquet``, from the index in `folder`."""
    return call(
        "faces",
        dataset=dataset,
        subject=subject,
        root=root,
        index=folder / "index.parquet",
        videos=folder / "videos.parquet",
        output=folder / "faces.npy",
        table=folder / "faces.parquet",
        **options,
    )


def flow(
    dataset: str, subject: str, folder: Path, method: str = "horn_schunck", **options: object
) -> subprocess.CompletedProcess[str]:
    """Write ``flow.npy`` and ``flow.parquet``, from the faces in `folder`."""
    return call(
        "flow",
        *(text for pair in PAIRS for text in ("--pair", pair)),
        method=method,
        dataset=dataset,
        subject=subject,
        index=folder / "index.parquet",
        faces=folder / "faces.npy",
        size=64,
        output=folder / "flow.npy",
        table=folder / "flow.parquet",
        **options,
    )
