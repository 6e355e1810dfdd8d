"""How the suite is spread over processes, and the fixtures that several test files share, made once a run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest

import embedded_files
import mini
from embedded_files import SEED, SIZE, SUBJECTS

# The longest first, so that at the end no process waits long for the other.
FIRST = ("test_slurm.py", "test_faults.py", "test_end_to_end.py")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes for the whole suite, which waits much for what it starts; none beside this for what is chosen.

    So benchmarks and campaigns have the machine for themselves.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return 2 if whole and config.option.markexpr in config.getini("addopts") else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


@pytest.fixture(autouse=True)
def nothing_picked() -> None:
    """A job's code digest must hold what the job picks, and not what another test of this process did."""
    from mexflow.registries import PICKED

    PICKED.clear()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For the command in this process, which has loaded what other tests need.

    That it needs no more than it says is shown where it has a process of its own.
    """
    import torch

    from mexflow.store import records

    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: [])
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


def shared(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, once for all processes of the suite: not to be changed."""
    base = folders.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def embedded_rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[dict]]]:
    """The root of each embedded dataset in `SUBJECTS`, with the frames of one subject, and the truth of its frames.

    Its annotation files are there as well. Nothing there is to be changed.
    """
    from mexflow import embedded

    def render(folder: Path) -> None:
        for dataset, subject in SUBJECTS.items():
            root, rows = embedded_files.render(dataset, subject, folder)
            embedded.write_annotations(dataset, SIZE, SEED, root)
            (folder / f"{dataset}.json").write_text(json.dumps(rows))

    folder = shared(tmp_path_factory, "embedded", render)
    return {dataset: (folder / dataset, json.loads((folder / f"{dataset}.json").read_text())) for dataset in SUBJECTS}


@pytest.fixture(scope="session")
def embedded_root(embedded_rendered: dict[str, tuple[Path, list[dict]]]) -> dict[str, Path]:
    """The root of each embedded dataset, with its annotation files and the frames of one subject; not to be changed."""
    return {dataset: root for dataset, (root, _) in embedded_rendered.items()}


@pytest.fixture(scope="session")
def preprocessed(embedded_root: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each embedded dataset a folder with its index, and the faces and flow that the commands make of it."""

    def make(folder: Path) -> None:
        for dataset, subject in SUBJECTS.items():
            own = folder / dataset
            own.mkdir()
            embedded_files.index(dataset, embedded_root[dataset], own)
            for done in (
                embedded_files.faces(dataset, subject, embedded_root[dataset], own),
                embedded_files.flow(dataset, subject, own),
            ):
                assert done.returncode == 0, done.stderr

    folder = shared(tmp_path_factory, "preprocessed", make)
    return {dataset: folder / dataset for dataset in SUBJECTS}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project after a run on two cores: not to be changed."""
    return shared(tmp_path_factory, "two_cores", lambda folder: mini.run(mini.make(folder), cores=2))


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
