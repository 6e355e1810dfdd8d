"""Code digests: what a job's result depends on besides its inputs and flags.

The digest of a command is a sha256 over what every ``mexflow`` module means in the transitive closure of its imports,
found by parsing, without importing anything: module level or inside a function alike. What a module means is its syntax
tree; comments, docstrings, how it is laid out and what is imported for type checkers alone take no part. A rule carries
the digest among its ``params``, so that an edit reruns just the jobs whose closure holds what was edited; a record
carries it as evidence of what code ran, beside the hash of each module's bytes.

What a command picks by name at run time can not be found by parsing: its declaration names it. That is a module (a
network, an adapter), or an entry of a :class:`mexflow.registries.Registry`, e.g. ``mexflow.preprocess.flow:tvl1``. Of a
module that makes a registry, the entries that nobody names take no part, nor does what they alone import, nor the
private functions, classes and constants that they alone use: a new entry changes no other job's digest. All the rest of
such a module counts. :func:`unaccounted` and :func:`unpicked` tell what ran and was not declared.

What a module means is kept in ``__pycache__``, under the hash of its bytes: to parse all modules anew takes longer than
many jobs do.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mexflow import registries
from mexflow.errors import choose

PACKAGE = "mexflow"
# These find the command that is called and take no part in what it does.
_DISPATCH = {f"{PACKAGE}.__main__", f"{PACKAGE}.commands"}
_ROOT = Path(__file__).resolve().parents[1]
# What the parser notes of a node and no program depends on: whether a name is read or set follows from its place.
_UNSAID = {"ctx", "kind", "type_comment", "type_ignores"}


@dataclass(frozen=True)
class _Part:
    """A module without its entries, one entry, or a private function, class or constant of a module with entries.

    Attributes:
        meaning: sha256 of its syntax tree.
        imports: the dotted names of this package that its import statements mention, and the packages above them.
        uses: the parts of its module that it mentions by their names there.
    """

    meaning: bytes
    imports: frozenset[str]
    uses: frozenset[str]


@dataclass(frozen=True)
class _Source:
    """A module.

    Attributes:
        sha256: of its bytes, hex.
        rest: all of it but these parts.
        parts: its entries by name, and if it makes a registry what it defines that is private, in their order.
        defined: the part that a name of this module stands for.
        entries: the names of the entries of each of its registries, by the registry's name in it.
    """

    sha256: str
    rest: _Part
    parts: Mapping[str, _Part]
    defined: Mapping[str, str]
    entries: Mapping[str, list[str]]


def path_of(module: str) -> Path | None:
    """Source file of a module of this package, or None if there is no such module."""
    parts = module.split(".")[1:]
    base = _ROOT.joinpath(*parts)
    if (base / "__init__.py").is_file():
        return base / "__init__.py"
    file = base.with_suffix(".py")
    return file if parts and file.is_file() else None


@cache
def _listing(folder: str, modified: int) -> tuple[dict[str, str], list[str]]:
    """The source files of a folder by their modules' own names, and the folders in it; listed again when it changed."""
    files: dict[str, str] = {}
    folders = []
    for entry in os.scandir(folder):
        name, ending = os.path.splitext(entry.name)
        if ending == ".py":
            files["" if name == "__init__" else f".{name}"] = entry.path
        elif name.isidentifier() and name != "__pycache__" and entry.is_dir():
            folders.append(name)
    return files, folders


def _files(folder: str, module: str = PACKAGE) -> dict[str, str]:
    """The source file of every module below a folder, by the module's name."""
    files, folders = _listing(folder, os.stat(folder).st_mtime_ns)
    paths = {f"{module}{name}": path for name, path in files.items()}
    for name in folders:
        paths |= _files(os.path.join(folder, name), f"{module}.{name}")  # a package goes before a module of its name
    return paths


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(field for field in kind._fields if field not in _UNSAID)


