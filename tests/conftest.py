"""Fixtures that several test files share: a subject of each embedded dataset, made once a run."""

from __future__ import annotations

import shutil
from contextlib import chdir
from pathlib import Path

import pytest

import embedded_files
import mini
from embedded_files import SEED, SIZE, SUBJECTS


@pytest.fixture(scope="session")
def embedded_rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[dict]]]:
    """The root of each embedded dataset in `SUBJECTS`, with the frames of one subject, and the truth of its frames.

    Nothing there is to be changed.
    """
    return {dataset: embedded_files.render(dataset, subject, tmp_path_factory) for dataset, subject in SUBJECTS.items()}


@pytest.fixture(scope="session")
def embedded_root(embedded_rendered: dict[str, tuple[Path, list[dict]]]) -> dict[str, Path]:
    """The root of each embedded dataset, with its annotation files and the frames of one subject; not to be changed."""
    from mexflow import embedded

    for dataset, (root, _) in embedded_rendered.items():
        embedded.write_annotations(dataset, SIZE, SEED, root)
    return {dataset: root for dataset, (root, _) in embedded_rendered.items()}


@pytest.fixture(scope="session")
def preprocessed(embedded_root: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each embedded dataset a folder with its index, and the faces and flow that the commands make of it."""
    folders = {}
    for dataset, subject in SUBJECTS.items():
        folder = folders[dataset] = tmp_path_factory.mktemp(f"{dataset}_preprocessed")
        embedded_files.index(dataset, embedded_root[dataset], folder)
        for done in (
            embedded_files.faces(dataset, subject, embedded_root[dataset], folder),
            embedded_files.flow(dataset, subject, folder),
        ):
            assert done.returncode == 0, done.stderr
    return folders


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project after a run on two cores."""
    folder = mini.make(tmp_path_factory.mktemp("two_cores"))
    mini.run(folder, cores=2)
    return folder


@pytest.fixture(scope="module")
def audited(finished: Path, tmp_path_factory: pytest.TempPathFactory):
    """A copy of the results of a small run, to be tampered with, as the folder that is worked in."""
    folder = tmp_path_factory.mktemp("audited")
    for name in ("results", "workflow", "envs"):
        shutil.copytree(finished / name, folder / name, symlinks=True)
    with chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def graph(audited: Path):
    """The graph of the records of that copy."""
    from mexflow.audit.graph import load

    return load()
