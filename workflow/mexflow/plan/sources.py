"""The raw datasets and composites in use: where they are, what they hold, and what their indexes are made from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from mexflow import commands, embedded
from mexflow.config import Config
from mexflow.datasets import reading
from mexflow.datasets.registry import COMPOSITES, DATASETS
from mexflow.datasets.subjects import with_clips
from mexflow.errors import UserError
from mexflow.plan import enumeration


class Sources:
    """The datasets of a configuration.

    A raw dataset is in use unless its root is ``none``; a composite, if all its members are. A dataset in use may be a
    licensed copy that cannot be listed; then nothing can be made of it, see `unlisted`.
    """

    def __init__(self, config: Config, wanted: Iterable[str], results: Path) -> None:
        """
        Args:
            config: the configuration.
            wanted: the indexes that papers ask for.
            results: the folder of the results.

        Raises:
            UserError: if a paper asks for a dataset that is not in use, or one that is to be rendered has no layout.
        """
        self.config, self.results = config, results
        self.wanted = sorted(set(wanted))
        for name in self.embedded:
            embedded.layout(name)
        for index in self.wanted:
            if absent := [name for name in reading.members(index) if name not in self.in_use]:
                raise UserError(
                    f"config.yaml: a paper needs {index}, but datasets.{absent[0]}.root is none; set it to `embedded` "
                    "or to the folder of your licensed copy, or take the paper out of `papers`"
                )

    @cached_property
    def in_use(self) -> list[str]:
        """The raw datasets in use, in the order of the registry."""
        return [name for name in DATASETS if self.config.root(name) != "none"]

    @property
    def embedded(self) -> list[str]:
        """The raw datasets in use that are embedded."""
        return [name for name in self.in_use if self.config.root(name) == "embedded"]

    @cached_property
    def unlisted(self) -> dict[str, str]:
        """The raw datasets in use that cannot be listed, each with the line that says why and what to do."""
        reasons = {}
        for name in self.in_use:
            try:
                self.enumerated(name)
            except UserError as error:
                reasons[name] = str(error)
        return reasons

    @property
    def listed(self) -> list[str]:
        """The other raw datasets in use."""
        return [name for name in self.in_use if name not in self.unlisted]

    @property
    def known(self) -> list[str]:
        """Every index of datasets in use, whether or not these can be listed."""
        return [*self.in_use, *_composites(self.in_use)]

    @cached_property
    def indexes(self) -> list[str]:
        """Every index that can be made."""
        return [*self.listed, *_composites(self.listed)]

    @property
    def index_targets(self) -> list[str]:
        """The indexes of the datasets in use and of the composites that papers ask for, with their summaries."""
        names = sorted({*self.listed, *self.wanted} & set(self.indexes))
        endings = ("parquet", "videos.parquet", "txt")
        return [f"{self.results}/index/{index}.{ending}" for index in names for ending in endings]

    def enumerated(self, dataset: str) -> enumeration.Enumerated:
        """A raw dataset's rows, subjects and annotation files.

        Raises:
            UserError: if a licensed copy cannot be listed.
        """
        if dataset not in self._enumerated:
            self._enumerated[dataset] = enumeration.enumerate_dataset(self.config, dataset, self.results)
        return self._enumerated[dataset]

    @cached_property
    def _enumerated(self) -> dict[str, enumeration.Enumerated]:
        return {}

    def rows(self, index: str) -> list[dict]:
        """The rows of an index; see `enumeration.rows_of`."""
        return enumeration.rows_of(index, {name: self.enumerated(name) for name in reading.members(index)})

    def subjects(self, index: str) -> list[tuple[str, str]]:
        """(dataset, subject) of an index's subjects with a usable clip, or with any video where every video counts."""
        if reading.long_videos(index):
            return [(index, subject) for subject in self.enumerated(index).subjects]
        return with_clips(self.rows(index))

    def root(self, dataset: str) -> str:
        """The folder of a raw dataset."""
        root = self.config.root(dataset)
        return f"{self.results}/embedded/{dataset}" if root == "embedded" else root

    def roots(self, index: str) -> list[str]:
        """The ``--root`` values of `index`."""
        members = reading.members(index)
        return [f"{name}={self.root(name)}" for name in members] if index in COMPOSITES else [self.root(index)]

    def raw_files(self, index: str) -> list[str]:
        """What the index of a dataset is made from: annotation files, and the rendered frames of embedded data."""
        files = []
        for name in reading.members(index):
            files += self.enumerated(name).annotations
            if name in self.embedded:
                subjects = [subject for dataset, subject in self.renderings if dataset == name]
                files += [folder for subject in subjects for folder in self.rendered(name, subject)]
        return files

    @property
    def renderings(self) -> list[tuple[str, str]]:
        """(dataset, subject) of everything to render."""
        settings = self.config.embedded
        return [
            (name, subject)
            for name in self.embedded
            for subject in embedded.plan(name, settings.size, settings.seed).subjects
        ]

    @property
    def written(self) -> dict[str, list[str]]:
        """The annotation files of the embedded datasets that have any."""
        return {name: files for name in self.embedded if (files := self.enumerated(name).annotations)}

    def rendered(self, dataset: str, subject: str) -> list[str]:
        """The folders that the frames of a subject of an embedded dataset are rendered into."""
        settings = self.config.embedded
        folders = embedded.folders(dataset, settings.size, settings.seed, subject)
        return [f"{self.results}/embedded/{dataset}/{folder}" for folder in folders]

    def version(self, index: str) -> str:
        """A text that changes when a licensed copy changes."""
        return " ".join(self.enumerated(name).version for name in reading.members(index)).strip()

    def data(self, index: str) -> str:
        """Which data the numbers of an index come from: ``embedded``, or the roots of the licensed copies.

        Roots are as the configuration has them, ``~`` and all: the same text for whoever has the data at home.
        """
        roots = {name: getattr(self.config.datasets, name).root for name in reading.members(index)}
        if set(roots.values()) == {"embedded"}:
            return "embedded"
        return ", ".join(f"{root} ({name})" for name, root in roots.items())

    def index_code(self, index: str) -> str:
        """The code digest of making an index."""
        return commands.code_digest("index", *reading.modules(index))

    def adapter_modules(self, dataset: str) -> list[str]:
        """What a command that asks a raw dataset's adapter picks by name."""
        return reading.adapter_modules(dataset)

    def faces_flags(self, dataset: str) -> str:
        """What `mexflow faces` is told of a dataset: whether every video counts, and an OpenFace folder to use."""
        import shlex

        flags = ["--every-video"] if reading.long_videos(dataset) else []
        if folder := self.config.openface(dataset):
            flags.append(f"--openface {shlex.quote(folder)}")
        return " ".join(flags)


def _composites(names: Iterable[str]) -> list[str]:
    """The composites of which all members are among these raw datasets."""
    return [name for name in COMPOSITES if set(reading.members(name)) <= set(names)]


def require_plain(folder: Path) -> None:
    """Make sure that the project can be worked with where it is.

    Raises:
        UserError: if its path has braces, in which Snakemake looks for wildcards, or a colon, at which PYTHONPATH ends.
    """
    if characters := sorted(set(str(folder)) & set("{}:")):
        raise UserError(
            f"{folder}: Snakemake cannot work with {' and '.join(characters)} in the path of a project; rename the "
            "folder, or move the project to another"
        )


def require_writable(folder: Path) -> None:
    """Make sure that a folder, or the one it will be made in, can be written.

    Raises:
        UserError: saying which and what to do; Snakemake's own answer is a traceback.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder.absolute()}: a file is where the results belong; move it away")
    place = folder if folder.exists() else folder.absolute().parent
    if not os.access(place, os.W_OK):
        raise UserError(
            f"{place.absolute()}: not writable; change its permissions, or work elsewhere (snakemake --directory)"
        )
