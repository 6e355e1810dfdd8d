"""What changed between two runs behind a number: code, data, settings, libraries, machine or seed.

Found in the records of the jobs behind it. A job counts where what it wrote differs, and of it what is its own: what
it read from another job that wrote other bytes is told of that job. So a change that left no trace in any byte stands
behind nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from mexflow.audit import root
from mexflow.audit.graph import Graph, Record
from mexflow.papers.parts import Budget
from mexflow.store.artifacts import Inputs, hash_bytes

CODE, DATA, SETTINGS, LIBRARIES, MACHINE, SEED, UNEXPLAINED = (
    "code", "data", "settings", "libraries", "machine", "seed", "unexplained",
)  # fmt: skip
KINDS = (DATA, SETTINGS, SEED, CODE, LIBRARIES, MACHINE, UNEXPLAINED)
"""The kinds of changes, in the order in which they are told."""

COMMIT = "git commit"
MADE, NOT_MADE = "made", "not made"
_ABSENT = "—"
PAPERS = "workflow/papers/"
_FOLDS, _MISSING = "folds of ", "missing."
_OF_DATA = ("root", "openface")
_OF_MACHINE = ("device", "threads")
_NO_SETTING = ("recipe", "record", "output", "results", "fold", "seed", "checkpoint-seconds", *_OF_MACHINE)
"""Options that name places, that are read elsewhere in the record, or that change no bytes."""


@dataclass(frozen=True, order=True)
class Change:
    """One thing that is not the same in two runs.

    Attributes:
        kind: one of `KINDS`.
        where: the command whose jobs it is of, e.g. ``train``; of settings with the experiment, ``train vy-3cl``.
        what: the module, library, setting (as a path of keys), or file.
        a: what it is in the first run; of code and files the start of their sha256.
        b: the same in the second.
    """

    kind: str
    where: str
    what: str
    a: str = ""
    b: str = ""


def behind(a: Graph, b: Graph, of_a: Iterable[str], of_b: Iterable[str]) -> frozenset[Change]:
    """The changes between two runs behind some artifacts and all that they were made from.

    Args:
        a: the first run.
        b: the second run.
        of_a: the artifacts in the first run.
        of_b: those in the second.
    """
    paths_a, paths_b = {*a.ancestors(*of_a)}, {*b.ancestors(*of_b)}
    found: set[Change] = set()
    pairs: dict[tuple[str, str], tuple[Record, Record]] = {}
    for path in sorted(paths_a & paths_b):
        if _written(a, path) == _written(b, path):
            continue
        if path in a.maker and path in b.maker:
            pairs.setdefault((a.maker[path], b.maker[path]), (a.records[a.maker[path]], b.records[b.maker[path]]))
        elif path in a.maker or path in b.maker:
            name = "A" if path in b.maker else "B"
            found.add(Change(UNEXPLAINED, "no record", f"{path}, which no record of {name} says who made"))
        elif not path.startswith(PAPERS):  # whose settings are told one by one
            found.add(Change(DATA, "read", path, _written(a, path)[:8], _written(b, path)[:8]))
    for one, other in pairs.values():
        found |= between(one, other, a, b)
    for graph, own, said in ((a, paths_a - paths_b, (MADE, NOT_MADE)), (b, paths_b - paths_a, (NOT_MADE, MADE))):
        found |= {Change(kind, stage, path, *said) for kind, stage, path in _made_alone(graph, own)}
    return frozenset(found)


def _written(graph: Graph, path: str) -> str:
    """The sha256 of an artifact as its maker wrote it, or as it was read."""
    if path in graph.maker:
        return graph.records[graph.maker[path]].outputs[path]["sha256"]
    return graph.records[graph.readers[path][0]].inputs[path]["sha256"]


def _made_alone(graph: Graph, paths: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """What the jobs behind some artifacts are of, its kind and command before it: a fold's folder, or a path."""
    for path in paths:
        if path in graph.maker:
            stage = graph.records[graph.maker[path]].stage
            if "/folds/" in path:  # which folds there are is a matter of settings, which subjects of data
                yield SETTINGS, stage, Path(path).parent.as_posix()
            else:
                yield DATA, stage, Path(path).with_suffix("").as_posix()


