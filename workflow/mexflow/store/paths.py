"""Where artifacts lie below the folder of the results: the path grammar, see ``results/README.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Results:
    """A folder of results."""

    root: Path

    def index(self, name: str) -> Path:
        """The index of a dataset or composite."""
        return self.root / "index" / f"{name}.parquet"

    def videos(self, name: str) -> Path:
        """The table of its videos."""
        return self.root / "index" / f"{name}.videos.parquet"

    def array(self, folder: str, dataset: str, subject: str) -> Path:
        """The array of a subject, of a stage's folder such as ``faces`` or ``flow/horn_schunck``."""
        return self.root / folder / dataset / f"{subject}.npy"

    def arrays(self, folder: str, subjects: Iterable[tuple[str, str]]) -> list[Path]:
        """The arrays of these (dataset, subject)."""
        return [self.array(folder, *subject) for subject in subjects]

    def experiment(self, paper: str, experiment: str) -> Path:
        """The folder of an experiment's folds."""
        return self.root / "folds" / paper / experiment

    def fold(self, paper: str, experiment: str, fold: str) -> Path:
        """The folder of a fold."""
        return self.experiment(paper, experiment) / fold

    def model(self, paper: str, experiment: str) -> Path:
        """The folder of an experiment's network for use, trained on all subjects."""
        return self.root / "models" / paper / experiment

    def checkpoints(self, paper: str, experiment: str) -> Path:
        """The folder of the states of an experiment's unfinished folds."""
        return self.root / "checkpoints" / paper / experiment


def table_of(array: Path) -> Path:
    """The table beside an array."""
    return array.with_suffix(".parquet")
