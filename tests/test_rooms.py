"""The plan of the house, as named checks: who may import whom, names that are given once, keys that are read."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel

from mexflow import config, papers
from mexflow.papers.pretrained import PRETRAINED
from project import PACKAGE, ROOT, WORKFLOW, loaded_after

LEVELS = (
    ("__main__", "cli"),
    ("tables", "figures", "sheets", "page", "audit", "plan", "engine", "analysis"),
    ("config", "commands"),
    ("training",),
    ("models", "evaluation"),
    ("preprocess", "datasets", "embedded"),
    ("papers", "store"),
    ("registries", "validation", "progress", "seeds", "imports"),
    ("errors", "mexflow"),
)
"""The rooms and the modules beside them, from the top down; ``mexflow`` is the package itself, which has the version.

A room imports from its own level and from those below. The configuration and the list of commands are for whoever plans
or starts jobs, and not for what runs in them.
"""

# Who imports whom


def module_name(path: Path, folder: Path = WORKFLOW) -> str:
    return ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(name: str, tree: ast.AST, known: Iterable[str], typing_too: bool = True) -> Iterator[str]:
    """The modules that a module imports, anywhere in it: those of `known` in full, of others the first word."""
    for node in _nodes(tree, typing_too):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import, which hides the room"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "import_module":
            argument = node.args[0] if node.args else None
            targets = [argument.value] if isinstance(argument, ast.Constant) else []
        else:
            continue
        for target in targets:
            inside = target if target in known else target.rpartition(".")[0]
            yield inside if inside in known else target.partition(".")[0]


def _nodes(tree: ast.AST, typing_too: bool) -> Iterator[ast.AST]:
    """All nodes; without what is for type checkers only, if that is not wanted."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if typing_too or not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield node
            waiting += ast.iter_child_nodes(node)


@cache
def graph(typing_too: bool) -> dict[str, set[str]]:
    """The modules of the package that each of them imports."""
    return {
        name: set(imports(name, parsed(path), MODULES, typing_too)) & (MODULES.keys() - {name})
        for name, path in MODULES.items()
    }


def room(module: str) -> str:
    """The room of a module, or the module itself where it stands beside the rooms."""
    return module.split(".")[1] if "." in module else module


