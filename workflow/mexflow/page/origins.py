"""What the panel of a cell shows beside the cell: the experiments that it was measured of, each once for all cells.

Everything is made of numbers that stand for places in lists, so that a name, a clip or a job stands on the page once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mexflow.audit.graph import Graph
from mexflow.page.chains import Chains, Names
from mexflow.store.artifacts import Inputs
from mexflow.tables.exclusions import Key, clip_key

_OF_FOLDS = ("train", "intervals")
_PREDICTED = ["fold", "dataset", "subject", "clip", "label", "predicted", "probabilities"]


class Origins:
    """Experiments of all papers of a page, as the page's data.

    Attributes:
        experiments: what the panels show of each.
        names: of subjects, classes and videos.
        groups: of subjects, each a tuple of numbers of `names`.
        clips: the number of each clip.
        chains: the jobs behind them.
    """

    def __init__(self, graph: Graph, results: Path, inputs: Inputs) -> None:
        self._graph, self._results, self._inputs = graph, results, inputs
        self.chains = Chains(graph)
        self.names = Names()
        self.groups = Names()
        self.clips: dict[Key, int] = {}
        self._numbers: dict[str, int] = {}
        self.experiments: list[dict[str, Any]] = []
        self._trained: dict[str, list[str]] = {}
        for record in graph.records.values():
            if record.stage in _OF_FOLDS:
                for path in record.outputs:
                    self._trained.setdefault(_folder(path), []).append(path)

    def number(self, paper: str, experiment: str) -> int:
        """The place of an experiment in `experiments`; what is there is read when it is first asked for.

        Raises:
            UserError: if its predictions or intervals cannot be read.
        """
        name = f"{paper}/{experiment}"
        if name not in self._numbers:
            self._numbers[name] = len(self.experiments)
            self.experiments.append(self._read(paper, experiment))
        return self._numbers[name]

    def folds_of(self, paper: str) -> dict[str, list[str]]:
        """The folds of a paper's experiments that intervals were spotted in, by the experiment's name."""
        start = f"{self._results.as_posix()}/folds/{paper}/"
        return {
            folder.removeprefix(start): sorted({Path(path).parent.name for path in paths if _spotted(path)})
            for folder, paths in self._trained.items()
            if folder.startswith(start)
        }

    def _read(self, paper: str, experiment: str) -> dict[str, Any]:
        paths = sorted(self._trained.get(f"{self._results.as_posix()}/folds/{paper}/{experiment}", ()))
        records = [self._graph.records[job] for job in dict.fromkeys(self._graph.maker[path] for path in paths)]
        trained = [record for record in records if record.stage == "train"]
        folds = {name: fold for record in trained for name, fold in record.contents.get("folds", {}).items()}
        order = {name: number for number, name in enumerate(folds)}
        found: dict[str, Any] = {
            "name": experiment,
            "recipe": _lines(trained[0].contents.get("recipe", {})) if trained else [],
            "folds": [[name, *self._subjects(fold), *_told(fold)] for name, fold in folds.items()],
            "chain": self.chains.behind(paths),
        }
        predicted = [path for path in paths if path.endswith("/predictions.parquet")]
        if predicted:
            found["clips"] = [self._clip(row, order) for path in predicted for row in self._rows(path, _PREDICTED)]
        spotted = [path for path in paths if _spotted(path)]
        if spotted:
            found["videos"] = self._videos(row for path in spotted for row in self._rows(path))
        thresholds = [path for path in paths if path.endswith("/thresholds.parquet")]
        if thresholds:
            found["thresholds"] = [
                [
                    row["fold"],
                    row["variant"],
                    row["type"],
                    _short(row["threshold"]),
                    self.names.numbers(row["subjects"]),
                ]
                for path in thresholds
                for row in self._rows(path)
            ]
        return found

    def _rows(self, path: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
        return self._inputs.table(path, columns).to_pylist()

    def _subjects(self, fold: Mapping[str, Any]) -> list[int]:
        """The groups of subjects that it was trained, validated and tested on: other experiments have the same."""
        parts = ("training_subjects", "validation_subjects", "test_subjects")
        return [self.groups.number(tuple(self.names.numbers(fold.get(part, ())))) for part in parts]

    def _clip(self, row: Mapping[str, Any], order: Mapping[str, int]) -> list[Any]:
        """Its fold, the clip, its class and the predicted one, and how sure that was, per cent."""
        clip = self.clips.setdefault(clip_key(row), len(self.clips))
        sure = max(row["probabilities"], default=0.0)
        classes = self.names.numbers((row["label"], row["predicted"]))
        return [order.get(row["fold"], -1), clip, *classes, round(100 * sure) if sure == sure else None]

    def _videos(self, rows: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
        """Of each test video, variant and type the true and the predicted intervals: first and last frame, matched."""
        videos: dict[tuple[str, ...], dict[str, list[list[int]]]] = {}
        for row in rows:
            place = tuple(row[name] for name in ("fold", "subject", "video", "variant", "type"))
            found = videos.setdefault(place, {"truth": [], "predicted": []})
            found[row["source"]].append([row["first"], row["last"], int(row["matched"])])
        return [[*self.names.numbers(place), found["truth"], found["predicted"]] for place, found in videos.items()]


def _spotted(path: str) -> bool:
    return path.endswith("/intervals.parquet")


def _folder(path: str) -> str:
    """The folder of an experiment's folds, of a file of one of them."""
    return path.rsplit("/", 2)[0]


def _told(fold: Mapping[str, Any]) -> list[Any]:
    """How many samples it was trained on and how many clips or videos it tests, and its seed, as text: 64 bits."""
    tested = fold.get("test_clips", fold.get("test_videos"))
    return [fold.get("training_samples"), tested, str(fold["seed"]) if "seed" in fold else None]


def _lines(recipe: Mapping[str, Any]) -> list[list[str]]:
    """A recipe as lines of a name and a value; what a part of it says has the part's name in front."""
    lines = []
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            lines += [[f"{name} · {inner}", text] for inner, text in _lines(value)]
        elif value not in (None, [], ""):
            lines.append([name, _text(value)])
    return lines


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(inner)}" for name, inner in value.items())
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _short(value: float) -> str:
    """A threshold with as many digits as one reads; none where it is infinite, as nothing could be chosen."""
    return f"{value:.4g}" if math.isfinite(value) else "none"