def between(one: Record, other: Record, a: Graph, b: Graph) -> set[Change]:
    """What is not the same of two jobs that made one artifact, each of its run, with other bytes."""
    where = other.stage
    found = {*_code(one, other), *_versions(one, other), *_settings(one, other), *_seed(one, other)}
    found |= {*_raw(one, other, a, b), *_devices(one, other)}
    if where in root.TIMES:
        found.add(Change(MACHINE, where, "measured times, which differ from run to run"))
    if found or not _read_the_same(one, other, a, b):
        return found
    hosts = (record.contents["observed"]["host"] for record in (one, other))
    return {Change(UNEXPLAINED, where, f"other bytes from the same inputs, code and settings ({other.job})", *hosts)}


def _read_the_same(one: Record, other: Record, a: Graph, b: Graph) -> bool:
    said = (
        {path: _written(graph, path) for path in graph.parents(next(iter(record.outputs)))}
        for record, graph in ((one, a), (other, b))
    )
    first, second = said
    return first == second


def _code(one: Record, other: Record) -> Iterator[Change]:
    before, after = (record.contents["code"] for record in (one, other))
    if before["digest"] == after["digest"]:
        return
    modules = [
        Change(CODE, other.stage, name, _short(before["modules"].get(name)), _short(after["modules"].get(name)))
        for name in sorted({*before["modules"], *after["modules"]})
        if before["modules"].get(name) != after["modules"].get(name)
    ]
    picked = Change(CODE, other.stage, "what it picks by name", before["digest"][:8], after["digest"][:8])
    yield from modules or [picked]
    commits = [(said.get("git_commit") or _ABSENT)[:8] for said in (before, after)]
    if commits[0] != commits[1]:
        yield Change(CODE, other.stage, COMMIT, *commits)


def _short(sha256: str | None) -> str:
    return _ABSENT if sha256 is None else sha256[:8]


def _versions(one: Record, other: Record) -> Iterator[Change]:
    before, after = (record.contents["versions"] for record in (one, other))
    for name in sorted(before.keys() & after.keys()):  # what only one loaded, its code tells
        if before[name] != after[name]:
            yield Change(LIBRARIES, other.stage, name, before[name], after[name])


def _seed(one: Record, other: Record) -> Iterator[Change]:
    before, after = (record.contents.get("seed") for record in (one, other))
    if before != after:
        yield Change(SEED, other.stage, "seed", str(before), str(after))


def _devices(one: Record, other: Record) -> Iterator[Change]:
    for name in _OF_MACHINE:
        before, after = (record.contents.get(name) for record in (one, other))
        if before != after:
            yield Change(MACHINE, other.stage, name, str(before), str(after))
    before, after = (record.contents["observed"]["machine"] for record in (one, other))
    if before != after:
        yield Change(MACHINE, other.stage, "architecture", before, after)


def _raw(one: Record, other: Record, a: Graph, b: Graph) -> Iterator[Change]:
    """Raw frames of a licensed copy; of rendered ones the job that rendered them tells."""
    if "raw" not in one.contents or "raw" not in other.contents:
        return
    rendered = any(
        len(graph.parents(next(iter(record.outputs)))) > len(record.inputs) for record, graph in ((one, a), (other, b))
    )
    before, after = (record.contents["raw"] for record in (one, other))
    if before["sha256"] != after["sha256"] and not (rendered and before["root"] == after["root"]):
        of = f"raw frames of {other.contents['dataset']}/{other.contents['subject']}"
        said = (f"{raw['files']} files of {raw['root']}, {raw['sha256'][:8]}" for raw in (before, after))
        yield Change(DATA, other.stage, of, *said)


def _settings(one: Record, other: Record) -> Iterator[Change]:
    before, after = (settings(record) for record in (one, other))
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            kind, where = (DATA, other.stage) if name in _OF_DATA else (SETTINGS, _place(other))
            yield Change(kind, where, name, *(str(said.get(name, _ABSENT)) for said in (before, after)))


def _place(record: Record) -> str:
    """A job's command, with the experiment that it trains."""
    experiment = record.contents.get("experiment")
    return f"{record.stage} {experiment}" if experiment else record.stage


def settings(record: Record) -> dict[str, Any]:
    """A job's settings by their paths of keys, e.g. ``epochs``, ``options.depth``: of its recipe and its options.

    Which folds a table expects stands under ``folds of <experiment>``, so that it can be told of one experiment.
    """
    recipe = record.contents.get("recipe") or {}
    found = dict(flattened(recipe)) if isinstance(recipe, Mapping) else {}
    found.pop("seed", None)
    for name, value in options(record.contents["command"]).items():
        if name not in _NO_SETTING:
            found.setdefault(name, value)
    return found


