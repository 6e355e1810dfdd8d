"""What was measured: the folds' predictions and features, read once and pooled.

An experiment's expected folds are given by the caller. A fold whose file is missing makes every number of that
experiment incomplete; a fold whose file has no rows (all clips of its subject were excluded) does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mexflow.errors import UserError
from mexflow.evaluation import recognition, similarity
from mexflow.evaluation.folds import PROTOCOLS, usable
from mexflow.evaluation.starts import NOTE, in_words, starts_of
from mexflow.papers import repeats
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Column, Row
from mexflow.papers.reporting_recipe import ReportingRecipe
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results
from mexflow.tables.exclusions import Key, clip_key, count_reasons, of_experiments
from mexflow.tables.measurement import Measurement
from mexflow.tables.source import Source

_COLUMNS = ["dataset", "subject", "clip", "label", "predicted"]


@dataclass(frozen=True)
class Pooled:
    """An experiment's pooled test clips: confusion matrix a subject, and how many folds that took."""

    confusions: np.ndarray  # int64 (S, C, C), in the order of `subjects`
    subjects: list[str]  # sorted, only those with clips
    expected: int
    tested: int
    empty: int

    @property
    def complete(self) -> bool:
        return self.expected > 0 and self.tested == self.expected

    @property
    def incomplete(self) -> str:
        """``INCOMPLETE 7/10``, or empty."""
        return f"INCOMPLETE {self.tested}/{self.expected}" if self.tested < self.expected else ""

    @property
    def matrix(self) -> np.ndarray:
        """The pooled confusion matrix, int64 ``(C, C)``."""
        return self.confusions.sum(axis=0)

    @property
    def clips(self) -> int:
        return int(self.confusions.sum())


@dataclass(frozen=True)
class PooledSimilarity:
    """An experiment's test features, compared fold by fold."""

    folds: list[similarity.FoldSimilarity]
    expected: int
    tested: int

    @property
    def incomplete(self) -> str:
        """``INCOMPLETE 7/10``, or empty."""
        return f"INCOMPLETE {self.tested}/{self.expected}" if self.tested < self.expected else ""