class _Writer:
    """Writes syntax trees as words, and notes what they import and which names they use."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.names: set[str] = set()

    def write(self, node: ast.AST) -> None:
        """Write a tree. No word has a line break in it, and what follows a kind of node is told by the kind."""
        kind, values, words = node.__class__, node.__dict__, self.words
        if kind is ast.Name:
            words.append(f"Name {values['id']}")
            self.names.add(values["id"])
            return
        if kind is ast.Constant:
            words.append(f"Constant {values['value']!r}")
            return
        words.append(kind.__name__)
        for field in _fields(kind):
            value = values.get(field)
            if value.__class__ is list:
                words.append("[")
                for item in value:
                    if not isinstance(item, ast.AST):
                        words.append(repr(item))
                    elif item.__class__ is not ast.Expr or not _is_text(item):
                        self.write(item)
                words.append("]")
            elif isinstance(value, ast.AST):
                self.write(value)
            else:
                words.append(repr(value))
        if kind is ast.ImportFrom or kind is ast.Import:
            self.imports.append(node)

    def part(self, package: str, defined: Mapping[str, str]) -> _Part:
        """What was written, in a module of this package."""
        meaning = hashlib.sha256("\n".join(self.words).encode()).digest()
        imports = {above for node in self.imports for name in _names(node, package) for above in _with_packages(name)}
        uses = (defined[name] for name in self.names & defined.keys())
        return _Part(meaning, frozenset(imports), frozenset(uses))


def _is_text(statement: ast.AST) -> bool:
    """Whether a statement is a text and nothing more: a docstring, of whatever it stands below."""
    if statement.__class__ is not ast.Expr:
        return False
    value = statement.value
    return value.__class__ is ast.Constant and value.value.__class__ is str


def _is_for_types(statement: ast.stmt) -> bool:
    """Whether a statement of a module is ``if TYPE_CHECKING:``, which never runs, and nothing else."""
    match statement:
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=[]):
            return True
    return False


def _names(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """The dotted names that an import statement in a module of this package mentions."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        above = package.split(".")
        base = ".".join([*above[: len(above) - (node.level - 1)], base]).rstrip(".")
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages(name: str) -> list[str]:
    """A dotted name and those of the packages above it, which importing it runs as well; none for another package's."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)] if parts[0] == PACKAGE else []


def _registries(tree: ast.Module) -> dict[str, list[str]]:
    """The names of the registries that a module makes, each with no entries yet."""
    registry_entries: dict[str, list[str]] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        function = node.value.func
        if (function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")) == "Registry":
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            registry_entries.update((target.id, []) for target in targets if isinstance(target, ast.Name))
    return registry_entries


def _entered(call: ast.AST, method: str, registries: Mapping[str, list[str]]) -> str | None:
    """The name that ``REGISTRY.method("name", …)`` enters, if a node is such a call; it is noted in `registries`."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=registry), attr=attribute), args=[ast.Constant(value=str(name)), *_]
        ) if registry in registries and attribute == method:
            registries[registry].append(name)
            return name
    return None


