"""The files of weights that networks start from, as the configuration gives them. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path

from mexflow.config import Config
from mexflow.errors import UserError
from mexflow.papers.paper import Paper
from mexflow.papers.pretrained import PRETRAINED
from mexflow.plan.flags import flags


class WeightFiles:
    """The files of weights of a configuration."""

    def __init__(self, config: Config) -> None:
        """
        Raises:
            UserError: for a file that is not there or cannot be read, naming its key.
        """
        self.paths = {name: _path(file) for name, file in config.weights_given.items()}
        for name, path in self.paths.items():
            if problem := _problem(path):
                raise UserError(
                    f"config.yaml: weights.{name}: {path}: {problem}; give the file (a relative path counts from "
                    f"{Path.cwd()}), or `none` to train from scratch"
                )

    def files(self, paper: Paper, experiment: str) -> list[str]:
        """The files that an experiment starts from; none from scratch."""
        return [self.paths[name] for name in self._names(paper, experiment)]

    def checked(self, paper: Paper, experiment: str) -> list[str]:
        """The records that say that these files are what they are taken for."""
        return [f"results/records/weights/{name}.json" for name in self._names(paper, experiment)]

    def flags(self, paper: Paper, experiment: str) -> str:
        """The same, as options of ``mexflow train``."""
        return flags("weights", (f"{name}={self.paths[name]}" for name in self._names(paper, experiment)))

    def version(self, paper: Paper, experiment: str) -> str:
        """A text that changes when one of these files is put in place of another, older or newer, or is changed."""
        return " ".join(self.version_of(name) for name in self._names(paper, experiment))

    def version_of(self, name: str) -> str:
        """The same of one file, by the name of its weights."""
        status = os.stat(self.paths[name])
        return f"{status.st_mtime_ns} {status.st_size}"

    @staticmethod
    def picks(name: str) -> tuple[str, str]:
        """What checking the weights of that name picks, for its code digest."""
        return PRETRAINED.identity(name), PRETRAINED.declared(name).module

    @staticmethod
    def _names(paper: Paper, experiment: str) -> list[str]:
        return sorted({*paper.weights_of(experiment).values()})


def _path(file: str) -> str:
    """A file's path; in full where it goes up, so that a job that is made again in another folder finds it."""
    return os.path.abspath(file) if ".." in Path(file).parts else file


def _problem(path: str) -> str:
    """Why a file cannot be read; empty if it can."""
    if os.path.isdir(path):
        return "is a folder"
    try:
        with open(path, "rb"):
            return ""
    except OSError as error:
        return (error.strerror or str(error)).lower()