class Evidence:
    """Everything a table or a figure of one paper may rest on.

    Args:
        paper: the paper.
        folds_root: the folder that holds ``<paper>/<experiment>/<fold>/``.
        folds: the folds expected of each experiment.
        total_folds: how many folds the whole protocol has, by the name of the paper's data.
        source: the data and the budget.
        seed: base seed of bootstraps and choices.
        inputs: reads the files, remembering their digests.
        exclusions: why clips are left out of each experiment, by :func:`clip_key`, by the experiment's name.
        rows: the rows of the index, by the name of the paper's data.
        reasons: why folds are missing, by ``EXPERIMENT/FOLD``.
    """

    def __init__(
        self,
        paper: Paper,
        folds_root: Path,
        folds: Mapping[str, Sequence[str]],
        total_folds: Mapping[str, int],
        source: Source,
        seed: int,
        inputs: Inputs,
        exclusions: Mapping[str, Mapping[Key, str]] | None = None,
        rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        self.paper = paper
        self.folds = folds
        self.total_folds = total_folds
        self.source = source
        self.seed = seed
        self.exclusions = dict(exclusions or {})
        self.rows = dict(rows or {})
        self._reasons = dict(reasons or {})
        self._root = folds_root / paper.paper
        self._inputs = inputs
        self._tables: dict[str, list[tuple[str, pa.Table]]] = {}
        self._pooled: dict[tuple[str, str | None], Pooled] = {}
        self._similarities: dict[str, PooledSimilarity] = {}
        self._others: dict[tuple[str, str, str | None], list[tuple[str, pa.Table]]] = {}
        self._lacks: dict[str, int] = {}
        self._videos: dict[str, list[dict[str, Any]]] = {}
        self._repeated = any(repeats.number_of(name) > 1 for name in folds)

    def repeats(self, experiment: str) -> list[str]:
        """An experiment and its repeats, in their order; itself alone where it was trained once, or not at all."""
        return repeats.among(self.folds, experiment) or [experiment]

    def classes(self, experiment: str) -> list[str]:
        """The classes of an experiment's data."""
        return self.paper.data_of(experiment).classes

    def pooled(self, experiment: str, part: str | None = None) -> Pooled:
        """The pooled predictions of an experiment, or of one member dataset (`part`) of its composite.

        Raises:
            UserError: if a file cannot be read, lacks a column or names an unknown class.
        """
        key = (experiment, part)
        if key not in self._pooled:
            tables = self._predictions(experiment)
            rows = [row for _, table in tables for row in table.select(_COLUMNS).to_pylist()]
            kept = [row for row in rows if part is None or row["dataset"] == part]
            names = sorted({row["subject"] for row in kept})
            confusions = recognition.confusion_by_group(
                self._encode(experiment, [row["label"] for row in kept]),
                self._encode(experiment, [row["predicted"] for row in kept]),
                recognition.encode([row["subject"] for row in kept], names),
                len(names),
                len(self.classes(experiment)),
            )
            self._pooled[key] = Pooled(
                confusions,
                names,
                expected=len(self.folds.get(experiment, ())),
                tested=len(tables),
                empty=sum(table.num_rows == 0 for _, table in tables),
            )
        return self._pooled[key]

    def answers(self, experiment: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What an experiment's repeats said of the same test clips, subject by subject in the order of their names.

        Returns:
            The labels of each subject's clips, int64 ``(n,)``, and what was predicted, int64 ``(repeats, n)``, as class
            numbers.

        Raises:
            UserError: as :meth:`pooled`, or if the repeats tested other clips, or clips with other labels.
        """
        said: list[dict[Key, int]] = []
        labelled: list[dict[Key, tuple[str, int]]] = []
        for name in self.repeats(experiment):
            rows = [row for _, table in self._predictions(name) for row in table.select(_COLUMNS).to_pylist()]
            labels, predicted = (self._encode(name, [row[key] for row in rows]) for key in ("label", "predicted"))
            keys = [clip_key(row) for row in rows]
            said.append(dict(zip(keys, predicted.tolist(), strict=True)))
            owners = (row["subject"] for row in rows)
            labelled.append(dict(zip(keys, zip(owners, labels.tolist(), strict=True), strict=True)))
            if labelled[-1] != labelled[0]:
                raise UserError(
                    f"{self._root / name}: tests other clips than {experiment}; delete its folds and train them again"
                )
        of_subject: dict[str, list[Key]] = defaultdict(list)
        for key, (subject, _) in sorted(labelled[0].items()):
            of_subject[subject].append(key)
        grouped = [of_subject[subject] for subject in sorted(of_subject)]
        return (
            [np.array([labelled[0][key][1] for key in keys], dtype=np.int64) for keys in grouped],
            [np.array([[one[key] for key in keys] for one in said], dtype=np.int64) for keys in grouped],
        )

    def similarities(self, experiment: str) -> PooledSimilarity:
        """The test features of an experiment, compared fold by fold; the arrays are memory-mapped, one at a time.

        Raises:
            UserError: if a file cannot be read, or features and predictions differ in number.
        """
        if experiment not in self._similarities:
            compared: list[similarity.FoldSimilarity] = []
            present = 0
            for fold, table in self._predictions(experiment):
                path = self._root / experiment / fold / "features.npy"
                if not path.is_file():
                    continue
                present += 1
                features = self._inputs.array(path)
                if len(features) != table.num_rows:
                    raise UserError(f"{path}: {len(features)} rows, but {table.num_rows} predictions; train it again")
                labels = self._encode(experiment, table["label"].to_pylist())
                compared.append(similarity.compare(fold, features, labels, table["clip"].to_pylist()))
            expected = len(self.folds.get(experiment, ()))
            self._similarities[experiment] = PooledSimilarity(compared, expected, present)
        return self._similarities[experiment]

    def notes(self, experiment: str) -> list[str]:
        """What qualifies every number of an experiment: folds and epochs not run, clips left out."""
        notes = [f"{NOTE}{started}"] if (started := self.started(experiment)) else []
        data = self.paper.data_name(experiment)
        expected, total = len(self.folds.get(experiment, ())), self.total_folds.get(data, 0)
        if expected < total:
            notes.append(f"folds {expected} of {total}")
        notes += self._missing(experiment)
        run, printed = (self.paper.recipe(experiment, budget) for budget in (self.source.budget, "paper"))
        notes += run.unlike(printed)
        empty = self.pooled(experiment).empty
        if empty:
            notes.append(f"{empty} {'fold' if empty == 1 else 'folds'} without a test clip")
        if self._repeated and not self.paper.kind(experiment).random:
            notes.append("not repeated: nothing in it is random")
        if exclusions := self.exclusions.get(experiment):
            total = len(exclusions)
            reasons = ", ".join(f"{reason} {count}" for reason, count in count_reasons(exclusions).items())
            noun = "expression" if self.paper.kind(experiment).every_video else "clip"
            notes.append(f"{total} {noun}{'' if total == 1 else 's'} of the dataset excluded ({reasons})")
        if experiment not in self._lacks:
            self._lacks[experiment] = self._lacking(experiment)
        if lacking := self._lacks[experiment]:
            noun = "clip lacks" if lacking == 1 else "clips lack"
            notes.append(f"{lacking} test {noun} a face that was seen in a frame that the input needs")
        return notes

    def started(self, experiment: str) -> str:
        """What the networks of an experiment's folds started from: ``from scratch``, or the files of weights.

        Empty for an experiment that cannot start from a file, and where there is no fold.
        """
        parts = list(getattr(self.paper.experiment(experiment), "weights", {}))
        if not parts or not self.paper.kind(experiment).recognises:
            return ""
        return " and ".join(
            dict.fromkeys(in_words(parts, starts_of(table)) for _, table in self._predictions(experiment))
        )

    def started_of(self, experiments: Sequence[str]) -> str:
        """The same of several experiments, each once."""
        return " and ".join(dict.fromkeys(filter(None, map(self.started, experiments))))

    def _missing(self, experiment: str) -> list[str]:
        """Which folds are missing and why, those of one reason together."""
        why: dict[str, list[str]] = defaultdict(list)
        for fold in self.folds.get(experiment, ()):
            if reason := self._reasons.get(f"{experiment}/{fold}"):
                why[reason].append(fold)
        return [f"no fold {', '.join(folds)}: {reason}" for reason, folds in why.items()]

    def _lacking(self, experiment: str) -> int:
        """How many clips of the tested subjects have no prediction, beside those excluded with their reason."""
        data = self.paper.data_name(experiment)
        if not self.paper.kind(experiment).recognises or data not in self.rows:
            return 0
        label, tables = self.paper.data[data].label, dict(self._predictions(experiment))
        folds = PROTOCOLS[self.paper.protocol_of(experiment)](self.rows[data], label)
        tested = {subject for fold in folds if fold.name in tables for subject in fold.test_subjects}
        wanted = {clip_key(row) for row in self.rows[data] if usable(row, label) and row["subject"] in tested}
        predicted = {clip_key(row) for table in tables.values() for row in table.select(_COLUMNS).to_pylist()}
        return len(wanted - predicted - self.exclusions.get(experiment, {}).keys())

    def tables(self, experiment: str, name: str, role: str | None = None) -> list[tuple[str, pa.Table]]:
        """The table ``<name>.parquet`` of each expected fold of an experiment that has one, read once.

        With `role` only its rows: of the scores, those of the other roles are the most by far, and fold after fold
        the same videos again.

        Raises:
            UserError: if one cannot be read.
        """
        key = (experiment, name, role)
        if key not in self._others:
            paths = [(fold, self._root / experiment / fold / f"{name}.parquet") for fold in self.folds[experiment]]
            tables = ((fold, self._inputs.table(path)) for fold, path in paths if path.is_file())
            self._others[key] = [(fold, table if role is None else _of_role(table, role)) for fold, table in tables]
        return self._others[key]

    def test_videos(self, experiment: str) -> list[dict[str, Any]]:
        """The test videos of a spotting experiment, once for each variant and type, of the folds that have scores.

        Each with `dataset`, `subject`, `video`, `variant`, `type`, `first` and `last` (frame), `frames` (how many have
        a score) and `expression` (whether one is inside an expression of the type).
        """
        if experiment not in self._videos:
            keys = ["dataset", "subject", "video", "variant", "type"]
            sums = [("frame", "min"), ("frame", "max"), ("frame", "count"), ("label", "any")]
            names = {"frame_min": "first", "frame_max": "last", "frame_count": "frames", "label_any": "expression"}
            rows: list[dict[str, Any]] = []
            for fold in self.folds.get(experiment, ()):
                path = self._root / experiment / fold / "scores.parquet"
                if path.is_file():
                    table = _of_role(self._inputs.table(path, ["role", *keys, "frame", "label"]), "test")
                    rows += table.group_by(keys, use_threads=False).aggregate(sums).to_pylist()
            self._videos[experiment] = [{names.get(name, name): row[name] for name in row} for row in rows]
        return self._videos[experiment]

    def notes_of(self, experiments: Sequence[str]) -> list[str]:
        """What qualifies numbers of several experiments; what does not hold for all of them names those it holds for.

        Experiments that the budget does not run have no notes.
        """
        run = [name for name in dict.fromkeys(experiments) if self.folds.get(name)]
        holders: dict[str, list[str]] = {}
        for name in run:
            for note in self.notes(name):
                holders.setdefault(note, []).append(name)
        return [note if names == run else f"{', '.join(names)}: {note}" for note, names in holders.items()]

    def _predictions(self, experiment: str) -> list[tuple[str, pa.Table]]:
        if experiment not in self._tables:
            tables = []
            for fold in sorted(self.folds.get(experiment, ())):
                path = self._root / experiment / fold / "predictions.parquet"
                if path.is_file():
                    table = self._inputs.table(path)
                    lacking = set(_COLUMNS) - set(table.column_names)
                    if lacking:
                        raise UserError(f"{path}: has no column {sorted(lacking)}; delete it and train the fold again")
                    tables.append((fold, table))
            self._tables[experiment] = tables
        return self._tables[experiment]

    def _encode(self, experiment: str, names: list[str]) -> np.ndarray:
        try:
            return recognition.encode(names, self.classes(experiment))
        except KeyError as error:
            raise UserError(
                f"{self._root / experiment}: class {error.args[0]!r} is not a class of {self.paper.paper}; "
                "delete these folds and train them again"
            ) from None


def gather(
    paper: Paper, results: Path, recipe: ReportingRecipe, inputs: Inputs, data: Iterable[str] | None = None
) -> Evidence:
    """What was measured of a paper, as a recipe says.

    Args:
        paper: the paper.
        results: the folder that holds ``index/``, ``folds/<paper>/<experiment>/<fold>/`` and the arrays' folders.
        recipe: what the tables depend on.
        inputs: reads the files.
        data: the names of the paper's data whose indexes are read; all.

    Raises:
        UserError: if an input cannot be read.
    """
    wanted = paper.data if data is None else dict.fromkeys(data)
    rows = {name: inputs.table(results / "index" / f"{paper.data[name].index}.parquet").to_pylist() for name in wanted}
    # After a run that failed, what a fold lacks may be just such a table.
    excluded = of_experiments(paper, recipe.expected, Results(results), rows, inputs, partial=bool(recipe.missing))
    return Evidence(
        paper,
        results / "folds",
        recipe.expected,
        recipe.total_folds,
        Source(recipe.data, recipe.budget, recipe.reading, recipe.intervals),
        recipe.seed,
        inputs,
        excluded,
        rows,
        recipe.missing,
    )


def _of_role(table: pa.Table, role: str) -> pa.Table:
    return table.filter(pc.equal(table["role"], role))


@dataclass(frozen=True)
class Place:
    """One place of a table: its row, its column, and the experiment that fills it."""

    row: Row
    column: Column
    experiment: str


Measure = Callable[[Evidence, Place], list[Measurement]]
"""How a metric is measured at a place of a table; the first measurement is the one that the paper prints."""
