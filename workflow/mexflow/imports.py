"""What libraries import beside what is needed of them, which can take longer than a job's own work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Hiding:
    """A finder of modules that some are hidden from; a None among the loaded modules would not do for Cython."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name in self.modules:
            raise ModuleNotFoundError(f"{name} is not looked for here", name=name)


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Let a library that looks for these modules, and can do without them, not find them; they are found afterwards.

    Modules that are loaded already are found.
    """
    hiding = _Hiding(modules)
    sys.meta_path.insert(0, hiding)
    try:
        yield
    finally:
        sys.meta_path.remove(hiding)


def arrow() -> None:
    """Import pyarrow without pandas, which takes longer than all else that a short job imports.

    At the first list that becomes a column, pyarrow looks whether it could be of pandas. It does so once, here. What is
    asked for as data of pandas (``to_pandas``) imports it all the same.
    """
    with without("pandas"):
        import pyarrow

        pyarrow.array([])