def flattened(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of nested settings with its path of keys; the folds that tables expect by their experiment."""
    for key, inner in value.items():
        path = f"{before}{key}"
        if isinstance(inner, Mapping):
            yield from flattened(inner, f"{path}.")
        elif key == "folds" and isinstance(inner, list) and all(isinstance(one, Mapping) for one in inner):
            for group in inner:
                for experiment in group.get("experiments", ()):
                    yield f"{before}{_FOLDS}{experiment}", ", ".join(map(str, group.get("folds", ())))
        else:
            yield path, inner


def options(command: str) -> dict[str, str]:
    """The options of a recorded command; of one that is given several times all values."""
    found: dict[str, list[str]] = {}
    name = None
    for word in shlex.split(command):
        if word.startswith("--"):
            name, _, value = word.removeprefix("--").partition("=")
            found.setdefault(name, []).extend([value] if value else [])
        elif name is not None:
            found[name].append(word)
    return {name: ", ".join(values) for name, values in found.items()}


def of_papers(a: tuple[Graph, Path], b: tuple[Graph, Path]) -> dict[str, list[Change]]:
    """What changed in each paper's file, a setting each, where both runs still have the file that they read.

    Where one has not, that the file is another.

    Args:
        a: of the first run the graph, and the folder that it ran in.
        b: of the second.
    """
    found: dict[str, list[Change]] = {}
    for path in sorted({path for graph, _ in (a, b) for path in graph.readers if path.startswith(PAPERS)}):
        if not all(path in graph.readers for graph, _ in (a, b)) or _written(a[0], path) == _written(b[0], path):
            continue
        name = Path(path).stem
        values = [_paper(graph, base, path) for graph, base in (a, b)]
        if None in values:
            found[name] = [Change(SETTINGS, "paper", path, _written(a[0], path)[:8], _written(b[0], path)[:8])]
            continue
        before, after = (dict(flattened(value)) for value in values)
        found[name] = [
            Change(SETTINGS, "paper", key, *(str(said.get(key, _ABSENT)) for said in (before, after)))
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        ]
    return found


def _paper(graph: Graph, base: Path, path: str) -> dict[str, Any] | None:
    """A paper's file as it was read; None where it is not there any more."""
    import yaml

    data = paper_text(graph, base, path)
    return None if data is None else yaml.safe_load(data)


def paper_text(graph: Graph, base: Path, path: str) -> bytes | None:
    """The bytes of a paper's file as a run read it; None where it did not, or where they are not there any more.

    Args:
        graph: of the run.
        base: the folder that it ran in.
        path: of the file, as records name it.
    """
    file = file_of(base, path)
    if path not in graph.readers or not file.is_file():
        return None
    data = Inputs().bytes(file)
    return data if hash_bytes(data).sha256 == _written(graph, path) else None


_IN_WORDS = ("title", "citation", "decisions", "errata", "figures", "timing", "learning", "data_in_words")
"""Parts of a paper's file that change no number of a table."""


def relevant(change: Change, experiments: Iterable[str], table: str, budget: str) -> bool:
    """Whether a change may stand behind a number of some experiments in a table.

    Folds that a table expects, folds that it lacks, and settings in a paper's file may be those of other experiments
    and other tables, or for another budget.
    """
    if change.kind != SETTINGS:
        return True
    own = set(experiments)
    last = change.what.rpartition(_FOLDS)
    if last[1]:
        return last[2] in own
    if change.what.startswith(_MISSING):
        return change.what.removeprefix(_MISSING).partition("/")[0] in own
    if change.where != "paper":
        return True
    part, _, rest = change.what.partition(".")
    if part == "experiments":
        name, _, setting = rest.partition(".")
        return name in own and setting.partition(".")[0] not in {*get_args(Budget)} - {budget}
    if part == "tables":
        return rest.partition(".")[0] == table
    return part == table if part == "claims" else part not in _IN_WORDS


def file_of(base: Path, path: str) -> Path:
    """Where a file that records name lies, seen from here."""
    return Path(path) if Path(path).is_absolute() else base / path