def _private(statement: ast.stmt) -> str | None:
    """The one name that a statement defines, if it is private: nothing outside its module can mean it but by import."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            pass
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            pass
        case _:
            return None
    return name if name.startswith("_") and not name.startswith("__") else None


def _parts(tree: ast.Module, package: str) -> tuple[_Part, dict[str, _Part], dict[str, str], dict[str, list[str]]]:
    """The rest of a module, its parts, what they are called in it, and the entries; see :class:`_Source`."""
    registries = _registries(tree)
    rest = _Writer()
    writers: dict[str, _Writer] = {}
    defined: dict[str, str] = {}
    for node in tree.body:
        names: list[str] = []
        if registries and isinstance(node, ast.FunctionDef | ast.ClassDef):
            # The lowest enters first.
            entering = {id(d): _entered(d, "entry", registries) for d in reversed(node.decorator_list)}
            names = [name for name in entering.values() if name is not None]
            if names:
                # By which other names it goes is no part of what an entry is.
                node.decorator_list = [d for d in node.decorator_list if entering[id(d)] is None]
                defined[node.name] = names[0]  # all are the same
        elif registries and isinstance(node, ast.Expr):
            name = _entered(node.value, "add", registries)
            names = [] if name is None else [name]
        if registries and not names and (private := _private(node)):
            names = [private]
            defined[private] = private
        if not _is_text(node) and not _is_for_types(node):
            for writer in [writers.setdefault(name, _Writer()) for name in names] or [rest]:
                writer.write(node)
    parts = {name: writer.part(package, defined) for name, writer in writers.items()}
    return rest.part(package, defined), parts, defined, registries


@cache
def _source(module: str, path: str, modified: int, size: int) -> _Source:
    """A module, read again when its file has changed."""
    code = Path(path).read_bytes()
    sha256 = hashlib.sha256(code).hexdigest()
    of = hashlib.sha256(b"\0".join([_method(), module.encode(), code])).hexdigest()
    kept = Path(importlib.util.cache_from_source(path)).with_suffix(".meaning")
    if source := _kept(kept, of, sha256):
        return source
    package = module if path.endswith(f"{os.sep}__init__.py") else module.rpartition(".")[0]
    collecting = gc.isenabled()
    gc.disable()  # a tree is many objects and no circle: to look for circles meanwhile takes a third of the time
    try:
        source = _Source(sha256, *_parts(ast.parse(code, path), package))
    finally:
        if collecting:
            gc.enable()
    _keep(kept, of, source)
    return source


@cache
def _method() -> bytes:
    """What the meaning of a module depends on beside the module: this one, and the parser."""
    return Path(__file__).read_bytes() + sys.version.encode()


def _kept(path: Path, of: str, sha256: str) -> _Source | None:
    """What was kept of a module whose bytes have this hash; None if it was of others, or cannot be read."""
    try:
        value = json.loads(path.read_bytes())
        if value["of"] != of:
            return None
        parts = {name: _Part(bytes.fromhex(m), frozenset(i), frozenset(u)) for name, m, i, u in value["parts"]}
        return _Source(sha256, parts.pop(""), parts, value["defined"], value["entries"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _keep(path: Path, of: str, source: _Source) -> None:
    """Keep what a module means beside what Python keeps of it, since parsing takes long; if it may be kept there."""
    if sys.dont_write_bytecode:
        return
    parts = [
        [name, part.meaning.hex(), sorted(part.imports), sorted(part.uses)]
        for name, part in {"": source.rest, **source.parts}.items()
    ]
    value = {"of": of, "parts": parts, "defined": source.defined, "entries": source.entries}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(value))
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)


def _load(module: str, path: str) -> _Source:
    status = os.stat(path)
    return _source(module, path, status.st_mtime_ns, status.st_size)


def _closure(chosen: Iterable[str]) -> tuple[dict[str, _Source], set[tuple[str, str]]]:
    """The modules that importing what is chosen can import, by name, and the parts of them that are held."""
    files = _files(str(_ROOT))
    sources: dict[str, _Source] = {}
    held: set[tuple[str, str]] = set()
    seen: set[str] = set()
    pending: list[tuple[str, str]] = []

    def reach(part: _Part, module: str) -> None:
        new = part.imports - seen
        seen.update(new)
        pending.extend((name, "") for name in new if name in files)
        pending.extend((module, name) for name in part.uses)

    def load(module: str) -> _Source:
        if module not in sources:
            sources[module] = _load(module, files[module])
            reach(sources[module].rest, module)
        return sources[module]

    for name in chosen:
        module, colon, entry = name.partition(":")
        if module not in files:
            raise ValueError(f"no module {module}")
        new = set(_with_packages(module)) - seen
        seen |= new
        pending += [(above, "") for above in new if above in files]
        if colon:
            if entry not in load(module).parts:
                raise ValueError(f"no entry {entry!r} in {module}")
            pending.append((module, entry))
    while pending:
        module, name = pending.pop()
        source = load(module)
        if name and (module, name) not in held:
            held.add((module, name))
            reach(source.parts[name], module)
        if not pending:  # what another module imports of them, past a registry
            pending = [
                (module, part)
                for module, source in sources.items()
                for name, part in source.defined.items()
                if f"{module}.{name}" in seen and (module, part) not in held
            ]
    return sources, held


def closure(modules: Iterable[str]) -> list[str]:
    """Every module of the package that importing what is named can import, sorted.

    Importing ``a.b.c`` runs ``a`` and ``a.b`` as well, so packages on the way are included.

    Args:
        modules: modules, ``mexflow.cli.flow``, and entries of registries, ``mexflow.preprocess.flow:tvl1``.

    Raises:
        ValueError: if one of them does not exist.
    """
    return sorted(_closure(modules)[0])


def code_digest(modules: Iterable[str]) -> str:
    """Sha256 (hex) over what each module means in the closure of `modules`, see :func:`closure`."""
    sources, held = _closure(modules)
    sha = hashlib.sha256()
    for name in sorted(sources):
        source = sources[name]
        sha.update(f"{name}\n".encode() + source.rest.meaning)
        for entry, part in source.parts.items():
            if (name, entry) in held:
                sha.update(f"{name}:{entry}\n".encode() + part.meaning)
    return sha.hexdigest()


def entries(module: str, registry: str) -> list[str]:
    """Names of the entries of a registry, in their order; nothing is imported.

    Args:
        module: the module that makes it.
        registry: its name there, e.g. ``METHODS``.

    Raises:
        ValueError: if there is no such module.
    """
    path = path_of(module)
    if path is None:
        raise ValueError(f"no module {module}")
    return list(_load(module, str(path)).entries.get(registry, ()))


def require_entry(name: str) -> None:
    """Make sure that an entry that is named, ``module:entry``, is there; what names a module alone is not looked at.

    Raises:
        UserError: if it is not; the nearest is suggested.
    """
    module, colon, entry = name.partition(":")
    path = path_of(module)
    if colon and path is not None:
        known = [other for names in _load(module, str(path)).entries.values() for other in names]
        choose(f"entry of {module}", entry, known)


def means_the_same(code: Mapping[str, Any]) -> bool:
    """Whether the code that a record names means now what it meant when the job ran.

    Args:
        code: of a record: `chosen`, the modules and entries that were named, and `digest`.
    """
    try:
        return code_digest(code["chosen"]) == code["digest"]
    except ValueError:  # what was chosen is gone
        return False


def module_digest(module: str) -> str | None:
    """Sha256 (hex) of a module's bytes; None if there is no such module."""
    path = path_of(module)
    return None if path is None else _load(module, str(path)).sha256


def changed(modules: Mapping[str, str]) -> list[str]:
    """The modules whose bytes have another hash now than the one given, or that are gone."""
    return [name for name, sha256 in modules.items() if module_digest(name) != sha256]


def unaccounted(modules: Iterable[str]) -> list[str]:
    """Loaded modules of this package that the closure of `modules` does not hold."""
    loaded = {name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    return sorted(loaded - set(closure(modules)) - _DISPATCH)


def unpicked(modules: Iterable[str]) -> list[str]:
    """Entries of registries that this process picked and the code digest of `modules` does not hold."""
    return sorted(registries.PICKED - {f"{module}:{entry}" for module, entry in _closure(modules)[1]})
