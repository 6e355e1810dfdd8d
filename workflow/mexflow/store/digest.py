"""Code digests: what a job's result depends on besides its inputs and flags.

The digest of a command is the sha256 over the source of every ``mexflow`` module in the transitive
closure of its imports, found by parsing, without importing anything: module level or inside a
function alike. A rule carries it among its ``params``, so that an edit to a module reruns just the
jobs whose closure holds it; a record carries it as evidence of what code ran.

Modules that a command picks by name at run time (a network, an adapter, a layout) can not be found
by parsing; the command's declaration in :mod:`mexflow.commands` names them, and
:func:`unaccounted` tells whether anything was loaded that no declaration covers.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

PACKAGE = "mexflow"
# These find the command that is called and take no part in what it does.
_DISPATCH = {f"{PACKAGE}.__main__", f"{PACKAGE}.commands"}
_ROOT = Path(__file__).resolve().parents[1]


def path_of(module: str) -> Path | None:
    """Source file of a module of this package, or None if there is no such module."""
    parts = module.split(".")[1:]
    base = _ROOT.joinpath(*parts)
    if (base / "__init__.py").is_file():
        return base / "__init__.py"
    file = base.with_suffix(".py")
    return file if parts and file.is_file() else None


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, however deep. No expression holds an import, and they are nine tenths of a tree."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            pending.extend(getattr(node, block, ()))


@cache
def _source(path: Path, stamp: tuple[int, int]) -> tuple[bytes, frozenset[str]]:
    """Source bytes of a module and the names that its import statements mention."""
    source = path.read_bytes()
    module = ".".join((PACKAGE, *path.relative_to(_ROOT).with_suffix("").parts))
    package = module.removesuffix(".__init__") if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in _statements(ast.parse(source, str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - (node.level - 1)]
                base = ".".join([*parent, base]).rstrip(".")
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return source, frozenset(name for name in names if name.split(".")[0] == PACKAGE)


def entries(module: str, registry: str) -> list[str]:
    """The names of the entries of a registry (:mod:`mexflow.registry`), read from its module's source."""
    path = path_of(module)
    if path is None:
        raise ValueError(f"no module {module}")
    names = []
    for node in ast.parse(path.read_bytes()).body:
        calls = [node.value] if isinstance(node, ast.Expr) else getattr(node, "decorator_list", [])
        for call in calls:
            if isinstance(call, ast.Call) and ast.unparse(call.func) in (f"{registry}.add", f"{registry}.entry"):
                names.append(ast.literal_eval(call.args[0]))
    return names


def closure(modules: Iterable[str]) -> list[str]:
    """Every module of the package that importing `modules` can import, sorted.

    Importing ``a.b.c`` runs ``a`` and ``a.b`` as well, so packages on the way are included.

    Raises:
        ValueError: if one of `modules` does not exist.
    """
    modules = [module.partition(":")[0] for module in modules]
    for module in modules:
        if path_of(module) is None:
            raise ValueError(f"no module {module}")
    found: set[str] = set()
    seen: set[str] = set()
    pending = modules
    while pending:
        module = pending.pop()
        parts = module.split(".")
        for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
            if name in seen:
                continue
            seen.add(name)
            path = path_of(name)
            if path is None:
                continue
            found.add(name)
            status = path.stat()
            pending.extend(_source(path, (status.st_mtime_ns, status.st_size))[1])
    return sorted(found)


def code_digest(modules: Iterable[str]) -> str:
    """Sha256 (hex) over name and source of each module in the closure of `modules`."""
    sha = hashlib.sha256()
    for name in closure(modules):
        path = path_of(name)
        assert path is not None
        status = path.stat()
        source = _source(path, (status.st_mtime_ns, status.st_size))[0]
        sha.update(f"{name} {len(source)}\n".encode() + source)
    return sha.hexdigest()


def module_digest(module: str) -> str | None:
    """Sha256 (hex) of a module's source; None if there is no such module."""
    path = path_of(module)
    if path is None:
        return None
    status = path.stat()
    return hashlib.sha256(_source(path, (status.st_mtime_ns, status.st_size))[0]).hexdigest()


def changed(modules: Mapping[str, str]) -> list[str]:
    """The modules whose source has another digest now than the one given, or is gone."""
    return [name for name, known in modules.items() if module_digest(name) != known]


def unaccounted(modules: Iterable[str]) -> list[str]:
    """Loaded modules of this package that the closure of `modules` does not hold."""
    loaded = {name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    return sorted(loaded - set(closure(modules)) - _DISPATCH)