def arrows_up(edges: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """The imports of a module that stands above."""
    level = {name: number for number, names in enumerate(LEVELS) for name in names}
    return {(name, other) for name in edges for other in edges[name] if level[room(other)] < level[room(name)]}


def circles(edges: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """The imports that are part of a circle."""
    reached: dict[str, set[str]] = {}
    for start in edges:
        seen, waiting = set(), [start]
        while waiting:
            new = edges.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        reached[start] = seen
    return {(name, other) for name in edges for other in edges[name] if name in reached.get(other, ())}


def rooms_of(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The rooms that each room imports from."""
    result: dict[str, set[str]] = {}
    for name, others in edges.items():
        result.setdefault(room(name), set()).update({room(other) for other in others} - {room(name)})
    return result


def test_every_module_has_its_place() -> None:
    rooms = [name for names in LEVELS for name in names]
    assert len(rooms) == len(set(rooms))
    assert {room(name) for name in MODULES} <= set(rooms)


def test_only_engine_imports_snakemake() -> None:
    outside = set()
    for path in WORKFLOW.rglob("*.py"):
        name = module_name(path)
        if room(name) != "engine" and not name.startswith("snakemake_logger_plugin_mexflow"):
            words = {word.partition(".")[0] for word in imports(name, parsed(path), ())}
            outside |= {name} if any(word.startswith("snakemake") for word in words) else set()
    assert outside == set()


def test_the_logger_plugin_asks_engine_alone() -> None:
    path = WORKFLOW / "snakemake_logger_plugin_mexflow" / "__init__.py"
    asked = set(imports(path.parent.name, parsed(path), MODULES)) & MODULES.keys()
    assert {room(name) for name in asked} == {"engine"}


def test_no_arrow_points_back_up() -> None:
    """Also none hidden in a function, nor one that is for type checkers only: who names a type knows the room."""
    assert arrows_up(graph(typing_too=True)) == set()


def test_no_circle_of_modules() -> None:
    """Two modules may name each other's types."""
    assert circles(graph(typing_too=False)) == set()


def test_no_circle_of_rooms() -> None:
    assert circles(rooms_of(graph(typing_too=False))) == set()


def test_these_checks_see_what_they_are_for() -> None:
    source = """
import mexflow.store.artifacts, numpy
from mexflow import papers
if TYPE_CHECKING:
    from mexflow.cli import train
def f():
    from mexflow.tables.cells import Cell
    importlib.import_module("mexflow.figures.confusion")
"""
    known = ["mexflow.store.artifacts", "mexflow.papers", "mexflow.cli.train", "mexflow.tables.cells",
             "mexflow.figures.confusion"]  # fmt: skip
    tree = ast.parse(source)
    assert set(imports("x", tree, known)) == {*known, "numpy"}
    assert set(imports("x", tree, known, typing_too=False)) == {*known, "numpy"} - {"mexflow.cli.train"}
    edges = {
        "mexflow.models.a": {"mexflow.training.b", "mexflow.errors"},
        "mexflow.training.b": {"mexflow.models.c", "mexflow.models.a"},
        "mexflow.models.c": set(),
        "mexflow.errors": set(),
    }
    assert arrows_up(edges) == {("mexflow.models.a", "mexflow.training.b")}
    assert circles(edges) == {
        ("mexflow.models.a", "mexflow.training.b"), ("mexflow.training.b", "mexflow.models.a")
    }  # fmt: skip
    assert circles(rooms_of(edges)) == {("models", "training"), ("training", "models")}


# Names


def test_no_two_modules_of_one_name() -> None:
    """A room's name is one too.

    Named alike on purpose: a command and what it calls, what two rooms have for one dataset, the parts of training,
    which are named by what is trained, and what in them stands for each other.
    """
    places: dict[str, set[str]] = {}
    for name in MODULES:
        _, _, stem = name.rpartition(".")
        parent = name.rpartition(".")[0]
        is_adapter = stem in DATASETS and room(name) in ("datasets", "embedded")
        is_parallel = stem in ("samples", "fold") and re.fullmatch(r"mexflow\.training\.\w+", parent)
        is_part = re.fullmatch(r"mexflow\.training\.\w+", name) and MODULES[name].stem == "__init__"
        if room(name) != "cli" and not is_adapter and not is_parallel and not is_part:
            places.setdefault(stem, set()).add(name)
    twice = {tuple(sorted(names)) for names in places.values() if len(names) > 1}
    assert twice == set()


DATASETS = {
    path.stem for path in (PACKAGE / "datasets").glob("*.py") if re.search(r"^ADAPTER = ", path.read_text(), re.M)
}
"""The datasets: each has an adapter."""


# Keys


def models() -> Iterator[type[BaseModel]]:
    """Every model of what a configuration or a paper's file may say."""
    names = [f"{papers.__name__}.{module.name}" for module in pkgutil.iter_modules(papers.__path__)]
    for module in [config, *map(importlib.import_module, names)]:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__:
                yield value


def read_names(tree: ast.AST) -> Iterator[str]:
    """The names of values that are read: attributes, and parameters, for settings that are passed on by their names.

    In a function that asks for attributes by a name that it does not state, the words that it does state count as well.
    What only judges a value, a validator, reads nothing.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            if any("validator" in ast.unparse(decorator) for decorator in node.decorator_list):
                continue
            if any(_asks_by_a_name(part) for part in ast.walk(node)):
                yield from (str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        if isinstance(node, ast.arg):
            yield node.arg
        yield from read_names(node)


def _asks_by_a_name(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "getattr"
        and not isinstance(node.args[1], ast.Constant)
    )


def keys_in_texts(path: Path) -> set[str]:
    """The keys that texts ``stage:key`` of a file name: whose value is a part of a path."""
    texts = (node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant))
    return {match[1] for text in texts if (match := re.fullmatch(r"\w+:([a-z]\w*)", str(text)))}


def library_options() -> set[str]:
    """The parameters of torch's optimisers and schedules: a paper's file may give them by their names."""
    from torch import optim

    kinds = (optim.Optimizer, optim.lr_scheduler.LRScheduler)
    values = [value for module in (optim, optim.lr_scheduler) for value in vars(module).values()]
    makers = [value for value in values if inspect.isclass(value) and issubclass(value, kinds)]
    return {name for maker in makers for name in inspect.signature(maker).parameters}


def test_every_accepted_key_is_read_by_something() -> None:
    read = {name for path in MODULES.values() for name in read_names(parsed(path))}
    for path in (ROOT / "Snakefile", *(WORKFLOW / "rules").glob("*.smk")):
        read |= set(re.findall(r"\.([a-z]\w*)\b", path.read_text()))
    for path in (PACKAGE / "papers").glob("*.py"):
        read |= keys_in_texts(path)
    read |= {*DATASETS, *PRETRAINED}  # each is asked for by a dataset's name, or that of weights
    unread = {(model.__qualname__, key) for model in models() for key in model.model_fields if key not in read}
    if any(model.__module__.endswith(".optimizers") for model in models()):
        known = library_options()
        unread = {(model, key) for model, key in unread if key not in known}
    assert unread == set()


def test_that_check_sees_what_it_is_for() -> None:
    source = """
class Part(BaseModel):
    size: int
    alpha: float
    @model_validator(mode="after")
    def judged(self):
        return self.size
    def used(self):
        self.beta = self.alpha
def by_name(effort):
    return [getattr(effort, name) for name in ("samples", "versions")]
def stated(part):
    return getattr(part, "gamma"), "delta"
"""
    names = {"alpha", "self", "effort", "part", "samples", "versions"}
    assert set(read_names(ast.parse(source))) == names
    assert len(list(models())) > 10


# What loads


@pytest.mark.parametrize("code", ["import mexflow.__main__ as m; m.main(['--help'])", "import mexflow.engine.hooks"])
def test_help_and_the_snakefile_load_nothing_heavy(code: str) -> None:
    heavy = ["numpy", "pandas", "pyarrow", "torch", "cv2", "scipy", "sklearn", "matplotlib", "typer", "rich", "yaml",
             "pydantic", "snakemake", "importlib.metadata"]  # fmt: skip
    allowed = {"importlib.metadata"} if "engine" in code else set()
    assert set(loaded_after(code, heavy)) <= allowed
